//! GatewayLogs: API Management's access log, with `lastError` where it refused.

use std::net::{IpAddr, Ipv4Addr};

use super::fleet::{APPS, GATEWAYS, SUBSCRIPTION};
use super::json::{Guid, Json, Ticks};
use super::rng::Rng;
use super::stage::{Call, Stage};

impl Stage {
    /// Writes the gateway's record of `call`; its app must have a gateway.
    pub(super) fn gateway(&mut self, call: &Call<'_>, correlation: u128, rng: &mut Rng) {
        let Some((number, api)) = APPS[call.app].gateway else { return };
        let gateway = &GATEWAYS[number];
        let took = rng.between(4, 450) as i64;
        self.packer.add(12 + number, |out| {
            let mut json = Json::open(out);
            json.number("Level", if call.status < 400 { 4 } else { 2 }, false);
            json.raw("isRequestSuccess", if call.status < 400 { "true" } else { "false" });
            json.plain("time", Ticks(call.at));
            json.text("operationName", "Microsoft.ApiManagement/GatewayLogs");
            json.text("category", "GatewayLogs");
            json.number("durationMs", took, false);
            json.plain("callerIpAddress", call.ip);
            json.plain("correlationId", Guid(correlation));
            json.text("location", gateway.location);
            let mut properties = json.object("properties");
            request(&mut properties, call, gateway.name, api, rng);
            backend(&mut properties, call, took);
            identify(&mut properties, call, api);
            if gateway.headers {
                headers(&mut properties, call);
            }
            last_error(&mut properties, call, took);
            properties.close();
            json.plain(
                "resourceId",
                format_args!(
                    "/SUBSCRIPTIONS/{SUBSCRIPTION}/RESOURCEGROUPS/{}/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/{}",
                    gateway.group,
                    gateway.name.to_uppercase()
                ),
            );
            json.close();
            true
        });
    }
}

/// Returns the address that backends see gateway `number` call from.
pub(super) fn egress(number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, GATEWAYS[number].egress))
}

fn request(json: &mut Json<'_>, call: &Call<'_>, gateway: &str, api: &str, rng: &mut Rng) {
    let path = call.path.strip_prefix("/api").unwrap_or(call.path);
    let mark = if call.query.is_empty() { "" } else { "?" };
    json.text("method", call.method);
    json.text("url", &format!("https://{gateway}.azure-api.net/{api}{path}{mark}{}", call.query));
    json.number("responseCode", i64::from(call.status), false);
    json.number("responseSize", rng.between(180, 9_000) as i64, false);
    json.text("cache", "none");
    json.number("requestSize", rng.between(280, 2_400) as i64, false);
}

fn backend(json: &mut Json<'_>, call: &Call<'_>, took: i64) {
    let failing = call.refusal.is_some_and(|refusal| refusal.source == "forward-request");
    if (call.refusal.is_some() && !failing) || call.method == "OPTIONS" {
        return;
    }
    json.number("backendTime", (took - 3).max(1), false);
    json.text("backendMethod", call.method);
    json.text("backendUrl", &format!("https://{}.azurewebsites.net{}", APPS[call.app].name, call.path));
    json.text("backendProtocol", "HTTP/1.1");
    if !failing {
        json.number("backendResponseCode", i64::from(call.status), false);
    }
}

fn identify(json: &mut Json<'_>, call: &Call<'_>, api: &str) {
    json.text("apiId", api);
    if let Some(function) = call.function {
        json.text("operationId", function.name);
    }
    if !call.subscription.is_empty() {
        json.text("apimSubscriptionId", call.subscription);
        json.text("productId", "standard");
    }
    json.text("apiRevision", "1");
    json.text("clientProtocol", "HTTP/1.1");
    json.text("clientTlsVersion", "1.3");
}

fn headers(json: &mut Json<'_>, call: &Call<'_>) {
    let mut sent = json.object("requestHeaders");
    if !call.origin.is_empty() {
        sent.text("Origin", call.origin);
    }
    if !call.agent.is_empty() {
        sent.text("User-Agent", call.agent);
    }
    if !call.forwarded.is_empty() {
        sent.text("X-Forwarded-For", call.forwarded);
    }
    sent.close();
    let mut answered = json.object("responseHeaders");
    if !call.allow_origin.is_empty() {
        answered.text("Access-Control-Allow-Origin", call.allow_origin);
        answered.text("Access-Control-Allow-Credentials", "true");
    }
    answered.text("Content-Type", "application/json; charset=utf-8");
    answered.close();
}

fn last_error(json: &mut Json<'_>, call: &Call<'_>, took: i64) {
    let Some(refusal) = call.refusal else { return };
    let mut error = json.object("lastError");
    error.number("elapsed", took, false);
    error.text("source", refusal.source);
    error.text("scope", "api");
    error.text("section", if refusal.source == "forward-request" { "backend" } else { "inbound" });
    error.text("reason", refusal.reason);
    error.text("message", refusal.message);
    error.close();
}
