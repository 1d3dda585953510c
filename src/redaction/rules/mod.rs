//! Which secrets are known by their look, beside those whose checksums are code?
//!
//! Kinds are content: tables in `kinds/` come with the program, tables and gitleaks configurations
//! of its owner are added. All words of all rules are looked for at once (`grams`); a pattern runs
//! only around its word, in a window as long as its longest match, so one rule's cost is linear in
//! the text and a clean text pays for none. Rules without words run over each message and are
//! named as such. At most 10,000 rules are taken.

mod allowed;
mod buckets;
mod gitleaks;
mod go_syntax;
mod grams;
mod hits;
mod kinds;
mod pattern;
mod proof;
mod rule;
mod sample;
mod shape;
mod span;
mod table;

pub use hits::RuleHits;
pub use rule::Rule;
pub use table::RuleProblem;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rust_embed::RustEmbed;

pub use grams::{CHUNK, Case, Word};

use super::scan;
use grams::{Grams, WordHit};
use table::Reading;

/// The most rules that are taken, the shipped ones included.
pub const MAX_RULES: usize = 10_000;
/// The most different words of all rules.
pub const MAX_WORDS: usize = 60_000;
/// The largest file that is read, bytes.
const MAX_BYTES: u64 = 4 << 20;
/// The most files of a folder that are read.
const MAX_FILES: usize = 1_000;

#[derive(RustEmbed)]
#[folder = "kinds/"]
struct Shipped;

/// All rules that a redactor goes by. Cheap to share.
#[derive(Debug)]
pub struct Rules {
    all: Vec<Arc<Rule>>,
    /// The scan's own literals, then the rules' words.
    words: Grams,
    /// How many of them are literals.
    literals: u16,
    /// The rules of each word, by their numbers.
    by_word: Vec<Vec<u16>>,
    /// The words of each rule, by their numbers.
    words_of: Vec<Vec<u16>>,
    /// The rules that no word announces.
    everywhere: Vec<u16>,
    notes: Vec<String>,
}

impl Rules {
    /// Returns the rules that come with the program.
    pub fn shipped() -> Arc<Self> {
        static SHIPPED: OnceLock<Arc<Rules>> = OnceLock::new();
        // A test reads the tables; a program in which they can't be read has no rules beside those
        // that are code, and its self-test fails.
        SHIPPED.get_or_init(|| Arc::new(Self::new(shipped().unwrap_or_default(), Vec::new()))).clone()
    }

    /// Returns the rules that come with the program and those of `paths`: gitleaks configurations
    /// and tables of kinds, both `.toml`, or folders of them.
    ///
    /// # Errors
    ///
    /// Returns every problem of every file.
    pub fn load(paths: &[PathBuf]) -> Result<Arc<Self>, Vec<RuleProblem>> {
        if paths.is_empty() {
            return Ok(Self::shipped());
        }
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for path in paths {
            collect(path, &mut files, &mut problems);
        }
        let texts: Vec<(String, String)> = files
            .iter()
            .filter_map(|path| match read(path) {
                Ok(text) => Some((path.display().to_string(), text)),
                Err(problem) => {
                    problems.push(problem);
                    None
                }
            })
            .collect();
        match Self::with(&texts) {
            Ok(rules) if problems.is_empty() => Ok(rules),
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }

    /// Returns the rules that come with the program and those of `texts`, by the names of their files.
    ///
    /// # Errors
    ///
    /// Returns every problem of every text.
    pub fn with(texts: &[(String, String)]) -> Result<Arc<Self>, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let mut notes = Vec::new();
        let mut rules: Vec<Arc<Rule>> = Self::shipped().all.clone();
        for (file, text) in texts {
            let mut reading = Reading::new(file, text);
            let some = any(&mut reading);
            for rule in &some {
                if let Err((at, wrong)) = rule.build() {
                    reading.problem(at, &format!("the pattern of `{}` can't be built: {wrong}", rule.name), "");
                }
                for wrong in rule.examined(&mut chance(1)) {
                    reading.problem(
                        rule.at.clone(),
                        &wrong,
                        "examples are made anew from their templates: see docs/redaction.md",
                    );
                }
            }
            problems.append(&mut reading.problems);
            notes.append(&mut reading.notes);
            rules.extend(some.into_iter().map(Arc::new));
            if rules.len() > MAX_RULES {
                let says = format!("there are more than {MAX_RULES} rules");
                problems.push(RuleProblem::new(file, text, None, &says, "leave some out"));
                break;
            }
            if rules.iter().flat_map(|rule| &rule.words).collect::<BTreeSet<_>>().len() > MAX_WORDS {
                let says = format!("the rules have more than {MAX_WORDS} different keywords");
                problems.push(RuleProblem::new(file, text, None, &says, "leave some out"));
                break;
            }
        }
        if problems.is_empty() { Ok(Arc::new(Self::new(rules, notes))) } else { Err(problems) }
    }

