//! Context as its users have it: files that the configuration names.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;

use self::made::{Value, mmdb};
use crate::daemon::Daemon;
use crate::world::{Replay, gatewatch, replay};

#[path = "../../src/context/made.rs"]
mod made;

const EXCEPTIONS: &str = "
- id: pentest-march
  detectors: probing
  when: { source.ip: 198.51.100.0/24 }
  owner: Dana Reyes
  reason: Pentest of the shop, order 4711
  created: 2026-03-01
  expires: 2026-03-15
";

/// A folder with one detector, which is told of requests for `/door` under a condition.
pub fn folder(when: &str, counts: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("detectors/probing")).unwrap();
    let text = format!(
        "id: probing.door\ntitle: Somebody is at the door\nlevel: medium\nthreat: key-theft\n\
         attack: {{ version: '18', techniques: [] }}\nneeds: [http.request]\nwhy: w\ntriage: t\nfalse_alarms: f\n\
         says: '{{entity}} is at the door'\nwhen: {{ request.path: /door{when} }}\n{counts}\n"
    );
    std::fs::write(folder.path().join("detectors/probing/door.yaml"), text).unwrap();
    folder
}

pub fn record(time: &str, ip: &str) -> String {
    format!(
        r#"{{"time":"{time}","category":"AppServiceHTTPLogs","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/FN-ORDERS","properties":{{"CsMethod":"GET","CsUriStem":"/door","CIp":"{ip}","ScStatus":404}}}}"#
    )
}

pub fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Replays `records` in `folder` with this configuration beside its detectors.
fn replayed(folder: &Path, config: &str, records: &[String], extra: &[&str]) -> Replay {
    let text = format!("{config}\n[detection]\ndetectors = '{}'\n", folder.join("detectors").display());
    let config = write(folder, "gatewatch.toml", text.replace("HERE", &folder.display().to_string()));
    let logs = write(folder, "logs.ndjson", records.join("\n"));
    let extra = [&["--config", config.to_str().unwrap()][..], extra].concat();
    replay(folder, &folder.join("data"), &[logs], &extra)
}

/// Whom each alert is about, when it opened, how much it counts, and who answers for it.
fn told(replay: &Replay) -> Vec<String> {
    let alerts = replay.alerts.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let text = |json: &Json| json.as_str().unwrap_or("nobody").to_owned();
    let told = alerts.map(|alert| {
        format!(
            "{} {} {} {}",
            text(&alert["entity"]["value"]),
            text(&alert["opened_at"]),
            alert["count"],
            text(&alert["owner"])
        )
    });
    told.collect()
}

#[test]
fn an_exception_holds_alerts_back_and_its_end_in_event_time_lets_them_through() {
    let folder = folder("", "match: { by: source.ip }");
    write(folder.path(), "exceptions.yaml", EXCEPTIONS);
    let records = [
        record("2026-03-14T10:00:00Z", "198.51.100.7"),
        record("2026-03-14T10:00:00Z", "198.51.100.7"),
        record("2026-03-14T11:00:00Z", "203.0.113.9"),
        record("2026-03-14T23:59:59.9999999Z", "198.51.100.7"),
        record("2026-03-15T00:00:00Z", "198.51.100.7"),
    ];
    let config = "context.exceptions = 'HERE/exceptions.yaml'\napps.fn-orders.owner = 'shop team'\n";
    let held = replayed(folder.path(), config, &records, &["--threads", "1"]);
    let wanted = ["203.0.113.9 2026-03-14T11:00:00Z 1 shop team", "198.51.100.7 2026-03-15T00:00:00Z 1 shop team"];
    assert_eq!(told(&held), wanted);
    assert_eq!(held.summary["held_back"]["pentest-march"], 2, "a duplicate is not held back twice: {}", held.summary);
    for extra in [["--threads", "2"], ["--batch-bytes", "300"]] {
        assert_eq!(replayed(folder.path(), config, &records, &extra).alerts, held.alerts, "{extra:?}");
    }
    let free = replayed(folder.path(), "", &records, &[]);
    assert_eq!(told(&free).len(), 3, "{:?}", told(&free));
    assert!(told(&free)[0].ends_with("nobody"), "{:?}", told(&free));
}

