//! What does a YAML file say, and on which line?
//!
//! A typed reader stops at the first thing it does not like; people want to hear everything. So a
//! file becomes a tree of [`Located`] values first, and each reader takes from a [`Section`] what
//! it knows: what is left over is a key that nobody knows. A file is at most 256 KB, and at most
//! 100 of its problems are kept.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::problem::{Problem, Problems};

/// The largest file that is read, bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// The largest file of several documents that is read, bytes.
pub const MAX_BYTES_OF_MANY: usize = 1024 * 1024;
/// The longest duration a file may ask for: ten years.
const MAX_DURATION: Duration = Duration::from_hours(3650 * 24);

/// A value and the line it stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// Its line, from 1.
    pub line: usize,
    /// The value.
    pub node: Node,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A number with a fraction, as it reads.
    Real(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Located>),
    /// Keys and values, in the order of the file.
    Map(Vec<(Key, Located)>),
}

/// A key of a map and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
}

/// Reads `text`; a file that is no YAML is one problem, with the place where reading stopped.
pub fn read(file: &str, text: &str) -> Result<Located, Problem> {
    too_large(file, text, MAX_BYTES)?;
    serde_saphyr::from_str::<Spanned<Node>>(text).map(Located::from).map_err(|error| no_yaml(file, &error))
}

/// Reads `text` of at most `most` bytes, which may be far more than people write by hand.
pub fn read_up_to(file: &str, text: &str, most: usize) -> Result<Located, Problem> {
    too_large(file, text, most)?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: most, max_events: most },
    };
    serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options)
        .map(Located::from)
        .map_err(|error| no_yaml(file, &error))
}

/// Reads the documents of `text`, which `---` parts; a file that is no YAML is one problem.
pub fn read_all(file: &str, text: &str) -> Result<Vec<Located>, Problem> {
    too_large(file, text, MAX_BYTES_OF_MANY)?;
    // What others write is meant as it stands: `y`, `on` and `007` are texts.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    let documents = serde_saphyr::from_multiple_with_options::<Spanned<Node>>(text, options)
        .map_err(|error| no_yaml(file, &error))?;
    Ok(documents.into_iter().map(Located::from).collect())
}

fn no_yaml(file: &str, error: &serde_saphyr::Error) -> Problem {
    let line = error.location().map_or(0, |at| usize::try_from(at.line()).unwrap_or(0));
    let first = error.without_snippet().to_string();
    let first = first.lines().next().unwrap_or_default();
    // The library goes on with a word about its own settings.
    if let Some((_, rest)) = first.split_once("duplicate mapping key") {
        let key = rest.strip_prefix(": ").and_then(|rest| rest.split_once(", set ")).map(|(key, _)| key);
        let key = key.map_or_else(|| "A key".to_owned(), |key| format!("`{}`", key.trim_matches('`')));
        return Problem { file: file.to_owned(), line, says: format!("{key} is there twice. Remove one of the two.") };
    }
    let says = format!("This is not YAML: {first}. Texts with `{{`, `[`, `: ` or ` #` in them need quotes.");
    Problem { file: file.to_owned(), line, says }
}

fn too_large(file: &str, text: &str, most: usize) -> Result<(), Problem> {
    if text.len() <= most {
        return Ok(());
    }
    let says = format!("The file is larger than {} KB. Split it.", most / 1024);
    Err(Problem { file: file.to_owned(), line: 0, says })
}

