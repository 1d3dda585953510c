//! What does a search identifier of a Sigma rule ask? From a map, a list of maps or a list of words to an [`Expr`].

use crate::posture::document::{Located, Node};

use super::expr::Expr;
use super::modifiers::Reader;

/// How deep lists and maps may be nested.
const MAX_DEPTH: usize = 8;

impl Reader<'_> {
    /// Compiles a search identifier; what is wrong goes to the problems, and it is none.
    pub(super) fn selection(&mut self, name: &str, value: Located) -> Option<Expr> {
        self.part(name, value, 0)
    }

    fn part(&mut self, name: &str, value: Located, depth: usize) -> Option<Expr> {
        let line = value.line;
        if depth > MAX_DEPTH {
            self.problems.add(line, format!("`{name}` is nested deeper than {MAX_DEPTH}."));
            return None;
        }
        match value.node {
            Node::Map(entries) if entries.is_empty() => self.empty(name, line),
            Node::Map(entries) => {
                // Every key is looked at, so that all problems are told.
                let all: Vec<Option<Expr>> = entries.into_iter().map(|(key, value)| self.key(&key, value)).collect();
                Some(Expr::all(all.into_iter().collect::<Option<Vec<_>>>()?))
            }
            Node::List(items) if items.is_empty() => self.empty(name, line),
            Node::List(items) => {
                let (structured, words): (Vec<_>, Vec<_>) =
                    items.into_iter().partition(|item| matches!(item.node, Node::Map(_) | Node::List(_)));
                let mut any: Vec<Option<Expr>> =
                    structured.into_iter().map(|item| self.part(name, item, depth + 1)).collect();
                if !words.is_empty() {
                    any.push(self.keywords(&words));
                }
                Some(Expr::any(any.into_iter().collect::<Option<Vec<_>>>()?))
            }
            Node::Text(_) | Node::Number(_) => self.keywords(&[value]),
            other => {
                let says = format!("`{name}` must be a map of fields or a list, not {}.", other.describe());
                self.problems.add(line, says);
                None
            }
        }
    }

    fn empty(&mut self, name: &str, line: usize) -> Option<Expr> {
        self.problems.add(line, format!("`{name}` is empty. Write `field: value`, or a list of words."));
        None
    }
}