    fn new(rules: Vec<Arc<Rule>>, mut notes: Vec<String>) -> Self {
        let mut numbers: BTreeMap<&Word, u16> = BTreeMap::new();
        for word in rules.iter().flat_map(|rule| &rule.words) {
            let next = numbers.len() as u16;
            numbers.entry(word).or_insert(next);
        }
        let mut by_word = vec![Vec::new(); numbers.len()];
        let mut words_of = Vec::with_capacity(rules.len());
        let mut everywhere = Vec::new();
        for (number, rule) in (0_u16..).zip(&rules) {
            let mut its: Vec<u16> = rule.words.iter().filter_map(|word| numbers.get(word).copied()).collect();
            its.sort_unstable();
            its.dedup();
            for word in &its {
                by_word[usize::from(*word)].push(number);
            }
            if its.is_empty() {
                everywhere.push(number);
                notes.push(format!(
                    "{} has no keyword of three characters or more: its pattern runs over every message",
                    rule.name
                ));
            }
            words_of.push(its);
        }
        let mut words: Vec<(u16, Word)> = numbers.iter().map(|(word, number)| (*number, (*word).clone())).collect();
        words.sort_by_key(|(number, _)| *number);
        // What the scan itself looks for is found in the same pass. Its literals come first: whatever
        // words there are, none takes the number of one of them.
        let words = Grams::new(scan::literals().chain(words.into_iter().map(|(_, word)| word)).collect());
        let literals = scan::literals().count() as u16;
        Self { all: rules, words, literals, by_word, words_of, everywhere, notes }
    }

    /// Returns every rule; its place is its number.
    pub fn all(&self) -> &[Arc<Rule>] {
        &self.all
    }

    /// Returns every word that is looked for, the scan's own literals too.
    #[cfg(test)]
    fn words(&self) -> impl Iterator<Item = &Word> {
        self.words.words()
    }

    /// Returns the length of word `word` of the rules.
    fn length(&self, word: u16) -> usize {
        self.words.length(self.literals + word)
    }

    /// Returns every rule's name, by its number.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.all.iter().map(|rule| rule.name.clone()).collect()
    }

    /// Returns the rules that no word announces: each costs a search of every message.
    pub fn everywhere(&self) -> impl Iterator<Item = &Rule> {
        self.everywhere.iter().map(|number| &*self.all[usize::from(*number)])
    }

    /// Returns what the owner of the rules should know: what is slow, what was left out.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns where in `batch`, all messages of a batch, a word of a rule stands, and tells `literal`
    /// where, and which by its number, one of the scan's own literals does, nearly ascending. Calls `beside` with the
    /// start of each [`CHUNK`] bytes of it once they have been read.
    pub fn hits(
        self: &Arc<Self>,
        batch: &[u8],
        mut literal: impl FnMut(usize, usize),
        beside: impl FnMut(usize),
    ) -> RuleHits {
        let mut hits = RuleHits::new(self.clone());
        let hit = |hit: WordHit| match hit.word.checked_sub(self.literals) {
            None => literal(hit.start as usize, usize::from(hit.word)),
            Some(word) => hits.push(WordHit { word, ..hit }),
        };
        self.words.hits(batch, hit, beside);
        hits.sort();
        hits
    }
}

/// Returns a made-up token of GitHub with these 30 letters, for the self-test.
pub fn github_token(letters: &str) -> String {
    let body = ["gh", "p_", letters].concat();
    let sum = proof::Checksum::Base62.of(body.as_bytes()).unwrap_or_default();
    body + &sum
}

/// Returns a source of numbers that look like chance, and are the same for the same `seed`.
fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Reads the tables that come with the program.
fn shipped() -> Result<Vec<Arc<Rule>>, Vec<RuleProblem>> {
    let mut paths: Vec<_> = Shipped::iter().filter(|path| path.ends_with(".toml")).collect();
    paths.sort();
    let (mut rules, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        let Some(file) = Shipped::get(&path) else { continue };
        let text = String::from_utf8_lossy(&file.data);
        let mut reading = Reading::new(&path, &text);
        rules.extend(any(&mut reading).into_iter().map(Arc::new));
        problems.append(&mut reading.problems);
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// Reads a file of either form.
fn any(reading: &mut Reading<'_>) -> Vec<Rule> {
    let Some(root) = reading.root() else { return Vec::new() };
    if root.contains_key("kinds") { kinds::read(reading, &root) } else { gitleaks::read(reading, &root) }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<RuleProblem>) {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return;
    }
    let name = path.display().to_string();
    match std::fs::read_dir(path) {
        Ok(entries) => {
            let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            inside.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
            inside.sort();
            if inside.len() > MAX_FILES {
                let says = format!("the folder holds more than {MAX_FILES} tables");
                problems.push(RuleProblem::new(&name, "", None, &says, "put several rules into one file"));
            }
            files.extend(inside.into_iter().take(MAX_FILES));
        }
        Err(error) => problems.push(RuleProblem::unread(&name, &error)),
    }
}

fn read(path: &Path) -> Result<String, RuleProblem> {
    let name = path.display().to_string();
    let unread = |error: std::io::Error| RuleProblem::unread(&name, &error);
    if std::fs::metadata(path).map_err(unread)?.len() > MAX_BYTES {
        let says = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        return Err(RuleProblem::new(&name, "", None, &says, "split it"));
    }
    std::fs::read_to_string(path).map_err(unread)
}

#[cfg(test)]
mod tests;
