//! An alert as the Open Cybersecurity Schema Framework writes it: Detection Finding, class 2004.
//!
//! Version 1.5.0 of the schema, the first with `anomaly_analyses`: a finding that rests on what is
//! usual says what that was and how far it was left. `time` and the range around it are event times
//! in milliseconds, so a finding that is replayed says the same.

use serde_json::{Value, json};

use crate::alerts::{Alert, AlertState, Because, Entity, EntityKind, Level, Limit, Measure, Transition};
use crate::clock::Timestamp;
use crate::telemetry::Streams;

use super::{idempotency_key, native};

const CLASS: u32 = 2004;
const VERSION: &str = "1.5.0";

/// What happened to a finding, in OCSF's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It is new.
    Create,
    /// It changed.
    Update,
    /// It is over.
    Close,
}

impl Activity {
    /// Returns the activity that a transition is.
    pub const fn of(transition: &Transition) -> Self {
        match transition {
            Transition::Opened(_) => Self::Create,
            Transition::Updated(..) => Self::Update,
            Transition::Closed(..) => Self::Close,
        }
    }

    /// Returns the activity that an alert's final state amounts to: what `replay` writes.
    pub const fn of_final(alert: &Alert) -> Self {
        match alert.state {
            AlertState::Open => Self::Create,
            AlertState::Acknowledged => Self::Update,
            AlertState::Closed => Self::Close,
        }
    }

    /// Returns the activity's name.
    pub const fn name(self) -> &'static str {
        self.id_and_name().1
    }

    const fn id_and_name(self) -> (u32, &'static str) {
        match self {
            Self::Create => (1, "Create"),
            Self::Update => (2, "Update"),
            Self::Close => (3, "Close"),
        }
    }
}

/// Returns `alert` as a Detection Finding. `streams` gives positions their names.
pub fn ocsf(alert: &Alert, activity: Activity, streams: &Streams) -> Value {
    let (activity_id, activity_name) = activity.id_and_name();
    let (severity_id, severity) = severity(alert.level);
    let (status_id, status) = match alert.state {
        AlertState::Open => (1, "New"),
        AlertState::Acknowledged => (2, "In Progress"),
        AlertState::Closed => (4, "Resolved"),
    };
    let mut finding = json!({
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity_id,
        "type_name": format!("Detection Finding: {activity_name}"),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "time": time(if activity == Activity::Create { alert.opened_at } else { alert.last_seen }),
        "start_time": time(alert.first_seen),
        "end_time": time(alert.last_seen),
        "count": alert.count,
        "is_alert": activity != Activity::Close,
        "message": alert.why,
        "metadata": {
            "version": VERSION,
            "uid": idempotency_key(alert),
            "product": {"name": "Gatewatch", "vendor_name": "Gatewatch", "version": env!("CARGO_PKG_VERSION")},
        },
        "finding_info": finding_info(alert),
        "evidences": evidences(alert, streams),
        "resources": resources(alert),
        "observables": observables(alert),
        "unmapped": {
            "because": alert.because.as_ref().map(Because::says),
            "flips": alert.because.as_ref().map(Because::flips),
            "threat": alert.threat, "owner": alert.owner, "late": alert.late, "revision": alert.revision,
        },
    });
    if let Some(analysis) = alert.because.as_ref().and_then(|because| anomaly(alert, because)) {
        finding["anomaly_analyses"] = json!([analysis]);
    }
    finding
}

/// What was usual, and what came instead; `None` where a finding rests on no baseline.
fn anomaly(alert: &Alert, because: &Because) -> Option<Value> {
    let Limit::Band(low, high) = because.limit else { return None };
    let (pattern, observed) = if because.value > high {
        ("ABOVE_USUAL", because.peak.max(because.value))
    } else {
        ("BELOW_USUAL", because.value)
    };
    let of = match because.measure {
        Measure::Usual => "events",
        Measure::Share => "share",
        _ => "values",
    };
    let attribute = format!("{of} of {}", alert.detector);
    let span = json!({
        "type_id": 9, "type": "Time Interval", "start_time": time(because.from), "end_time": time(because.to),
    });
    let observation = |pattern: &str, observations: Value| {
        json!({
            "observation_type": "Volume Analysis",
            "observed_attribute": attribute,
            "observed_pattern": pattern,
            "observations": observations,
        })
    };
    Some(json!({
        "analysis_target": {"name": &*alert.entity.value, "type": alert.entity.kind.name()},
        "anomalies": [observation(pattern, json!([
            {"value": observed.to_string(), "count": because.events, "timespan": span},
        ]))],
        "baselines": [observation("USUAL", json!([{"value": format!("{low} to {high}")}]))],
    }))
}

const fn severity(level: Level) -> (u32, &'static str) {
    match level {
        Level::Informational => (1, "Informational"),
        Level::Low => (2, "Low"),
        Level::Medium => (3, "Medium"),
        Level::High => (4, "High"),
        Level::Critical => (5, "Critical"),
    }
}

const fn time(at: Timestamp) -> i64 {
    at.millis()
}

