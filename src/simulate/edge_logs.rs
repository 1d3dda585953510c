//! The edge: Front Door and Application Gateway before the shop's pages, and their firewalls.
//!
//! Front Door writes every number as a text; the second generation of Application Gateway tells the
//! time taken in seconds. The firewalls only score: on an ordinary day they keep nobody out.

use super::fleet::{BROWSERS, CATALOG, ORDERS};
use super::json::{Guid, Json, Ticks};
use super::other_logs::{Made, resource};

const HOST: &str = "shop.contoso.example";

fn path(made: &Made) -> String {
    format!("/products/{}", 10_000 + made.number(2, 80_000))
}

fn agent(made: &Made) -> &'static str {
    BROWSERS[made.number(3, 4) as usize]
}

pub(super) fn front_door(json: &mut Json<'_>, made: &Made) {
    json.text("resourceId", &resource(ORDERS, "MICROSOFT.CDN/PROFILES/FD-CONTOSO"));
    json.text("category", if made.one_in(2) { "FrontDoorAccessLog" } else { "FrontdoorAccessLog" });
    json.text("operationName", "Microsoft.Cdn/Profiles/AccessLog/Write");
    let mut properties = json.object("properties");
    properties.plain("trackingReference", format_args!("{:032X}", made.id));
    properties.text("httpMethod", "GET");
    properties.text("httpVersion", "2.0.0.0");
    properties.plain("requestUri", format_args!("https://{HOST}:443{}", path(made)));
    properties.text("sni", HOST);
    properties.number("requestBytes", 300 + made.number(4, 900), true);
    properties.number("responseBytes", 900 + made.number(5, 9_000), true);
    properties.text("userAgent", agent(made));
    properties.plain("clientIp", made.ip);
    properties.number("clientPort", 40_000 + made.number(6, 9_000), true);
    properties.plain("socketIp", made.ip);
    properties.text("timeToFirstByte", "0.031");
    properties.text("timeTaken", "0.034");
    properties.text("requestProtocol", "HTTPS");
    properties.text("securityProtocol", "TLS 1.3");
    properties.text("httpStatusCode", "200");
    properties.text("httpStatusDetails", "200");
    properties.text("pop", "AMS");
    properties.text("cacheStatus", "CACHE_NOCONFIG");
    properties.text("errorInfo", "NoError");
    properties.text("ErrorInfo", "");
    properties.text("hostName", HOST);
    properties.text("endpoint", "shop.z01.azurefd.net");
    properties.text("routingRuleName", "shop");
    properties.text("originName", "catalog-api.azurewebsites.net:443");
    properties.text("clientCountry", "Netherlands");
    properties.close();
}

pub(super) fn front_door_firewall(json: &mut Json<'_>, made: &Made) {
    json.text("resourceId", &resource(ORDERS, "MICROSOFT.CDN/PROFILES/FD-CONTOSO"));
    json.text("category", "FrontDoorWebApplicationFirewallLog");
    json.text("operationName", "Microsoft.Cdn/Profiles/WebApplicationFirewallLog/Write");
    let mut properties = json.object("properties");
    properties.plain("clientIP", made.ip);
    properties.number("clientPort", 40_000 + made.number(6, 9_000), true);
    properties.plain("socketIP", made.ip);
    properties.plain("requestUri", format_args!("https://{HOST}:443/search?q=o%27neill"));
    properties.text("ruleName", "Microsoft_DefaultRuleSet-2.1-SQLI-942440");
    properties.text("policy", "wafcontoso");
    properties.text("action", if made.one_in(2) { "AnomalyScoring" } else { "Log" });
    properties.text("host", HOST);
    properties.plain("trackingReference", format_args!("{:032X}", made.id));
    properties.text("policyMode", "prevention");
    let mut details = properties.object("details");
    details.raw("matches", r#"[{"matchVariableName":"QueryParamValue:q","matchVariableValue":"o'neill"}]"#);
    details.text("msg", "SQL Comment Sequence Detected");
    details.close();
    properties.close();
}

pub(super) fn application_gateway(json: &mut Json<'_>, made: &Made) {
    json.plain("timeStamp", Ticks(made.at));
    json.text("resourceId", &resource(CATALOG, "MICROSOFT.NETWORK/APPLICATIONGATEWAYS/AGW-CONTOSO"));
    json.text("category", "ApplicationGatewayAccessLog");
    json.text("operationName", "ApplicationGatewayAccess");
    json.text("listenerName", "https");
    json.text("ruleName", "shop");
    json.text("backendPoolName", "catalog");
    let mut properties = json.object("properties");
    properties.text("instanceId", "appgw_0");
    properties.plain("clientIP", made.ip);
    properties.number("clientPort", 40_000 + made.number(6, 9_000), made.one_in(2));
    properties.text("httpMethod", "GET");
    properties.text("originalRequestUriWithArgs", &path(made));
    properties.text("requestUri", &path(made));
    properties.text("requestQuery", "");
    properties.text("userAgent", agent(made));
    properties.number("httpStatus", 200, made.one_in(2));
    properties.text("httpVersion", "HTTP/1.1");
    properties.number("receivedBytes", 300 + made.number(4, 900), false);
    properties.number("sentBytes", 900 + made.number(5, 9_000), false);
    properties.raw("timeTaken", "0.034");
    properties.plain("transactionId", format_args!("{:032x}", made.id));
    properties.text("sslEnabled", "on");
    properties.text("sslProtocol", "TLSv1.3");
    properties.text("serverRouted", "203.0.113.246:443");
    properties.text("serverStatus", "200");
    properties.text("originalHost", HOST);
    properties.text("host", HOST);
    properties.close();
}

pub(super) fn application_gateway_firewall(json: &mut Json<'_>, made: &Made) {
    json.plain("timeStamp", Ticks(made.at));
    json.text("resourceId", &resource(CATALOG, "MICROSOFT.NETWORK/APPLICATIONGATEWAYS/AGW-CONTOSO"));
    json.text("category", "ApplicationGatewayFirewallLog");
    json.text("operationName", "ApplicationGatewayFirewall");
    let mut properties = json.object("properties");
    properties.text("instanceId", "appgw_0");
    properties.plain("clientIp", made.ip);
    properties.text("clientPort", "");
    properties.text("requestUri", &path(made));
    properties.text("ruleSetType", "OWASP_CRS");
    properties.text("ruleSetVersion", "3.2.0");
    properties.text("ruleId", "920320");
    properties.text("message", "Missing User Agent Header");
    properties.text("action", if made.one_in(2) { "Matched" } else { "Detected" });
    properties.text("site", "Global");
    properties.text("hostname", HOST);
    properties.plain("transactionId", format_args!("{:032x}", made.id));
    properties.text("policyId", "default");
    properties.text("policyScope", "Global");
    properties.close();
}

pub(super) fn web_socket(json: &mut Json<'_>, made: &Made) {
    json.text("resourceId", &resource(ORDERS, "MICROSOFT.APIMANAGEMENT/SERVICE/APIM-SHOP"));
    json.text("category", "WebSocketConnectionLogs");
    json.text("operationName", "Microsoft.ApiManagement/WebSocketConnectionLogs");
    json.plain("correlationId", Guid(made.id));
    json.number("Level", 4, false);
    let mut properties = json.object("properties");
    properties.text("eventName", if made.one_in(2) { "ConnectionEstablished" } else { "ConnectionClosed" });
    properties.text("source", "client");
    properties.text("destination", "gateway");
    properties.close();
}
