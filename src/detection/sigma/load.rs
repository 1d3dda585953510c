//! From folders of Sigma documents to detectors: what runs, what never will, what is refused.
//!
//! A refused rule takes with it what refers to it, and a refused filter the rules it is for: without it they would
//! say too much. Referred to by a correlation, a rule gives no alerts of its own unless the correlation says
//! `generate: true`.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use crate::detection::{Counting, Level};
use crate::posture::Problem;
use crate::telemetry::EntityKind;

use super::correlation::Correlation;
use super::documents::{of_folder, of_text};
use super::expr::Expr;
use super::fields::{about, kind_of, places};
use super::logsource::Reach;
use super::made::{Of, Sound};
use super::meta::Meta;
use super::modifiers::Placeholders;
use super::rule::{Detection, Filter, Rule, is_all, personal, read};
use super::set::{Asks, Builder, By, Set, Target};
use super::slips;
use super::tie::{Book, Parts, Tied, Which, tie};

/// Sigma rules, compiled.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What runs, in order of ids.
    pub(in crate::detection) sound: Vec<Sound>,
    /// What compiles and never runs.
    pub silent: Vec<Silent>,
    /// What is refused, and why.
    pub refused: Vec<Problem>,
    /// What runs, but not quite as it may seem.
    pub notes: Vec<Problem>,
    pub(super) detections: Vec<Ready>,
    placeholders: Placeholders,
}

/// A rule that compiles and never runs, because nothing of ours makes its log source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    /// Its id, as a detector's.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The log source.
    pub source: String,
}

/// A detection whose records are known, with the detectors it counts for, by their ids.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) detection: Detection,
    pub(super) reach: Reach,
    pub(super) targets: Vec<(String, Target)>,
}

/// What was read, before it is tied together.
#[derive(Default)]
struct Read {
    names: HashMap<String, Which>,
    ids: HashMap<String, String>,
    detections: Vec<Detection>,
    correlations: Vec<Correlation>,
    filters: Vec<Filter>,
    /// Rules that a refused filter is for, and why it is refused.
    unfiltered: HashMap<String, String>,
    /// Rules that a refused correlation counts.
    counted: Vec<String>,
}

impl Rules {
    /// Reads and compiles the Sigma rules in `folders`.
    pub fn load(folders: &[PathBuf], placeholders: &Placeholders) -> Self {
        let mut rules = Self { placeholders: placeholders.clone(), ..Self::default() };
        let mut files = Vec::new();
        for folder in folders {
            files.extend(of_folder(folder, &mut rules.refused));
        }
        rules.compile(&files);
        rules
    }

    /// Compiles the Sigma rules in `files`: their texts, by their names.
    pub fn build(files: &[(String, String)], placeholders: &Placeholders) -> Self {
        let mut rules = Self { placeholders: placeholders.clone(), ..Self::default() };
        rules.compile(files);
        rules
    }

    /// Returns how many documents were understood.
    pub fn understood(&self) -> usize {
        self.sound.len() + self.silent.len()
    }

    /// Returns the set that finds them in events; `number` gives a detector's place by its id.
    ///
    /// # Errors
    ///
    /// Returns that rules name more fields than can be told apart.
    pub(in crate::detection) fn set(&self, number: impl Fn(&str) -> Option<u16>) -> Result<Option<Set>, String> {
        let mut builder = Builder::default();
        for ready in &self.detections {
            let placed = |(id, target): &(String, Target)| Some(Target { detector: number(id)?, ..target.clone() });
            let targets: Vec<Target> = ready.targets.iter().filter_map(placed).collect();
            if targets.is_empty() {
                continue;
            }
            let asks = Asks {
                expr: &ready.detection.when,
                table: ready.reach.table,
                taxonomy: ready.detection.meta.taxonomy,
                writers: &ready.reach.writers,
                targets: &targets,
            };
            ready.reach.categories.iter().for_each(|category| builder.add(*category, &asks));
        }
        if self.sound.is_empty() { Ok(None) } else { builder.build().map(Some) }
    }