impl Node {
    /// Returns what kind of value it is, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => format!("`{value}`"),
            Self::Number(value) => format!("`{value}`"),
            Self::Real(value) => format!("`{value}`"),
            Self::Text(value) => format!("`{}`", value.chars().take(60).collect::<String>()),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "keys and values".to_owned(),
        }
    }

    /// Appends a text that is equal for equal values, whatever their lines and layout.
    pub fn canonical(&self, out: &mut String) {
        match self {
            Self::Null => out.push('~'),
            Self::Bool(value) => _ = write!(out, "{value}"),
            Self::Number(value) => _ = write!(out, "{value}"),
            Self::Real(value) => _ = write!(out, "{value:?}"),
            Self::Text(value) => _ = write!(out, "{value:?}"),
            Self::List(items) => {
                out.push('[');
                for item in items {
                    item.node.canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (key, value) in entries {
                    _ = write!(out, "{:?}:", key.text);
                    value.node.canonical(out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }
}

impl Located {
    /// Returns the text; a number or a truth value is taken as it reads. Anything else is a problem.
    pub fn text(&self, what: &str, problems: &mut Problems) -> Option<String> {
        match &self.node {
            Node::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Node::Number(number) => Some(number.to_string()),
            Node::Bool(value) => Some(value.to_string()),
            other => {
                problems.add(self.line, format!("{what} must be a text, not {}.", other.describe()));
                None
            }
        }
    }

    /// Returns the texts of a list, or of the one text that stands there.
    pub fn texts(&self, what: &str, problems: &mut Problems) -> Vec<(String, usize)> {
        match &self.node {
            Node::List(items) => {
                items.iter().filter_map(|item| Some((item.text(what, problems)?, item.line))).collect()
            }
            _ => self.text(what, problems).map(|text| (text, self.line)).into_iter().collect(),
        }
    }

    /// Returns a whole number from `least` to `most`.
    pub fn number(&self, what: &str, least: i64, most: i64, problems: &mut Problems) -> Option<i64> {
        match self.node {
            Node::Number(number) if (least..=most).contains(&number) => Some(number),
            ref other => {
                let got = other.describe();
                let range = if least == i64::MIN { String::new() } else { format!(" from {least} to {most}") };
                problems.add(self.line, format!("{what} must be a whole number{range}, not {got}."));
                None
            }
        }
    }

    /// Returns a duration such as `30s`, `10m`, `1h` or `7d`.
    pub fn duration(&self, what: &str, problems: &mut Problems) -> Option<Duration> {
        let parsed = match &self.node {
            Node::Text(text) => parse_duration(text),
            _ => None,
        };
        if parsed.is_none() {
            let got = self.node.describe();
            problems.add(
                self.line,
                format!("{what} must be a duration such as `30s`, `10m`, `1h` or `7d` (up to 3650d), not {got}."),
            );
        }
        parsed
    }

    /// Returns the keys and values that stand there.
    pub fn section(self, what: &str, problems: &mut Problems) -> Option<Section> {
        match self.node {
            Node::Map(entries) => Some(Section { line: self.line, entries }),
            other => {
                problems.add(self.line, format!("{what} must be keys and values, not {}.", other.describe()));
                None
            }
        }
    }
}

/// Parses `30s`, `10m`, `1h` or `7d`; neither zero nor more than ten years.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let amount: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    let duration = Duration::from_secs(amount.checked_mul(seconds)?);
    (duration > Duration::ZERO && duration <= MAX_DURATION).then_some(duration)
}

/// Writes a duration as [`parse_duration`] reads it, in its largest whole unit.
pub fn write_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, name) in [(86_400, 'd'), (3_600, 'h'), (60, 'm')] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return format!("{}{name}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

/// Keys and values, taken one by one; what nobody takes is a problem.
#[derive(Debug)]
pub struct Section {
    /// Where it begins.
    pub line: usize,
    entries: Vec<(Key, Located)>,
}

impl Section {
    /// Takes the value of `key`, if it is there.
    pub fn take(&mut self, key: &str) -> Option<Located> {
        let at = self.entries.iter().position(|(known, _)| known.text == key)?;
        Some(self.entries.remove(at).1)
    }

    /// Takes whether `key` is `true`; anything else than `true` and `false` is a problem.
    pub fn flag(&mut self, key: &str, problems: &mut Problems) -> bool {
        match self.take(key) {
            Some(Located { node: Node::Bool(flag), .. }) => flag,
            Some(other) => {
                problems.add(other.line, format!("`{key}` must be `true` or `false`, not {}.", other.node.describe()));
                false
            }
            None => false,
        }
    }

    /// Takes the value of `key`; that it is missing is a problem, mended as `mend` says.
    pub fn demand(&mut self, key: &str, mend: &str, problems: &mut Problems) -> Option<Located> {
        let taken = self.take(key);
        if taken.is_none() {
            problems.add(self.line, format!("`{key}` is missing. {mend}"));
        }
        taken
    }

    /// Takes the text of `key`; that it is missing is a problem, mended as `mend` says.
    pub fn demand_text(&mut self, key: &str, mend: &str, problems: &mut Problems) -> Option<String> {
        self.demand(key, mend, problems)?.text(&format!("`{key}`"), problems)
    }

    /// Returns the line of `key`; where it is not there, that of the section.
    pub fn line_of(&self, key: &str) -> usize {
        self.entries.iter().find(|(known, _)| known.text == key).map_or(self.line, |(known, _)| known.line)
    }

    /// Tells whether `key` is there.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(known, _)| known.text == key)
    }

    /// Takes everything that is left.
    pub fn rest(&mut self) -> Vec<(Key, Located)> {
        std::mem::take(&mut self.entries)
    }

    /// Reports every key that nobody took; `known` are those that `what` may have.
    pub fn finish(self, what: &str, known: &[&str], problems: &mut Problems) {
        for (key, _) in self.entries {
            problems.add(key.line, unknown(&key.text, what, known.iter().copied()));
        }
    }
}

/// Says that `got` is no `what`, and what may have been meant.
pub fn unknown<'k>(got: &str, what: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    let got: String = got.chars().take(60).collect();
    match nearest(&got, known.clone()) {
        Some(meant) => format!("`{got}` is not {what}. Did you mean `{meant}`?"),
        None => format!("`{got}` is not {what}. Use one of: {}.", known.collect::<Vec<_>>().join(", ")),
    }
}

/// Returns the name that may have been meant by `got`.
pub fn nearest<'k>(got: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|name| (strsim::damerau_levenshtein(&got.to_ascii_lowercase(), name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

impl From<Spanned<Node>> for Located {
    fn from(spanned: Spanned<Node>) -> Self {
        Self { line: usize::try_from(spanned.referenced.line()).unwrap_or(0), node: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or(Node::Real(value as f64), Node::Number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Node>>()? {
            list.push(item.into());
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Spanned<Node>>()? {
            let line = usize::try_from(key.referenced.line()).unwrap_or(0);
            map.push((Key { text: key.value, line }, value.into()));
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let tree = read("a.yaml", "a: 1\nb:\n  - x\n  - { c: '18' }\n401: high\n").unwrap();
        let Node::Map(entries) = tree.node else { panic!("not a map") };
        let lines: Vec<_> = entries.iter().map(|(key, _)| (key.text.as_str(), key.line)).collect();
        assert_eq!(lines, [("a", 1), ("b", 2), ("401", 5)]);
        let Node::List(items) = &entries[1].1.node else { panic!("not a list") };
        assert_eq!(items[0], Located { line: 3, node: Node::Text("x".into()) });
        let Node::Map(inner) = &items[1].node else { panic!("not a map") };
        assert_eq!((inner[0].0.line, &inner[0].1.node), (4, &Node::Text("18".into())));
    }

    #[test]
    fn a_file_that_is_no_yaml_names_the_line() {
        let problem = read("a.yaml", "a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(problem.line >= 2, "{problem}");
        assert!(problem.says.starts_with("This is not YAML"), "{problem}");
    }

    #[test]
    fn a_key_that_is_there_twice_is_told_without_the_librarys_words() {
        for text in ["a: 1\nb: 2\na: 3\n", "a: 1\nb: { x: 1 }\n---\na: 3\na: 4\n"] {
            let problem = read("a.yaml", text).or_else(|_| read_all("a.yaml", text).map(|mut all| all.remove(0)));
            let says = problem.unwrap_err().says;
            assert_eq!(says, "`a` is there twice. Remove one of the two.");
        }
    }

    #[test]
    fn durations_are_whole_and_bounded() {
        assert_eq!(parse_duration("10m"), Some(Duration::from_mins(10)));
        assert_eq!(parse_duration("7d").map(write_duration).as_deref(), Some("7d"));
        assert_eq!(parse_duration("90s").map(write_duration).as_deref(), Some("90s"));
        for wrong in ["", "m", "0s", "5", "-1m", "1.5h", "9999999999999999999d", "4000d", "10é"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_misspelt_key_is_told_what_was_meant() {
        let mut problems = Problems::of("a.yaml");
        let tree = read("a.yaml", "\ntitel: x\nzzz: 1\n").unwrap();
        tree.section("a detector", &mut problems).unwrap().finish(
            "a key of a detector",
            &["title", "why"],
            &mut problems,
        );
        let said: Vec<_> = problems.into_list().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "a.yaml:2: `titel` is not a key of a detector. Did you mean `title`?",
                "a.yaml:3: `zzz` is not a key of a detector. Use one of: title, why.",
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "[ -~\n\u{e9}]{0,200}") {
            _ = read("a.yaml", &text);
            _ = parse_duration(&text);
        }
    }
}