fn finding_info(alert: &Alert) -> Value {
    let attack = |technique: &String| match technique.split_once('.') {
        Some((parent, _)) => json!({
            "version": alert.attack.version, "technique": {"uid": parent}, "sub_technique": {"uid": technique},
        }),
        None => json!({"version": alert.attack.version, "technique": {"uid": technique}}),
    };
    let baseline = alert.because.as_ref().is_some_and(|because| matches!(because.limit, Limit::Band(..)));
    let (type_id, kind) = if baseline { (3, "Statistical") } else { (1, "Rule") };
    json!({
        "uid": alert.id.to_string(),
        "title": alert.title,
        "desc": alert.why,
        "types": [alert.family.name()],
        "created_time": time(alert.opened_at),
        "modified_time": time(alert.last_seen),
        "first_seen_time": time(alert.first_seen),
        "last_seen_time": time(alert.last_seen),
        "analytic": {
            "type_id": type_id, "type": kind, "uid": alert.detector, "name": alert.title,
            "category": alert.family.name(),
        },
        "related_analytics": alert.also().iter().map(|member| json!({
            "type_id": 1, "type": "Rule", "uid": member.detector, "name": member.title, "desc": member.why,
            "category": member.family.name(),
        })).collect::<Vec<_>>(),
        "attacks": alert.attack.techniques.iter().map(attack).collect::<Vec<_>>(),
    })
}

/// One evidence for each event: what the native form says of it, as `data`.
fn evidences(alert: &Alert, streams: &Streams) -> Vec<Value> {
    match native(alert, streams).get_mut("evidence").map(Value::take) {
        Some(Value::Array(events)) => events.into_iter().map(|event| json!({"data": event})).collect(),
        _ => Vec::new(),
    }
}

/// The apps, functions and gateways that the alert concerns.
fn resources(alert: &Alert) -> Vec<Value> {
    let resource = |kind: &str, uid: &str| json!({"type": kind, "uid": uid, "name": uid});
    let named = alert.entities.iter().filter_map(|entity| match entity.kind {
        EntityKind::Function | EntityKind::Gateway => Some(resource(entity.kind.name(), &entity.value)),
        _ => None,
    });
    alert.app.iter().map(|app| resource("app", app)).chain(named).collect()
}

fn observables(alert: &Alert) -> Vec<Value> {
    let observable = |entity: &Entity| {
        let (type_id, name) = match entity.kind {
            EntityKind::Ip => (2, "IP Address"),
            EntityKind::Origin => (6, "URL String"),
            EntityKind::App | EntityKind::Function | EntityKind::Gateway => (10, "Resource UID"),
            EntityKind::Key | EntityKind::Identity | EntityKind::Secret => (99, "Other"),
        };
        json!({"name": entity.kind.name(), "type_id": type_id, "type": name, "value": &*entity.value})
    };
    alert.entities.iter().map(observable).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{sample, sample_streams, shared_sample};
    use super::*;

    #[test]
    fn a_finding_has_every_field_that_ocsf_requires() {
        let finding = ocsf(&sample(), Activity::Create, &sample_streams());
        for field in ["/activity_id", "/category_uid", "/class_uid", "/severity_id", "/time", "/type_uid"] {
            assert!(finding.pointer(field).is_some_and(Value::is_i64), "{field}");
        }
        for field in ["/finding_info/uid", "/metadata/version", "/metadata/product/vendor_name", "/message"] {
            assert!(finding.pointer(field).is_some_and(Value::is_string), "{field}");
        }
        assert_eq!((&finding["type_uid"], &finding["severity_id"]), (&200_401.into(), &4.into()));
        assert_eq!(finding["time"], 160_000);
        assert_eq!(finding["finding_info"]["attacks"][0]["technique"]["uid"], "T1078");
        assert_eq!(finding["finding_info"]["attacks"][0]["sub_technique"]["uid"], "T1078.004");
        assert_eq!(finding["evidences"][0]["data"]["position"]["topic"], "logs");
        assert_eq!(finding["resources"][0]["uid"], "shop");
        assert_eq!(finding["observables"][1]["type_id"], 2);
    }

    #[test]
    fn what_other_detectors_saw_are_related_analytics_and_their_events_evidences() {
        let finding = ocsf(&shared_sample(), Activity::Create, &sample_streams());
        let related = &finding["finding_info"]["related_analytics"];
        assert_eq!(related.as_array().map(Vec::len), Some(1));
        assert_eq!((&related[0]["uid"], &related[0]["type_id"]), (&"probing.scanner".into(), &1.into()));
        assert_eq!(finding["evidences"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn opening_changing_and_closing_are_activities_one_two_and_three() {
        let mut alert = sample();
        assert_eq!(ocsf(&alert, Activity::of_final(&alert), &sample_streams())["type_uid"], 200_401);
        alert.state = AlertState::Acknowledged;
        assert_eq!(ocsf(&alert, Activity::of_final(&alert), &sample_streams())["type_uid"], 200_402);
        alert.state = AlertState::Closed;
        let closed = ocsf(&alert, Activity::of_final(&alert), &sample_streams());
        assert_eq!((&closed["type_uid"], &closed["status_id"]), (&200_403.into(), &4.into()));
    }
}
