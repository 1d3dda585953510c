//! What is done to the resources themselves with a stolen session.

use crate::simulate::activity_log::{Actor, Operation};
use crate::simulate::attacks::{Act, Place, Plan, Turn};
use crate::simulate::fleet::{APPS, METER, NOTIFY, ORDERS, PARTNER};
use crate::simulate::rng::Rng;
use crate::simulate::stage::Stage;
use crate::simulate::weeks::people::STOLEN;

use super::site;

const FAMILY: &str = "control-plane";

const fn by_stolen(name: &'static str, says: &'static str, act: Act) -> Plan {
    Plan::new(FAMILY, name, says, act).entity(|_| STOLEN[0].object.into()).at(Place::FromDay(1))
}

pub(super) static PLANS: &[Plan] = &[
    by_stolen("keys-listed-by-a-newcomer", "Somebody who never did before lists an app's keys, once.", lists_keys)
        .at(Place::FromDay(9)),
    by_stolen("owner-granted", "A stolen session makes somebody an owner.", grants).level("high"),
    by_stolen("cors-opened", "An app is opened to every web page.", opens_cors),
    by_stolen("sign-in-made-optional", "An app no longer asks who calls.", opens_auth).level("high"),
    by_stolen("function-written", "A function's code is replaced through Azure.", writes_function).level("high"),
    by_stolen("gateway-secrets-read", "The secrets that a gateway keeps are read.", reads_secrets)
        .level("high")
        .steps(4, 120),
    by_stolen("storage-keys-taken", "The keys of the storage account are listed.", lists_storage_keys).level("low"),
    by_stolen("alerts-deleted", "Azure's own alert rules are deleted.", deletes_alerts).steps(3, 60),
    by_stolen("gateway-opened", "An API can be called without a subscription.", opens_gateway),
    by_stolen("master-key-read", "An app's master key is read.", reads_master_key).level("high"),
    by_stolen("everything-deleted", "One resource after the other is deleted.", deletes).level("high").steps(20, 400),
    Plan::new(FAMILY, "web-shell", "A page that runs commands appears among an app's files.", web_shell)
        .on(ORDERS)
        .level("high")
        .at(Place::FromDay(1)),
    Plan::new(FAMILY, "key-store-read", "Somebody reads where the apps keep their keys.", key_store)
        .entity(|_| STOLEN[1].ip.into())
        .level("high")
        .at(Place::FromDay(1))
        .steps(3, 60),
];

/// Writes an operation of the stolen session; `body` is what was asked for.
fn operate(stage: &mut Stage, turn: &Turn, app: usize, (action, resource): (&str, &str), body: &str, rng: &mut Rng) {
    let actor: &Actor = &STOLEN[0];
    stage.operate(&Operation { at: turn.at, actor, action, resource, app, old_form: false, body }, rng);
}

fn lists_keys(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let host = site(METER, "/host/default");
    operate(stage, turn, METER, ("Microsoft.Web/sites/host/listkeys/action", &host), "", rng);
}

fn grants(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const BODY: &str = r#"{"Id":"5c3d","Properties":{"PrincipalId":"abcd","RoleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"}}"#;
    let what = ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/5c3d");
    operate(stage, turn, ORDERS, what, BODY, rng);
}

fn opens_cors(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const BODY: &str = r#"{"properties":{"cors":{"allowedOrigins":["*"]}}}"#;
    let web = site(NOTIFY, "/config/web");
    operate(stage, turn, NOTIFY, ("Microsoft.Web/sites/config/write", &web), BODY, rng);
}

fn opens_auth(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const BODY: &str = r#"{"properties":{"globalValidation":{"requireAuthentication":false,"unauthenticatedClientAction":"AllowAnonymous"}}}"#;
    let settings = site(NOTIFY, "/config/authsettingsV2");
    operate(stage, turn, NOTIFY, ("Microsoft.Web/sites/config/write", &settings), BODY, rng);
}

fn writes_function(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let function = site(PARTNER, "/functions/quote");
    operate(stage, turn, PARTNER, ("Microsoft.Web/sites/functions/write", &function), "", rng);
}

fn reads_secrets(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let value = format!("Microsoft.ApiManagement/service/apim-shop/namedValues/backend-{}", turn.step);
    operate(stage, turn, ORDERS, ("Microsoft.ApiManagement/service/namedValues/listValue/action", &value), "", rng);
}

fn lists_storage_keys(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let account = "Microsoft.Storage/storageAccounts/stcontoso";
    operate(stage, turn, ORDERS, ("Microsoft.Storage/storageAccounts/listKeys/action", account), "", rng);
}

fn deletes_alerts(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let rule = format!("Microsoft.Insights/metricAlerts/failures-{}", turn.step);
    operate(stage, turn, ORDERS, ("Microsoft.Insights/metricAlerts/delete", &rule), "", rng);
}

fn opens_gateway(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    const BODY: &str = r#"{"properties":{"subscriptionRequired":false}}"#;
    let api = "Microsoft.ApiManagement/service/apim-partner/apis/partners";
    operate(stage, turn, PARTNER, ("Microsoft.ApiManagement/service/apis/write", api), BODY, rng);
}

fn reads_master_key(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let key = site(PARTNER, "/functions/admin/masterkey");
    operate(stage, turn, PARTNER, ("Microsoft.Web/sites/functions/admin/masterkey/read", &key), "", rng);
}

fn deletes(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let site = format!("Microsoft.Web/sites/{}-old-{}", APPS[METER].name, turn.step);
    operate(stage, turn, METER, ("Microsoft.Web/sites/delete", &site), "", rng);
}

fn web_shell(stage: &mut Stage, turn: &Turn, _: &mut Rng) {
    stage.write_file(turn.at, ORDERS, "/home/site/wwwroot/content/status.aspx");
}

fn key_store(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let path = format!(
        "/azure-webjobs-secrets/orders-api/{}.json",
        ["host", "create-order", "get-order"][turn.step as usize % 3]
    );
    stage.read_blob(turn.at, &STOLEN[1], &path, rng);
}