    fn compile(&mut self, files: &[(String, String)]) {
        let mut read = Read::default();
        for (file, text) in files {
            self.read_file(file, text, &mut read);
        }
        self.filter(&mut read);
        self.tie(&read);
        self.sound.sort_by(|a, b| a.detector.id.cmp(&b.detector.id));
        self.silent.sort_by(|a, b| a.id.cmp(&b.id));
        self.refused.sort();
        self.notes.sort();
    }

    fn read_file(&mut self, file: &str, text: &str, into: &mut Read) {
        let documents = match of_text(file, text) {
            Ok(documents) => documents,
            Err(problem) => return self.refused.push(problem),
        };
        for document in documents {
            match read(document, &self.placeholders) {
                Ok(rule) => self.keep(rule, into),
                Err(refused) => {
                    let why = refused.problems.first().map(ToString::to_string).unwrap_or_default();
                    into.unfiltered.extend(refused.filtered.iter().map(|rule| (rule.clone(), why.clone())));
                    into.counted.extend(refused.counted);
                    for name in refused.names {
                        into.names.entry(name).or_insert(Which::Refused);
                    }
                    self.refused.extend(refused.problems);
                }
            }
        }
    }

    fn keep(&mut self, rule: Rule, into: &mut Read) {
        let (Rule::Detection(Detection { meta, .. })
        | Rule::Correlation(Correlation { meta, .. })
        | Rule::Filter(Filter { meta, .. })) = &rule;
        for (line, says) in &meta.slips {
            let says = format!("Sigma rule \u{201c}{}\u{201d}: {says}", meta.title);
            self.notes.push(Problem { file: meta.file.clone(), line: *line, says });
        }
        if let Rule::Filter(filter) = rule {
            return into.filters.push(filter);
        }
        if let Some(other) = into.ids.get(&meta.id) {
            let says = format!("its id is that of a rule in {other}. Give it one of its own, or remove one of them.");
            return self.refuse(meta, &says);
        }
        into.ids.insert(meta.id.clone(), meta.file.clone());
        let names = meta.names.clone();
        let which = match rule {
            Rule::Detection(rule) => {
                into.detections.push(rule);
                Which::Detection(into.detections.len() - 1)
            }
            Rule::Correlation(rule) => {
                into.correlations.push(rule);
                Which::Correlation(into.correlations.len() - 1)
            }
            Rule::Filter(_) => return,
        };
        for name in names {
            into.names.insert(name, which);
        }
    }

    fn refuse(&mut self, meta: &Meta, says: &str) {
        let says = format!("Sigma rule \u{201c}{}\u{201d} is refused: {says}", meta.title);
        self.refused.push(Problem { file: meta.file.clone(), line: meta.line, says });
    }

    fn note(&mut self, meta: &Meta, says: &str) {
        let says = format!("Sigma rule \u{201c}{}\u{201d}: {says}", meta.title);
        self.notes.push(Problem { file: meta.file.clone(), line: meta.line, says });
    }

    /// Takes what filters say away from the rules they are for.
    fn filter(&mut self, read: &mut Read) {
        for filter in std::mem::take(&mut read.filters) {
            let for_all = filter.rules.is_none();
            let numbers: Vec<usize> = match &filter.rules {
                None => (0..read.detections.len()).collect(),
                Some(names) => names.iter().filter_map(|name| self.filtered(&filter, name, read)).collect(),
            };
            for number in numbers {
                let Some(rule) = read.detections.get_mut(number) else { continue };
                if rule.source.is_within(&filter.source) {
                    let when = std::mem::replace(&mut rule.when, Expr::All(Vec::new()));
                    rule.when = Expr::All(vec![
                        when,
                        filter.without.clone().named(&format!("filter \u{201c}{}\u{201d}", filter.meta.title)).not(),
                    ]);
                    rule.missing.extend(filter.missing.iter().cloned());
                    rule.version.push_str(&filter.version);
                } else if !for_all {
                    let says = format!(
                        "it does not apply to \u{201c}{}\u{201d}, whose log source is another.",
                        rule.meta.title
                    );
                    self.note(&filter.meta, &says);
                }
            }
        }
    }

