//! What has changed between two models, and since a day?
//!
//! What events prove and what came or went; what two readings of configuration differ in is told by
//! [`Readings`](super::Readings), for that makes alerts. A write to the control plane is told of the part
//! that it touches as it comes, however late. At most 1,000 changes between two models.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::Living;
use super::part::{Part, PartKind};
use super::standing::{Drift, DriftKind, Stands};
use crate::clock::Timestamp;
use crate::posture::observed::Write;
use crate::posture::{ElementKind, of_resource};

/// For this long after the first event of all, everything is new and nothing is told as such.
const LEARNS: Duration = Duration::from_hours(1);
/// Changes told between two models.
const MAX_DRIFTS: usize = 1_000;

/// Returns what has changed from `before` to `after`. Against a model that knew nothing, nothing has.
pub fn drift(before: &Living, after: &Living) -> Vec<Drift> {
    let mut drifts: Vec<Drift> = Vec::new();
    let at = after.at.unwrap_or(Timestamp::MIN);
    if before.at.is_some() {
        let first = before.parts.iter().filter_map(|part| part.seen).map(|seen| seen.first).min();
        let learnt = first.is_some_and(|first| at > first.plus(LEARNS));
        let known: HashMap<(PartKind, &str), &Part> =
            before.parts.iter().map(|part| ((part.kind, &*part.name), part)).collect();
        for part in &after.parts {
            match known.get(&(part.kind, &*part.name)) {
                Some(old) => controls(old, part, after, at, &mut drifts),
                // What configuration brings is told by readings.
                None if learnt && !part.configured && part.kind != PartKind::Caller => {
                    drifts.push(plain(at, DriftKind::Came, &part.name, came(part)));
                }
                None => {}
            }
        }
        if learnt {
            ways(before, after, at, &mut drifts);
        }
    }
    drifts.truncate(MAX_DRIFTS);
    drifts
}

/// Returns what has changed since `from`, the newest first, of a list in that order.
pub fn since(drifts: &[Drift], from: Timestamp) -> &[Drift] {
    let end = drifts.iter().position(|drift| drift.at < from).unwrap_or(drifts.len());
    &drifts[..end]
}

fn plain(at: Timestamp, kind: DriftKind, part: &Arc<str>, says: String) -> Drift {
    Drift { at, kind, part: part.clone(), control: "".into(), states: None, says: says.into(), by: None, alert: None }
}

fn came(part: &Part) -> String {
    let what = match part.kind {
        PartKind::Caller => "a caller",
        PartKind::Gateway => "a gateway",
        PartKind::Api => "an API",
        PartKind::Operation => "an operation",
        PartKind::App => "an app",
        PartKind::Function => "a function",
        PartKind::Identity => "an identity",
        PartKind::Resource => "a resource",
        PartKind::Other => "a part",
    };
    let declared = if part.intended { "" } else { ", and nobody declared it" };
    format!("{what} was seen for the first time{declared}")
}

/// What events prove now and did not before, and the other way round.
fn controls(old: &Part, new: &Part, after: &Living, at: Timestamp, drifts: &mut Vec<Drift>) {
    for standing in &new.standings {
        let Some(before) = old.standings.iter().find(|one| one.control == standing.control) else { continue };
        let kind = match (before.stands, standing.stands) {
            (before, now) if before == now => continue,
            (_, Stands::Contradicted) => DriftKind::Weaker,
            (Stands::Contradicted, Stands::Held | Stands::ConfiguredOnly | Stands::Accepted) => DriftKind::Stronger,
            _ => continue,
        };
        let Some(control) = standing.control(&after.controls) else { continue };
        let evidence = standing.evidence.as_ref().or(before.evidence.as_ref());
        // The first event of all may lie before it healed last: then it is not known which one came first since.
        let healed =
            |one: &&Drift| one.kind == DriftKind::Stronger && one.part == new.name && *one.control == *control.id;
        let healed = after.drifts.iter().find(healed).map(|one| one.at);
        let first = evidence.filter(|_| kind == DriftKind::Weaker).map(|evidence| evidence.first);
        let first = first.filter(|first| healed.is_none_or(|healed| *first > healed));
        drifts.push(Drift {
            at: first.map_or(at, |first| first.max(old_at(old))),
            kind,
            part: new.name.clone(),
            control: control.id.as_str().into(),
            states: Some((before.stands, standing.stands)),
            says: format!("{}: {}", control.title, standing.says).into(),
            by: None,
            alert: evidence.and_then(|evidence| evidence.alert.clone()),
        });
    }
}

