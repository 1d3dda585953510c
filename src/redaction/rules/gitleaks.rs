//! What does a gitleaks configuration mean here?
//!
//! `[[rules]]` with pattern, secret group, keywords, entropy and allow-lists mean what they mean to
//! gitleaks. A record has no path and no commit: what is bound to a path is looked for everywhere,
//! and an allow-list by path allows nothing. What would have to be fetched from elsewhere
//! (`[extend]`) is refused, never left out in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::de::DeTable;

use super::allowed::{Allowed, Target};
use super::go_syntax::translated;
use super::grams::{Case, Word};
use super::pattern::Pattern;
use super::rule::Rule;
use super::shape::stands;
use super::table::{Reading, Section};
use crate::redaction::fingerprint::LONGEST_NAME;
use crate::telemetry::Confidence;

/// The longest match around which a window is searched; beyond, the whole message is, bytes.
const WINDOW: usize = 4 << 10;

/// What gitleaks knows in its file, in a rule, and in an allow-list.
const OF_FILE: [&str; 7] = ["title", "description", "minVersion", "extend", "rules", "allowlist", "allowlists"];
const OF_RULE: [&str; 12] = [
    "id",
    "description",
    "regex",
    "path",
    "secretGroup",
    "entropy",
    "keywords",
    "tags",
    "allowlist",
    "allowlists",
    "required",
    "skipReport",
];
const OF_LIST: [&str; 8] =
    ["description", "condition", "commits", "paths", "regexTarget", "regexes", "stopwords", "targetRules"];

/// Returns the rules of a configuration.
pub fn read(reading: &mut Reading<'_>, root: &DeTable<'_>) -> Vec<Rule> {
    for section in reading.sections(root, "extend") {
        let says = "[extend] takes rules from elsewhere, which are not here";
        reading.problem(
            Some(section.at()),
            says,
            "leave it out and name that file beside this one: rules = [\"this.toml\", \"that.toml\"]",
        );
    }
    passed_over(reading, root, "the file", &OF_FILE);
    let sections = reading.sections(root, "rules");
    if sections.is_empty() && reading.problems.is_empty() {
        reading.problem(None, "there is neither [[rules]] (gitleaks) nor [[kinds]] in it", "name a file of rules");
    }
    let mut rules = Vec::new();
    let mut names = BTreeSet::new();
    for section in &sections {
        let id = reading.string(section.table, "id").map(|(id, at)| (id.trim().to_owned(), at));
        let Some((id, at)) = id.filter(|(id, _)| !id.is_empty()) else {
            reading.problem(Some(section.at()), "a rule has no `id`", "give it one");
            continue;
        };
        if !names.insert(id.clone()) {
            reading.problem(Some(at), &format!("there is another rule `{id}`"), "give it an id of its own");
        }
        rules.extend(rule(reading, section, &id).map(|rule| (id, rule)));
    }
    let for_all = global(reading, root, &names);
    let mut taken: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    rules
        .into_iter()
        .map(|(id, mut rule)| {
            rule.allowed.extend(
                for_all.iter().filter(|(ids, _)| ids.is_empty() || ids.contains(&id)).map(|(_, list)| list.clone()),
            );
            // Two ids may read alike once they are written as fingerprints write them.
            let again = taken.entry(rule.name.clone()).or_insert(0);
            *again += 1;
            if *again > 1 {
                let tail = format!("-{again}");
                rule.name =
                    Arc::from(format!("{}{tail}", &rule.name[..rule.name.len().min(LONGEST_NAME - tail.len())]));
            }
            rule
        })
        .collect()
}

fn rule(reading: &mut Reading<'_>, section: &Section<'_>, id: &str) -> Option<Rule> {
    let table = section.table;
    passed_over(reading, table, &format!("the rule `{id}`"), &OF_RULE);
    let Some((text, at)) = reading.string(table, "regex") else {
        if table.contains_key("path") {
            reading.note(&format!("the rule `{id}` looks at paths alone, which records don't have: it is left out"));
        } else if !table.contains_key("regex") {
            reading.problem(Some(section.at()), &format!("the rule `{id}` has no `regex`"), "give it one");
        }
        return None;
    };
    if table.contains_key("path") {
        reading.note(&format!("the rule `{id}` is bound to a path, which records don't have: it looks everywhere"));
    }
    let required = table.contains_key("required");
    if required {
        reading.note(&format!("the rule `{id}` requires another nearby: it hides without it, and alerts nobody"));
    }
    let words: Vec<Word> = reading
        .strings(table, "keywords")
        .into_iter()
        .map(|(word, _)| Word { bytes: word.trim().as_bytes().to_vec(), case: Case::Ignored })
        .collect();
    let words = if words.iter().any(|word| word.bytes.len() < Word::LEAST) { Vec::new() } else { words };
    let pattern = pattern(reading, id, text, &at)?.without_lead();
    let group = reading.number(table, "secretGroup").map(|group| group as usize).filter(|group| *group > 0);
    if let Some(group) = group.filter(|group| *group > pattern.groups()) {
        let says = format!("`secretGroup = {group}`, but the pattern of `{id}` has {} groups", pattern.groups());
        reading.problem(table.get("secretGroup").map(toml::Spanned::span), &says, "name one that is there");
    }
    let bytes: Vec<&[u8]> = words.iter().map(|word| &*word.bytes).collect();
    let stands = stands(pattern.hir(), &bytes);
    let longest = pattern.longest().filter(|longest| *longest <= WINDOW);
    let title = reading.string(table, "description").map_or(id, |(text, _)| text).to_owned();
    let quiet = required || id.starts_with("generic");
    let mut allowed = Vec::new();
    for name in ["allowlist", "allowlists"] {
        for section in reading.sections(table, name) {
            allowed.push(Arc::new(allow(reading, &section)));
        }
    }
    Some(Rule {
        name: name(id),
        can: format!("do what the rule `{id}` watches for"),
        title,
        at: Some(at),
        group,
        pattern,
        words,
        stands,
        longest,
        checksum: None,
        confidence: if quiet { Confidence::Suspected } else { Confidence::Context },
        entropy: reading.number(table, "entropy").unwrap_or(0.0),
        ours: false,
        allowed,
        examples: [Vec::new(), Vec::new()],
    })
}

