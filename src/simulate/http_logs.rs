//! AppServiceHTTPLogs: an object on Windows, JSON in a string with numbers as strings on Linux.

use super::fleet::{APPS, SUBSCRIPTION};
use super::json::{Guid, Json, Ticks, escape};
use super::rng::Rng;
use super::stage::{Call, Stage};

impl Stage {
    /// Writes the access log's record of `call`.
    pub(super) fn web(&mut self, call: &Call<'_>, rng: &mut Rng) {
        if self.silent(call.app, call.at) {
            return;
        }
        let app = &APPS[call.app];
        let scratch = &mut self.scratch;
        scratch.clear();
        if app.linux {
            linux(scratch, call, rng);
        } else {
            windows(scratch, call, rng);
        }
        let worker = self.fleet.instances[call.app];
        self.packer.add(call.app * 2 + 1, |out| {
            let mut json = Json::open(out);
            json.plain("time", Ticks(call.at));
            json.plain("resourceId", site(app.group, app.name));
            json.text("category", "AppServiceHTTPLogs");
            if app.linux {
                json.plain("properties", JsonInString(scratch));
                json.plain("EventTime", Ticks(call.at));
                stamp(&mut json, worker);
            } else {
                json.raw("properties", scratch);
            }
            json.close();
            true
        });
    }
}

/// Writes where a Linux worker runs: these say nothing of the client.
pub(super) fn stamp(json: &mut Json<'_>, worker: u128) {
    json.text("EventStampType", "Stamp");
    json.text("EventPrimaryStampName", "waws-prod-am2-713");
    json.text("EventStampName", "waws-prod-am2-713");
    json.plain("Host", format_args!("ln{}sdlwk{:06X}", worker % 2, worker & 0xff_ffff));
    json.plain("EventIpAddress", format_args!("10.81.{}.{}", (worker >> 8) & 0x7f, (worker & 0x7f) + 1));
}

/// Returns a site's resource id.
pub(super) fn site(group: &str, name: &str) -> String {
    format!(
        "/SUBSCRIPTIONS/{SUBSCRIPTION}/RESOURCEGROUPS/{group}/PROVIDERS/MICROSOFT.WEB/SITES/{}",
        name.to_uppercase()
    )
}

fn host(call: &Call<'_>) -> String {
    let scm = if call.scm { ".scm" } else { "" };
    format!("{}{scm}.azurewebsites.net", APPS[call.app].name)
}

fn result(call: &Call<'_>) -> &'static str {
    if call.status < 400 { "Success" } else { "Failure" }
}

fn windows(out: &mut String, call: &Call<'_>, rng: &mut Rng) {
    let log_id = Guid(rng.guid());
    let mut json = Json::open(out);
    json.text("CsMethod", call.method);
    json.text("CsUriStem", call.path);
    json.text("SPort", "443");
    json.plain("CIp", call.ip);
    json.text("UserAgent", &if call.agent.is_empty() { "-".into() } else { call.agent.replace(' ', "+") });
    json.text("CsHost", &host(call));
    json.number("ScStatus", i64::from(call.status), false);
    json.text("ScSubStatus", "0");
    json.text("ScWin32Status", "0");
    json.number("ScBytes", rng.between(180, 9_000) as i64, false);
    json.number("CsBytes", rng.between(400, 2_400) as i64, false);
    json.number("TimeTaken", rng.between(2, 420) as i64, false);
    json.text("Result", result(call));
    json.text("Cookie", "-");
    let and = if call.query.is_empty() { "" } else { "&" };
    json.text("CsUriQuery", &format!("{}{and}X-ARR-LOG-ID={log_id}", call.query));
    json.text("CsUsername", "-");
    json.text("Referer", if call.origin.starts_with("https") { call.origin } else { "-" });
    json.plain("ComputerName", format_args!("WEBWK{:06X}", rng.below(8)));
    json.close();
}

fn linux(out: &mut String, call: &Call<'_>, rng: &mut Rng) {
    let mut json = Json::open(out).escaping_slashes();
    json.text("CsHost", &host(call));
    json.plain("CIp", call.ip);
    json.text("SPort", "80");
    json.text("CsUriStem", call.path);
    json.text("CsUriQuery", call.query);
    json.text("CsMethod", call.method);
    json.number("TimeTaken", rng.between(2, 420) as i64, false);
    json.number("ScStatus", i64::from(call.status), true);
    json.text("Result", result(call));
    json.number("CsBytes", rng.between(400, 2_400) as i64, true);
    json.number("ScBytes", rng.between(180, 9_000) as i64, true);
    json.text("UserAgent", call.agent);
    let cookie = [rng.next(), rng.next(), rng.next(), rng.next()];
    let [a, b, c, d] = cookie;
    json.plain("Cookie", format_args!("ARRAffinity: {a:016x}{b:016x}{c:016x}{d:016x}; "));
    json.text("CsUsername", "");
    json.text("Referer", if call.origin.starts_with("https") { call.origin } else { "" });
    json.plain("ComputerName", format_args!("ln1sdlwk{:06X}", rng.below(8)));
    json.text("Protocol", "HTTP/1.1");
    json.close();
}

/// JSON as the text of a JSON string.
struct JsonInString<'a>(&'a str);

impl std::fmt::Display for JsonInString<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['"', '\\']) {
            let (before, from) = rest.split_at(at);
            f.write_str(before)?;
            f.write_str("\\")?;
            f.write_str(&from[..1])?;
            rest = &from[1..];
        }
        f.write_str(rest)
    }
}

/// Appends a text to a `properties` string by the rule of Linux hosts: `'` is dropped, then `"`
/// becomes `'`; what is left is escaped for the record around it.
pub(super) fn single_quoted(out: &mut String, json: &str) {
    let mut rest = json;
    while let Some(at) = rest.find(['\'', '"', '\\']) {
        let (before, from) = rest.split_at(at);
        escape(out, before, false);
        match from.as_bytes().first() {
            Some(b'"') => out.push('\''),
            Some(b'\\') => out.push_str("\\\\"),
            _ => {}
        }
        rest = &from[1..];
    }
    escape(out, rest, false);
}