    fn filtered(&mut self, filter: &Filter, name: &str, read: &Read) -> Option<usize> {
        match read.names.get(name) {
            Some(Which::Detection(number)) => Some(*number),
            Some(Which::Correlation(_)) => {
                self.note(&filter.meta, &format!("`{name}` is a correlation: filter the rules that it refers to."));
                None
            }
            Some(Which::Refused) => None,
            None => {
                self.note(&filter.meta, &format!("no rule has the id or name `{name}`. Add the rule, or take it out."));
                None
            }
        }
    }

    /// Makes detectors of what was read.
    fn tie(&mut self, read: &Read) {
        let mut names = read.names.clone();
        let mut ready: Vec<Option<Ready>> = Vec::new();
        for (number, detection) in read.detections.iter().enumerate() {
            let made = self.ready(detection, read);
            if made.is_none() && detection.source.reach().is_some() {
                for name in &detection.meta.names {
                    if names.get(name) == Some(&Which::Detection(number)) {
                        names.insert(name.clone(), Which::Refused);
                    }
                }
            }
            ready.push(made);
        }
        let book = Book { names: &names, detections: &read.detections, correlations: &read.correlations };
        let mut part_of = Parts::default();
        let tied: Vec<Option<Tied>> = (0..read.correlations.len()).map(|number| self.tied(&book, number)).collect();
        for (number, correlation) in read.correlations.iter().enumerate() {
            match tied.get(number).and_then(Option::as_ref) {
                Some(of) => part_of.add(number, of, correlation.generate),
                // What a refused one counts says nothing by itself either.
                None => correlation.rules.iter().filter_map(|name| names.get(name)).for_each(|part| {
                    part_of.hold(*part, correlation.generate);
                }),
            }
        }
        read.counted.iter().filter_map(|name| names.get(name)).for_each(|part| part_of.hold(*part, false));
        for (number, of) in tied.iter().enumerate() {
            let Some((of, correlation)) = of.as_ref().zip(read.correlations.get(number)) else { continue };
            if part_of.stands_alone(Which::Correlation(number)) {
                self.correlation(correlation, of, read, &mut ready);
            }
        }
        for (number, detection) in read.detections.iter().enumerate() {
            if part_of.stands_alone(Which::Detection(number)) {
                self.alone(detection, ready.get_mut(number).and_then(Option::as_mut));
            }
        }
        self.detections = ready.into_iter().flatten().filter(|ready| !ready.targets.is_empty()).collect();
    }

    fn tied(&mut self, book: &Book<'_>, number: usize) -> Option<Tied> {
        let correlation = book.correlations.get(number)?;
        tie(book, number).map_err(|says| self.refuse(&correlation.meta, &says)).ok()
    }

    /// Returns a detection whose records we have; `None` if there are none, or it is refused.
    fn ready(&mut self, detection: &Detection, read: &Read) -> Option<Ready> {
        let reach = detection.source.reach()?;
        let meta = &detection.meta;
        if let Some(name) = detection.missing.first() {
            let says = format!(
                "nothing is known of its placeholder `%{name}%`. Give its values in [detection.sigma_placeholders] of the configuration."
            );
            self.refuse(meta, &says);
            return None;
        }
        let unfiltered = read.unfiltered.iter().find(|(name, _)| is_all(name) || meta.names.contains(name));
        if let Some((_, why)) = unfiltered {
            self.refuse(meta, &format!("a filter that is for it is refused ({why})."));
            return None;
        }
        let named = personal(&detection.when);
        if !named.is_empty() {
            let says = format!(
                "it compares {}, which names a person: in redacted records a fingerprint stands there, such as `person:k1:\u{2026}`.",
                named.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            );
            self.note(meta, &says);
        }
        for says in slips::of_condition(&detection.when, reach.table, meta.taxonomy) {
            self.note(meta, &says);
        }
        Some(Ready { detection: detection.clone(), reach, targets: Vec::new() })
    }

