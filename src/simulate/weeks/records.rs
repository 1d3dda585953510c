//! Sign-ins, vaults, storage, directory and files, with whoever does it and whatever is done.
//!
//! The short world has one record of each, always the same; in weeks they are part of attacks.

use std::fmt::Display;
use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::simulate::activity_log::Actor;
use crate::simulate::fleet::{APPS, ORDERS, PAYMENTS, TENANT};
use crate::simulate::http_logs::site;
use crate::simulate::json::{Guid, Json, Ticks};
use crate::simulate::other_logs::resource;
use crate::simulate::rng::Rng;
use crate::simulate::stage::Stage;

/// One sign-in.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignIn<'a> {
    pub(super) at: Timestamp,
    pub(super) who: &'a Actor,
    pub(super) ip: &'a str,
    pub(super) country: &'a str,
    /// 0, or Entra's error code.
    pub(super) code: i64,
    pub(super) agent: &'a str,
    pub(super) risk: &'a str,
}

impl<'a> SignIn<'a> {
    /// Returns a person's sign-in that went well, from where they work.
    pub(super) fn new(at: Timestamp, who: &'a Actor) -> Self {
        let agent = crate::simulate::fleet::BROWSERS[0];
        Self { at, who, ip: who.ip, country: "NL", code: 0, agent, risk: "none" }
    }
}

