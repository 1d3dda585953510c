//! Two finds overlap: what is hidden, and as what?
//!
//! All that any find covers is hidden, so nothing of a secret is left over; what it is called is
//! decided by the surest find. A find that yields (a whole connection string) makes way for what
//! is inside it, so that the rest stays readable.

use std::ops::Range;

use super::{Found, Kind};

/// Makes `found` ascending and free of overlaps.
pub fn merge(found: &mut Vec<Found>) {
    if found.iter().any(|one| one.yields) {
        drop_yielding(found);
    }
    found.retain(|one| !one.already);
    found.sort_by_key(|one| (one.span.start, one.span.end));
    let mut kept = 0;
    for at in 1..found.len() {
        if found[at].span.start >= found[kept].span.end {
            kept += 1;
            found.swap(kept, at);
            continue;
        }
        let span = found[kept].span.start..found[kept].span.end.max(found[at].span.end);
        if rank(&found[at]) > rank(&found[kept]) {
            found.swap(kept, at);
        }
        if found[kept].span != span {
            widen(found, kept, at, &span);
        }
        found[kept].span = span;
        if found[kept].facts.is_none() {
            found[kept].facts = found[at].facts.take();
        }
    }
    found.truncate(kept + 1);
}

/// Makes what is written for `kept` fit the wider `span`: what the other that has this span would
/// write, if it is of the same secret, or the fingerprint as it is.
fn widen(found: &mut [Found], kept: usize, at: usize, span: &Range<usize>) {
    let other = (found[at].span == *span).then(|| found[at].inside.take()).flatten();
    match (&mut found[kept].inside, other) {
        (Some(inside), Some(other)) if inside.value == other.value => *inside = other,
        (Some(inside), _) => inside.forget(),
        (None, _) => {}
    }
}

/// Drops what yields and holds something that does not; a sweep over all, sorted.
fn drop_yielding(found: &mut Vec<Found>) {
    let mut firm: Vec<(usize, usize)> =
        found.iter().filter(|one| !one.yields).map(|one| (one.span.start, one.span.end)).collect();
    firm.sort_unstable();
    // With ends made ascending too, the first that ends behind a start is found by bisection.
    let mut furthest = 0;
    for (_, end) in &mut firm {
        furthest = furthest.max(*end);
        *end = furthest;
    }
    found.retain(|one| {
        let next = firm.partition_point(|(_, end)| *end <= one.span.start);
        !one.yields || firm.get(next).is_none_or(|(start, _)| *start >= one.span.end)
    });
}

/// The surest find names the whole: secrets before people, proof before context, then the longest.
fn rank(one: &Found) -> impl Ord + use<> {
    // A rule's pattern knows nothing of escapes: it reads best where they are undone.
    let exact = matches!(one.kind, Kind::Rule(_)) && one.inside.is_some();
    (one.kind.secret(), one.confidence, one.privilege.is_some(), exact, one.value.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Confidence;

    fn find(start: usize, end: usize, kind: Kind, confidence: Confidence) -> Found {
        Found::new(start..end, kind, confidence)
    }

    fn merged(mut found: Vec<Found>) -> Vec<(usize, usize, Kind)> {
        merge(&mut found);
        found.into_iter().map(|one| (one.span.start, one.span.end, one.kind)).collect()
    }

    #[test]
    fn what_overlaps_is_hidden_whole_and_named_by_the_surest() {
        let found = vec![
            find(12, 20, Kind::FunctionKey, Confidence::Proven),
            find(10, 25, Kind::ApiKey, Confidence::Context),
            find(30, 31, Kind::Email, Confidence::Proven),
        ];
        assert_eq!(merged(found), [(10, 25, Kind::FunctionKey), (30, 31, Kind::Email)]);
    }

    #[test]
    fn a_connection_string_yields_to_the_secret_in_it() {
        let whole = Found { yields: true, ..find(0, 50, Kind::ConnectionString, Confidence::Context) };
        let inner = find(30, 40, Kind::StorageKey, Confidence::Proven);
        assert_eq!(merged(vec![whole.clone(), inner]), [(30, 40, Kind::StorageKey)]);
        assert_eq!(merged(vec![whole.clone()]), [(0, 50, Kind::ConnectionString)]);
        let already = Found { already: true, ..find(30, 40, Kind::StorageKey, Confidence::Context) };
        assert_eq!(merged(vec![whole, already]), []);
    }

    #[test]
    fn nothing_found_merges_to_nothing() {
        assert_eq!(merged(Vec::new()), []);
    }
}
