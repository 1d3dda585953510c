//! What does a record say at a path, such as `properties.backendUrl`?
//!
//! For what has no field of its own. A record is walked along the path and nothing of it is built;
//! names match in any case, and JSON that stands in a string is opened on the way, however many
//! strings deep. A path has at most 16 steps; of the values that one with `[*]` leads to, 64 are
//! looked at. A walk is linear in the record, and what is broken ends it: what came before counts.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use bumpalo::Bump;

use super::cursor::{Shape, Value};
use super::doc::Doc;
use super::members;

/// Steps of a path.
const MAX_STEPS: usize = 16;
/// Bytes of a path.
const MAX_LENGTH: usize = 256;
/// Values that are looked at.
const MAX_VALUES: usize = 64;

/// A way into a record: `properties.errors[0].reason`, `details.matches[*].matchVariableName`,
/// `identity.claims["http://schemas.example/name"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawPath(Box<[Step]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The member of this name.
    Name(Box<str>),
    /// The element at this place, from 0.
    At(usize),
    /// Any element.
    Any,
}

/// Why a path is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPath {
    /// The byte of the path at which it is wrong.
    pub at: usize,
    /// What is wrong there and how to mend it.
    pub says: &'static str,
}

impl fmt::Display for NoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.says)
    }
}

impl FromStr for RawPath {
    type Err = NoPath;

    fn from_str(path: &str) -> Result<Self, NoPath> {
        if path.len() > MAX_LENGTH {
            return Err(NoPath { at: MAX_LENGTH, says: "a path has at most 256 characters" });
        }
        let (mut steps, mut at) = (Vec::new(), 0);
        while at < path.len() || steps.is_empty() {
            if steps.len() == MAX_STEPS {
                return Err(NoPath { at, says: "a path has at most 16 steps" });
            }
            let rest = path.get(at..).unwrap_or_default();
            let (step, length) = match rest.strip_prefix('[') {
                Some(inside) => bracket(inside).map(|(step, length)| (step, length + 1)),
                None => name(rest, steps.is_empty()),
            }
            .map_err(|wrong| NoPath { at: at + wrong.at, ..wrong })?;
            steps.push(step);
            at += length;
        }
        Ok(Self(steps.into()))
    }
}

/// Reads `.name`, or `name` if it is the first; returns its length.
fn name(rest: &str, first: bool) -> Result<(Step, usize), NoPath> {
    let dot = usize::from(!first);
    if !first && !rest.starts_with('.') {
        return Err(NoPath { at: 0, says: "here stands `.name`, `[0]`, `[*]` or the end" });
    }
    let name = rest.get(dot..).unwrap_or_default();
    let name = name.split(['.', '[', ']', '"', ' ']).next().unwrap_or_default();
    if name.is_empty() {
        return Err(NoPath {
            at: dot,
            says: "a name is missing; one with dots, spaces or brackets is written `[\"name\"]`",
        });
    }
    Ok((Step::Name(name.into()), dot + name.len()))
}

/// Reads what follows `[`, with its `]`; returns its length.
fn bracket(inside: &str) -> Result<(Step, usize), NoPath> {
    const WRONG: NoPath = NoPath { at: 0, says: "in brackets stands a number from 0, `*` or a quoted name" };
    if let Some(quoted) = inside.strip_prefix('"') {
        let (name, _) = quoted.split_once("\"]").filter(|(name, _)| !name.is_empty()).ok_or(WRONG)?;
        return Ok((Step::Name(name.into()), name.len() + 3));
    }
    let (place, _) = inside.split_once(']').ok_or(NoPath { at: 0, says: "the `]` is missing" })?;
    let step = if place == "*" { Step::Any } else { Step::At(place.parse().map_err(|_| WRONG)?) };
    Ok((step, place.len() + 1))
}

impl fmt::Display for RawPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if name.contains(['.', ' ', '[', ']']) => write!(f, "[\"{name}\"]")?,
                Step::Name(name) => write!(f, "{}{name}", if place > 0 { "." } else { "" })?,
                Step::At(at) => write!(f, "[{at}]")?,
                Step::Any => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

impl RawPath {
    /// Returns the names of the path, if it has no brackets with places.
    pub fn names(&self) -> Option<Vec<&str>> {
        self.0
            .iter()
            .map(|step| match step {
                Step::Name(name) => Some(&**name),
                Step::At(_) | Step::Any => None,
            })
            .collect()
    }

