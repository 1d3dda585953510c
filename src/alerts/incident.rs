//! Which alerts belong together?
//!
//! Two alerts that share an entity, and whose spans come within an hour of each other, are of one
//! incident, and so are those that third ones join to them. Apps, functions and gateways join none:
//! everything that happens to an app would be one incident. An incident is named after its first
//! alert, so it keeps its name as it grows. The answer depends on the alerts alone, not on their
//! order. At most 1,000 alerts are of one incident: an entity that would join more joins no further.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;

use super::{Alert, AlertId, Entity, EntityKind, Level};

/// How far apart what belongs together may be.
const GAP: Duration = Duration::from_hours(1);
/// Alerts of one incident.
const MOST_ALERTS: usize = 1_000;

/// What of an alert an incident needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The alert.
    pub id: AlertId,
    /// When it opened.
    pub opened_at: Timestamp,
    /// Its first and its last event.
    pub span: (Timestamp, Timestamp),
    /// How bad it is.
    pub level: Level,
    /// Whether it is closed.
    pub closed: bool,
    /// What it shares with others.
    pub entities: Vec<Entity>,
}

impl Part {
    /// Returns what of `alert` an incident needs.
    pub fn of(alert: &Alert) -> Self {
        let place = |kind| matches!(kind, EntityKind::App | EntityKind::Function | EntityKind::Gateway);
        let mut entities: Vec<Entity> = alert.entities.iter().chain([&alert.entity]).cloned().collect();
        entities.retain(|entity| !place(entity.kind));
        entities.sort_unstable();
        entities.dedup();
        Self {
            id: alert.id,
            opened_at: alert.opened_at,
            span: (alert.first_seen, alert.last_seen.max(alert.opened_at)),
            level: alert.level,
            closed: alert.state == super::AlertState::Closed,
            entities,
        }
    }
}

/// Alerts that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its name: that of its first alert.
    pub id: AlertId,
    /// Its alerts, in the order in which they opened.
    pub alerts: Vec<AlertId>,
    /// The worst of them.
    pub level: Level,
    /// From the first event to the last.
    pub span: (Timestamp, Timestamp),
    /// What at least two of them share.
    pub shared: Vec<Entity>,
    /// Whether all of them are closed.
    pub closed: bool,
}

/// Groups alerts; those that belong to no other are incidents of their own. The one that was
/// active last comes first.
pub fn incidents(mut parts: Vec<Part>) -> Vec<Incident> {
    parts.sort_unstable_by_key(|part| (part.opened_at, part.id));
    parts.dedup_by_key(|part| part.id);
    let mut groups = Groups::of(parts.len());
    let mut by_entity: BTreeMap<&Entity, Vec<usize>> = BTreeMap::new();
    for (n, part) in parts.iter().enumerate() {
        for entity in &part.entities {
            by_entity.entry(entity).or_default().push(n);
        }
    }
    for members in by_entity.values_mut() {
        members.sort_by_key(|n| (parts[*n].span.0, *n));
        // The one that reaches furthest so far: whoever begins within the gap of its end joins.
        let mut furthest: Option<usize> = None;
        for &n in members.iter() {
            if let Some(last) = furthest.filter(|last| parts[n].span.0 <= parts[*last].span.1.plus(GAP)) {
                groups.join(last, n);
            }
            if furthest.is_none_or(|last| parts[last].span.1 < parts[n].span.1) {
                furthest = Some(n);
            }
        }
    }
    let mut of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for n in 0..parts.len() {
        of.entry(groups.root(n)).or_default().push(n);
    }
    let mut found: Vec<Incident> = of.values().filter_map(|members| incident(&parts, members)).collect();
    found.sort_by_key(|incident| std::cmp::Reverse((incident.span.1, incident.id)));
    found
}

fn incident(parts: &[Part], members: &[usize]) -> Option<Incident> {
    let all: Vec<&Part> = members.iter().filter_map(|n| parts.get(*n)).collect();
    let mut seen: BTreeMap<&Entity, usize> = BTreeMap::new();
    for entity in all.iter().flat_map(|part| &part.entities) {
        *seen.entry(entity).or_default() += 1;
    }
    Some(Incident {
        id: all.first()?.id,
        alerts: all.iter().map(|part| part.id).collect(),
        level: all.iter().map(|part| part.level).max()?,
        span: (all.iter().map(|part| part.span.0).min()?, all.iter().map(|part| part.span.1).max()?),
        shared: seen.into_iter().filter(|(_, times)| *times > 1).map(|(entity, _)| entity.clone()).collect(),
        closed: all.iter().all(|part| part.closed),
    })
}

