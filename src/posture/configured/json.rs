//! What does a JSON file say, and on which line?
//!
//! Files that people write hold comments and trailing commas, and those that tools write are one
//! line of 50 MB; both become a tree of [`Json`], each value with its line. A value that can't be
//! known before deployment is [`Node::Unknown`] with what it was written as. Files are at most
//! 64 MB and 512 levels deep.

use std::fmt::Write as _;

use jsonc_parser::ast::{ObjectPropName, Value as Ast};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// A value and the line it stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Json {
    /// Its line, from 1.
    pub line: u32,
    /// The value.
    pub node: Node,
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// Members, in the order of the file.
    Map(Vec<(String, Json)>),
    /// What is known at deployment only; how it is shown.
    Unknown(String),
}

/// Why a file is no JSON: the line, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoJson {
    /// Where reading stopped, from 1.
    pub line: u32,
    /// What is wrong.
    pub says: String,
}

/// Reads `text`; comments and trailing commas are let through.
///
/// # Errors
///
/// Says where reading stopped and why.
pub fn read(text: &str) -> Result<Json, NoJson> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let collect = CollectOptions { tokens: false, ..CollectOptions::default() };
    let parsed = parse_to_ast(text, &collect, &ParseOptions::default()).map_err(|error| {
        let line = u32::try_from(error.line_display()).unwrap_or(0);
        NoJson { line, says: format!("{}", error.kind()) }
    })?;
    let ast = parsed.value.ok_or_else(|| NoJson { line: 1, says: "The file is empty".to_owned() })?;
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    Ok(taken(ast, &mut lines))
}

/// Counts lines on the way through the text: values come in its order.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> u32 {
        if let Some(passed) = self.text.get(self.at..at) {
            self.line += u32::try_from(memchr::memchr_iter(b'\n', passed).count()).unwrap_or(0);
            self.at = at;
        }
        self.line
    }
}

/// Turns the syntax tree into ours; as deep as the parser lets a file be.
fn taken(ast: Ast<'_>, lines: &mut Lines<'_>) -> Json {
    let line = lines.of(ast.range().start);
    let node = match ast {
        Ast::NullKeyword(_) => Node::Null,
        Ast::BooleanLit(flag) => Node::Bool(flag.value),
        Ast::NumberLit(number) => Node::Number(number.value.to_owned()),
        Ast::StringLit(text) => Node::Text(text.value.into_owned()),
        Ast::Array(array) => Node::List(array.elements.into_iter().map(|one| taken(one, lines)).collect()),
        Ast::Object(object) => Node::Map(
            object
                .properties
                .into_iter()
                .map(|property| {
                    let name = match property.name {
                        ObjectPropName::String(name) => name.value.into_owned(),
                        ObjectPropName::Word(name) => name.value.to_owned(),
                    };
                    (name, taken(property.value, lines))
                })
                .collect(),
        ),
    };
    Json { line, node }
}

impl Json {
    /// Returns a text on `line`.
    pub fn text(line: u32, text: impl Into<String>) -> Self {
        Self { line, node: Node::Text(text.into()) }
    }

    /// Returns what is known at deployment only, shown as `shown`.
    pub fn unknown(line: u32, shown: impl Into<String>) -> Self {
        Self { line, node: Node::Unknown(shown.into()) }
    }

    /// Returns the member `name`, in any case; the last one where there are several.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match &self.node {
            Node::Map(members) => {
                members.iter().rev().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Returns what stands at a path such as `properties.cors.0`; nothing where `null` stands.
    ///
    /// What lies below something unknown is unknown too.
    pub fn at(&self, path: &str) -> Option<&Self> {
        let mut here = self;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            here = match &here.node {
                Node::Unknown(_) => return Some(here),
                Node::List(items) => items.get(part.parse::<usize>().ok()?)?,
                _ => here.member(part)?,
            };
        }
        (here.node != Node::Null).then_some(here)
    }

    /// Returns the text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text at `path`, if there is one.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(Self::as_text)
    }

    /// Returns the truth value; `"true"` and `"false"` are taken as well.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.node {
            Node::Bool(flag) => Some(*flag),
            Node::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Node::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// Returns the items of a list; of anything else nothing.
    pub fn items(&self) -> &[Self] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the members; of anything else nothing.
    pub fn members(&self) -> &[(String, Self)] {
        match &self.node {
            Node::Map(members) => members,
            _ => &[],
        }
    }

    /// Tells whether it is known at deployment only.
    pub fn is_unknown(&self) -> bool {
        matches!(self.node, Node::Unknown(_))
    }

    /// Returns a name for people and for telling elements apart: the text, or what is written in its place.
    pub fn shown(&self) -> String {
        match &self.node {
            Node::Null => String::new(),
            Node::Bool(flag) => flag.to_string(),
            Node::Number(number) => number.clone(),
            Node::Text(text) => text.clone(),
            Node::Unknown(shown) => shown.clone(),
            Node::List(items) => {
                let mut out = String::from("[");
                for item in items {
                    _ = write!(out, "{},", item.shown());
                }
                out + "]"
            }
            Node::Map(_) => "{}".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_read_and_lines_kept() {
        let json = read("\u{feff}{ // why\n  \"a\": [1, 2,],\n  /* b\n */ \"B\": \"x\\ny\",\n}").unwrap();
        assert_eq!(json.at("a.1").unwrap().line, 2);
        assert_eq!(json.text_at("b"), Some("x\ny"));
        assert_eq!(json.member("B").unwrap().line, 4);
        assert_eq!(json.at("a.7"), None);
    }

    #[test]
    fn a_file_that_is_no_json_says_where() {
        let wrong = read("{\n\"a\": \n}").unwrap_err();
        assert!(wrong.line >= 2, "{wrong:?}");
        assert_eq!(read("").unwrap_err().line, 1);
        assert!(read(&"[".repeat(100_000)).unwrap_err().says.contains("nesting"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\",:/*\\\\a1é\n-]{0,60}") {
            _ = read(&text);
        }
    }
}
