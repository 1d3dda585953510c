//! Looking for what might be open.

use crate::simulate::fleet::{CATALOG, NOTIFY, ORDERS, PARTNER, attacker};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Call, Stage, path_of};

use super::{Place, Plan, Turn};

const FAMILY: &str = "probing";

pub(super) static PLANS: &[Plan] = &[
    Plan::new(FAMILY, "admin-probing", "One address tries the host's admin pages without its key.", admin)
        .on(PARTNER)
        .entity(|_| attacker(20).to_string())
        .also(&["auth-failures"])
        .level("high")
        .at(Place::Share(400))
        .steps(36, 120),
    Plan::new(FAMILY, "path-scan", "One address asks for 200 paths that do not exist.", paths)
        .on(NOTIFY)
        .entity(|_| attacker(21).to_string())
        .at(Place::Share(250))
        .steps(200, 180),
    Plan::new(
        FAMILY,
        "sensitive-files",
        "One address asks for settings, repositories and backups that nobody should serve.",
        files,
    )
    .on(CATALOG)
    .entity(|_| attacker(22).to_string())
    .at(Place::Share(680))
    .steps(24, 60),
    Plan::new(FAMILY, "injection-scanner", "A scanner tries SQL and paths on one function.", scanner)
        .on(ORDERS)
        .entity(|_| attacker(23).to_string())
        .at(Place::Share(820))
        .steps(60, 120),
];

fn admin(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const PATHS: [&str; 9] = [
        "/admin/host/status",
        "/admin/host/keys",
        "/admin/host/systemkeys/_master",
        "/admin/functions",
        "/admin/functions/quote/keys",
        "/admin/vfs/home/site/wwwroot/host.json",
        "/admin/functions/download",
        "/admin/host/config",
        "/admin/instance/info",
    ];
    let call = Call::new(turn.at, PARTNER, PATHS[turn.step as usize % PATHS.len()], attacker(20));
    stage.direct(&Call { status: 401, agent: "python-requests/2.31.0", ..call }, rng);
}

fn paths(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const WORDS: [&str; 10] = ["backup", "old", "test", "v1", "v2", "internal", "debug", "users", "console", "graphql"];
    let (first, second) = (WORDS[turn.step as usize % 10], WORDS[(turn.step / 10) as usize % 10]);
    let path = format!("/api/{first}/{second}{}", turn.step / 100);
    let call = Call::new(turn.at, NOTIFY, &path, attacker(21));
    stage.direct(&Call { status: 404, agent: "ffuf/2.1.0", ..call }, rng);
}

fn files(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const PATHS: [&str; 8] = [
        "/.env",
        "/.git/config",
        "/appsettings.json",
        "/local.settings.json",
        "/host.json",
        "/web.config",
        "/.aws/credentials",
        "/site.bak",
    ];
    let call = Call::new(turn.at, CATALOG, PATHS[turn.step as usize % PATHS.len()], attacker(22));
    stage.direct(&Call { status: 404, agent: "Mozilla/5.0 zgrab/0.x", ..call }, rng);
}

fn scanner(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const QUERIES: [&str; 4] = [
        "id=1%27%20OR%20%271%27%3D%271",
        "id=1%20UNION%20SELECT%20NULL%2CNULL--",
        "file=..%2F..%2F..%2Fetc%2Fpasswd",
        "id=1%3BWAITFOR%20DELAY%20%270%3A0%3A5%27--",
    ];
    let path = path_of(ORDERS, 2, rng);
    let query = QUERIES[turn.step as usize % QUERIES.len()];
    let call = Call::of(turn.at, ORDERS, 2, &path, attacker(23));
    stage.direct(&Call { status: 400, query, agent: "sqlmap/1.8.9#stable (https://sqlmap.org)", ..call }, rng);
}