    /// Returns the names with dots between them, as rules write a field that is sought through all elements of
    /// arrays; `None` if the path asks for one of them by its place, or a name has a dot of its own.
    pub fn plain(&self) -> Option<String> {
        let mut names = Vec::new();
        for step in &self.0 {
            match step {
                Step::Name(name) if !name.contains(['.', '|']) => names.push(&**name),
                Step::Any => {}
                Step::Name(_) | Step::At(_) => return None,
            }
        }
        Some(names.join("."))
    }

    /// Tells whether a value of `record` at this path fulfils `holds`; what is absent (`null`, an empty
    /// text, `-`) fulfils nothing. An object or array is given as its JSON. What must be unescaped
    /// goes into `arena`.
    pub fn any<'s>(&self, record: &'s str, arena: &'s Bump, mut holds: impl FnMut(&'s str) -> bool) -> bool {
        let Some((doc, value)) = document(record, arena) else { return false };
        let (mut seen, mut holds) = (0, |doc: Doc<'s>, value| holds(doc.says(value)));
        walk(doc, value, &self.0, &mut seen, &mut holds)
            || self.in_row(doc, value).is_some_and(|(value, rest)| walk(doc, value, rest, &mut seen, &mut holds))
    }

    /// Returns the column of a row that stands for the path's second name, and what of the path is left: a table's rows
    /// have at their top what other records have in their `properties`, with a letter for its type behind it, perhaps.
    fn in_row(&self, doc: Doc<'_>, row: Value) -> Option<(Value, &[Step])> {
        let [Step::Name(first), Step::Name(name), rest @ ..] = &*self.0 else { return None };
        if !first.eq_ignore_ascii_case("properties") || !is_row(doc, row) {
            return None;
        }
        let typed =
            || ["_s", "_d", "_g", "_b", "_t"].into_iter().find_map(|of| member(doc, row, &format!("{name}{of}")));
        Some((member(doc, row, name).or_else(typed)?, rest))
    }

    /// Returns where in `record` the values at this path stand, inside their quotes. Of what stands in
    /// a string in a string no place is known, and it is left out.
    pub fn places(&self, record: &str, arena: &Bump) -> Vec<Range<u32>> {
        let mut places = Vec::new();
        if let Some((doc, value)) = document(record, arena) {
            walk_in_place(doc, value, &self.0, &mut places);
            if let Some((value, rest)) = self.in_row(doc, value) {
                walk_in_place(doc, value, rest, &mut places);
            }
        }
        places
    }
}

fn walk_in_place(doc: Doc<'_>, value: Value, path: &[Step], places: &mut Vec<Range<u32>>) {
    let Some((step, rest)) = path.split_first() else {
        if places.len() < MAX_VALUES {
            places.push(doc.text(value).raw());
        }
        return;
    };
    match (value.shape, step) {
        (Shape::String, _) => {
            let inside = doc.nested(value).and_then(|inner| Some((inner, opened(inner)?)));
            if let Some((inner, value)) = inside {
                walk_in_place(inner, value, path, places);
            }
        }
        (Shape::Object, Step::Name(name)) => {
            if let Some(value) = member(doc, value, name) {
                walk_in_place(doc, value, rest, places);
            }
        }
        (Shape::Array, Step::At(_) | Step::Any) => {
            let mut place = 0;
            members::elements(doc, value, |doc, value| {
                if *step == Step::Any || *step == Step::At(place) {
                    walk_in_place(doc, value, rest, places);
                }
                place += 1;
            });
        }
        _ => {}
    }
}

/// Tells whether `record` is a row of a table, whose columns are what others have in `properties`.
pub(super) fn is_row(doc: Doc<'_>, record: Value) -> bool {
    memchr::memmem::find(doc.text.as_bytes(), b"TimeGenerated").is_some()
        && member(doc, record, "TimeGenerated").is_some()
        && member(doc, record, "properties").is_none()
}

/// Returns `text` as a doc and the object or array that it is. Nothing is done to a text that is neither.
pub(super) fn document<'s>(text: &'s str, arena: &'s Bump) -> Option<(Doc<'s>, Value)> {
    let doc = text.trim_ascii_start().starts_with(['{', '[']).then(|| Doc::message(text, arena))?;
    opened(doc).map(|value| (doc, value))
}

/// Returns the object or array that `doc` is; its end is not looked for.
fn opened(doc: Doc<'_>) -> Option<Value> {
    let start = doc.text.len() - doc.text.get(doc.begin as usize..)?.trim_ascii_start().len();
    let shape = match doc.text.as_bytes().get(start) {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::Array,
        _ => return None,
    };
    Some(Value { start: start as u32, end: doc.text.len() as u32, shape, escaped: false, single: false })
}