#[test]
fn a_silence_that_is_excepted_is_held_back_and_no_sign_of_life_is_missed() {
    let folder = folder("", "absence: { by: app, after: 10m, at_least: 5 }");
    let exception = EXCEPTIONS.replace("source.ip: 198.51.100.0/24", "app: fn-orders");
    write(folder.path(), "exceptions.yaml", exception);
    let at = |day: u32, n: u32| record(&format!("2026-03-{day}T10:0{n}:00Z"), "203.0.113.9");
    let mut records: Vec<String> = [14, 16].iter().flat_map(|&day| (0..9).map(move |n| at(day, n))).collect();
    records.push(record("2026-03-17T10:00:00Z", "203.0.113.9"));
    let config = "context.exceptions = 'HERE/exceptions.yaml'\n";
    let held = replayed(folder.path(), config, &records, &[]);
    assert_eq!(told(&held), ["fn-orders 2026-03-16T10:18:00Z 9 nobody"]);
    assert_eq!(held.summary["held_back"]["pentest-march"], 1);
    assert_eq!(told(&replayed(folder.path(), "", &records, &[])).len(), 2);
}

#[test]
fn a_silence_against_an_apps_own_rhythm_is_held_back_as_any_other() {
    let folder = folder("", "absence: { by: app, missing: 5, learn: 1d }");
    write(folder.path(), "exceptions.yaml", EXCEPTIONS.replace("source.ip: 198.51.100.0/24", "app: fn-orders"));
    let at = |minute: u32| {
        let (day, hour, minute) = (12 + minute / 1_440, minute / 60 % 24, minute % 60);
        record(&format!("2026-03-{day}T{hour:02}:{minute:02}:00Z"), "203.0.113.9")
    };
    // Every minute for two days, silence from 10 to 12 on the third, and signs of life after it.
    let minutes = (0..2 * 1_440 + 600).chain(2 * 1_440 + 720..2 * 1_440 + 780);
    let records: Vec<String> = minutes.map(at).collect();
    let free = told(&replayed(folder.path(), "", &records, &[]));
    assert!(free.len() == 1 && free[0].contains("2026-03-14T10:"), "{free:?}");
    let held = replayed(folder.path(), "context.exceptions = 'HERE/exceptions.yaml'\n", &records, &[]);
    assert_eq!(told(&held), [""; 0], "{}", held.summary);
    assert_eq!(held.summary["held_back"]["pentest-march"], 1);
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn databases(folder: &Path) {
    let germany = map(&[
        ("country", map(&[("iso_code", Value::Text("DE".into()))])),
        ("location", map(&[("latitude", Value::Double(52.5)), ("longitude", Value::Double(13.4))])),
    ]);
    write(folder, "city.mmdb", mmdb("Made-City", &[("203.0.113.0/24", germany)]));
    let asn = map(&[
        ("autonomous_system_number", Value::Number(32, 64_500)),
        ("autonomous_system_organization", Value::Text("Example Net".into())),
    ]);
    write(folder, "asn.mmdb", mmdb("Made-ASN", &[("203.0.113.0/25", asn)]));
}

#[test]
fn places_and_lists_are_looked_up_before_addresses_are_hidden() {
    let when = ", source.country: de, source.asn: { gte: 64500 }, source.as_org: { contains: net }, \
                source.lists: [intel, other], source.tags: bad";
    let folder = folder(when, "match: { by: app }");
    databases(folder.path());
    write(folder.path(), "feed.csv", "when,\"address\"\n2026-03-01,\"203.0.113.7\"\n2026-03-01,203.0.113.200\n");
    write(folder.path(), "tor.txt", "ExitAddress 203.0.113.7 2026-03-01 00:00:00\n");
    let config = "
        redaction.addresses = 'fingerprint'
        [context]
        places = ['HERE/city.mmdb', 'HERE/asn.mmdb']
        [context.lists.intel]
        file = 'HERE/feed.csv'
        form = 'csv'
        column = 'address'
        tags = ['bad', 'worse']
        [context.lists.tor]
        file = 'HERE/tor.txt'
        form = 'tor'
    ";
    let fires = |ip: &str| {
        let replay = replayed(folder.path(), config, &[record("2026-03-14T10:00:00Z", ip)], &[]);
        assert!(!replay.alerts.contains(ip), "the address is hidden: {}", replay.alerts);
        !told(&replay).is_empty()
    };
    assert!(fires("203.0.113.7"));
    assert!(!fires("203.0.113.200"), "nobody announces it");
    assert!(!fires("203.0.113.8"), "it is on no list");
}

#[test]
fn what_the_inventory_does_not_list_can_be_told() {
    let folder = folder(", app.known: false", "match: { by: source.ip }");
    let config = "context.inventory = 'HERE/inventory.toml'\n[apps.fn-other]\nbehind = ['apim']\n";
    let fires = |inventory: &str| {
        let gateway = "[gateways.apim]\naddresses = ['203.0.113.9']\n";
        write(folder.path(), "inventory.toml", format!("{gateway}{inventory}"));
        let replay = replayed(folder.path(), config, &[record("2026-03-14T10:00:00Z", "203.0.113.7")], &[]);
        !told(&replay).is_empty()
    };
    assert!(fires(""));
    assert!(!fires("[apps.FN-Orders]\nowner = 'shop team'\n"));
}

fn checked(folder: &Path, config: &str) -> (Option<i32>, String) {
    let config = write(folder, "gatewatch.toml", config.replace("HERE", &folder.display().to_string()));
    let output = gatewatch().args(["config", "check", "--config", config.to_str().unwrap()]).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

const EVERYTHING: &str = "
    [context]
    exceptions = 'HERE/exceptions.yaml'
    inventory = 'HERE/inventory.toml'
    places = ['HERE/city.mmdb']
    [context.lists.intel]
    file = 'HERE/intel.txt'
    max_age = '1d'
    [context.lists.cloud]
    file = 'HERE/tags.json'
    form = 'azure-service-tags'
    service_tags = ['Storage']
";

#[test]
fn config_check_tells_everything_that_is_wrong_with_any_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "exceptions.yaml", "- id: a\n  detectors: probing\n  owner: x\n  reason: y\n");
    write(path, "inventory.toml", "[apps.a]\nonwer = 'x'\n[keys.k]\nrotated = 'yesterday'\n");
    write(path, "city.mmdb", "<html>");
    write(path, "intel.txt", "203.0.113.7\nnowhere\n");
    write(path, "tags.json", r#"{"values":[{"name":"Sql","properties":{"addressPrefixes":[]}}]}"#);
    let (code, says) = checked(path, EVERYTHING);
    assert_eq!(code, Some(78), "{says}");
    for part in [
        "exceptions.yaml:1",
        "`expires` is missing",
        "inventory.toml:2",
        "did you mean `owner`?",
        "no whole MaxMind database",
        "intel.txt:2: `nowhere` is no address or network",
        "it has no service tag `Storage`",
        "5 problems in the files of [context]",
    ] {
        assert!(says.contains(part), "{part}\n{says}");
    }
}

#[test]
fn config_check_says_what_is_stale_and_what_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "exceptions.yaml", EXCEPTIONS);
    write(path, "inventory.toml", "[apps.a]\nowner = 'x'\n[keys.k]\nrotated = '2026-01-01'\n");
    databases(path);
    write(path, "tags.json", r#"{"values":[{"name":"Storage","properties":{"addressPrefixes":["198.51.100.0/24"]}}]}"#);
    let list = write(path, "intel.txt", "203.0.113.7\n");
    let old = std::time::SystemTime::now() - Duration::from_hours(5 * 24);
    std::fs::File::options().write(true).open(&list).unwrap().set_modified(old).unwrap();
    let (code, says) = checked(path, EVERYTHING);
    assert_eq!(code, Some(0), "{says}");
    for part in [
        "note: intel is stale:",
        "exception pentest-march of Dana Reyes has ended at 2026-03-15T00:00:00Z",
        "[context]: 1 exceptions; an inventory of 1 apps, 0 gateways, 0 origins, 1 keys; Made-City (",
    ] {
        assert!(says.contains(part), "{part}\n{says}");
    }
    let config = path.join("gatewatch.toml");
    let list = gatewatch().args(["exceptions", "list", "--config", config.to_str().unwrap()]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.contains("pentest-march") && list.contains("expired") && list.contains("Dana Reyes"), "{list}");
}

