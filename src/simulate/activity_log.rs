//! The Activity log: what people and pipelines do to the resources themselves.
//!
//! Every operation leaves a `Start` and a `Success` under one correlation id. One subscription in
//! two still writes the old form, whose category is the verb.

use std::time::Duration;

use crate::clock::Timestamp;

use super::fleet::{APPS, SUBSCRIPTION, TENANT};
use super::json::{Guid, Json, Ticks};
use super::rng::Rng;
use super::stage::Stage;

/// Who does it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor {
    /// A person's UPN; empty for an application.
    pub(super) upn: &'static str,
    pub(super) name: &'static str,
    pub(super) object: &'static str,
    pub(super) app: &'static str,
    pub(super) ip: &'static str,
}

/// The pipeline that deploys everything.
pub(super) static PIPELINE: Actor = Actor {
    upn: "",
    name: "sp-deploy",
    object: "0d9f7a52-8e0b-4e6e-9c61-5c2d31e4aa01",
    app: "3b1c54f0-2a55-4a0e-8f0e-8a7f6d5c4b3a",
    ip: "203.0.113.240",
};

/// A person of the operations team.
pub(super) static OPERATOR: Actor = Actor {
    upn: "dana.keller@contoso.example",
    name: "Dana Keller",
    object: "7a3e9c11-4b6d-4d0c-b1d2-90f1e2d3c4b5",
    app: "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
    ip: "203.0.113.241",
};

/// Somebody with a colleague's session.
pub(super) static INTRUDER: Actor = Actor {
    upn: "sam.rivera@contoso.example",
    name: "Sam Rivera",
    object: "b8d2f6a3-1c4e-4f7a-8a9b-2d3c4e5f6a7b",
    app: "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    ip: "198.51.100.30",
};

/// One operation on a resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation<'a> {
    pub(super) at: Timestamp,
    pub(super) actor: &'a Actor,
    /// Such as `Microsoft.Web/sites/config/write`.
    pub(super) action: &'a str,
    /// The resource's id below its resource group, such as `Microsoft.Web/sites/orders-api`.
    pub(super) resource: &'a str,
    pub(super) app: usize,
    pub(super) old_form: bool,
    /// What was asked for, as JSON; empty where the log does not say.
    pub(super) body: &'a str,
}

impl Stage {
    /// Writes an operation's start and its success.
    pub(super) fn operate(&mut self, operation: &Operation<'_>, rng: &mut Rng) {
        let correlation = rng.guid();
        let took = rng.between(120, 1_900);
        self.phase(operation, correlation, None);
        let done = Operation { at: operation.at.plus(Duration::from_millis(took)), ..*operation };
        self.phase(&done, correlation, Some(took));
    }

    fn phase(&mut self, operation: &Operation<'_>, correlation: u128, done: Option<u64>) {
        let action = operation.action.to_uppercase();
        let verb = match action.rsplit('/').next() {
            Some("WRITE") => "Write",
            Some("DELETE") => "Delete",
            _ => "Action",
        };
        let group = APPS[operation.app].group;
        self.packer.add(14, |out| {
            let mut json = Json::open(out);
            if !operation.old_form {
                json.text("RoleLocation", "West Europe");
                json.text("Stamp", "FDWeb");
                json.text("ReleaseVersion", "6.2025.44.3+7c1d2e3.release_2025w44");
            }
            json.plain("time", Ticks(operation.at));
            let resource = operation.resource.to_uppercase();
            json.plain(
                "resourceId",
                format_args!("/SUBSCRIPTIONS/{SUBSCRIPTION}/RESOURCEGROUPS/{group}/PROVIDERS/{resource}"),
            );
            json.text("operationName", &action);
            json.text("category", if operation.old_form { verb } else { "Administrative" });
            json.text("resultType", if done.is_some() { "Success" } else { "Start" });
            json.text("resultSignature", if done.is_some() { "Succeeded.OK" } else { "Started." });
            json.number("durationMs", done.unwrap_or(0) as i64, !operation.old_form);
            json.text("callerIpAddress", operation.actor.ip);
            json.plain("correlationId", Guid(correlation));
            identity(&mut json, operation, group);
            json.text("level", "Information");
            if done.is_none() && !operation.body.is_empty() {
                let mut properties = json.object("properties");
                properties.text("requestbody", operation.body);
                properties.text("eventCategory", "Administrative");
                properties.close();
            }
            if done.is_some() {
                let mut properties = json.object("properties");
                properties.text("eventCategory", "Administrative");
                properties.text("statusCode", "OK");
                properties.raw("serviceRequestId", "null");
                properties.close();
            }
            if !operation.old_form {
                json.text("tenantId", TENANT);
            }
            json.close();
            true
        });
    }
}

fn identity(json: &mut Json<'_>, operation: &Operation<'_>, group: &str) {
    let (actor, at) = (operation.actor, operation.at.nanos() / 1_000_000_000);
    let subscription = SUBSCRIPTION.to_lowercase();
    let mut identity = json.object("identity");
    let mut authorization = identity.object("authorization");
    authorization.plain(
        "scope",
        format_args!(
            "/subscriptions/{subscription}/resourceGroups/{}/providers/{}",
            group.to_lowercase(),
            operation.resource
        ),
    );
    authorization.text("action", operation.action);
    let mut evidence = authorization.object("evidence");
    evidence.text("role", if actor.upn.is_empty() { "Contributor" } else { "Owner" });
    evidence.plain("roleAssignmentScope", format_args!("/subscriptions/{subscription}"));
    evidence.text("principalId", &actor.object.replace('-', ""));
    evidence.text("principalType", if actor.upn.is_empty() { "ServicePrincipal" } else { "User" });
    evidence.close();
    authorization.close();
    let mut claims = identity.object("claims");
    claims.text("aud", "https://management.core.windows.net/");
    claims.plain("iss", format_args!("https://sts.windows.net/{TENANT}/"));
    claims.number("iat", at - 600, true);
    claims.number("exp", at + 3_000, true);
    claims.text("appid", actor.app);
    claims.text("idtyp", if actor.upn.is_empty() { "app" } else { "user" });
    claims.text("ipaddr", actor.ip);
    claims.text("http://schemas.microsoft.com/identity/claims/objectidentifier", actor.object);
    if !actor.upn.is_empty() {
        claims.text("name", actor.name);
        claims.text("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", actor.upn);
    }
    claims.text("http://schemas.microsoft.com/identity/claims/tenantid", TENANT);
    claims.text("ver", "1.0");
    claims.close();
    identity.close();
}