/// Which belong together: each points to an earlier one, the first of a group to itself.
struct Groups {
    to: Vec<usize>,
    size: Vec<usize>,
}

impl Groups {
    fn of(count: usize) -> Self {
        Self { to: (0..count).collect(), size: vec![1; count] }
    }

    fn root(&mut self, mut n: usize) -> usize {
        while self.to[n] != n {
            self.to[n] = self.to[self.to[n]];
            n = self.to[n];
        }
        n
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (first, second) = (a.min(b), a.max(b));
        if first != second && self.size[first] + self.size[second] <= MOST_ALERTS {
            self.to[second] = first;
            self.size[first] += self.size[second];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(id: u64, minutes: (i64, i64), ips: &[u8]) -> Part {
        let at = |minutes: i64| Timestamp::from_seconds(minutes * 60);
        let ip = |ip: &u8| Entity::new(EntityKind::Ip, format!("203.0.113.{ip}"));
        Part {
            id: AlertId(id),
            opened_at: at(minutes.0),
            span: (at(minutes.0), at(minutes.1)),
            level: Level::Medium,
            closed: false,
            entities: ips.iter().map(ip).collect(),
        }
    }

    fn grouped(parts: Vec<Part>) -> Vec<Vec<u64>> {
        incidents(parts).iter().map(|incident| incident.alerts.iter().map(|id| id.0).collect()).collect()
    }

    #[test]
    fn what_shares_an_entity_within_an_hour_is_one_incident_and_third_ones_join() {
        let parts = vec![
            part(1, (0, 5), &[1]),
            part(2, (60, 61), &[1, 2]),
            part(3, (100, 101), &[2]),
            part(4, (100, 102), &[9]),
        ];
        assert_eq!(grouped(parts.clone()), [vec![4], vec![1, 2, 3]]);
        let incident = incidents(parts).pop().unwrap();
        assert_eq!((incident.id, incident.shared.len()), (AlertId(1), 2));
    }

    #[test]
    fn what_is_more_than_an_hour_apart_is_not() {
        assert_eq!(grouped(vec![part(1, (0, 5), &[1]), part(2, (66, 70), &[1])]), [vec![2], vec![1]]);
        assert_eq!(
            grouped(vec![part(1, (0, 300), &[1]), part(2, (5, 6), &[1]), part(3, (340, 341), &[1])]),
            [vec![1, 2, 3]]
        );
    }

    #[test]
    fn no_incident_grows_beyond_its_ceiling() {
        let parts = (0..2_500).map(|id| part(id, (id as i64, id as i64 + 1), &[1])).collect();
        let sizes: Vec<usize> = incidents(parts).iter().map(|incident| incident.alerts.len()).collect();
        assert!(sizes.iter().all(|size| *size <= MOST_ALERTS), "{sizes:?}");
        assert_eq!(sizes.iter().sum::<usize>(), 2_500);
    }

    proptest! {
        #[test]
        fn the_order_of_alerts_does_not_matter(
            all in prop::collection::vec((0_i64..600, 0_i64..90, prop::collection::vec(0_u8..12, 1..3)), 0..40)
                .prop_map(|all| all.into_iter().zip(1_u64..).map(|((from, lasts, ips), id)| part(id, (from, from + lasts), &ips)).collect::<Vec<_>>()),
            seed in any::<u64>(),
        ) {
            let mut other = all.clone();
            other.sort_by_key(|part| part.id.0.wrapping_mul(seed | 1));
            let found = incidents(all.clone());
            prop_assert_eq!(&incidents(other), &found);
            // Every alert is of exactly one.
            let mut ids: Vec<u64> = found.iter().flat_map(|incident| incident.alerts.iter().map(|id| id.0)).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (1..=all.len() as u64).collect::<Vec<_>>());
        }
    }
}
