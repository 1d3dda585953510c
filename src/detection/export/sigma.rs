//! How does Sigma say what a detector does?
//!
//! A `match` is a rule; what counts is a rule with a correlation, a sequence one rule a step. The log source is
//! our own, `product: gatewatch` with a kind of event as its category, and fields keep their names. Sigma has no
//! words for first sights, silence, shares, baselines, travel and risk, nor for secrets and what is looked up:
//! those detectors are named with the reason. An id follows from the detector's, so that an export
//! replaces the one before.

use sha2::{Digest, Sha256};

use crate::detection::condition::Condition;
use crate::detection::rule::{Leveling, Rule, Term, Weigh};
use crate::detection::{Catalogue, Counting, Detector, Window};
use crate::posture::document::write_duration;
use crate::telemetry::{Field, Kind};

use super::selection::{Selections, looked_at};
use super::yaml::Said;

/// Different values that our own loader tells apart in a window.
const MOST_VALUES: u32 = 10_000;

/// A detector that Sigma can't say, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// Its id.
    pub detector: String,
    /// What Sigma has no words for.
    pub why: String,
    /// Whether it is exported all the same, without that.
    pub exported: bool,
}

/// Returns the detectors of `catalogue` as Sigma documents, parted by `---`, and what Sigma can't say. Sigma
/// rules among them are left out: they have documents of their own.
pub fn sigma(catalogue: &Catalogue) -> (String, Vec<Unsaid>) {
    let (mut text, mut unsaid) = (String::new(), Vec::new());
    for (detector, rule) in catalogue.detectors.all.iter().zip(catalogue.rules.iter()) {
        if detector.is_sigma() {
            continue;
        }
        let mut note = |why: String, exported| {
            unsaid.push(Unsaid { detector: detector.id.to_string(), why, exported });
        };
        match (Of { detector, rule }).documents() {
            Ok(documents) => {
                for document in documents {
                    if !text.is_empty() {
                        text.push_str("---\n");
                    }
                    // What serialising could fail on is not among what is said.
                    text.push_str(&serde_saphyr::to_string(&document).unwrap_or_default());
                }
                if let Leveling::By { field, default, .. } = &rule.level {
                    note(format!("its level follows `{}`; it is exported as {default}", field.name()), true);
                }
            }
            Err(why) => note(why, false),
        }
    }
    (text, unsaid)
}

/// A detector on its way to its documents.
struct Of<'c> {
    detector: &'c Detector,
    rule: &'c Rule,
}

/// How a correlation asks.
struct Asks {
    kind: &'static str,
    rules: Vec<String>,
    within: std::time::Duration,
    condition: Option<Said>,
}

/// One of the ways in which events may say whom they are about.
struct Variant {
    /// What it groups by.
    by: Vec<Field>,
    /// What its events lack: those fields come first where they are there.
    lacks: Vec<Field>,
    /// Whether there are others.
    others: bool,
}

