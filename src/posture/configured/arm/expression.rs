//! What does a template expression such as `[format('func-{0}', parameters('env'))]` come to?
//!
//! Only what the template itself makes certain is computed: literals, variables, parameters with a
//! default or a value from a parameter file, and functions over them. Everything else stays
//! unknown and is shown as it was written, so that a name made of known and unknown parts still
//! tells elements apart. An expression is at most 24 KB and 64 calls deep, as Azure limits them.

use super::super::json::{Json, Node};
use super::functions;

/// The longest expression that is read, bytes: Azure's own limit.
const MAX_BYTES: usize = 24_576;
/// How deep calls may be nested.
const MAX_DEPTH: usize = 64;

/// A parsed expression.
#[derive(Debug)]
pub enum Expr<'t> {
    /// A text literal.
    Text(String),
    /// A whole number.
    Number(&'t str),
    /// A call of a function, lower case, and how it is written.
    Call(String, Vec<Expr<'t>>, &'t str),
    /// A member of something, and how the whole is written.
    Member(Box<Expr<'t>>, String, &'t str),
    /// An item of something, and how the whole is written.
    Item(Box<Expr<'t>>, Box<Expr<'t>>, &'t str),
}

/// What parameters and variables are worth.
pub trait Names {
    /// Returns the value of a parameter.
    fn parameter(&self, name: &str, depth: usize) -> Option<Node>;
    /// Returns the value of a variable.
    fn variable(&self, name: &str, depth: usize) -> Option<Node>;
    /// Counts a step; tells whether another one may be taken.
    fn spend(&self) -> bool;
}

/// Returns what stands between the brackets of an expression; nothing for a plain text.
pub fn inside(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    (!inner.starts_with('[') && text.len() <= MAX_BYTES).then_some(inner)
}

/// Returns what `text`, an expression without its brackets, comes to.
pub fn value(text: &str, names: &dyn Names, depth: usize) -> Node {
    let mut reader = Reader { text, at: 0 };
    match reader.expression(0) {
        Some(parsed) if reader.rest().trim().is_empty() => evaluate(&parsed, names, depth),
        _ => Node::Unknown(text.to_owned()),
    }
}

/// Returns what a parsed expression comes to.
pub fn evaluate(expr: &Expr<'_>, names: &dyn Names, depth: usize) -> Node {
    match expr {
        Expr::Text(text) => Node::Text(text.clone()),
        Expr::Number(number) => Node::Number((*number).to_owned()),
        Expr::Call(..) | Expr::Member(..) | Expr::Item(..) if depth > MAX_DEPTH || !names.spend() => {
            Node::Unknown(source(expr))
        }
        Expr::Call(name, args, written) => functions::call(name, args, written, names, depth + 1),
        Expr::Member(of, name, written) => match evaluate(of, names, depth + 1) {
            // What was known of it stays to be seen.
            Node::Unknown(inner) if inner.starts_with("reference(") => Node::Unknown(format!("{inner}.{name}")),
            Node::Unknown(_) => Node::Unknown((*written).to_owned()),
            node => Json { line: 0, node }.member(name).map_or(Node::Null, |found| found.node.clone()),
        },
        Expr::Item(of, at, written) => {
            let (of, at) = (evaluate(of, names, depth + 1), evaluate(at, names, depth + 1));
            match (of, at) {
                (Node::List(mut items), Node::Number(at)) => match at.parse::<usize>() {
                    Ok(at) if at < items.len() => items.swap_remove(at).node,
                    _ => Node::Unknown((*written).to_owned()),
                },
                (node @ Node::Map(_), Node::Text(name)) => {
                    Json { line: 0, node }.member(&name).map_or(Node::Null, |found| found.node.clone())
                }
                _ => Node::Unknown((*written).to_owned()),
            }
        }
    }
}

/// Returns how an expression is written.
pub fn source(expr: &Expr<'_>) -> String {
    match expr {
        Expr::Text(text) => text.clone(),
        Expr::Number(text) | Expr::Call(_, _, text) | Expr::Member(_, _, text) | Expr::Item(_, _, text) => {
            (*text).to_owned()
        }
    }
}

/// Reads an expression from left to right.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.space();
        let there = self.rest().starts_with(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn word(&mut self) -> Option<&'t str> {
        self.space();
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).filter(|word| !word.is_empty())
    }

    fn expression(&mut self, depth: usize) -> Option<Expr<'t>> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        let start = self.at;
        let mut expr = self.head(depth)?;
        loop {
            if self.eat('.') {
                let name = self.word()?.to_owned();
                expr = Expr::Member(Box::new(expr), name, self.text.get(start..self.at)?);
            } else if self.eat('[') {
                let item = self.expression(depth + 1)?;
                if !self.eat(']') {
                    return None;
                }
                expr = Expr::Item(Box::new(expr), Box::new(item), self.text.get(start..self.at)?);
            } else {
                return Some(expr);
            }
        }
    }

    /// Reads a literal or a call.
    fn head(&mut self, depth: usize) -> Option<Expr<'t>> {
        let start = self.at;
        if self.eat('\'') {
            return self.literal().map(Expr::Text);
        }
        let rest = self.rest();
        if rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            let end = rest.get(1..)?.find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| end + 1);
            self.at += end;
            return rest.get(..end).map(Expr::Number);
        }
        let mut name = self.word()?.to_ascii_lowercase();
        // A function of a namespace, such as `sys.concat`.
        if !self.rest().starts_with('(') && self.eat('.') {
            name = self.word()?.to_ascii_lowercase();
        }
        if !self.eat('(') {
            return None;
        }
        let mut args = Vec::new();
        if !self.eat(')') {
            loop {
                args.push(self.expression(depth + 1)?);
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return None;
                }
            }
        }
        Some(Expr::Call(name, args, self.text.get(start..self.at)?))
    }

    /// Reads a text up to its closing quote; two quotes are one.
    fn literal(&mut self) -> Option<String> {
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let end = rest.find('\'')?;
            out.push_str(rest.get(..end)?);
            self.at += end + 1;
            if !self.rest().starts_with('\'') {
                return Some(out);
            }
            out.push('\'');
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Env;

    impl Names for Env {
        fn parameter(&self, name: &str, _: usize) -> Option<Node> {
            (name == "env").then(|| Node::Text("prod".to_owned()))
        }

        fn spend(&self) -> bool {
            true
        }

        fn variable(&self, name: &str, depth: usize) -> Option<Node> {
            match name {
                "loop" => Some(value("variables('loop')", self, depth)),
                "open" => Some(Node::Bool(true)),
                _ => None,
            }
        }
    }

    fn of(text: &str) -> Node {
        value(text, &Env, 0)
    }

    #[test]
    fn what_is_certain_is_computed() {
        let text = |text: &str| Node::Text(text.to_owned());
        assert_eq!(of("concat('func-', parameters('env'))"), text("func-prod"));
        assert_eq!(of("format('{0}/{1}', toLower('A'), 'it''s')"), text("a/it's"));
        assert_eq!(of("if(equals(parameters('env'), 'prod'), true(), false())"), Node::Bool(true));
        assert_eq!(of("and(variables('open'), not(variables('open')))"), Node::Bool(false));
        assert_eq!(of("createObject('a', createArray('x', 'y')).a[1]"), text("y"));
        assert_eq!(of("or(true(), reference('x').y)"), Node::Bool(true));
    }

    #[test]
    fn what_is_not_certain_is_shown_as_written() {
        let unknown = |text: &str| Node::Unknown(text.to_owned());
        assert_eq!(of("parameters('size')"), unknown("parameters('size')"));
        assert_eq!(
            of("concat('f-', uniqueString(resourceGroup().id))"),
            unknown("f-{uniqueString(resourceGroup().id)}")
        );
        assert_eq!(of("variables('loop')"), unknown("variables('loop')"));
        assert_eq!(of("if(parameters('size'), 'a', 'b')"), unknown("if(parameters('size'), 'a', 'b')"));
        assert_eq!(of("if(parameters('size'), 'a', 'a')"), Node::Text("a".into()));
        assert_eq!(of("concat("), unknown("concat("));
    }

    #[test]
    fn a_text_in_two_brackets_is_a_text() {
        assert_eq!(inside("[[x]"), None);
        assert_eq!(inside("[x]"), Some("x"));
    }

    proptest::proptest! {
        #[test]
        fn no_expression_makes_it_panic(text in "((concat|if|format|variables|é|\\{0\\}|-?[0-9]|[a-z])|[()\\[\\],.' ]){0,24}") {
            _ = of(&text);
        }
    }
}
