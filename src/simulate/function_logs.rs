//! FunctionAppLogs: what hosts and functions say, single-quoted on Linux.

use std::fmt::Write;
use std::time::Duration;

use data_encoding::BASE64;

use crate::clock::Timestamp;

use super::fleet::{APPS, Function};
use super::http_logs::{single_quoted, site, stamp};
use super::json::{Guid, Json, Seconds, SlashDate, Ticks};
use super::rng::Rng;
use super::stage::Stage;

/// One line of a log.
struct Line<'a> {
    at: Timestamp,
    app: usize,
    function: &'a str,
    invocation: u128,
    message: &'a str,
    /// Written by the user's code, not by the host.
    user: bool,
    event: Option<(i64, &'static str)>,
    failed: bool,
}

impl Stage {
    /// Writes what one run of `function` logs: its start, what it says, its end.
    pub(super) fn run(
        &mut self,
        at: Timestamp,
        app: usize,
        function: &Function,
        reason: &str,
        succeeds: bool,
        rng: &mut Rng,
    ) {
        let invocation = rng.guid();
        let took = rng.between(3, 300);
        let name = function.name;
        let line = Line { at, app, function: name, invocation, message: "", user: false, event: None, failed: false };
        let message = format!("Executing 'Functions.{name}' (Reason='{reason}', Id={})", Guid(invocation));
        self.line(&Line { message: &message, event: Some((1, "FunctionStarted")), ..line }, rng);
        let at = at.plus(Duration::from_millis(took));
        if rng.one_in(2) {
            self.say(at.minus(Duration::from_millis(1)), app, name, invocation, &chatter(rng), rng);
        }
        let how = if succeeds { "Succeeded" } else { "Failed" };
        let message = format!("Executed 'Functions.{name}' ({how}, Id={}, Duration={took}ms)", Guid(invocation));
        let event = Some((3, "FunctionCompleted"));
        self.line(&Line { at, message: &message, event, failed: !succeeds, ..line }, rng);
    }

    /// Writes a line that a function's own code logs.
    pub(super) fn say(
        &mut self,
        at: Timestamp,
        app: usize,
        function: &str,
        invocation: u128,
        message: &str,
        rng: &mut Rng,
    ) {
        self.line(&Line { at, app, function, invocation, message, user: true, event: None, failed: false }, rng);
    }

    fn line(&mut self, line: &Line<'_>, rng: &mut Rng) {
        let app = &APPS[line.app];
        if self.silent(line.app, line.at) {
            return;
        }
        let worker = self.fleet.instances[line.app];
        self.scratch.clear();
        properties(&mut self.scratch, line, worker);
        let scratch = &self.scratch;
        // A bare single-quoted object was seen now and then in Linux hosts' messages.
        let unquoted = app.linux && rng.one_in(2_000);
        self.packer.add(line.app * 2, |out| {
            let mut json = Json::open(out);
            if app.linux && app.slash_dates {
                json.plain("time", SlashDate(line.at));
            } else if app.linux {
                json.plain("time", Seconds(line.at));
            } else {
                json.plain("time", Ticks(line.at));
            }
            json.plain("resourceId", site(app.group, app.name));
            json.text("category", "FunctionAppLogs");
            json.text("operationName", "Microsoft.Web/sites/functions/log");
            json.text("level", if line.failed { "Error" } else { "Informational" });
            json.text("location", app.location);
            if app.linux {
                stamp(&mut json, worker);
                let mut quoted = String::with_capacity(scratch.len() + 64);
                single_quoted(&mut quoted, scratch);
                let mark = if unquoted { "" } else { "\"" };
                json.raw("properties", mark);
                json.append(&quoted);
                json.append(mark);
            } else {
                json.raw("properties", scratch);
            }
            json.close();
            !unquoted
        });
    }
}

fn properties(out: &mut String, line: &Line<'_>, worker: u128) {
    let app = &APPS[line.app];
    let mut json = Json::open(out);
    json.text("appName", app.name);
    json.plain(
        "roleInstance",
        format_args!("{}-638{:015}", (worker >> 96) as u32, worker as u64 % 1_000_000_000_000_000),
    );
    json.text("message", line.message);
    if line.user {
        json.plain("category", format_args!("Function.{}.User", line.function));
    } else {
        json.plain("category", format_args!("Function.{}", line.function));
    }
    json.text("hostVersion", app.host_version);
    json.plain("functionInvocationId", Guid(line.invocation));
    json.plain("functionName", format_args!("{}{}", if line.user { "" } else { "Functions." }, line.function));
    json.plain("hostInstanceId", Guid(worker));
    json.text("level", if line.failed { "Error" } else { "Information" });
    json.number("levelId", if line.failed { 4 } else { 2 }, false);
    json.number("processId", 40 + (worker % 50) as i64, false);
    if line.failed {
        json.text("exceptionType", "System.TimeoutException");
        json.text("exceptionMessage", "The operation has timed out after 00:00:30.");
    }
    if let Some((id, name)) = line.event {
        json.number("eventId", id, false);
        json.text("eventName", name);
    }
    json.close();
}

/// What ordinary code logs: much of it looks like secrets to a careless eye, and none of it is.
fn chatter(rng: &mut Rng) -> String {
    let (id, trace, span) = (rng.guid(), rng.guid(), rng.next());
    let mut text = String::new();
    let _ = match rng.below(10) {
        0 => write!(text, "Processed message {} from partition {}", Guid(id), rng.below(8)),
        1 => write!(text, "traceparent=00-{trace:032x}-{span:016x}-01 cache=miss"),
        2 => write!(text, "Blob etag 0x8DC{:012X}, sha256={id:032x}{trace:032x}", span >> 16),
        3 => return payload(rng),
        4 => write!(text, "Confirmation sent to customer{}@contoso.example", rng.below(5_000)),
        5 => write!(
            text,
            "Token for audience api://contoso.example/orders renewed, expires in {} s",
            rng.between(600, 3_600)
        ),
        6 => {
            write!(text, "Stock level {} for sku SKU-{:06}, it's above the mark", rng.below(900), rng.below(1_000_000))
        }
        7 => write!(text, "{{\"orderId\":\"{}\",\"total\":{}.{:02}}}", Guid(id), rng.below(900), rng.below(100)),
        8 => write!(
            text,
            "Checkpoint stored: offset={} sequence={} generation={id:032x}",
            rng.next() >> 24,
            rng.below(1_000_000)
        ),
        _ => write!(text, "Dependency https://stcontoso.blob.core.windows.net/images/{} answered 200", Guid(id)),
    };
    text
}

/// A payload in base64: bytes, or JSON whose text begins as a token's would.
fn payload(rng: &mut Rng) -> String {
    let mut bytes = vec![0; rng.between(24, 150) as usize];
    rng.fill(&mut bytes);
    if rng.one_in(2) {
        bytes =
            format!("{{\"id\":{},\"kind\":\"reading\",\"value\":{}}}", rng.below(90_000), rng.below(900)).into_bytes();
    }
    format!("Received payload {} ({} bytes)", BASE64.encode(&bytes), bytes.len())
}
