//! Stolen identities: in the directory, in the vault, and from elsewhere.

use crate::simulate::activity_log::{Operation, PIPELINE};
use crate::simulate::attacks::{Act, Place, Plan, Turn};
use crate::simulate::fleet::{ORDERS, attacker};
use crate::simulate::rng::Rng;
use crate::simulate::stage::Stage;
use crate::simulate::weeks::people::STOLEN;
use crate::simulate::weeks::records::SignIn;

const FAMILY: &str = "identity";
/// The payments app's own identity, by its application.
const PAYMENTS_ITSELF: &str = "9f0e1d2c-3b4a-4958-8776-655443322110";

const fn by_stolen(name: &'static str, says: &'static str, act: Act) -> Plan {
    Plan::new(FAMILY, name, says, act).entity(|_| STOLEN[2].object.into()).level("high").at(Place::FromDay(1))
}

pub(super) static PLANS: &[Plan] = &[
    by_stolen("backdoor-credential", "An application is given one more credential.", credential),
    by_stolen("consent-for-everybody", "An application may read everybody's mail from now on.", consent),
    by_stolen("access-elevated", "Somebody gives themselves access to every subscription.", elevate).level("critical"),
    by_stolen("risky-sign-in", "Entra itself takes a sign-in for a stolen one.", risky),
    by_stolen("vault-harvest", "A person lists the vault and reads all of it within minutes.", harvest).steps(20, 240),
    by_stolen(
        "patient-vault-harvest",
        "A person reads one secret of the vault after another, two an hour.",
        slow_harvest,
    )
    .level("low")
    .steps(40, 72_000),
    Plan::new(FAMILY, "attack-tool", "A tool that maps directories signs in.", tool)
        .entity(|_| attacker(91).to_string())
        .level("high")
        .at(Place::FromDay(1))
        .steps(3, 60),
    Plan::new(FAMILY, "pipeline-from-elsewhere", "The pipeline's credential is used in another country.", elsewhere)
        .entity(|_| PIPELINE.object.into())
        .at(Place::FromDay(9))
        .steps(4, 1_800),
    Plan::new(FAMILY, "managed-identity-elsewhere", "An app's own token is used from outside.", managed_identity)
        .entity(|_| PAYMENTS_ITSELF.into())
        .at(Place::FromDay(17))
        .steps(4, 600),
];

const APPLICATION: &str = r#"[{"id":"5e4d3c2b-1a09-4f8e-9d7c-6b5a49382716","displayName":"reporting","type":"ServicePrincipal","modifiedProperties":[{"displayName":"KeyDescription","oldValue":"[]","newValue":"[\"[KeyIdentifier=2f0c]\"]"}]}]"#;
const CONSENT: &str = r#"[{"id":"6e4d3c2b-1a09-4f8e-9d7c-6b5a49382716","displayName":"mail-helper","type":"ServicePrincipal","modifiedProperties":[{"displayName":"ConsentContext.IsAdminConsent","oldValue":null,"newValue":"\"True\""}]}]"#;

fn credential(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    stage.change_directory(turn.at, &STOLEN[2], "Add service principal credentials", APPLICATION, rng);
}

fn consent(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    stage.change_directory(turn.at, &STOLEN[2], "Consent to application", CONSENT, rng);
}

fn elevate(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let (action, resource) = ("Microsoft.Authorization/elevateAccess/action", "Microsoft.Authorization");
    let operation =
        Operation { at: turn.at, actor: &STOLEN[2], action, resource, app: ORDERS, old_form: false, body: "" };
    stage.operate(&operation, rng);
}

fn risky(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    stage.sign_in(&SignIn { risk: "high", country: "BR", ..SignIn::new(turn.at, &STOLEN[2]) }, rng);
}

fn harvest(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let secret = format!("/secret-{}", turn.step);
    let asked = if turn.step == 0 { ("SecretList", "") } else { ("SecretGet", secret.as_str()) };
    stage.ask_vault(turn.at, Some(&STOLEN[2]), STOLEN[2].ip, asked, rng);
}

fn slow_harvest(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let secret = format!("/secret-{}", turn.step);
    stage.ask_vault(turn.at, Some(&STOLEN[2]), STOLEN[2].ip, ("SecretGet", &secret), rng);
}

fn tool(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let ip = attacker(91).to_string();
    let agent = "azurehound/v2.1.8";
    stage.sign_in(&SignIn { ip: &ip, agent, code: 50_126, country: "BR", ..SignIn::new(turn.at, &STOLEN[1]) }, rng);
}

fn elsewhere(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    let ip = attacker(92).to_string();
    stage.sign_in(&SignIn { ip: &ip, country: "BR", ..SignIn::new(turn.at, &PIPELINE) }, rng);
}

fn managed_identity(stage: &mut Stage, turn: &Turn, rng: &mut Rng) {
    stage.ask_vault(turn.at, None, attacker(85), ("SecretGet", "/payments-endpoint"), rng);
}
