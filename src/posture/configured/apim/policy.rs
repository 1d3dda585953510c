//! Which statements does a policy hold, and on which lines?
//!
//! A policy has four sections; a fragment is statements alone. A document type is refused, so that
//! a small file can't become a huge one. A policy is at most 4 MB, 200 levels deep and 50,000
//! statements.

use super::super::Place;
use super::super::tokens::is_filled_in;
use super::expressions::blanked;

/// The sections of a policy.
pub const SECTIONS: [&str; 4] = ["inbound", "backend", "outbound", "on-error"];
/// The largest policy that is read, bytes.
const MAX_BYTES: usize = 4 << 20;
/// How deep statements may be nested.
const MAX_DEPTH: usize = 200;
/// Statements of one policy.
const MAX_NODES: u32 = 50_000;

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it does: `validate-jwt`.
    pub name: String,
    /// What it is told, as it is written.
    pub attributes: Vec<(String, String)>,
    /// The text in it.
    pub text: String,
    /// The statements in it.
    pub children: Vec<Self>,
    /// Its line, from 1.
    pub line: u32,
}

impl Statement {
    /// Returns an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the statements in it that are called `name`.
    pub fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Returns the first statement in it that is called `name`.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Tells whether a value is computed when a request comes, or a named value that is set elsewhere.
pub fn is_expression(value: &str) -> bool {
    value.contains("@(") || value.contains("@{") || value.contains("{{") || is_filled_in(value)
}

/// A policy of one scope.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where it stands.
    pub at: Place,
    /// It stands within another file, whose lines are not its own.
    pub inline: bool,
    /// Its statements by section; those of a fragment are all in the first.
    pub sections: [Vec<Statement>; 4],
    /// The sections that are written down at all.
    pub has: [bool; 4],
    /// It is a fragment.
    pub fragment: bool,
}

/// Why a policy can't be read: its line in the policy, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPolicy {
    /// Where, from 1.
    pub line: u32,
    /// What is wrong, what was expected, and how to mend it.
    pub says: String,
}