impl Of<'_> {
    fn documents(&self) -> Result<Vec<Said>, String> {
        if self.rule.of_secret {
            return Err("it looks at secrets as redaction saw them, which no record says".to_owned());
        }
        match &self.detector.counting {
            Counting::Match => {
                let mut head = self.head(&self.detector.title, &self.detector.id);
                let (source, detection) = self.detection(0, &[])?;
                head.extend([entry("logsource", source), entry("detection", detection)]);
                head.extend(self.tail());
                Ok(vec![Said::Map(head)])
            }
            Counting::Threshold { at_least, within } => {
                let condition = Said::map([("gte", Said::Number((*at_least).into()))]);
                self.counted("event_count", *within, &condition)
            }
            Counting::Distinct { more_than, .. } if *more_than >= MOST_VALUES => {
                Err(format!("it tells more than {MOST_VALUES} values apart"))
            }
            Counting::Distinct { more_than, within } => {
                let values = fields("counts", &self.rule.value)?;
                let limit = Said::Number((*more_than).into());
                self.counted("value_count", *within, &Said::map([("field", Said::texts(values)), ("gt", limit)]))
            }
            Counting::Amount { average: false, more_than, within, .. } if matches!(self.rule.weigh, Weigh::Number) => {
                let field = fields("adds up", &self.rule.value)?;
                let limit = Said::Number(*more_than);
                self.counted("value_sum", *within, &Said::map([("field", Said::texts(field)), ("gt", limit)]))
            }
            Counting::Sequence { found, .. } if !found.is_empty() => {
                Err("it goes by what other detectors find".to_owned())
            }
            Counting::Sequence { gap: Some(_), .. } => {
                Err("its steps may lie only so far apart; a Sigma correlation has one span".to_owned())
            }
            Counting::Sequence { steps, within, gap: None, any_order, .. } => self.sequence(steps, *within, *any_order),
            other => Err(no_words(other).to_owned()),
        }
    }

    /// Returns a rule and the correlation that counts its events, for each variant.
    fn counted(&self, kind: &'static str, within: Window, condition: &Said) -> Result<Vec<Said>, String> {
        if within.tumbling {
            return Err("its windows lie side by side; those of Sigma slide".to_owned());
        }
        let mut documents = Vec::new();
        for variant in variants(&self.rule.by)? {
            let name = self.name(&variant, "");
            let rules = vec![name.clone()];
            let asks = Asks { kind, rules, within: within.within, condition: Some(condition.clone()) };
            documents.push(self.part(0, &variant, &name, "events")?);
            documents.push(self.correlation(&variant, asks));
        }
        Ok(documents)
    }

    fn sequence(&self, steps: &[u32], within: std::time::Duration, any: bool) -> Result<Vec<Said>, String> {
        let mut documents = Vec::new();
        for variant in variants(&self.rule.by)? {
            let mut rules = Vec::new();
            for (number, many) in steps.iter().enumerate() {
                let step = number + 1;
                let name = self.name(&variant, &format!("_step_{step}"));
                documents.push(self.part(number, &variant, &name, &format!("step {step}"))?);
                if *many == 1 {
                    rules.push(name);
                    continue;
                }
                let several = self.name(&variant, &format!("_step_{step}_again"));
                let condition = Some(Said::map([("gte", Said::Number((*many).into()))]));
                let asks = Asks { kind: "event_count", rules: vec![name], within, condition };
                documents.push(Said::Map(vec![
                    entry("title", Said::text(format!("{}: step {step} again and again", self.title(&variant)))),
                    entry("id", Said::text(uuid(&several))),
                    entry("name", Said::text(several.as_str())),
                    entry("correlation", asks.said(&variant)),
                ]));
                rules.push(several);
            }
            let kind = if any { "temporal" } else { "temporal_ordered" };
            documents.push(self.correlation(&variant, Asks { kind, rules, within, condition: None }));
        }
        Ok(documents)
    }

    /// Returns a rule that a correlation refers to.
    fn part(&self, step: usize, variant: &Variant, name: &str, what: &str) -> Result<Said, String> {
        let (source, detection) = self.detection(step, &variant.lacks)?;
        Ok(Said::Map(vec![
            entry("title", Said::text(format!("{}: {what}", self.title(variant)))),
            entry("id", Said::text(uuid(name))),
            entry("name", Said::text(name)),
            entry("status", Said::text("test")),
            entry("logsource", source),
            entry("detection", detection),
        ]))
    }

    fn correlation(&self, variant: &Variant, asks: Asks) -> Said {
        let id = if variant.others { self.name(variant, "_correlation") } else { self.detector.id.to_string() };
        let mut head = self.head(&self.title(variant), &id);
        head.push(entry("correlation", asks.said(variant)));
        head.extend(self.tail());
        Said::Map(head)
    }

    /// Returns the log source and the detection of a step.
    fn detection(&self, step: usize, lacks: &[Field]) -> Result<(Said, Said), String> {
        let when = self.rule.steps.get(step).unwrap_or(&Condition::Always);
        let kinds: Vec<Kind> = self.rule.kinds.iter().copied().filter(|kind| may_be(when, *kind)).collect();
        let mut source = vec![entry("product", Said::text("gatewatch"))];
        let mut selections = Selections::default();
        let mut condition = selections.add(when)?;
        match kinds.as_slice() {
            [one] => source.push(entry("category", Said::text(one.name()))),
            all if all.len() == Kind::ALL.len() => {}
            several => {
                let names = Said::List(several.iter().map(|kind| Said::text(kind.name())).collect());
                condition = format!("{condition} and {}", selections.of_kind(names));
            }
        }
        let aside = self.rule.aside;
        if !aside.counts_inner() && kinds.contains(&Kind::GatewayRequest) {
            let inner = Said::map([("layer", Said::text("inner"))]);
            condition = format!("{condition} and {}", selections.without(inner));
        }
        if !aside.counts_early() && kinds.contains(&Kind::ControlOperation) {
            let early = Said::map([("stage", Said::List(vec![Said::text("started"), Said::text("accepted")]))]);
            condition = format!("{condition} and {}", selections.without(early));
        }
        for field in lacks {
            let there = Said::Map(vec![(format!("{}|exists", field.name()), Said::Truth(true))]);
            condition = format!("{condition} and {}", selections.without(there));
        }
        Ok((Said::Map(source), selections.finish(condition)))
    }

    fn head(&self, title: &str, id: &str) -> Vec<(String, Said)> {
        let detector = self.detector;
        vec![
            entry("title", Said::text(title)),
            entry("id", Said::text(uuid(id))),
            entry("status", Said::text("test")),
            entry("description", Said::text(format!("{} (Gatewatch detector {})", detector.why.trim(), detector.id))),
        ]
    }

    fn tail(&self) -> Vec<(String, Said)> {
        let detector = self.detector;
        let mut tail = vec![entry("falsepositives", Said::List(vec![Said::text(detector.false_alarms.trim())]))];
        let tags: Vec<Said> =
            detector.attack.techniques.iter().map(|id| Said::text(format!("attack.{}", id.to_lowercase()))).collect();
        if !tags.is_empty() {
            tail.push(entry("tags", Said::List(tags)));
        }
        tail.push(entry("level", Said::text(detector.level.name())));
        tail
    }

    /// Returns what rules call a part of it.
    fn name(&self, variant: &Variant, part: &str) -> String {
        let by = if variant.others { format!("_by_{}", variant.named("_")) } else { String::new() };
        format!("{}{by}{part}", self.detector.id).replace(['.', '-'], "_")
    }

    /// Returns its title, with what tells one variant from the others.
    fn title(&self, variant: &Variant) -> String {
        let title = &self.detector.title;
        if variant.others { format!("{title} (by {})", variant.named(", ")) } else { title.to_string() }
    }
}