/// Appends records to the log that the daemon follows.
pub fn append(folder: &Path, records: &[String]) {
    use std::io::Write as _;
    let mut file = std::fs::File::options().create(true).append(true).open(folder.join("logs.ndjson")).unwrap();
    for record in records {
        writeln!(file, "{record}").unwrap();
    }
}

#[test]
fn a_running_daemon_takes_changed_files_whole_or_not_at_all_and_keeps_what_detectors_know() {
    let folder = folder(", source.lists: intel", "threshold: { by: source.ip, at_least: 3, within: 1h }");
    let path = folder.path();
    write(path, "logs.ndjson", "");
    write(path, "intel.txt", "203.0.113.7\n");
    write(path, "exceptions.yaml", "");
    let port = crate::secrets::free_port();
    let config = format!(
        "[sources.file.x]\npaths = ['HERE/logs.ndjson']\nfollow = true\nstart = 'earliest'\n[dashboard]\nlisten = '127.0.0.1:{port}'\n\
         [detection]\ndetectors = 'HERE/detectors'\nlateness = '1s'\nsilence = '1s'\n\
         [context]\nexceptions = 'HERE/exceptions.yaml'\n[context.lists.intel]\nfile = 'HERE/intel.txt'\n"
    );
    let mut daemon = Daemon::new(path, &config.replace("HERE", &path.display().to_string()));
    daemon.start();
    daemon.says("Dashboard", Duration::from_mins(1));
    let at = |second: u32, ip: &str| record(&format!("2026-03-14T10:00:{second:02}Z"), ip);
    let long = Duration::from_mins(1);

    append(path, &[at(1, "203.0.113.7"), at(2, "203.0.113.7"), at(3, "198.51.100.7")]);
    daemon.wait_for(3, long);
    // Half a list is none: the old one holds.
    write(path, "intel.txt", "203.0.113.7\n198.51.100.7/99\n");
    let says = daemon.says("is no address or network", long);
    assert!(says.contains("intel.txt:2: `198.51.100.7/99`"), "{says}");
    append(path, &[at(4, "203.0.113.7")]);
    daemon.wait_for(4, long);
    // What had been counted before still counts, and so does the old list.
    let began = std::time::Instant::now();
    while daemon.alerts().is_empty() {
        assert!(began.elapsed() < long, "no alert:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    write(path, "intel.txt", "203.0.113.7\n198.51.100.7\n");
    write(path, "exceptions.yaml", EXCEPTIONS);
    daemon.signal("HUP");
    daemon.says("were read anew", long);
    append(path, &[at(5, "198.51.100.7"), at(6, "198.51.100.7"), at(7, "198.51.100.7")]);
    daemon.wait_for(7, long);
    assert_eq!(daemon.accounting().held_back.get("pentest-march"), Some(&3), "{}", daemon.log());
    daemon.stop();
    assert_eq!(daemon.alerts().iter().map(|alert| &*alert.entity.value).collect::<Vec<_>>(), ["203.0.113.7"]);
    let store = std::fs::read_dir(&daemon.data).unwrap().flatten().map(|entry| entry.path());
    let store = store.into_iter().find(|path| path.extension().is_some_and(|end| end == "db")).unwrap();
    let store = rusqlite::Connection::open(store).unwrap();
    let reloads: i64 =
        store.query_row("SELECT count(*) FROM audit WHERE did = 'reloaded'", [], |row| row.get(0)).unwrap();
    assert!(reloads >= 2, "the start and each reload are journalled: {reloads}");
}
