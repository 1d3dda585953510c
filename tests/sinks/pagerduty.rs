//! PagerDuty: one incident an alert, by its Events API v2.

use gatewatch::alerts::{Change, Transition};
use gatewatch::clock::Clock;
use gatewatch::sinks::{AnySink, PagerDuty, Reach};

use crate::chat::{only, text};
use crate::made::{acknowledged, alert, closed, hostile, inside, opened, outlet, texts};
use crate::outbox::{Outbox, outcomes};
use crate::receiver::{Receiver, Request, Trouble};

pub const KEY: &str = "0123456789abcdef0123456789abcdef";

pub fn pagerduty(url: &str, reach: &Reach) -> AnySink {
    let link = Some("https://watch.example.com");
    AnySink::PagerDuty(Box::new(PagerDuty::new(url, KEY, reach, (texts(), link), Clock::system()).unwrap()))
}

/// What the Events API v2 takes.
pub fn judge(request: &Request) -> Result<(u16, String), String> {
    let event = request.json();
    only(&event, &["routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"])?;
    if event["routing_key"] != KEY {
        return Err("not our routing key".into());
    }
    let dedup = text(&event["dedup_key"], 255)?;
    match event["event_action"].as_str() {
        Some("acknowledge" | "resolve") => {}
        Some("trigger") => {
            let payload = &event["payload"];
            let known = ["summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"];
            only(payload, &known)?;
            text(&payload["summary"], 1_024)?;
            text(&payload["source"], 1_024)?;
            for name in ["component", "group", "class"] {
                payload.get(name).map_or(Ok(""), |value| text(value, 1_024))?;
            }
            let severity = payload["severity"].as_str().unwrap_or_default();
            if !["critical", "error", "warning", "info"].contains(&severity) {
                return Err(format!("severity {severity:?}"));
            }
            let at = payload["timestamp"].as_str().unwrap_or_default();
            gatewatch::clock::Timestamp::parse_rfc3339(at).ok_or("no timestamp")?;
            payload["custom_details"].as_object().ok_or("no details")?;
            for link in event["links"].as_array().into_iter().flatten() {
                only(link, &["href", "text"])?;
                text(&link["href"], 2_000)?;
            }
        }
        other => return Err(format!("event_action {other:?}")),
    }
    Ok((202, format!(r#"{{"status":"success","message":"Event processed","dedup_key":"{dedup}"}}"#)))
}

#[test]
fn an_alert_is_one_incident_from_its_opening_to_its_end() {
    let receiver = Receiver::start(judge).first(&[Trouble::Status(500), Trouble::ComeBackIn(30)]);
    let mut outbox = Outbox::new(vec![outlet(pagerduty(&receiver.url("/v2/enqueue"), &inside()))], Vec::new());
    let more = Transition::Updated(gatewatch::alerts::Alert { revision: 2, ..alert(1) }, Change::Events);
    outbox.tell(&[opened(1), more, acknowledged(1), closed(1)]);
    let settled = outbox.deliver();
    let (first, then, last) = ("0000000000000001:1", "0000000000000001:2", "0000000000000001:3");
    assert_eq!(
        outcomes(&settled),
        [(first, "retried"), (first, "retried"), (first, "delivered"), (then, "delivered"), (last, "delivered")]
    );
    let taken = receiver.taken();
    let actions: Vec<_> = taken.iter().map(|one| one.json()["event_action"].as_str().unwrap().to_owned()).collect();
    assert_eq!(actions, ["trigger", "acknowledge", "resolve"]);
    assert!(taken.iter().all(|one| one.json()["dedup_key"] == "0000000000000001"));
    assert_eq!(taken[0].json()["payload"]["severity"], "error");
    assert_eq!(taken[0].json()["links"][0]["href"], "https://watch.example.com/a/0000000000000001");
}

#[test]
fn the_routing_key_is_in_no_store_and_in_no_message() {
    let receiver = Receiver::start(judge).first(&[Trouble::Status(503)]);
    let sink = pagerduty(&receiver.url("/v2/enqueue"), &inside());
    let shown = format!("{sink:?}");
    let mut outbox = Outbox::new(vec![outlet(sink)], Vec::new());
    outbox.tell(&[Transition::Opened(hostile(1))]);
    let settled = outbox.deliver();
    assert!(!format!("{shown} {settled:?}").contains(KEY));
    assert_eq!(receiver.taken().len(), 1);
}
