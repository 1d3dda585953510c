//! Which conditions ask for a name that nothing has, or of whom nothing is known?
//!
//! Lists, tags and kinds of secrets are named by files that detectors do not see when they are compiled, so a misspelt
//! one is no problem of theirs: it is told to whoever starts or checks them together. Detectors that came with the
//! program are passed over as they are: they ask for tags that lists may have.

use std::collections::BTreeSet;

use crate::posture::document::nearest;
use crate::telemetry::Field;

use super::catalogue::Catalogue;
use super::condition::Condition;
use super::exceptions::Exceptions;
use super::rule::Weigh;
use super::scene::entity_kind;
use super::words::How;

/// The names that there are.
#[derive(Debug, Default)]
pub struct Heard {
    /// Of lists of addresses.
    pub lists: Vec<String>,
    /// Of the tags of lists.
    pub tags: Vec<String>,
    /// Of kinds of secrets.
    pub secrets: Vec<String>,
}

impl Heard {
    fn of(&self, field: Field) -> Option<(&[String], &'static str, &'static str)> {
        Some(match field {
            Field::SourceLists => (&self.lists, "no list is called", "[context.lists.NAME] makes one"),
            Field::SourceTags => (&self.tags, "no list has the tag", "`tags` of [context.lists.NAME] gives it one"),
            Field::SecretKind => (&self.secrets, "no kind of secret is called", "docs/redaction.md says where all are"),
            _ => return None,
        })
    }

    /// Says what of `condition` asks for a name that there is none of.
    fn missed(&self, condition: &Condition, whose: &str, notes: &mut BTreeSet<String>) {
        match condition {
            Condition::All(inner) | Condition::Any(inner) => {
                for one in inner {
                    self.missed(one, whose, notes);
                }
            }
            Condition::Not(inner) => self.missed(inner, whose, notes),
            Condition::Text(field, words) if words.how() == How::Is => {
                let Some((known, says, mend)) = self.of(*field) else { return };
                for word in words.iter().filter(|word| !known.iter().any(|name| name.eq_ignore_ascii_case(word))) {
                    let meant = nearest(word, known.iter().map(String::as_str));
                    let mend = meant.map_or_else(|| mend.to_owned(), |meant| format!("did you mean `{meant}`?"));
                    notes.insert(format!("{whose}: {says} `{word}`: {mend}"));
                }
            }
            _ => {}
        }
    }
}

impl Catalogue {
    /// Says which conditions of these detectors and of `exceptions` ask for a name that is not among those `heard`
    /// of, and which exceptions can never hold.
    pub fn unheard(&self, exceptions: &Exceptions, heard: &Heard) -> Vec<String> {
        let mut notes = BTreeSet::new();
        for (detector, rule) in self.detectors.all.iter().zip(self.rules.iter()) {
            if self.is_as_shipped(&detector.id) {
                continue;
            }
            let part = if let Weigh::Part(part) = &rule.weigh { Some(part) } else { None };
            for condition in rule.steps.iter().chain(part) {
                heard.missed(condition, &format!("detector {}", detector.id), &mut notes);
            }
        }
        for (exception, when) in exceptions.conditions() {
            heard.missed(when, &format!("exception {}", exception.id), &mut notes);
            let named = exception.detectors.iter().filter_map(|name| self.detectors.named(name));
            for detector in named.filter(|detector| detector.counting.has_no_event()) {
                let own = |field: Field| field == Field::App || entity_kind(field) == Some(detector.entity);
                if !may_hold_of(when, &own) {
                    notes.insert(format!(
                        "exception {} holds nothing of {} back: what it finds is in no event, and has the {} it is \
                         about and the app alone",
                        exception.id, detector.id, detector.entity
                    ));
                }
            }
        }
        notes.into_iter().collect()
    }
}