impl Stage {
    fn record(&mut self, at: Timestamp, write: impl FnOnce(&mut Json<'_>)) {
        self.packer.add(15, |out| {
            let mut json = Json::open(out);
            json.plain("time", Ticks(at));
            write(&mut json);
            json.close();
            true
        });
    }

    /// Writes that somebody did not know the password of `upn`.
    pub(super) fn fail_sign_in(&mut self, at: Timestamp, upn: &str, object: &str, ip: IpAddr, rng: &mut Rng) {
        let id = rng.guid();
        self.record(at, |json| {
            json.plain("resourceId", format_args!("/tenants/{TENANT}/providers/Microsoft.aadiam"));
            json.text("operationName", "Sign-in activity");
            json.text("category", "SignInLogs");
            json.text("tenantId", TENANT);
            json.number("resultType", 50_126, true);
            json.plain("callerIpAddress", ip);
            json.plain("correlationId", Guid(id));
            let mut properties = json.object("properties");
            properties.plain("id", Guid(id.rotate_left(17)));
            properties.text("userPrincipalName", upn);
            properties.text("userId", object);
            properties.plain("ipAddress", ip);
            let mut status = properties.object("status");
            status.number("errorCode", 50_126, false);
            status.text("failureReason", "Invalid username or password.");
            status.close();
            properties.text("resourceDisplayName", "Azure Resource Manager");
            properties.close();
        });
    }

    /// Writes a sign-in: of a person, or of an application where the actor has no UPN.
    pub(super) fn sign_in(&mut self, of: &SignIn<'_>, rng: &mut Rng) {
        let (id, person) = (rng.guid(), !of.who.upn.is_empty());
        self.record(of.at, |json| {
            json.plain("resourceId", format_args!("/tenants/{TENANT}/providers/Microsoft.aadiam"));
            json.text("operationName", "Sign-in activity");
            json.text("category", if person { "SignInLogs" } else { "ServicePrincipalSignInLogs" });
            json.text("tenantId", TENANT);
            json.number("resultType", of.code, true);
            json.text("resultSignature", "None");
            json.text("callerIpAddress", of.ip);
            json.plain("correlationId", Guid(id));
            json.number("Level", 4, false);
            if person {
                json.text("identity", of.who.name);
            }
            let mut properties = json.object("properties");
            properties.plain("id", Guid(id.rotate_left(17)));
            signer(&mut properties, of, person);
            properties.text("ipAddress", of.ip);
            let mut status = properties.object("status");
            status.number("errorCode", of.code, false);
            status.close();
            let mut location = properties.object("location");
            location.text("city", "");
            location.text("countryOrRegion", of.country);
            location.close();
            properties.text("riskLevelDuringSignIn", of.risk);
            properties.text("tokenIssuerType", "AzureAD");
            properties.text("resourceDisplayName", "Azure Resource Manager");
            properties.text("resourceId", "797f4846-ba00-4fd7-ba43-dac1f8f63013");
            properties.plain("uniqueTokenIdentifier", format_args!("{:022x}", id >> 40));
            properties.close();
        });
    }

    /// Writes what somebody, or where nobody is named the payments app itself, asked of the vault.
    pub(super) fn ask_vault(
        &mut self,
        at: Timestamp,
        who: Option<&Actor>,
        ip: impl Display,
        (operation, secret): (&str, &str),
        rng: &mut Rng,
    ) {
        let id = rng.guid();
        self.record(at, |json| {
            json.text("category", "AuditEvent");
            json.text("operationName", operation);
            json.text("operationVersion", "7.4");
            json.text("resultType", "Success");
            json.text("resultSignature", "OK");
            json.number("durationMs", 40 + (id % 50) as i64, true);
            json.plain("callerIpAddress", ip);
            json.plain("correlationId", Guid(id));
            let mut identity = json.object("identity");
            let mut claim = identity.object("claim");
            if let Some(who) = who {
                claim.text("http://schemas.microsoft.com/identity/claims/objectidentifier", who.object);
                claim.text("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", who.upn);
                claim.text("appid", who.app);
            } else {
                claim.text("appid", "9f0e1d2c-3b4a-4958-8776-655443322110");
                claim.plain("xms_mirid", resource(PAYMENTS, "Microsoft.Web/sites/payments-fn"));
            }
            claim.text("xms_tenantid", TENANT);
            claim.close();
            identity.close();
            let mut properties = json.object("properties");
            properties.text("clientInfo", if who.is_some() { "azsdk-python-keyvault" } else { "Azure Functions host" });
            let uri = format!("https://kv-contoso.vault.azure.net/secrets{secret}?api-version=7.4");
            properties.text("requestUri", &uri);
            properties.number("httpStatusCode", 200, false);
            properties.close();
            json.text("resourceId", &resource(PAYMENTS, "MICROSOFT.KEYVAULT/VAULTS/KV-CONTOSO"));
        });
    }

    /// Writes that a person read `path` in the storage account.
    pub(super) fn read_blob(&mut self, at: Timestamp, who: &Actor, path: &str, rng: &mut Rng) {
        let id = rng.guid();
        self.record(at, |json| {
            let account = "Microsoft.Storage/storageAccounts/stcontoso/blobServices/default";
            json.text("resourceId", &resource(ORDERS, account));
            json.text("category", "StorageRead");
            json.text("operationName", "GetBlob");
            json.text("operationVersion", "2023-11-03");
            json.number("statusCode", 200, false);
            json.text("statusText", "Success");
            json.number("durationMs", 4 + (id % 40) as i64, false);
            json.plain("callerIpAddress", format_args!("{}:{}", who.ip, 40_000 + (id % 9_000)));
            json.plain("correlationId", Guid(id));
            let mut identity = json.object("identity");
            identity.text("type", "OAuth");
            let mut requester = identity.object("requester");
            requester.text("objectId", who.object);
            requester.text("appId", who.app);
            requester.text("tenantId", TENANT);
            requester.text("upn", who.upn);
            requester.close();
            identity.close();
            let mut properties = json.object("properties");
            properties.text("accountName", "stcontoso");
            properties.plain("objectKey", format_args!("/stcontoso{path}"));
            properties.number("responseBodySize", 900, false);
            properties.close();
            json.plain("uri", format_args!("https://stcontoso.blob.core.windows.net:443{path}"));
            json.text("protocol", "HTTPS");
        });
    }

    /// Writes a change of the directory; `targets` is JSON.
    pub(super) fn change_directory(
        &mut self,
        at: Timestamp,
        who: &Actor,
        operation: &str,
        targets: &str,
        rng: &mut Rng,
    ) {
        let id = rng.guid();
        self.record(at, |json| {
            json.plain("resourceId", format_args!("/tenants/{TENANT}/providers/Microsoft.aadiam"));
            json.text("operationName", operation);
            json.text("category", "AuditLogs");
            json.text("tenantId", TENANT);
            json.text("callerIpAddress", who.ip);
            json.plain("correlationId", Guid(id));
            json.text("identity", who.name);
            json.number("Level", 4, false);
            let mut properties = json.object("properties");
            properties.plain("id", format_args!("Directory_{}_{}", Guid(id), id % 900_000));
            properties.text("category", "ApplicationManagement");
            properties.text("result", "success");
            properties.text("activityDisplayName", operation);
            let mut by = properties.object("initiatedBy");
            let mut user = by.object("user");
            user.text("id", who.object);
            user.text("displayName", who.name);
            user.text("userPrincipalName", who.upn);
            user.text("ipAddress", who.ip);
            user.close();
            by.close();
            properties.raw("targetResources", targets);
            properties.close();
        });
    }

    /// Writes that `path` was written among an app's files.
    pub(super) fn write_file(&mut self, at: Timestamp, app: usize, path: &str) {
        self.record(at, |json| {
            json.text("ResourceId", &site(APPS[app].group, APPS[app].name));
            json.text("Category", "AppServiceFileAuditLogs");
            json.text("OperationName", "Write");
            let mut properties = json.object("Properties");
            properties.text("Path", path);
            properties.plain("Process", format_args!("${}", APPS[app].name));
            properties.close();
        });
    }
}

fn signer(properties: &mut Json<'_>, of: &SignIn<'_>, person: bool) {
    if person {
        properties.text("userDisplayName", of.who.name);
        properties.text("userPrincipalName", of.who.upn);
        properties.text("userId", of.who.object);
        properties.text("userType", "Member");
        properties.text("appDisplayName", "Azure Portal");
        properties.text("userAgent", of.agent);
    } else {
        properties.raw("userId", "null");
        properties.text("servicePrincipalName", of.who.name);
        properties.text("servicePrincipalId", of.who.object);
    }
    properties.text("appId", of.who.app);
}