impl Asks {
    fn said(self, variant: &Variant) -> Said {
        let texts = |texts: Vec<String>| Said::List(texts.into_iter().map(Said::Text).collect());
        let by = variant.by.iter().map(|field| field.name().to_owned()).collect();
        let mut said = vec![
            entry("type", Said::text(self.kind)),
            entry("rules", texts(self.rules)),
            entry("group-by", texts(by)),
            entry("timespan", Said::text(write_duration(self.within))),
        ];
        said.extend(self.condition.map(|condition| entry("condition", condition)));
        Said::Map(said)
    }
}

impl Variant {
    fn named(&self, between: &str) -> String {
        self.by.iter().map(|field| field.name()).collect::<Vec<_>>().join(between)
    }
}

/// Returns the ways in which an event may say whom it is about: for each term one of its fields, which is the first
/// of them that the event has.
fn variants(by: &[Term]) -> Result<Vec<Variant>, String> {
    let mut all = vec![Variant { by: Vec::new(), lacks: Vec::new(), others: false }];
    for term in by {
        let mut more = Vec::new();
        for variant in &all {
            for (place, field) in term.fields().enumerate() {
                looked_at(field)?;
                more.push(Variant {
                    by: variant.by.iter().copied().chain([field]).collect(),
                    lacks: variant.lacks.iter().copied().chain(term.fields().take(place)).collect(),
                    others: variant.others || term.sole().is_none(),
                });
            }
        }
        all = more;
    }
    Ok(all)
}

/// Returns the names of fields that must all be there.
fn fields(does: &str, terms: &[Term]) -> Result<Vec<String>, String> {
    let name = |term: &Term| {
        let Some(field) = term.sole() else {
            let names: Vec<&str> = term.fields().map(Field::name).collect();
            return Err(format!("it {does} the first of several fields (`{}`)", names.join(" | ")));
        };
        looked_at(field).map(|()| field.name().to_owned())
    };
    terms.iter().map(name).collect()
}

