//! Application Insights: flat records with a `Type`, of the component that all apps share.

use super::fleet::{APPS, ORDERS};
use super::json::{Guid, Json};
use super::other_logs::{Made, resource};

fn common(json: &mut Json<'_>, made: &Made, kind: &str) {
    let function = APPS[made.app].functions[made.number(1, 3) as usize].name;
    json.text("resourceId", &resource(ORDERS, "MICROSOFT.INSIGHTS/COMPONENTS/APPI-CONTOSO"));
    json.plain("ResourceGUID", Guid(0x5a8a_e607));
    json.text("Type", kind);
    json.text("AppRoleName", APPS[made.app].name);
    json.text("ClientCity", "Utrecht");
    json.text("ClientCountryOrRegion", "Netherlands");
    json.text("ClientIP", "0.0.0.0");
    json.text("ClientType", "PC");
    json.text("OperationName", function);
    json.plain("OperationId", format_args!("{:032x}", made.id));
    json.plain("ParentId", format_args!("{:016x}", made.id as u64));
    json.plain("SDKVersion", format_args!("azurefunctions: {}", APPS[made.app].host_version));
    json.number("ItemCount", if made.one_in(3) { 5 } else { 1 }, false);
}

fn properties(json: &mut Json<'_>, made: &Made, category: &str, level: &str) {
    let mut properties = json.object("Properties");
    properties.plain("InvocationId", Guid(made.id.rotate_left(40)));
    properties.text("Category", category);
    properties.text("LogLevel", level);
    properties.plain("ProcessId", 20 + made.number(4, 60));
    properties.close();
}

pub(super) fn request(json: &mut Json<'_>, made: &Made) {
    common(json, made, "AppRequests");
    let app = &APPS[made.app];
    let function = &app.functions[made.number(1, 3) as usize];
    let queue = function.path.is_empty() || made.one_in(4);
    let path = function.path.replace("{}", "10017");
    json.plain("Id", format_args!("{:016x}", (made.id >> 64) as u64));
    json.text("Name", function.name);
    if !queue {
        json.plain("Url", format_args!("https://{}.azurewebsites.net/api{path}", app.name));
    }
    json.raw("Success", "true");
    json.text("ResultCode", if queue { "0" } else { "200" });
    json.raw("DurationMs", &format!("{}.{:04}", made.number(2, 400), made.number(3, 10_000)));
    let mut properties = json.object("Properties");
    properties.plain("InvocationId", Guid(made.id.rotate_left(40)));
    properties.plain("FullName", format_args!("Functions.{}", function.name));
    if !queue {
        properties.text("HttpMethod", function.method);
        properties.plain("HttpPath", format_args!("/api{path}"));
    }
    properties.text("Category", "Host.Results");
    properties.text("LogLevel", "Information");
    properties.close();
}

pub(super) fn dependency(json: &mut Json<'_>, made: &Made) {
    common(json, made, "AppDependencies");
    json.plain("Id", format_args!("{:016x}", (made.id >> 64) as u64));
    json.text("Name", "GET /images");
    json.text("Target", "stcontoso.blob.core.windows.net");
    json.text("DependencyType", "Azure blob");
    json.text("Data", "https://stcontoso.blob.core.windows.net/images/10017.png");
    json.raw("Success", "true");
    json.text("ResultCode", "200");
    json.number("DurationMs", 3 + made.number(2, 60), false);
}

pub(super) fn trace(json: &mut Json<'_>, made: &Made) {
    common(json, made, "AppTraces");
    json.plain("Message", format_args!("Basket {} was checked in {} ms", made.number(2, 5_000), made.number(3, 90)));
    json.number("SeverityLevel", 1, false);
    properties(json, made, &format!("Function.{}.User", APPS[made.app].functions[0].name), "Information");
}

pub(super) fn exception(json: &mut Json<'_>, made: &Made) {
    common(json, made, "AppExceptions");
    json.text("ProblemId", "System.TimeoutException at Contoso.Stock.Client.Ask");
    json.text("ExceptionType", "System.TimeoutException");
    json.text("OuterType", "System.TimeoutException");
    json.text("OuterMessage", "The stock service did not answer in time.");
    json.number("SeverityLevel", 3, false);
    properties(json, made, &format!("Function.{}", APPS[made.app].functions[0].name), "Error");
}
