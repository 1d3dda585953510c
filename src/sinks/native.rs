//! An alert as one line of Gatewatch's own JSON: what `replay --alerts`, the JSON-lines sink,
//! webhooks and the API write.

use std::time::Duration;

use serde_json::{Value, json};

use crate::alerts::{Alert, Because, Member};
use crate::telemetry::Streams;

/// Returns `alert` in its native form. `streams` gives positions their names.
pub fn native(alert: &Alert, streams: &Streams) -> Value {
    let entity = |entity: &crate::telemetry::Entity| json!({"kind": entity.kind.name(), "value": &*entity.value});
    let evidence: Vec<Value> = alert
        .all_evidence()
        .into_iter()
        .map(|one| {
            let stream = streams.name(one.position.stream);
            json!({
                "position": {
                    "source": stream.as_ref().map(|name| name.source.clone()),
                    "topic": stream.as_ref().map(|name| name.topic.clone()),
                    "partition": stream.as_ref().map(|name| name.partition),
                    "offset": one.position.offset,
                    "index": one.position.index,
                },
                "time": one.time,
                "category": one.category.name(),
                "record": one.record,
            })
        })
        .collect();
    json!({
        "id": alert.id.to_string(),
        "detector": alert.detector,
        "group": alert.group,
        "also": alert.also().iter().map(also).collect::<Vec<_>>(),
        "family": alert.family.name(),
        "level": alert.level.name(),
        "title": alert.title,
        "entity": entity(&alert.entity),
        "entities": alert.entities.iter().map(entity).collect::<Vec<_>>(),
        "app": alert.app,
        "owner": alert.owner,
        "first_seen": alert.first_seen,
        "opened_at": alert.opened_at,
        "last_seen": alert.last_seen,
        "count": alert.count,
        "why": alert.why,
        "because": alert.because.as_ref().map(because),
        "attack": {"version": alert.attack.version, "techniques": alert.attack.techniques},
        "threat": alert.threat,
        "state": alert.state.name(),
        "evidence": evidence,
        "triage": alert.triage,
        "late": alert.late,
        "assignee": alert.assignee,
    })
}

/// What another detector has seen of the same.
fn also(member: &Member) -> Value {
    json!({
        "detector": member.detector,
        "family": member.family.name(),
        "level": member.level.name(),
        "title": member.title,
        "count": member.count,
        "first_seen": member.first_seen,
        "opened_at": member.opened_at,
        "last_seen": member.last_seen,
        "app": member.app,
        "why": member.why,
        "attack": {"version": member.attack.version, "techniques": member.attack.techniques},
        "threat": member.threat,
    })
}

/// What an alert rests on, in numbers and in words.
fn because(because: &Because) -> Value {
    let seconds = |span: Duration| span.as_secs_f64();
    json!({
        "measure": because.measure,
        "value": because.value,
        "peak": because.peak,
        "limit": because.limit,
        "within_seconds": because.within.map(seconds),
        "from": because.from,
        "to": because.to,
        "events": because.events,
        "quiet_at": because.quiet_at(),
        "earlier": because.earlier.map(|earlier| json!({"limit": earlier.limit, "seconds": seconds(earlier.by)})),
        "without_events": because.without(),
        "says": because.says(),
        "flips": because.flips(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{sample, sample_streams, shared_sample};
    use super::*;

    #[test]
    fn the_detector_in_front_has_the_line_and_the_others_stand_in_also() {
        let line = native(&shared_sample(), &sample_streams());
        assert_eq!((&line["detector"], &line["group"]), (&"key-usage.one_key_many_addresses".into(), &"seen".into()));
        let also = &line["also"];
        assert_eq!(also.as_array().map(Vec::len), Some(1));
        let shown = (&also[0]["detector"], &also[0]["family"], &also[0]["level"], &also[0]["count"]);
        assert_eq!(shown, (&"probing.scanner".into(), &"probing".into(), &"low".into(), &7.into()));
        assert_eq!(line["evidence"].as_array().map(Vec::len), Some(2), "each event once, of all of them");
        let alone = native(&sample(), &sample_streams());
        assert_eq!((&alone["also"], &alone["group"]), (&json!([]), &Value::Null));
    }
}
