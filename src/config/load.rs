//! From a TOML text to settings, with every problem found, not only the first.
//!
//! `serde` stops at the first error, so each reported entry is taken out of the parsed table and
//! the rest is tried again, until it reads or nothing is left to take out: at most
//! [`MAX_PROBLEMS`] times.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::Problem;
use super::mends::mend;

/// Problems reported at most for one file.
const MAX_PROBLEMS: usize = 100;

/// Where each entry of a file lies, to point at it later.
#[derive(Debug, Default)]
pub struct Places(Vec<(String, Range<usize>)>);

impl Places {
    /// Returns where the value at `path` lies, such as `sources.kafka[0].brokers`; where the
    /// entry itself is missing, its nearest parent.
    pub fn of(&self, path: &str) -> Option<Range<usize>> {
        let mut path = path;
        loop {
            if let Some((_, at)) = self.0.iter().find(|(known, _)| known == path) {
                return Some(at.clone());
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Returns where the value at `path` lies; `None` where the entry itself is missing.
    pub fn exact(&self, path: &str) -> Option<Range<usize>> {
        self.0.iter().find(|(known, _)| known == path).map(|(_, at)| at.clone())
    }

    /// Returns the path of the value that lies at `span`.
    fn at(&self, span: &Range<usize>) -> Option<&str> {
        self.0.iter().find(|(_, at)| at == span).map(|(path, _)| path.as_str())
    }

    fn add(&mut self, path: &str, value: &Spanned<DeValue<'_>>) {
        self.0.push((path.to_owned(), value.span()));
        match value.get_ref() {
            DeValue::Table(table) => self.table(path, table),
            DeValue::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    self.add(&format!("{path}[{n}]"), item);
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let key = key.get_ref();
            self.add(&if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }, value);
        }
    }
}

/// Reads `text` as a `T`; returns it with the place of each entry.
///
/// # Errors
///
/// Every problem: syntax, unknown keys with the nearest known one, wrong types, missing entries.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<(T, Places), Vec<Problem>> {
    let (settings, places, problems) = read_partly(file, text)?;
    if problems.is_empty() { Ok((settings, places)) } else { Err(problems) }
}

/// Reads what can be read of `text` as a `T`; returns it with the place of each entry, and what had to be left out.
///
/// # Errors
///
/// Every problem, where nothing can be read.
pub fn read_partly<T: DeserializeOwned>(file: &str, text: &str) -> Result<(T, Places, Vec<Problem>), Vec<Problem>> {
    let (root, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        let problem = |error: &toml::de::Error| Problem::new(file, error.message()).at(error.span());
        return Err(syntax.iter().take(MAX_PROBLEMS).map(problem).collect());
    }
    let mut places = Places::default();
    places.table("", root.get_ref());
    let mut left = root;
    let mut problems = nameless(file, left.get_mut());
    loop {
        match T::deserialize(toml::de::Deserializer::from(left.clone())) {
            Ok(settings) => return Ok((settings, places, problems)),
            Err(error) => {
                if !is_taken_out(&error, &places) {
                    problems.push(explain(file, &error, &places));
                }
                let taken = error.span().is_some_and(|span| take_out(left.get_mut(), &span));
                if !taken || problems.len() >= MAX_PROBLEMS {
                    return Err(problems);
                }
            }
        }
    }
}

/// Tells whether what is missing was there, and has been taken out for what it said.
fn is_taken_out(error: &toml::de::Error, places: &Places) -> bool {
    let missing = error.message().strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    let Some(((name, _), span)) = missing.zip(error.span()) else { return false };
    let mut tables = places.0.iter().filter(|(_, at)| *at == span);
    tables.any(|(path, _)| places.exact(&format!("{path}.{name}")).is_some())
}

/// Takes out the kinds of sources and sinks whose settings stand where a name should, and says so of each.
fn nameless(file: &str, root: &mut DeTable<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (section, one) in [("sources", "a source"), ("sinks", "a sink")] {
        let Some(DeValue::Table(kinds)) = root.get_mut(section).map(Spanned::get_mut) else { continue };
        let bare = |(kind, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let DeValue::Table(names) = value.get_ref() else { return None };
            let (name, _) = names.iter().find(|(_, value)| !matches!(value.get_ref(), DeValue::Table(_)))?;
            let kind: &std::borrow::Cow<'_, str> = kind.get_ref();
            Some((kind.to_string(), name.get_ref().to_string(), name.span()))
        };
        let found: Vec<_> = kinds.iter().filter_map(bare).collect();
        for (kind, name, at) in found {
            kinds.remove(kind.as_str());
            let says = format!("{one} has a name, and `{name}` stands where one should");
            let help = format!("begin with `[{section}.{kind}.NAME]`, under a name of your own");
            problems.push(Problem::new(file, says).at(Some(at)).help(help));
        }
    }
    problems
}

/// Removes the entry that `span` points at: its key, its value, or the smallest thing around it.
fn take_out(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let named = table.iter().find(|(key, _)| key.span() == *span).map(|(key, _)| key.get_ref().to_string());
    if let Some(key) = named {
        return table.remove(key.as_str()).is_some();
    }
    let mut around = None;
    for (key, value) in table.iter_mut() {
        let here = covers(&value.span(), span);
        if take_out_of_value(value.get_mut(), span) {
            return true;
        }
        if here {
            around = Some(key.get_ref().to_string());
        }
    }
    around.is_some_and(|key| table.remove(key.as_str()).is_some())
}

fn take_out_of_value<'i>(value: &mut DeValue<'i>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(inner) => take_out(inner, span),
        DeValue::Array(items) => {
            if items.iter_mut().any(|item| take_out_of_value(item.get_mut(), span)) {
                return true;
            }
            let before = items.len();
            let kept: DeArray<'i> = std::mem::replace(items, DeArray::new())
                .into_iter()
                .filter(|item| !covers(&item.span(), span))
                .collect();
            *items = kept;
            items.len() < before
        }
        _ => false,
    }
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Adds the nearest known name where serde lists what it expected, or what should stand there.
fn explain(file: &str, error: &toml::de::Error, places: &Places) -> Problem {
    let says = error.message();
    let problem = Problem::new(file, says).at(error.span());
    let quoted: Vec<&str> = says.split('`').skip(1).step_by(2).collect();
    let path = error.span().and_then(|span| places.at(&span)).unwrap_or_default();
    if let Some(help) = mend(says, path) {
        return problem.help(help);
    }
    let Some((&got, expected)) = quoted.split_first() else { return problem };
    if !says.starts_with("unknown") {
        return problem;
    }
    let nearest = expected
        .iter()
        .map(|name| (strsim::damerau_levenshtein(got, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .min();
    match nearest {
        Some((_, name)) => problem.help(format!("did you mean `{name}`?")),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is under test")]
        size: u32,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is under test")]
        name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading is under test")]
        inner: Vec<Inner>,
    }

    #[test]
    fn every_problem_of_a_file_is_reported_at_once() {
        let text = "nam = 'x'\nname = 3\n[[inner]]\nsize = 'big'\n[[inner]]\nsizes = 1\nsize = 2\n";
        let problems = read::<Outer>("gatewatch.toml", text).expect_err("the text is wrong in four places");
        let says: Vec<String> = problems.iter().map(|p| format!("{} {:?}", p.says, p.help)).collect();
        assert!(
            says.iter().any(|s| s.contains("unknown field `nam`") && s.contains("did you mean `name`?")),
            "{says:#?}"
        );
        assert!(says.iter().any(|s| s.contains("expected a string")), "{says:#?}");
        assert!(says.iter().any(|s| s.contains("expected u32")), "{says:#?}");
        assert!(says.iter().any(|s| s.contains("unknown field `sizes`") && s.contains("`size`")), "{says:#?}");
    }

    #[test]
    fn a_source_or_sink_without_a_name_is_told_that_it_needs_one() {
        let text =
            "[sources.http]\nlisten = '127.0.0.1:1'\n[sinks.slack]\nurl = 'x'\n[sinks.webhook.hook]\nurl = 'x'\n";
        let problems = read::<toml::Table>("gatewatch.toml", text).expect_err("two have no name");
        let says: Vec<String> =
            problems.iter().map(|p| format!("{}: {}", p.says, p.help.as_deref().unwrap())).collect();
        assert_eq!(
            says,
            [
                "a source has a name, and `listen` stands where one should: begin with `[sources.http.NAME]`, under a name of your own",
                "a sink has a name, and `url` stands where one should: begin with `[sinks.slack.NAME]`, under a name of your own",
            ]
        );
    }

    #[test]
    fn a_place_is_found_by_its_path_or_its_nearest_parent() {
        let (_, places) = read::<toml::Table>("x", "[a]\nb = [{ c = 1 }]\n").expect("it is TOML");
        assert!(places.of("a.b[0].c").is_some());
        assert_eq!(places.of("a.b[0].d"), places.of("a.b[0]"));
    }
}