fn walk<'s, F: FnMut(Doc<'s>, Value) -> bool>(
    doc: Doc<'s>,
    value: Value,
    path: &[Step],
    seen: &mut usize,
    holds: &mut F,
) -> bool {
    if *seen >= MAX_VALUES || doc.is_absent(value) {
        return false;
    }
    let Some((step, rest)) = path.split_first() else {
        *seen += 1;
        return holds(doc, value);
    };
    match (value.shape, step) {
        (Shape::String, _) => {
            let inner = document(doc.says(value), doc.arena);
            inner.is_some_and(|(inner, value)| walk(inner, value, path, seen, holds))
        }
        (Shape::Object, Step::Name(name)) => {
            member(doc, value, name).is_some_and(|value| walk(doc, value, rest, seen, holds))
        }
        (Shape::Array, Step::At(_) | Step::Any) => elements(doc, value, step, rest, seen, holds),
        _ => false,
    }
}

/// Returns the first member called `name` that says something.
fn member(doc: Doc<'_>, object: Value, name: &str) -> Option<Value> {
    let mut cursor = doc.cursor(object.start as usize);
    let mut next = cursor.first_key();
    while let Ok(Some(key)) = next {
        let value = cursor.value(1).ok()?;
        let here = if key.escaped { doc.says(key).as_bytes() } else { doc.bytes(key) };
        if here.eq_ignore_ascii_case(name.as_bytes()) && !doc.is_absent(value) {
            return Some(value);
        }
        next = cursor.next_key();
    }
    None
}

