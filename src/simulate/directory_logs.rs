//! Entra: who signs in on an ordinary day, and what is changed in the directory.

use super::activity_log::{Actor, OPERATOR, PIPELINE};
use super::fleet::{APPS, TENANT};
use super::json::{Guid, Json};
use super::other_logs::Made;

const ARM: (&str, &str) = ("Azure Resource Manager", "797f4846-ba00-4fd7-ba43-dac1f8f63013");
const VAULT: (&str, &str) = ("Azure Key Vault", "cfa8b339-82a2-471a-a3c9-0fc0be7a4093");

fn envelope(json: &mut Json<'_>, made: &Made, category: &str, code: i64, ip: &str) {
    json.plain("resourceId", format_args!("/tenants/{TENANT}/providers/Microsoft.aadiam"));
    json.text("operationName", "Sign-in activity");
    json.text("operationVersion", "1.0");
    json.text("category", category);
    json.text("tenantId", TENANT);
    json.number("resultType", code, true);
    json.text("resultSignature", "None");
    json.number("durationMs", 0, false);
    if !ip.is_empty() {
        json.text("callerIpAddress", ip);
    }
    json.plain("correlationId", Guid(made.id));
    json.number("Level", 4, false);
}

/// Writes what the `properties` of all sign-ins have.
fn signed_in(properties: &mut Json<'_>, made: &Made, code: i64, ip: &str, asked: (&str, &str)) {
    properties.plain("id", Guid(made.id.rotate_left(17)));
    properties.text("ipAddress", ip);
    let mut status = properties.object("status");
    status.number("errorCode", code, false);
    match code {
        50_126 => status.text("failureReason", "Invalid username or password."),
        50_140 => status.text("failureReason", "The user was asked whether to stay signed in."),
        _ => {}
    }
    status.close();
    let mut location = properties.object("location");
    location.text("city", if ip.is_empty() { "" } else { "Utrecht" });
    location.text("countryOrRegion", if ip.is_empty() { "" } else { "NL" });
    location.close();
    properties.text("conditionalAccessStatus", "notApplied");
    properties.text("riskLevelDuringSignIn", "none");
    properties.text("tokenIssuerType", "AzureAD");
    properties.text("resourceDisplayName", asked.0);
    properties.text("resourceId", asked.1);
    properties.plain("uniqueTokenIdentifier", format_args!("{:022x}", made.id >> 40));
}

fn user(json: &mut Json<'_>, made: &Made, category: &str, code: i64, agent: &str) {
    let Actor { upn, name, object, app, ip } = OPERATOR;
    envelope(json, made, category, code, ip);
    json.text("identity", name);
    json.text("location", "NL");
    let mut properties = json.object("properties");
    properties.text("userDisplayName", name);
    properties.text("userPrincipalName", upn);
    properties.text("userId", object);
    properties.text("userType", "Member");
    properties.text("appId", app);
    properties.text("appDisplayName", "Azure Portal");
    properties.text("clientAppUsed", "Browser");
    properties.text("userAgent", agent);
    let mut device = properties.object("deviceDetail");
    device.text("displayName", "DANAS-LAPTOP");
    device.text("operatingSystem", "Windows 10");
    device.close();
    signed_in(&mut properties, made, code, ip, ARM);
    properties.close();
}

/// A person, who mistypes a password now and then.
pub(super) fn person(json: &mut Json<'_>, made: &Made) {
    let code = match made.number(2, 12) {
        0 => 50_126,
        1 | 2 => 50_140,
        _ => 0,
    };
    user(json, made, "SignInLogs", code, super::fleet::BROWSERS[0]);
}

pub(super) fn client(json: &mut Json<'_>, made: &Made) {
    user(json, made, "NonInteractiveUserSignInLogs", 0, "python/3.12 azcli");
}

pub(super) fn application(json: &mut Json<'_>, made: &Made) {
    envelope(json, made, "ServicePrincipalSignInLogs", 0, PIPELINE.ip);
    let mut properties = json.object("properties");
    properties.raw("userId", "null");
    properties.text("appId", PIPELINE.app);
    properties.text("servicePrincipalName", PIPELINE.name);
    properties.text("servicePrincipalId", PIPELINE.object);
    properties.text("servicePrincipalCredentialKeyId", "2f0c6a4e-9b1d-4a7c-8e3f-5d6c7b8a9f01");
    signed_in(&mut properties, made, 0, PIPELINE.ip, ARM);
    properties.close();
}

pub(super) fn managed_identity(json: &mut Json<'_>, made: &Made) {
    envelope(json, made, "ManagedIdentitySignInLogs", 0, "");
    let mut properties = json.object("properties");
    properties.raw("userId", "null");
    properties.plain("appId", Guid(0x0a99_0000 + made.app as u128));
    properties.text("servicePrincipalName", APPS[made.app].name);
    properties.plain("servicePrincipalId", Guid(0x0b1d_0000 + made.app as u128));
    signed_in(&mut properties, made, 0, "", VAULT);
    properties.close();
}

pub(super) fn change(json: &mut Json<'_>, made: &Made) {
    json.plain("resourceId", format_args!("/tenants/{TENANT}/providers/Microsoft.aadiam"));
    json.text("operationName", "Update group");
    json.text("operationVersion", "1.0");
    json.text("category", "AuditLogs");
    json.text("tenantId", TENANT);
    json.text("resultSignature", "None");
    json.number("durationMs", 0, false);
    json.text("callerIpAddress", OPERATOR.ip);
    json.plain("correlationId", Guid(made.id));
    json.text("identity", OPERATOR.name);
    json.number("Level", 4, false);
    let mut properties = json.object("properties");
    properties.plain("id", format_args!("Directory_{}_{}", Guid(made.id), made.number(3, 900_000)));
    properties.text("category", "GroupManagement");
    properties.text("result", "success");
    properties.text("resultReason", "");
    properties.text("activityDisplayName", "Update group");
    let mut by = properties.object("initiatedBy");
    let mut user = by.object("user");
    user.text("id", OPERATOR.object);
    user.text("displayName", OPERATOR.name);
    user.text("userPrincipalName", OPERATOR.upn);
    user.text("ipAddress", OPERATOR.ip);
    user.close();
    by.close();
    properties.raw(
        "targetResources",
        r#"[{"id":"5e4d3c2b-1a09-4f8e-9d7c-6b5a49382716","displayName":"Shop team","type":"Group","modifiedProperties":[{"displayName":"Description","oldValue":"[]","newValue":"[\"The shop\"]"}]}]"#,
    );
    properties.raw("additionalDetails", r#"[{"key":"User-Agent","value":"Mozilla/5.0"}]"#);
    properties.close();
}