fn old_at(part: &Part) -> Timestamp {
    part.seen.map_or(Timestamp::MIN, |seen| seen.first)
}

/// Ways that nobody declared and that were not seen before.
fn ways(before: &Living, after: &Living, at: Timestamp, drifts: &mut Vec<Drift>) {
    let name =
        |model: &'_ Living, place: u32| model.parts.get(place as usize).map(|part| (part.kind, part.name.clone()));
    let ends = |model: &Living, from: u32, to: u32| Some((name(model, from)?, name(model, to)?));
    let old: HashSet<_> = before
        .flows
        .iter()
        .filter(|flow| flow.seen.is_some())
        .filter_map(|flow| ends(before, flow.from, flow.to))
        .collect();
    let known: HashSet<_> = before.parts.iter().map(|part| (part.kind, part.name.clone())).collect();
    for flow in after.flows.iter().filter(|flow| flow.seen.is_some() && !flow.intended) {
        let Some((from, to)) = ends(after, flow.from, flow.to) else { continue };
        // What leads to a part that is new itself is told with that.
        if known.contains(&to) && !old.contains(&(from.clone(), to.clone())) {
            let says = format!("{} reaches it for the first time, by {}", from.1, flow.by);
            drifts.push(plain(at, DriftKind::Came, &to.1, says));
        }
    }
}

/// Tells of a write to the control plane.
pub fn written(write: &Write) -> Option<Drift> {
    let named = of_resource(&write.resource)?;
    matches!(named.kind, ElementKind::App | ElementKind::ApiManagement | ElementKind::KeyVault | ElementKind::Storage)
        .then(|| Drift {
            at: write.at,
            kind: DriftKind::Written,
            part: named.name.into(),
            control: "".into(),
            states: None,
            says: format!("{} on {}", write.operation, below(&write.resource, named.name)).into(),
            by: Some((write.by.clone(), write.from.clone())),
            alert: None,
        })
}

/// Returns what of a resource's id follows its provider.
fn below<'r>(resource: &'r str, name: &'r str) -> &'r str {
    resource.rsplit_once("/providers/").map_or(name, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::super::part::Boundary;
    use super::super::standing::{Evidence, Standing};
    use super::*;
    use crate::posture::controls::shipped;

    const AT: Timestamp = Timestamp::from_seconds(1_795_442_400);

    fn minute(n: u64) -> Timestamp {
        AT.plus(Duration::from_mins(n))
    }

    fn living(stands: Stands, first: u64, drifts: Vec<Drift>) -> Living {
        let evidence = Some(Box::new(Evidence { count: 2, first: minute(first), last: minute(50), alert: None }));
        let part = Part {
            kind: PartKind::App,
            name: "shop".into(),
            of: None,
            boundary: Boundary::Apps,
            owner: None,
            intended: false,
            configured: true,
            seen: None,
            standings: vec![Standing { control: 0, stands, says: "so".into(), place: None, evidence }],
            layers: Vec::new(),
            firing: Vec::new(),
            covered: Vec::new(),
        };
        Living {
            at: Some(minute(60)),
            controls: Arc::new(shipped().unwrap()),
            parts: vec![part],
            drifts,
            ..Living::default()
        }
    }

    #[test]
    fn what_is_unknown_now_is_not_stronger() {
        let told = |now| drift(&living(Stands::Contradicted, 1, Vec::new()), &living(now, 1, Vec::new()));
        assert_eq!(told(Stands::Unknown), []);
        assert_eq!(told(Stands::NotConfigured), []);
        assert_eq!(told(Stands::Held)[0].kind, DriftKind::Stronger);
    }

    #[test]
    fn what_is_contradicted_again_is_not_dated_before_it_healed() {
        let before = living(Stands::Held, 1, Vec::new());
        let at = |drifts| drift(&before, &living(Stands::Contradicted, 1, drifts))[0].at;
        assert_eq!(at(Vec::new()), minute(1));
        let healed = drift(&living(Stands::Contradicted, 1, Vec::new()), &before);
        assert_eq!(at(healed), minute(60), "the first event is from before");
    }
}
