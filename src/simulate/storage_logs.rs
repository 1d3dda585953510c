//! What the apps keep things in: the vault, the storage account, the databases.
//!
//! They are asked by the apps' managed identities, from within.

use super::fleet::{APPS, ORDERS, PAYMENTS, TENANT};
use super::json::{Guid, Json};
use super::other_logs::{Made, resource};

pub(super) fn vault(json: &mut Json<'_>, made: &Made) {
    json.text("category", "AuditEvent");
    json.text("operationName", "SecretGet");
    json.text("operationVersion", "7.4");
    json.text("resultType", "Success");
    json.text("resultSignature", "OK");
    json.number("durationMs", 40 + made.number(2, 50), true);
    json.text("callerIpAddress", "203.0.113.242");
    json.plain("correlationId", Guid(made.id));
    let mut identity = json.object("identity");
    let mut claim = identity.object("claim");
    claim.text("appid", "9f0e1d2c-3b4a-4958-8776-655443322110");
    claim.text("xms_tenantid", TENANT);
    claim.plain("xms_mirid", resource(PAYMENTS, "Microsoft.Web/sites/payments-fn"));
    claim.close();
    identity.close();
    let mut properties = json.object("properties");
    properties.text("clientInfo", "Azure Functions host");
    properties.text("requestUri", "https://kv-contoso.vault.azure.net/secrets/payments-endpoint/?api-version=7.4");
    properties.number("httpStatusCode", 200, false);
    properties.close();
    json.text("resourceId", &resource(PAYMENTS, "MICROSOFT.KEYVAULT/VAULTS/KV-CONTOSO"));
}

pub(super) fn read(json: &mut Json<'_>, made: &Made) {
    storage(json, made, "StorageRead", "GetBlob", 200);
}

pub(super) fn write(json: &mut Json<'_>, made: &Made) {
    storage(json, made, "StorageWrite", "PutBlob", 201);
}

pub(super) fn delete(json: &mut Json<'_>, made: &Made) {
    storage(json, made, "StorageDelete", "DeleteBlob", 202);
}

fn storage(json: &mut Json<'_>, made: &Made, category: &str, operation: &str, status: i64) {
    let number = 10_000 + made.number(2, 80_000);
    json.text("resourceId", &resource(ORDERS, "Microsoft.Storage/storageAccounts/stcontoso/blobServices/default"));
    json.text("category", category);
    json.text("operationName", operation);
    json.text("operationVersion", "2023-11-03");
    json.text("schemaVersion", "1.0");
    json.number("statusCode", status, false);
    json.text("statusText", "Success");
    json.number("durationMs", 4 + made.number(3, 40), false);
    json.plain("callerIpAddress", format_args!("10.1.0.{}:{}", 4 + made.app, 40_000 + made.number(4, 9_000)));
    json.plain("correlationId", Guid(made.id));
    let mut identity = json.object("identity");
    identity.text("type", "OAuth");
    let mut requester = identity.object("requester");
    requester.plain("objectId", Guid(0x0b1d_0000 + made.app as u128));
    requester.plain("appId", Guid(0x0a99_0000 + made.app as u128));
    requester.text("tenantId", TENANT);
    requester.text("audience", "https://storage.azure.com");
    requester.close();
    identity.close();
    json.text("location", "West Europe");
    let mut properties = json.object("properties");
    properties.text("accountName", "stcontoso");
    properties.text("userAgentHeader", "azsdk-net-Storage.Blobs/12.21.2 (.NET 8.0.10; Linux)");
    properties.text("serviceType", "blob");
    properties.plain("objectKey", format_args!("/stcontoso/images/{number}.png"));
    properties.number("responseBodySize", 900 + made.number(5, 90_000), false);
    properties.text("tlsVersion", "TLS 1.3");
    properties.close();
    json.plain("uri", format_args!("https://stcontoso.blob.core.windows.net:443/images/{number}.png"));
    json.text("protocol", "HTTPS");
    json.text("resourceType", "Microsoft.Storage/storageAccounts/blobServices");
}

pub(super) fn sql(json: &mut Json<'_>, made: &Made) {
    json.text("resourceId", &resource(ORDERS, "MICROSOFT.SQL/SERVERS/SQL-CONTOSO/DATABASES/ORDERS"));
    json.text("category", "SQLSecurityAuditEvents");
    json.text("operationName", "AuditEvent");
    let mut properties = json.object("properties");
    properties.plain("event_time", super::json::Ticks(made.at));
    properties.text("action_id", "BCM");
    properties.text("action_name", "BATCH COMPLETED");
    properties.text("succeeded", "true");
    properties.number("duration_milliseconds", 1 + made.number(2, 30), false);
    properties.plain("client_ip", format_args!("10.1.0.{}", 4 + made.app));
    properties.plain("session_server_principal_name", APPS[made.app].name);
    properties.text("server_instance_name", "sql-contoso");
    properties.text("database_name", "orders");
    properties.text("statement", "SELECT id, state FROM orders WHERE customer = @p0");
    properties.text("application_name", "Core Microsoft SqlClient Data Provider");
    properties.number("affected_rows", made.number(3, 20), false);
    properties.close();
}

pub(super) fn cosmos(json: &mut Json<'_>, made: &Made) {
    json.text("resourceId", &resource(ORDERS, "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/COSMOS-CONTOSO"));
    json.text("category", "DataPlaneRequests");
    json.text("operationName", if made.one_in(2) { "Query" } else { "Read" });
    let mut properties = json.object("properties");
    properties.plain("activityId", Guid(made.id));
    properties.text("requestResourceType", "Document");
    properties.text("requestResourceId", "/dbs/shop/colls/baskets/docs");
    properties.text("statusCode", "200");
    properties.raw("duration", "3.214600");
    properties.text("userAgent", "cosmos-netstandard-sdk/3.43.1");
    properties.plain("clientIpAddress", format_args!("10.1.0.{}", 4 + made.app));
    properties.text("requestCharge", "2.830000");
    properties.plain("aadPrincipalId", Guid(0x0b1d_0000 + made.app as u128));
    properties.text("databaseName", "shop");
    properties.text("collectionName", "baskets");
    properties.close();
}
