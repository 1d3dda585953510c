//! What does `field|modifier|…: values` ask? From a key and its values to an [`Expr`].
//!
//! Modifiers apply in the order in which they stand. One that nobody knows, or two that do not go together, are
//! problems with their line: a rule half understood would be silent, or never silent.

use std::collections::BTreeMap;

use ipnet::IpNet;
use regex::RegexBuilder;

use crate::detection::words::Case;
use crate::posture::Problems;
use crate::posture::document::{Key, Located, Node};

use super::expr::{Asked, Expr};
use super::mods::{Kind, MOST_WAYS, Mods, Way};
use super::pattern::Pattern;
use super::test::{Compare, Test};
use super::texts::{sound, texts};

/// Compiled size of a regular expression, bytes.
pub(super) const MAX_PATTERN: usize = 10 << 20;
/// What the placeholders of rules stand for, by their names without `%`.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// What reads the selections of one rule.
pub(super) struct Reader<'r> {
    pub(super) placeholders: &'r Placeholders,
    /// Placeholders that nothing is known of.
    pub(super) missing: Vec<String>,
    pub(super) problems: &'r mut Problems,
}

impl Reader<'_> {
    /// Compiles one key of a selection with its values.
    pub(super) fn key(&mut self, key: &Key, value: Located) -> Option<Expr> {
        let mut parts = key.text.split('|');
        let field = parts.next().unwrap_or_default();
        let mods = self.mods(parts, key)?;
        let asked = if field.is_empty() { Asked::Record } else { Asked::Field(field.to_owned()) };
        let many = matches!(value.node, Node::List(_));
        let values = match value.node {
            Node::List(items) => items,
            _ => vec![value],
        };
        if values.is_empty() {
            self.problems.add(key.line, format!("`{}` has no value. Write one.", key.text));
            return None;
        }
        if mods.all && values.len() < 2 {
            self.problems.add(key.line, format!("`{}`: `all` needs two values or more. Leave it out.", key.text));
            return None;
        }
        let nothing = |value: &Located| value.node == Node::Null;
        if many && values.iter().any(nothing) {
            let says = format!("`{}` lists `null` among other values. Give it a selection of its own.", key.text);
            self.problems.add(key.line, says);
            return None;
        }
        let expr = self.values(&asked, &mods, &values, key)?;
        Some(if mods.neq { expr.not() } else { expr })
    }

    /// Compiles words that are looked for in the whole record.
    pub(super) fn keywords(&mut self, values: &[Located]) -> Option<Expr> {
        let line = values.first().map_or(0, |value| value.line);
        self.values(&Asked::Record, &Mods::default(), values, &Key { text: "keywords".to_owned(), line })
    }

    fn mods<'m>(&mut self, names: impl Iterator<Item = &'m str>, key: &Key) -> Option<Mods> {
        let mut mods = Mods::default();
        for name in names {
            if let Err(says) = mods.add(name) {
                self.problems.add(key.line, format!("`{}`: {says}", key.text));
                return None;
            }
        }
        if let Err(says) = mods.check() {
            self.problems.add(key.line, format!("`{}`: {says}", key.text));
            return None;
        }
        Some(mods)
    }

    fn values(&mut self, asked: &Asked, mods: &Mods, values: &[Located], key: &Key) -> Option<Expr> {
        let each: Option<Vec<Expr>> = match mods.kind {
            Kind::Value if mods.part.is_none() => return self.texts(asked, mods, values, key),
            _ => values.iter().map(|value| self.special(asked, mods, value, key)).collect(),
        };
        Some(if mods.all { Expr::all(each?) } else { Expr::any(each?) })
    }

    /// Compiles a value that is no text to compare with.
    fn special(&mut self, asked: &Asked, mods: &Mods, value: &Located, key: &Key) -> Option<Expr> {
        let is = |test| Some(Expr::Is(asked.clone(), sound(test)));
        match (mods.kind, &value.node) {
            (Kind::Exists, Node::Bool(true)) => is(Test::Exists),
            (Kind::Exists, Node::Bool(false)) => is(Test::Exists).map(Expr::not),
            (Kind::Field, Node::Text(other)) => match asked {
                Asked::Field(field) => {
                    let case = if mods.cased { Case::Kept } else { Case::Ignored };
                    Some(Expr::Same(field.clone(), mods.affix(), other.trim().to_owned(), case))
                }
                _ => self.wrong(value, key, "`fieldref` needs a field to compare with"),
            },
            (Kind::Network, Node::Text(text)) => {
                let text = text.trim();
                let parsed =
                    text.parse::<IpNet>().ok().or_else(|| text.parse().ok().map(|ip: std::net::IpAddr| ip.into()));
                match parsed {
                    Some(network) => is(Test::Network(vec![network])),
                    None => self.wrong(value, key, "`cidr` takes a network such as `10.0.0.0/8`"),
                }
            }
            (Kind::Regex, Node::Text(text)) => {
                let mut built = RegexBuilder::new(text);
                built.size_limit(MAX_PATTERN).case_insensitive(mods.flags.contains(&'i'));
                built.multi_line(mods.flags.contains(&'m')).dot_matches_new_line(mods.flags.contains(&'s'));
                match built.build() {
                    Ok(pattern) => is(Test::Pattern(pattern)),
                    Err(error) => {
                        let says = error.to_string();
                        let last = says.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                        self.problems.add(
                            value.line,
                            format!(
                                "`{}`: the regular expression can't be compiled: {last}. See docs.rs/regex.",
                                key.text
                            ),
                        );
                        None
                    }
                }
            }
            (Kind::Number(how), _) => match (number(&value.node), mods.part) {
                (Some(limit), Some(part)) => is(Test::Date(part, how, limit)),
                (Some(limit), None) => is(Test::Number(how, limit)),
                (None, _) => self.wrong(value, key, "this takes a number"),
            },
            (Kind::Value, _) => match (number(&value.node), mods.part) {
                (Some(limit), Some(part)) => is(Test::Date(part, Compare::Equal, limit)),
                _ => self.wrong(value, key, "a part of a date is a number"),
            },
            (Kind::Exists, _) => self.wrong(value, key, "`exists` takes `true` or `false`"),
            (Kind::Field, _) => self.wrong(value, key, "`fieldref` takes the name of a field"),
            (Kind::Network, _) => self.wrong(value, key, "`cidr` takes a network such as `10.0.0.0/8`"),
            (Kind::Regex, _) => self.wrong(value, key, "`re` takes a text; put quotes around it"),
        }
    }

    fn wrong(&mut self, value: &Located, key: &Key, says: &str) -> Option<Expr> {
        self.problems.add(value.line, format!("`{}`: {says}, not {}.", key.text, value.node.describe()));
        None
    }

    /// Compiles texts, numbers and what is empty.
    fn texts(&mut self, asked: &Asked, mods: &Mods, values: &[Located], key: &Key) -> Option<Expr> {
        let plain = mods.steps.is_empty() && !mods.expand;
        let mut rest = Vec::new();
        let mut exprs = Vec::new();
        for value in values {
            let one = match &value.node {
                Node::Null if plain => Some(Expr::Is(asked.clone(), sound(Test::Null))),
                Node::Number(number) if plain && *asked != Asked::Record && number.unsigned_abs() < 1 << 52 => {
                    Some(Expr::Is(asked.clone(), sound(Test::Number(Compare::Equal, *number as f64))))
                }
                Node::Real(number) if plain && *asked != Asked::Record => {
                    Some(Expr::Is(asked.clone(), sound(Test::Number(Compare::Equal, *number))))
                }
                _ => None,
            };
            match one {
                Some(one) => exprs.push(one),
                None => rest.push(self.ways(mods, value, *asked == Asked::Record, key)?),
            }
        }
        let case = if mods.cased { Case::Kept } else { Case::Ignored };
        let groups: Vec<Vec<Pattern>> = if mods.all { rest } else { vec![rest.into_iter().flatten().collect()] };
        for group in groups.into_iter().filter(|group| !group.is_empty()) {
            match texts(asked, &group, case) {
                Ok(expr) => exprs.push(expr),
                Err(says) => {
                    self.problems.add(key.line, format!("`{}`: {says}", key.text));
                    return None;
                }
            }
        }
        Some(if mods.all { Expr::all(exprs) } else { Expr::any(exprs) })
    }

    /// Returns the texts that stand for a value once every modifier has had its turn.
    fn ways(&mut self, mods: &Mods, value: &Located, keyword: bool, key: &Key) -> Option<Vec<Pattern>> {
        let text = match &value.node {
            Node::Text(text) => text.clone(),
            Node::Number(number) => number.to_string(),
            Node::Real(number) => number.to_string(),
            Node::Bool(value) => value.to_string(),
            other => {
                self.problems
                    .add(value.line, format!("`{}` takes texts and numbers, not {}.", key.text, other.describe()));
                return None;
            }
        };
        let read = if mods.expand { self.expand(&text) } else { vec![text] };
        let mut ways: Vec<Way> = read.iter().map(|text| Way::Text(Pattern::read(text))).collect();
        for step in &mods.steps {
            let mut next = Vec::new();
            for way in ways {
                match step.apply(way) {
                    Ok(made) => next.extend(made),
                    Err(says) => {
                        self.problems.add(value.line, format!("`{}`: {says}", key.text));
                        return None;
                    }
                }
                if next.len() > MOST_WAYS {
                    let says = format!("`{}`: a value can be written in more than {MOST_WAYS} ways.", key.text);
                    self.problems.add(value.line, says);
                    return None;
                }
            }
            ways = next;
        }
        let text = |way: Way| match way {
            Way::Text(pattern) => Some(pattern),
            Way::Bytes(bytes) => String::from_utf8(bytes).ok().map(Pattern::plain),
        };
        let ways: Option<Vec<Pattern>> = ways.into_iter().map(text).collect();
        if ways.is_none() {
            let says = "these bytes are no text of a record. Encode them with `base64offset|contains`";
            self.problems.add(value.line, format!("`{}`: {says}.", key.text));
        }
        ways.map(|ways| if keyword { ways.into_iter().map(|way| way.open(true, true)).collect() } else { ways })
    }

    /// Returns `text` with its placeholders filled in, once for each value.
    fn expand(&mut self, text: &str) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            let before = &rest[..at];
            if let Some(plain) = before.strip_suffix('\\') {
                for one in &mut all {
                    one.extend([plain, "%"]);
                }
                rest = &rest[at + 1..];
                continue;
            }
            let Some((name, behind)) = rest[at + 1..].split_once('%') else { break };
            for one in &mut all {
                one.push_str(before);
            }
            match self.placeholders.get(name) {
                Some(values) if all.len() * values.len() <= MOST_WAYS => {
                    all = all.iter().flat_map(|one| values.iter().map(move |value| format!("{one}{value}"))).collect();
                }
                _ => self.missing.push(name.to_owned()),
            }
            rest = behind;
        }
        for one in &mut all {
            one.push_str(rest);
        }
        all
    }
}

/// Returns the number that a value is.
pub(super) fn number(node: &Node) -> Option<f64> {
    match node {
        Node::Number(number) => Some(*number as f64),
        Node::Real(number) => Some(*number).filter(|number| number.is_finite()),
        Node::Text(text) => super::test::number(text),
        _ => None,
    }
}
