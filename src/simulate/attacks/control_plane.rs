//! What is done to the resources themselves.

use crate::simulate::activity_log::{INTRUDER, Operation};
use crate::simulate::fleet::{APPS, ORDERS, PAYMENTS};
use crate::simulate::rng::Rng;
use crate::simulate::stage::Stage;

use super::{Place, Plan, Turn};

const FAMILY: &str = "control-plane";

pub(super) static PLANS: &[Plan] = &[
    Plan::new(FAMILY, "keys-listed", "Somebody who never did before lists the keys of the apps.", keys)
        .on(ORDERS)
        .also(&["leaked-secrets"])
        .at(Place::Share(180))
        .steps(6, 90),
    Plan::new(FAMILY, "diagnostics-deleted", "An app's diagnostic setting is deleted: its logs will stop.", deleted)
        .on(PAYMENTS)
        .level("high")
        .at(Place::Share(780))
        .steps(1, 10),
    Plan::new(FAMILY, "publish-profile-read", "Somebody reads an app's publishing profile and its passwords.", profile)
        .on(ORDERS)
        .also(&["leaked-secrets"])
        .at(Place::Share(460))
        .steps(1, 10),
];

fn keys(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let app = if turn.step % 3 == 2 { PAYMENTS } else { ORDERS };
    let site = format!("Microsoft.Web/sites/{}", APPS[app].name);
    let (action, resource) = if turn.step.is_multiple_of(2) {
        ("Microsoft.Web/sites/host/listkeys/action", format!("{site}/host/default"))
    } else {
        ("Microsoft.Web/sites/functions/listkeys/action", format!("{site}/functions/{}", APPS[app].functions[0].name))
    };
    operate(stage, turn, app, action, &resource, rng);
}

fn deleted(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let resource =
        format!("Microsoft.Web/sites/{}/providers/Microsoft.Insights/diagnosticSettings/to-hub", APPS[PAYMENTS].name);
    operate(stage, turn, PAYMENTS, "Microsoft.Insights/diagnosticSettings/delete", &resource, rng);
}

fn profile(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let resource = format!("Microsoft.Web/sites/{}", APPS[ORDERS].name);
    operate(stage, turn, ORDERS, "Microsoft.Web/sites/publishxml/action", &resource, rng);
}

fn operate(stage: &mut Stage, turn: &Turn, app: usize, action: &str, resource: &str, rng: &mut Rng) {
    let operation =
        Operation { at: turn.at, actor: &INTRUDER, action, resource, app, old_form: turn.step % 2 == 1, body: "" };
    stage.operate(&operation, rng);
}