fn elements<'s, F: FnMut(Doc<'s>, Value) -> bool>(
    doc: Doc<'s>,
    array: Value,
    step: &Step,
    rest: &[Step],
    seen: &mut usize,
    holds: &mut F,
) -> bool {
    let mut cursor = doc.cursor(array.start as usize + 1);
    let mut place = 0;
    while !matches!(cursor.space(), None | Some(b']')) {
        let Ok(value) = cursor.value(1) else { return false };
        let wanted = match step {
            Step::At(at) => *at == place,
            _ => true,
        };
        if wanted && walk(doc, value, rest, seen, holds) {
            return true;
        }
        if *step == Step::At(place) || *seen >= MAX_VALUES || cursor.space() != Some(b',') {
            return false;
        }
        cursor.at += 1;
        place += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> RawPath {
        text.parse().unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
    }

    #[test]
    fn of_a_row_the_columns_are_its_properties() {
        let row = r#"{"TimeGenerated":"t","RiskLevelDuringSignIn":"high","httpStatusCode_d":403,"TargetResources":"[{\"id\":\"a\"}]"}"#;
        assert_eq!(all(row, "properties.riskLevelDuringSignIn"), ["high"]);
        assert_eq!(all(row, "properties.httpStatusCode"), ["403"]);
        assert_eq!(all(row, "properties.targetResources[*].id"), ["a"]);
        assert_eq!(all(row, "properties.other"), Vec::<String>::new());
        // One that has properties has no others.
        let record = r#"{"TimeGenerated":"t","a":"x","properties":{"b":"y"}}"#;
        assert_eq!((all(record, "properties.a"), all(record, "properties.b")), (vec![], vec!["y".to_owned()]));
        assert_eq!(all(r#"{"time":"t","a":"x"}"#, "properties.a"), Vec::<String>::new());
        let arena = Bump::new();
        let [place] = &path("properties.riskLevelDuringSignIn").places(row, &arena)[..] else { panic!("{row}") };
        assert_eq!(&row[place.start as usize..place.end as usize], "high");
    }

    fn all(record: &str, at: &str) -> Vec<String> {
        let (arena, mut found) = (Bump::new(), Vec::new());
        path(at).any(record, &arena, |value| {
            found.push(value.to_owned());
            false
        });
        found
    }

    #[test]
    fn a_path_leads_through_objects_arrays_and_json_in_strings() {
        let record = r#"{"Category":"x","properties":"{\"details\":{\"matches\":[{\"name\":\"a\"},{\"name\":\"b\\\"c\"}]},\"n\":42}","errors":[{"reason":"r0"},{"reason":"r1"}],"responseBody":"{\"inner\":\"{\\\"deep\\\":\\\"down\\\"}\"}"}"#;
        for (at, found) in [
            ("category", &["x"][..]),
            ("PROPERTIES.N", &["42"]),
            ("properties.details.matches[*].name", &["a", "b\"c"]),
            ("properties.details.matches[1].name", &["b\"c"]),
            ("errors[0].reason", &["r0"]),
            ("errors[*].reason", &["r0", "r1"]),
            ("errors[2].reason", &[]),
            ("errors.reason", &[]),
            ("category[0]", &[]),
            ("responsebody.inner.deep", &["down"]),
            ("properties.details.matches[0]", &["{\"name\":\"a\"}"]),
        ] {
            assert_eq!(all(record, at), found, "{at}");
        }
    }

    #[test]
    fn the_quotes_of_linux_hosts_are_no_hindrance() {
        let record = r#"{"properties":"{'appName':'shop','message':'it said \\'no\\''}","x":{'y':'z'}}"#;
        assert_eq!(all(record, "properties.appname"), ["shop"]);
        assert_eq!(all(record, "x.y"), ["z"]);
    }

    #[test]
    fn a_name_may_hold_anything_in_quotes() {
        let record = r#"{"claims":{"http://schemas.example/a.b":"me","a]":1}}"#;
        assert_eq!(all(record, r#"claims["http://schemas.example/a.b"]"#), ["me"]);
        assert_eq!(all(record, r#"claims["a]"]"#), ["1"]);
    }

    #[test]
    fn what_says_nothing_is_absent_and_a_broken_record_tells_what_came_before() {
        assert!(all(r#"{"a":null,"b":"","c":"-","A":""}"#, "a").is_empty());
        assert_eq!(all(r#"{"a":null,"A":"x"}"#, "a"), ["x"]);
        assert!(all(r#"{"a":"-"}"#, "a").is_empty());
        assert_eq!(all(r#"{"a":{"b":1,"c":"#, "a.b"), Vec::<String>::new());
        assert_eq!(all(r#"{"b":1,"c":{"#, "b"), ["1"]);
        assert!(all("", "a").is_empty() && all("7", "a").is_empty());
    }

    #[test]
    fn of_many_values_sixty_four_are_looked_at() {
        let record = format!("{{\"a\":[{}]}}", vec!["1"; 1_000].join(","));
        assert_eq!(all(&record, "a[*]").len(), MAX_VALUES);
    }

    #[test]
    fn a_path_that_is_none_says_where() {
        for (text, at) in [
            ("", 0),
            (".a", 0),
            ("a..b", 2),
            ("a.", 2),
            ("a[", 1),
            ("a[x]", 1),
            ("a[-1]", 1),
            ("a[0]b", 4),
            ("a b", 1),
            ("a[\"\"]", 1),
            ("a[\"x]", 1),
        ] {
            assert_eq!(text.parse::<RawPath>().unwrap_err().at.min(text.len()), at.min(text.len()), "{text}");
        }
        assert!(
            vec!["a"; 17].join(".").parse::<RawPath>().is_err() && vec!["a"; 16].join(".").parse::<RawPath>().is_ok()
        );
        assert!("é".repeat(300).parse::<RawPath>().is_err());
    }

    #[test]
    fn a_path_tells_where_its_values_stand() {
        let record =
            r#"{"properties":"{\"user\":{\"mail\":\"a\\/b\"},\"list\":[\"x\",\"y\"]}","list":["p",{"q":"r"}],"n":42}"#;
        let places = |at: &str| {
            let found = path(at).places(record, &Bump::new());
            found.into_iter().map(|at| record[at.start as usize..at.end as usize].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(places("properties.user.mail"), [r"a\\/b"]);
        assert_eq!(places("properties.list[*]"), ["x", "y"]);
        assert_eq!(places("list[1].q"), ["r"]);
        assert_eq!(places("list[1]"), [r#"{"q":"r"}"#]);
        assert_eq!(places("n"), ["42"]);
        assert_eq!(places("properties.list.x"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn what_serde_json_finds_is_found(names in prop::collection::vec("[a-c]{1,2}", 1..5), value in r#"[a-z"\\é\n]{1,12}"#, nest in any::<bool>()) {
            prop_assume!(value != "-" && value != "--");
            let mut json = serde_json::Value::String(value.clone());
            for name in names.iter().rev() {
                if nest && json.is_object() {
                    json = serde_json::Value::String(json.to_string());
                }
                json = serde_json::json!({ "other": [1, {"x": null}], name.as_str(): json });
            }
            prop_assert_eq!(all(&json.to_string(), &names.join(".")), [value]);
        }

        #[test]
        fn no_record_and_no_path_makes_it_panic(record in r#"[\[\]{}"',:a0\\ é]{0,60}"#, text in r#"[a.\[\]*"0é ]{0,12}"#) {
            if let Ok(path) = text.parse::<RawPath>() {
                let arena = Bump::new();
                path.any(&record, &arena, |_| false);
            }
        }
    }
}
