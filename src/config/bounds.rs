//! Which numbers and lengths of time can't be meant?
//!
//! Nothing kept at all, nothing waited for, more than any disk or memory holds: each has a least and a most, and says
//! both. What is bounded elsewhere (a route's, a policy's) is not repeated here.

use std::time::Duration;

use crate::clock::duration;

use super::check::MOST_THREADS;
use super::{Config, Sinks};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
/// Days in a hundred years.
const CENTURY: u64 = 36_500;
/// More than a disk holds.
const MUCH: u64 = 100_000_000;

/// Tells `wrong` of each: where, what, and how to mend it.
pub(super) fn check(config: &Config, wrong: &mut impl FnMut(&str, &str, &str)) {
    let (store, detection, alerts) = (&config.store, &config.detection, &config.alerts);
    let numbers = [
        ("store.keep_closed_alerts_days", store.keep_closed_alerts_days.into(), (1, CENTURY)),
        ("store.max_closed_alerts", store.max_closed_alerts.into(), (1, MUCH)),
        ("store.keep_deliveries_days", store.keep_deliveries_days.into(), (1, CENTURY)),
        ("store.max_waiting_deliveries", store.max_waiting_deliveries.into(), (1, MUCH)),
        ("store.keep_audit_days", store.keep_audit_days.into(), (1, CENTURY)),
        ("alerts.max_open", alerts.max_open as u64, (100, 1_000_000)),
        // One for each shard.
        ("detection.max_entities", detection.max_entities as u64, (256, MUCH)),
        ("detection.threads", detection.threads as u64, (0, MOST_THREADS as u64)),
        ("detection.max_waiting_megabytes", detection.max_waiting_megabytes as u64, (1, 65_536)),
        ("detection.max_remembered", detection.max_remembered as u64, (1_000, MUCH)),
    ];
    for (path, value, bounds) in numbers {
        number(path, value, bounds, wrong);
    }
    let lengths = [
        ("detection.lateness", detection.lateness, (Duration::ZERO, DAY)),
        ("detection.idle", detection.idle, (Duration::ZERO, DAY)),
        ("detection.silence", detection.silence, (Duration::from_millis(1), DAY)),
        ("detection.duplicates_window", detection.duplicates_window, (Duration::ZERO, 7 * DAY)),
        ("alerts.update_every", alerts.update_every, (Duration::ZERO, DAY)),
        ("alerts.cooldown", alerts.cooldown, (Duration::ZERO, 30 * DAY)),
        ("posture.read_every", config.posture.read_every, (5 * SECOND, 365 * DAY)),
        // What is seen once a day counts.
        ("posture.stale_after", config.posture.stale_after, (DAY + 60 * MINUTE, 3_650 * DAY)),
    ];
    for (path, value, bounds) in lengths {
        length(path, value, bounds, wrong);
    }
    if let Some(heartbeat) = &config.heartbeat {
        length("heartbeat.every", heartbeat.every, (SECOND, DAY), wrong);
    }
    for (name, http) in &config.sources.http {
        let at = |what: &str| format!("sources.http.{name}.limits.{what}");
        number(&at("max_body_bytes"), http.limits.max_body_bytes as u64, (1 << 10, 1 << 30), wrong);
        number(&at("max_spool_bytes"), http.limits.max_spool_bytes, (1 << 20, 1 << 44), wrong);
    }
    sinks(&config.sinks, wrong);
}

fn sinks(sinks: &Sinks, wrong: &mut impl FnMut(&str, &str, &str)) {
    let timeouts = sinks.webhook.iter().map(|(name, sink)| ("webhook", name, sink.timeout));
    let timeouts = timeouts.chain(sinks.slack.iter().map(|(name, sink)| ("slack", name, sink.timeout)));
    let timeouts = timeouts.chain(sinks.teams.iter().map(|(name, sink)| ("teams", name, sink.timeout)));
    let timeouts = timeouts.chain(sinks.pagerduty.iter().map(|(name, sink)| ("pagerduty", name, sink.timeout)));
    let timeouts = timeouts.chain(sinks.alertmanager.iter().map(|(name, sink)| ("alertmanager", name, sink.timeout)));
    let timeouts = timeouts.chain(sinks.email.iter().map(|(name, sink)| ("email", name, sink.timeout)));
    let timeouts = timeouts.chain(sinks.sentinel.iter().map(|(name, sink)| ("sentinel", name, sink.timeout)));
    for (kind, name, timeout) in timeouts {
        length(&format!("sinks.{kind}.{name}.timeout"), timeout, (SECOND, 10 * MINUTE), wrong);
    }
    for (name, sink) in &sinks.jsonl {
        if let Some(bytes) = sink.rotate_bytes {
            number(&format!("sinks.jsonl.{name}.rotate_bytes"), bytes, (1 << 12, 1 << 44), wrong);
        }
    }
}

fn number(path: &str, value: u64, (least, most): (u64, u64), wrong: &mut impl FnMut(&str, &str, &str)) {
    if (least..=most).contains(&value) {
        return;
    }
    let than = if value < least { format!("less than {least}") } else { format!("more than {most}") };
    wrong(path, &format!("{value} is {than}"), &format!("write {least} to {most}, or leave it out"));
}

fn length(path: &str, value: Duration, bounds: (Duration, Duration), wrong: &mut impl FnMut(&str, &str, &str)) {
    if (bounds.0..=bounds.1).contains(&value) {
        return;
    }
    let (least, most) = (duration::format(bounds.0), duration::format(bounds.1));
    let (least, value_is) = (if bounds.0.is_zero() { "0s".to_owned() } else { least }, duration::format(value));
    let value_is = if value.is_zero() { "0s".to_owned() } else { value_is };
    let than = if value < bounds.0 { format!("shorter than {least}") } else { format!("longer than {most}") };
    wrong(path, &format!("{value_is} is {than}"), &format!("write \"{least}\" to \"{most}\", or leave it out"));
}

#[cfg(test)]
mod tests {
    use crate::config::{load, render};

    #[test]
    fn what_keeps_nothing_or_more_than_anything_holds_is_told_with_its_bounds() {
        let text = "\
[store]
keep_audit_days = 0
keep_closed_alerts_days = 0
keep_deliveries_days = 40000
max_closed_alerts = 0
max_waiting_deliveries = 0
[alerts]
max_open = 0
cooldown = '9999d'
[detection]
duplicates_window = '9999d'
max_remembered = 0
max_entities = 255
max_waiting_megabytes = 0
threads = 257
lateness = '2d'
silence = '0s'
[posture]
read_every = '1s'
stale_after = '1d'
[heartbeat]
url = 'https://beat.example/x'
every = '0s'
[sources.http.in.limits]
max_body_bytes = 0
max_spool_bytes = 0
[sinks.slack.ops]
url = 'https://hooks.example/x'
timeout = '0s'
[sinks.jsonl.archive]
path = '/var/log/alerts'
rotate_bytes = 0
";
        let problems = load("gatewatch.toml", text).unwrap_err();
        let shown = render(&problems, text, false);
        let values = text
            .lines()
            .filter(|line| line.contains('=') && !["url", "path"].contains(&&line[..line.find(' ').unwrap()]));
        assert_eq!(problems.len(), values.count(), "{shown}");
        for part in [
            "0 is less than 1",
            "write 1 to 36500, or leave it out",
            "0 is less than 100",
            "9999d is longer than 7d",
            "write \"0s\" to \"7d\", or leave it out",
            "0s is shorter than 1s",
            "write \"1s\" to \"10m\"",
            "0 is less than 4096",
        ] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
    }
}