fn entry(key: &str, value: Said) -> (String, Said) {
    (key.to_owned(), value)
}

fn may_be(when: &Condition, kind: Kind) -> bool {
    use crate::telemetry::Outcome;
    [Outcome::Success, Outcome::Failure, Outcome::Unknown].into_iter().any(|outcome| when.may_hold(kind, outcome))
}

fn no_words(counting: &Counting) -> &'static str {
    match counting {
        Counting::Ratio { .. } => "Sigma has no words for a share of events",
        Counting::Amount { .. } => "its average is one of so many events at least, for which Sigma has no words",
        Counting::Percentile { .. } => "its percentile is one of so many events at least, for which Sigma has no words",
        Counting::FirstSeen { .. } => "Sigma has no words for what was never seen before",
        Counting::Absence { .. } | Counting::Rhythm { .. } | Counting::Unanswered { .. } => {
            "Sigma has no words for what does not come"
        }
        Counting::Baseline(_) => "Sigma has no words for what is usual",
        Counting::Travel(_) => "Sigma has no words for a distance",
        Counting::Risk(_) => "it adds up what other detectors find",
        _ => "Sigma has no words for how it counts",
    }
}

/// Returns an id that follows from a name: a UUID of version 8, whose bits are one's own.
fn uuid(name: &str) -> String {
    let mut bytes = [0_u8; 16];
    for (byte, hashed) in bytes.iter_mut().zip(Sha256::digest(format!("gatewatch sigma export {name}"))) {
        *byte = hashed;
    }
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::detection::cases::{KEY, evaluate_all, rehearse};
    use crate::detection::sigma::{Placeholders, Rules};
    use crate::redaction::{KeyRing, Redactor, Settings};

    fn loaded(text: &str) -> Rules {
        Rules::build(&[("export.yml".to_owned(), text.to_owned())], &Placeholders::new())
    }

    #[test]
    fn what_is_exported_loads_again_and_nothing_is_left_out_unsaid() {
        let catalogue = Catalogue::shipped().unwrap();
        let (text, unsaid) = sigma(&catalogue);
        let rules = loaded(&text);
        assert_eq!((&rules.refused, &rules.silent), (&Vec::new(), &Vec::new()));
        let mut exported = 0;
        for detector in &catalogue.detectors.all {
            let named = format!("(Gatewatch detector {})", detector.id);
            let said = rules.sound.iter().any(|sound| sound.detector.why.contains(&named));
            let out = unsaid.iter().any(|one| !one.exported && *one.detector == *detector.id);
            assert_ne!(out, said, "{}", detector.id);
            exported += usize::from(said);
        }
        assert!(exported > 90, "{exported}");
    }

    /// The cases of a detector fire and are silent as Sigma says it, too.
    #[test]
    fn what_is_exported_fires_where_the_detector_does() {
        let catalogue = Catalogue::shipped().unwrap();
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let (mut wrong, mut cases) = (Vec::new(), 0);
        for (number, detector) in catalogue.detectors.all.iter().enumerate() {
            let one = Of { detector, rule: &catalogue.rules[number] };
            let Ok(documents) = one.documents() else { continue };
            let documents: Vec<String> =
                documents.iter().map(|document| serde_saphyr::to_string(document).unwrap()).collect();
            let alone =
                Catalogue::build(&BTreeMap::new()).unwrap().with_sigma(&loaded(&documents.join("---\n"))).unwrap();
            for case in &catalogue.cases[number] {
                let rehearsal = rehearse(case, &alone.matcher(KEY), &redactor);
                let fires = evaluate_all(&alone.detectors, rehearsal).iter().any(|finding| finding.fired);
                cases += 1;
                if fires == case.alert.is_empty() {
                    wrong.push(format!("{}:{} {} fires: {fires}", case.file, case.line, case.name));
                }
            }
        }
        assert_eq!(wrong, [""; 0]);
        assert!(cases > 300, "{cases}");
    }

    #[test]
    fn an_id_is_that_of_the_export_before() {
        let id = uuid("probing.scanner");
        assert_eq!((id.len(), &id[14..15], id == uuid("probing.scanner")), (36, "8", true));
        assert_ne!(id, uuid("probing.injection"));
    }
}