    /// Makes a rule a detector of its own.
    fn alone(&mut self, detection: &Detection, ready: Option<&mut Ready>) {
        let meta = &detection.meta;
        let Some(ready) = ready else {
            if detection.source.reach().is_none() {
                self.silence(meta, &detection.source.to_string());
            }
            return;
        };
        let level = meta.level.unwrap_or(Level::Medium);
        let target = Target { detector: 0, step: 0, level, by: None, value: Vec::new(), measured: false };
        ready.targets.push((meta.id.clone(), target));
        let entity = about(ready.reach.table).first().map_or(EntityKind::App, |(kind, _)| *kind);
        let of = Of { meta, level, entity, counting: Counting::Match, reaches: vec![&ready.reach] };
        self.sound.push(of.sound(&detection.version));
    }

    /// Makes a correlation a detector.
    fn correlation(&mut self, of: &Correlation, tied: &Tied, read: &Read, ready: &mut [Option<Ready>]) {
        let here = |detection: usize| ready.get(detection).is_some_and(Option::is_some);
        let steps = |step: u8| tied.leaves.iter().any(|leaf| leaf.step == step && here(leaf.detection));
        let lacks = tied.demanded.iter().any(|step| !steps(*step));
        if lacks || !tied.leaves.iter().any(|leaf| here(leaf.detection)) {
            let mut sources = tied.leaves.iter().filter(|leaf| !here(leaf.detection));
            let first = sources.find_map(|leaf| read.detections.get(leaf.detection));
            return self.silence(&of.meta, &first.map(|rule| rule.source.to_string()).unwrap_or_default());
        }
        let rules = tied.leaves.iter().filter_map(|leaf| read.detections.get(leaf.detection));
        let worst = rules.clone().filter_map(|rule| rule.meta.level).max();
        let level = of.meta.level.or(worst).unwrap_or(Level::Medium);
        let mut version = of.version.clone();
        rules.for_each(|rule| version.push_str(&rule.version));
        for inner in tied.within.iter().filter_map(|number| read.correlations.get(*number)) {
            version.push_str(&inner.version);
        }
        let (mut entity, mut reaches, mut slips) = (None, Vec::new(), BTreeSet::new());
        for leaf in &tied.leaves {
            let Some(ready) = ready.get_mut(leaf.detection).and_then(Option::as_mut) else { continue };
            let table = ready.reach.table;
            let taxonomy = ready.detection.meta.taxonomy;
            let fields = leaf.by.iter().chain(&leaf.value);
            slips.extend(fields.filter_map(|name| slips::of_field(name, table, taxonomy)));
            let named = leaf
                .by
                .iter()
                .enumerate()
                .find_map(|(at, name)| Some((at, kind_of(name, &places(name, table, taxonomy))?)));
            // The entity is the same for all of its rules: it owns the state.
            let (at, kind) = *entity.get_or_insert(named.unwrap_or((0, EntityKind::App)));
            let by = By {
                fields: leaf.by.clone(),
                entity: (!leaf.by.is_empty()).then_some((at, kind)),
                all: of.meta.id.clone(),
            };
            let target = Target {
                detector: 0,
                step: leaf.step,
                level,
                by: Some(by),
                value: leaf.value.clone(),
                measured: leaf.measured,
            };
            ready.targets.push((of.meta.id.clone(), target));
            reaches.push(ready.reach.clone());
        }
        for says in &slips {
            self.note(&of.meta, says);
        }
        let entity = entity.map_or(EntityKind::App, |(_, kind)| kind);
        let reaches = reaches.iter().collect();
        let made = Of { meta: &of.meta, level, entity, counting: tied.counting.clone(), reaches };
        self.sound.push(made.sound(&version));
    }

    fn silence(&mut self, meta: &Meta, source: &str) {
        self.silent.push(Silent { id: meta.id.clone(), title: meta.title.clone(), source: source.to_owned() });
    }
}