/// Tells whether a condition may hold where only the fields of which `own` holds are known.
fn may_hold_of(condition: &Condition, own: &impl Fn(Field) -> bool) -> bool {
    match condition {
        Condition::Always | Condition::Not(_) => true,
        Condition::All(all) => all.iter().all(|one| may_hold_of(one, own)),
        Condition::Any(any) => any.iter().any(|one| may_hold_of(one, own)),
        Condition::Number(..) | Condition::Range(..) | Condition::Raw(_) => false,
        Condition::Exists(field)
        | Condition::Text(field, _)
        | Condition::Contains(field, _)
        | Condition::Pattern(field, _)
        | Condition::Network(field, _) => own(*field),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn heard() -> Heard {
        let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Heard { lists: texts(&["office"]), tags: texts(&["intel"]), secrets: texts(&["azure-function-key", "jwt"]) }
    }

    #[test]
    fn a_name_that_nothing_has_is_told_with_what_may_have_been_meant() {
        let text = "id: probing.x\ntitle: t\nthreat: key-theft\nattack: { version: '18', techniques: [] }\nwhy: w\n\
                    triage: t\nfalse_alarms: f\nsays: s\nlevel: low\nneeds: any\nmatch: { by: app }\n\
                    when: { source.lists: offce, not: { source.tags: [Intel, tor] }, secret.kind: azure-functionkey }\n";
        let files = BTreeMap::from([("probing/x.yaml".to_owned(), text.to_owned())]);
        let catalogue = Catalogue::build(&files).unwrap();
        let exceptions = "- { id: a, detectors: probing, owner: o, reason: r, expires: 2027-01-01, when: { source.lists: pentest } }\n";
        let exceptions = Exceptions::read("x", exceptions, &catalogue.detectors).unwrap();
        assert_eq!(
            catalogue.unheard(&exceptions, &heard()),
            [
                "detector probing.x: no kind of secret is called `azure-functionkey`: did you mean `azure-function-key`?",
                "detector probing.x: no list has the tag `tor`: `tags` of [context.lists.NAME] gives it one",
                "detector probing.x: no list is called `offce`: did you mean `office`?",
                "exception a: no list is called `pentest`: [context.lists.NAME] makes one",
            ]
        );
    }

    #[test]
    fn what_comes_with_the_program_asks_for_kinds_that_there_are() {
        let mut notes = BTreeSet::new();
        let kinds = crate::redaction::Rules::shipped();
        let names = crate::redaction::kinds().into_iter().map(str::to_owned);
        let secrets = names.chain(kinds.names().iter().map(ToString::to_string)).collect();
        let heard = Heard { secrets, ..Heard::default() };
        let catalogue = Catalogue::shipped().unwrap();
        for (detector, rule) in catalogue.detectors.all.iter().zip(catalogue.rules.iter()) {
            for step in &rule.steps {
                heard.missed(step, &detector.id, &mut notes);
            }
        }
        notes.retain(|note| note.contains("kind of secret"));
        assert_eq!(notes, BTreeSet::new());
        assert_eq!(catalogue.unheard(&Exceptions::default(), &Heard::default()), [""; 0], "they are passed over");
    }

    #[test]
    fn an_exception_of_a_silence_asks_for_whom_it_is_about_alone() {
        let catalogue = Catalogue::shipped().unwrap();
        let notes = |when: &str| {
            let text = format!(
                "- {{ id: a, detectors: telemetry.app_gone_quiet, owner: o, reason: r, expires: 2027-01-01, when: {when} }}\n"
            );
            let exceptions = Exceptions::read("x", &text, &catalogue.detectors).unwrap();
            catalogue.unheard(&exceptions, &heard()).join("\n")
        };
        assert!(notes("{ source.ip: 192.0.2.1 }").starts_with("exception a holds nothing of telemetry.app_gone_quiet"));
        assert_eq!(notes("{ app: orders }"), "");
        assert_eq!(notes("{ not: { source.ip: 192.0.2.1 } }"), "");
        assert_eq!(notes("{ any: [ { source.ip: 192.0.2.1 }, { app: orders } ] }"), "");
    }
}