/// Reads a policy.
///
/// # Errors
///
/// Says what is wrong with it, and where.
pub fn read(text: &str, at: Place, inline: bool) -> Result<Policy, NoPolicy> {
    let text = text.trim_start_matches('\u{feff}');
    if text.len() > MAX_BYTES {
        return Err(NoPolicy {
            line: 1,
            says: "The policy is larger than 4 MB, and API Management takes 16 KB.".into(),
        });
    }
    if let Some(line) = too_deep(text) {
        return Err(NoPolicy { line, says: format!("Statements are nested more than {MAX_DEPTH} levels deep.") });
    }
    let xml = blanked(text);
    let options = roxmltree::ParsingOptions { nodes_limit: MAX_NODES, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(&xml, options).map_err(|error| wrong(&error))?;
    let root = document.root_element();
    let mut policy = Policy { at, inline, sections: Default::default(), has: [false; 4], fragment: false };
    match root.tag_name().name() {
        "policies" => {
            for node in root.children().filter(roxmltree::Node::is_element) {
                let name = node.tag_name().name();
                let Some(section) = SECTIONS.iter().position(|known| *known == name) else {
                    let says = format!("`{name}` is no section of a policy. Use one of: {}.", SECTIONS.join(", "));
                    return Err(NoPolicy { line: line(text, node.range().start), says });
                };
                policy.has[section] = true;
                policy.sections[section].extend(statements(node, text));
            }
        }
        "fragment" => {
            policy.fragment = true;
            policy.sections[0] = statements(root, text);
        }
        other => {
            let says =
                format!("The root is `{other}`: a policy begins with `<policies>`, a fragment with `<fragment>`.");
            return Err(NoPolicy { line: 1, says });
        }
    }
    Ok(policy)
}

/// Explains why the text is no XML.
fn wrong(error: &roxmltree::Error) -> NoPolicy {
    let says = match error {
        roxmltree::Error::DtdDetected => {
            "A document type is not read, for it can make a small file huge. Remove `<!DOCTYPE …>`.".to_owned()
        }
        roxmltree::Error::NodesLimitReached => format!("The policy has more than {MAX_NODES} parts."),
        other => {
            let told = other.to_string();
            let told = told.split(" at ").next().unwrap_or_default();
            format!(
                "This is no XML: {told}. Expressions are read as they are; outside of them write `&lt;` and `&amp;`."
            )
        }
    };
    NoPolicy { line: error.pos().row, says }
}

/// Returns the line where nesting is too deep, if it is: the parser behind calls itself.
fn too_deep(text: &str) -> Option<u32> {
    let (mut depth, bytes) = (0_usize, text.as_bytes());
    for at in memchr::memchr_iter(b'<', bytes) {
        match bytes.get(at + 1) {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(byte) if byte.is_ascii_alphabetic() => {
                let end = memchr::memchr(b'>', &bytes[at..]).map_or(bytes.len(), |end| at + end);
                // A `>` within a value ends it too early: that counts too much, never too little.
                depth += usize::from(bytes[end.saturating_sub(1)] != b'/');
            }
            _ => {}
        }
        if depth > 20 * MAX_DEPTH {
            return Some(line(text, at));
        }
    }
    None
}

fn line(text: &str, at: usize) -> u32 {
    let passed = text.as_bytes().get(..at).unwrap_or_default();
    u32::try_from(memchr::memchr_iter(b'\n', passed).count()).unwrap_or(0) + 1
}

/// Returns the statements in `node`, down to the deepest that are followed.
fn statements(node: roxmltree::Node<'_, '_>, text: &str) -> Vec<Statement> {
    below(node, text, 0)
}

fn below(node: roxmltree::Node<'_, '_>, text: &str, depth: usize) -> Vec<Statement> {
    if depth > MAX_DEPTH {
        return Vec::new();
    }
    node.children().filter(roxmltree::Node::is_element).map(|child| statement(child, text, depth)).collect()
}

fn statement(node: roxmltree::Node<'_, '_>, text: &str, depth: usize) -> Statement {
    let original = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let inner = node
        .children()
        .filter(roxmltree::Node::is_text)
        .map(|child| original(child.range()).trim())
        .collect::<Vec<_>>()
        .join(" ");
    Statement {
        name: node.tag_name().name().to_owned(),
        attributes: node
            .attributes()
            .map(|one| (one.name().to_owned(), unescaped(original(one.range_value()))))
            .collect(),
        text: unescaped(inner.trim()),
        children: below(node, text, depth + 1),
        line: line(text, node.range().start),
    }
}

/// Returns `text` with the five entities of XML as what they stand for.
fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn of(text: &str) -> Result<Policy, NoPolicy> {
        read(text, Place::line(&Arc::from("policy.xml"), 1), false)
    }

    #[test]
    fn statements_keep_their_lines_and_their_expressions() {
        let policy = of("<policies>\n<inbound>\n<base />\n<set-header name=\"x\">\n<value>@(\"<\" + '&')</value></set-header>\n</inbound></policies>").unwrap();
        let header = &policy.sections[0][1];
        assert_eq!((header.line, header.attribute("name")), (4, Some("x")));
        assert_eq!(header.child("value").unwrap().text, "@(\"<\" + '&')");
        assert_eq!(policy.has, [true, false, false, false]);
    }

    #[test]
    fn what_is_no_policy_says_where_and_why() {
        let said = |text: &str| of(text).map(|_| ()).unwrap_err();
        assert_eq!(said("<policies>\n<inbound>\n</policies>").line, 3);
        assert!(said("<!DOCTYPE a [<!ENTITY b \"c\">]><policies/>").says.contains("document type"));
        assert!(said("<configuration/>").says.starts_with("The root is `configuration`"));
        assert!(said("<policies><inbond/></policies>").says.contains("`inbond` is no section"));
        let deep = format!("<policies><inbound>{}", "<a>".repeat(100_000));
        assert!(said(&deep).says.contains("nested"), "{}", said(&deep).says);
    }

    #[test]
    fn as_deep_as_is_let_through_can_be_read() {
        let (open, close) = ("<a>".repeat(3_900), "</a>".repeat(3_900));
        assert!(of(&format!("<policies><inbound>{open}{close}</inbound></policies>")).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<policies>|<inbound>|</inbound>|</policies>|<a b=\"|@\\(|[<>/a=\"'(){}&;é\n -]){0,60}") {
            _ = of(&text);
        }
    }
}
