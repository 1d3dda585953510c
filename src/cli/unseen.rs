//! What does a comparison not tell, because secrets were hidden before in what was read?
//!
//! Where a fingerprint stands in place of a secret, detectors of secrets see nothing, in both runs. One that is the same
//! in both would have found the same; one that is not can't be judged, and the comparison must not say that all is well.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::dashboard::visible;
use crate::detection::{Catalogue, Exceptions};

/// The detectors that saw no secrets, because these were hidden before.
#[derive(Debug, Default)]
pub struct Unseen {
    /// Messages in which secrets had been hidden.
    messages: u64,
    /// The detectors by their ids, and whether they are others in the two runs.
    detectors: BTreeMap<Arc<str>, bool>,
}

impl Unseen {
    /// Returns what was not seen in `messages` messages by the detectors and exceptions of either run.
    pub fn of(messages: u64, now: (&Catalogue, &Exceptions), other: (&Catalogue, &Exceptions)) -> Self {
        let mut unseen = Self { messages, ..Self::default() };
        if messages == 0 {
            return unseen;
        }
        let exceptions = |(catalogue, exceptions): (&Catalogue, &Exceptions), id: &str| {
            catalogue.detectors.place_of(id).map_or(0, |place| exceptions.many_for(place))
        };
        for detector in now.0.blind().into_iter().chain(other.0.blind()) {
            let id = &detector.id;
            let differs = !now.0.has_same(other.0, id) || exceptions(now, id) != exceptions(other, id);
            unseen.detectors.insert(Arc::clone(id), differs);
        }
        unseen
    }

    /// Tells whether one of them is another in the two runs, so that it can't be said whether its alerts come or go.
    pub fn matters(&self) -> bool {
        self.detectors.values().any(|differs| *differs)
    }

    /// Tells whether it can't be said of detector `id`.
    pub fn hides(&self, id: &str) -> bool {
        self.detectors.get(id).is_some_and(|differs| *differs)
    }

    /// Says what was not seen, and by whom; nothing if all was.
    pub fn says(&self) -> String {
        if self.detectors.is_empty() {
            return String::new();
        }
        let of = |wanted: bool| {
            let ids = self.detectors.iter().filter(move |(_, differs)| **differs == wanted).map(|(id, _)| visible(id));
            ids.collect::<Vec<_>>().join(", ")
        };
        let (differ, same) = (of(true), of(false));
        let mut out = format!(
            "{} messages were redacted before: secrets in them are not seen by detectors that look at secrets, nor by \
             what adds up their findings\n",
            self.messages
        );
        // Writing to a string can't fail.
        if !differ.is_empty() {
            _ = writeln!(out, "  not compared, and not the same in both: {differ}");
        }
        if !same.is_empty() {
            _ = writeln!(out, "  not compared, but the same in both: {same}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(kind: &str) -> Catalogue {
        let head = "title: t\nthreat: key-theft\nattack: { version: '18', techniques: [T1110] }\nwhy: w\ntriage: t\nfalse_alarms: f\nsays: '{entity} did it'\nlevel: low\nneeds: [http.request]\nmatch: { by: source.ip }";
        let file = |name: &str, when: &str| {
            (format!("probing/{name}.yaml"), format!("id: probing.{name}\n{head}\nwhen: {{ {when} }}\n"))
        };
        let files = [
            file("a", &format!("secret.kind: {kind}")),
            file("b", "secret.kind: jwt"),
            file("c", if kind == "jwt" { "outcome: failure" } else { "outcome: success" }),
        ];
        Catalogue::build(&BTreeMap::from(files)).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn unseen(messages: u64, kind: &str) -> Unseen {
        let (now, other, none) = (catalogue("jwt"), catalogue(kind), Exceptions::default());
        Unseen::of(messages, (&now, &none), (&other, &none))
    }

    #[test]
    fn a_detector_of_secrets_that_is_another_is_hidden_and_one_that_is_the_same_is_named() {
        let unseen = unseen(1_204, "password");
        assert!(unseen.matters());
        assert_eq!(["probing.a", "probing.b", "probing.c"].map(|id| unseen.hides(id)), [true, false, false]);
        assert_eq!(
            unseen.says(),
            "1204 messages were redacted before: secrets in them are not seen by detectors that look at secrets, nor by \
             what adds up their findings\n  not compared, and not the same in both: probing.a\n  not compared, but the \
             same in both: probing.b\n"
        );
    }

    #[test]
    fn what_nobody_has_hidden_and_detectors_that_are_the_same_hide_nothing() {
        assert!(!unseen(1, "jwt").matters());
        let all_seen = unseen(0, "password");
        assert_eq!((all_seen.matters(), all_seen.says()), (false, String::new()));
    }

    #[test]
    fn an_exception_for_a_detector_of_secrets_can_not_be_judged_either() {
        let now = catalogue("jwt");
        let text = "- { id: pentest, detectors: probing.b, owner: o, reason: r, expires: 2027-01-01 }";
        let more = Exceptions::read("exceptions.yaml", text, &now.detectors).unwrap();
        let unseen = Unseen::of(1, (&now, &Exceptions::default()), (&now, &more));
        assert_eq!((unseen.hides("probing.a"), unseen.hides("probing.b")), (false, true));
    }
}
