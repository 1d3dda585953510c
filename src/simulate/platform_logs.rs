//! What App Service writes of an app beside its access log: its console, its files, its doors.
//!
//! Some of these categories write their envelope in `PascalCase`, with `time` in lower case.

use super::activity_log::{OPERATOR, PIPELINE};
use super::fleet::{APPS, CATALOG, NOTIFY, PARTNER};
use super::http_logs::site;
use super::json::{Guid, Json};
use super::other_logs::Made;

fn of(app: usize) -> String {
    site(APPS[app].group, APPS[app].name)
}

fn envelope(json: &mut Json<'_>, app: usize, category: &str, operation: &str) {
    json.text("resourceId", &of(app));
    json.text("category", category);
    json.text("operationName", operation);
}

fn pascal(json: &mut Json<'_>, app: usize, category: &str, operation: &str) {
    json.text("ResourceId", &of(app));
    json.text("Category", category);
    json.text("OperationName", operation);
}

pub(super) fn console(json: &mut Json<'_>, made: &Made) {
    envelope(json, CATALOG, "AppServiceConsoleLogs", "Microsoft.Web/sites/log");
    json.text("level", "Informational");
    let (worker, took) = (made.number(0, 8), made.number(1, 90));
    json.plain("resultDescription", format_args!(" Worker {worker} answered in {took} ms\\n\\n"));
    json.plain("containerId", format_args!("{:032x}", made.id));
}

pub(super) fn app_log(json: &mut Json<'_>, made: &Made) {
    envelope(json, PARTNER, "AppServiceAppLogs", "Microsoft.Web/sites/log");
    json.text("level", "Informational");
    let mut properties = json.object("properties");
    properties.plain("ContainerId", format_args!("{:032x}", made.id));
    properties.text("CustomLevel", "INFO");
    properties.text("Host", "ln0sdlwk0003F2");
    properties.text("Logger", "contoso.partner.inventory");
    properties.plain("Message", format_args!("Inventory of {} parts was read", made.number(2, 900)));
    properties.text("Source", "inventory.py");
    properties.close();
}

pub(super) fn platform(json: &mut Json<'_>, made: &Made) {
    pascal(json, NOTIFY, "AppServicePlatformLogs", "ContainerLogs");
    json.text("Level", "Informational");
    let mut properties = json.object("Properties");
    properties.plain("containerId", format_args!("{:032x}", made.id));
    properties.text("message", "Container is running");
    properties.close();
}

/// The pipeline logs in to publish.
pub(super) fn publishing(json: &mut Json<'_>, made: &Made) {
    pascal(json, made.app, "AppServiceAuditLogs", "Authorization");
    let mut properties = json.object("Properties");
    properties.text("User", "10030000A77E725E");
    properties.text("UserDisplayName", OPERATOR.upn);
    properties.plain("UserAddress", format_args!("{}:{}", PIPELINE.ip, 40_000 + made.number(2, 9_000)));
    properties.text("Protocol", "AAD");
    properties.close();
}

pub(super) fn restriction(json: &mut Json<'_>, made: &Made) {
    pascal(json, made.app, "AppServiceIPSecAuditLogs", "Authorization");
    let mut properties = json.object("Properties");
    properties.text("Result", "Allowed");
    properties.plain("CsHost", format_args!("{}.azurewebsites.net", APPS[made.app].name));
    properties.text("ServiceEndpoint", "False");
    properties.plain("CIp", format_args!("203.0.113.246:{}", 40_000 + made.number(2, 9_000)));
    properties.plain("XForwardedFor", made.ip);
    properties.text("XForwardedHost", "shop.contoso.example");
    properties.plain("XAzureFDID", Guid(0x00fd_1d00));
    properties.text("XFDHealthProbe", "");
    properties.text("Details", "Allowed by Front Door rule.");
    properties.close();
}

pub(super) fn file(json: &mut Json<'_>, made: &Made) {
    pascal(json, made.app, "AppServiceFileAuditLogs", if made.one_in(5) { "Delete" } else { "Write" });
    let mut properties = json.object("Properties");
    properties.plain("Path", format_args!("/home/site/wwwroot/content/page-{}.html", made.number(2, 90)));
    properties.plain("Process", format_args!("${}", APPS[made.app].name));
    properties.close();
}

pub(super) fn authentication(json: &mut Json<'_>, made: &Made) {
    envelope(json, made.app, "AppServiceAuthenticationLogs", "Microsoft.Web/sites/auth");
    json.text("location", APPS[made.app].location);
    let mut properties = json.object("properties");
    properties.text("message", "The token store is nearly full; old sessions are removed.");
    properties.text("moduleRuntimeVersion", "1.6.21");
    properties.text("siteName", APPS[made.app].name);
    properties.text("taskName", "MiddlewareWarning");
    properties.close();
}

pub(super) fn antivirus(json: &mut Json<'_>, made: &Made) {
    envelope(json, made.app, "AppServiceAntivirusScanAuditLogs", "AntivirusScan");
    let mut properties = json.object("properties");
    properties.text("ScanStatus", "Success");
    properties.number("TotalFilesScanned", 900 + made.number(2, 100), false);
    properties.number("NumberOfInfectedFiles", 0, false);
    properties.text("ListOfInfectedFiles", "");
    properties.text("ErrorMessage", "");
    properties.close();
}