/// Tells of every key of `table` that is none of the `known`: gitleaks passes over it without a word.
fn passed_over(reading: &mut Reading<'_>, table: &DeTable<'_>, whose: &str, known: &[&str]) {
    for (key, _) in table {
        let key = &**key.get_ref();
        // What gitleaks writes in any case, its reader takes.
        if known.iter().any(|name| name.eq_ignore_ascii_case(key)) {
            continue;
        }
        let low = key.to_ascii_lowercase();
        let far = |name: &str| strsim::damerau_levenshtein(&name.to_ascii_lowercase(), &low);
        let near = known.iter().filter(|name| far(name) <= 2).min_by_key(|name| far(name));
        let meant = near.map_or_else(String::new, |name| format!(": did you mean `{name}`?"));
        reading.note(&format!("`{key}` of {whose} is not known, and passed over{meant}"));
    }
}

/// Reads a pattern written for Go; a problem points into it where it can.
fn pattern(reading: &mut Reading<'_>, id: &str, text: &str, at: &std::ops::Range<usize>) -> Option<Pattern> {
    let (place, says, help) = match translated(text).map(|ours| Pattern::read(&ours)) {
        Ok(Ok(pattern)) => return Some(pattern),
        Err((place, why)) => (Some(place), format!("the pattern of `{id}` {why}"), "gitleaks refuses it as well"),
        Ok(Err(bad)) => {
            (None, format!("the pattern of `{id}` can't be read: {}", bad.says), "try it with Go's regexp: it is RE2")
        }
    };
    // Between ''' and ''', or ' and ', the pattern is written as it is.
    let written = reading.written(at);
    let inside = written.find(text).filter(|_| !text.is_empty());
    let at = match (inside, place) {
        (Some(offset), Some(place)) => at.start + offset + place..(at.start + offset + place + 1).min(at.end),
        _ => at.clone(),
    };
    reading.problem(Some(at), &says, help);
    None
}

/// Returns the allow-lists for all rules, and for the rules each names.
fn global(
    reading: &mut Reading<'_>,
    root: &DeTable<'_>,
    known: &BTreeSet<String>,
) -> Vec<(BTreeSet<String>, Arc<Allowed>)> {
    let mut lists = Vec::new();
    for name in ["allowlist", "allowlists"] {
        for section in reading.sections(root, name) {
            let mut ids = BTreeSet::new();
            for (id, at) in reading.strings(section.table, "targetRules") {
                if !known.contains(id) {
                    reading.problem(Some(at), &format!("there is no rule `{id}`"), "name one of this file");
                }
                ids.insert(id.to_owned());
            }
            lists.push((ids, Arc::new(allow(reading, &section))));
        }
    }
    lists
}

fn allow(reading: &mut Reading<'_>, section: &Section<'_>) -> Allowed {
    let table = section.table;
    passed_over(reading, table, "an allow-list", &OF_LIST);
    let mut patterns = Vec::new();
    for (text, at) in reading.strings(table, "regexes") {
        let Some(pattern) = pattern(reading, "an allow-list", text, &at) else { continue };
        if let Err(bad) = pattern.build() {
            reading.problem(Some(at), &format!("the pattern of an allow-list can't be built: {}", bad.says), "");
        }
        patterns.push(pattern);
    }
    let target = match reading.string(table, "regexTarget") {
        None | Some(("secret" | "", _)) => Target::Secret,
        Some(("match", _)) => Target::Match,
        Some(("line", _)) => Target::Line,
        Some((other, at)) => {
            reading.problem(Some(at), &format!("`{other}` is no regexTarget"), "write one of secret, match, line");
            Target::Secret
        }
    };
    let all = match reading.string(table, "condition") {
        None | Some(("" | "OR" | "or" | "||" | "|", _)) => false,
        Some(("AND" | "and" | "&&" | "&", _)) => true,
        Some((other, at)) => {
            reading.problem(Some(at), &format!("`{other}` is no condition"), "write OR or AND");
            false
        }
    };
    let words = reading.strings(table, "stopwords").into_iter().map(|(word, _)| word.to_ascii_lowercase());
    let words = words.filter(|word| !word.is_empty()).collect();
    let elsewhere = ["paths", "commits"].iter().any(|key| table.contains_key(*key));
    Allowed { patterns, target, words, all, elsewhere }
}

/// Returns `id` as fingerprints write it.
fn name(id: &str) -> Arc<str> {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let mut name: String = id.chars().map(plain).take(LONGEST_NAME).collect();
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        name.insert_str(0, "rule-");
        name.truncate(LONGEST_NAME);
    }
    Arc::from(name)
}

#[cfg(test)]
mod tests;
