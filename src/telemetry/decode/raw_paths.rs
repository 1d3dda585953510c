//! What does a record say at many paths, read in one walk?
//!
//! For rules written elsewhere, of which hundreds may ask for other fields of the same record: a
//! walk for each would cost more than all else. Names match in any case, JSON that stands in a string is
//! opened on the way, and every element of an array on the way is followed. Unlike
//! [`RawPath`](super::RawPath), a member that says nothing (`null`, an empty text) is told too. A walk reads the record
//! once, but what a path ends at and another leads through once more; it gives at most 1,024 values, the first ones.

use bumpalo::Bump;

use super::cursor::{Cursor, Fault, Shape, Value};
use super::doc::Doc;
use super::raw::{document, is_row};

/// Values that one walk gives at most.
const MAX_SEEN: usize = 1_024;
/// Steps of a path.
const MAX_STEPS: usize = 16;

/// Paths into a record, as a tree.
#[derive(Clone, Debug, Default)]
pub struct RawPaths {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// Names in lower case (ASCII), the shortest first, and the nodes they lead to.
    children: Vec<(Box<[u8]>, usize)>,
    /// The bits of all their names: most names of a record are none of them.
    bits: u64,
    /// The paths that end here.
    ends: Vec<u16>,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'s> {
    /// `null`.
    Null,
    /// A text, a number or a truth value, as it reads.
    Text(&'s str),
    /// An object or array, as its JSON.
    Whole(&'s str),
}

/// A walk under way.
struct Walk<'f, 's, F: FnMut(u16, Seen<'s>)> {
    tree: &'f RawPaths,
    left: usize,
    seen: &'f mut F,
    of: std::marker::PhantomData<&'s ()>,
}

impl RawPaths {
    /// Returns the tree of `paths`, each a list of names; steps beyond the 16th are left out. A
    /// path's place in the list is the number by which the walk calls it.
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p [String]>) -> Self {
        let mut nodes = vec![Node::default()];
        for (number, path) in (0_u16..).zip(paths) {
            let mut at = 0;
            for name in path.iter().take(MAX_STEPS) {
                let name: Box<[u8]> = name.to_ascii_lowercase().into_bytes().into();
                let known = nodes[at].children.iter().find(|(known, _)| *known == name).map(|(_, node)| *node);
                at = known.unwrap_or_else(|| {
                    nodes.push(Node::default());
                    let next = nodes.len() - 1;
                    nodes[at].children.push((name, next));
                    next
                });
            }
            nodes[at].ends.push(number);
        }
        for node in &mut nodes {
            node.children.sort_unstable_by_key(|(name, _)| name.len());
            node.bits = node.children.iter().fold(0, |bits, (name, _)| bits | bit(name));
        }
        Self { nodes }
    }

    /// Tells whether there is no path.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() < 2
    }

    /// Gives `seen` what stands in `record` at each path. What must be unescaped goes into `arena`;
    /// what is broken ends the walk of the text it stands in: what came before counts.
    pub fn each<'s>(&self, record: &'s str, arena: &'s Bump, mut seen: impl FnMut(u16, Seen<'s>)) {
        let mut walk = Walk { tree: self, left: MAX_SEEN, seen: &mut seen, of: std::marker::PhantomData };
        if let (false, Some((doc, value))) = (self.is_empty(), document(record, arena)) {
            walk.follow(doc, value, 0);
            // What other records have in `properties` a table's rows have at their top.
            if let Some(node) = self.nodes[0].child(b"properties").filter(|_| is_row(doc, value)) {
                walk.follow(doc, value, node);
            }
        }
    }
}

impl Node {
    #[inline]
    fn child(&self, name: &[u8]) -> Option<usize> {
        if self.bits & bit(name) == 0 { None } else { self.named(name) }
    }

    fn named(&self, name: &[u8]) -> Option<usize> {
        let from = self.children.partition_point(|(known, _)| known.len() < name.len());
        let mut long_enough = self.children.get(from..)?.iter().take_while(|(known, _)| known.len() == name.len());
        long_enough.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, node)| *node)
    }
}

/// Returns the bit of a name, in any case: by its length, its first byte and its last.
#[inline]
fn bit(name: &[u8]) -> u64 {
    let [first, last] = [name.first(), name.last()].map(|byte| byte.map_or(0, |byte| usize::from(*byte | 0x20)));
    1 << ((first + 3 * last + 7 * name.len()) % 64)
}

impl<'s, F: FnMut(u16, Seen<'s>)> Walk<'_, 's, F> {
    /// Follows what leads on from `node` in `value`.
    fn follow(&mut self, doc: Doc<'s>, value: Value, node: usize) {
        match value.shape {
            Shape::String => {
                if let Some((inner, value)) = document(doc.says(value), doc.arena) {
                    self.follow(inner, value, node);
                }
            }
            // Where it is broken the walk of it ends.
            Shape::Object => _ = self.members(doc, &mut doc.cursor(value.start as usize), node),
            Shape::Array => each_element(doc, value, |element| {
                if element.shape != Shape::String {
                    self.follow(doc, element, node);
                }
            }),
            Shape::Scalar | Shape::Null => {}
        }
    }

    /// Follows what leads on from `node` in the members of the object at the cursor, and passes it.
    fn members(&mut self, doc: Doc<'s>, cursor: &mut Cursor<'s>, node: usize) -> Result<(), Fault> {
        let tree = self.tree;
        let mut next = cursor.first_key()?;
        while let Some(key) = next {
            let name = if key.escaped { doc.says(key).as_bytes() } else { doc.bytes(key) };
            if let Some(child) = tree.nodes[node].child(name) {
                let found = &tree.nodes[child];
                let object = cursor.space() == Some(b'{');
                if object && found.ends.is_empty() {
                    self.members(doc, cursor, child)?;
                } else {
                    let at = cursor.at;
                    match cursor.value(1) {
                        Ok(value) => {
                            found.ends.iter().for_each(|end| self.tell(doc, value, *end));
                            if !found.children.is_empty() {
                                self.follow(doc, value, child);
                            }
                        }
                        Err(fault) => {
                            // What stands in it before it breaks is told, as if no path ended at it.
                            if object {
                                _ = self.members(doc, &mut doc.cursor(at), child);
                            }
                            return Err(fault);
                        }
                    }
                }
            } else {
                cursor.value(1)?;
            }
            next = cursor.next_key()?;
        }
        Ok(())
    }

    fn tell(&mut self, doc: Doc<'s>, value: Value, end: u16) {
        match value.shape {
            Shape::Null => self.give(end, Seen::Null),
            Shape::String | Shape::Scalar => self.give(end, Seen::Text(doc.says(value))),
            Shape::Object => self.give(end, Seen::Whole(doc.says(value))),
            Shape::Array => {
                self.give(end, Seen::Whole(doc.says(value)));
                each_element(doc, value, |element| match element.shape {
                    Shape::String | Shape::Scalar => self.give(end, Seen::Text(doc.says(element))),
                    Shape::Object | Shape::Array => self.give(end, Seen::Whole(doc.says(element))),
                    Shape::Null => {}
                });
            }
        }
    }

    fn give(&mut self, end: u16, seen: Seen<'s>) {
        if self.left > 0 {
            self.left -= 1;
            (self.seen)(end, seen);
        }
    }
}

/// Gives `each` the elements of `array`, until one is broken.
fn each_element(doc: Doc<'_>, array: Value, mut each: impl FnMut(Value)) {
    let mut cursor = doc.cursor(array.start as usize + 1);
    while !matches!(cursor.space(), None | Some(b']')) {
        let Ok(value) = cursor.value(1) else { return };
        each(value);
        if cursor.space() != Some(b',') {
            return;
        }
        cursor.at += 1;
    }
}

/// Gives `seen` the texts of `record` that read otherwise than they stand there, for they have escapes;
/// JSON in such a text is opened, as deep as it goes.
pub fn escaped_texts<'s>(record: &'s str, arena: &'s Bump, mut seen: impl FnMut(&'s str)) {
    if memchr::memchr(b'\\', record.as_bytes()).is_some() {
        let mut left = MAX_SEEN;
        if let Some((doc, value)) = document(record, arena) {
            texts(doc, value, &mut left, &mut seen);
        }
    }
}

fn texts<'s>(doc: Doc<'s>, value: Value, left: &mut usize, seen: &mut impl FnMut(&'s str)) {
    match value.shape {
        Shape::String if value.escaped && *left > 0 => {
            *left -= 1;
            let says = doc.says(value);
            seen(says);
            if memchr::memchr(b'\\', says.as_bytes()).is_some()
                && let Some((inner, value)) = document(says, doc.arena)
            {
                texts(inner, value, left, seen);
            }
        }
        Shape::Object => {
            let mut cursor = doc.cursor(value.start as usize);
            let mut next = cursor.first_key();
            while let Ok(Some(_)) = next {
                let Ok(value) = cursor.value(1) else { return };
                texts(doc, value, left, seen);
                next = cursor.next_key();
            }
        }
        Shape::Array => each_element(doc, value, |element| texts(doc, element, left, seen)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walked(record: &str, paths: &[&str]) -> Vec<(u16, String)> {
        let paths: Vec<Vec<String>> = paths.iter().map(|path| path.split('.').map(str::to_owned).collect()).collect();
        let tree = RawPaths::new(paths.iter().map(Vec::as_slice));
        let (arena, mut found) = (Bump::new(), Vec::new());
        tree.each(record, &arena, |path, seen| {
            let text = match seen {
                Seen::Null => "null".to_owned(),
                Seen::Text(text) => text.to_owned(),
                Seen::Whole(json) => format!("json {json}"),
            };
            found.push((path, text));
        });
        found
    }

    #[test]
    fn one_walk_reads_all_paths() {
        let record = r#"{"ResultType":0,"properties":"{\"Status\":{\"errorCode\":50053},\"targets\":[{\"n\":\"a\"},{\"n\":\"b\"}],\"none\":null,\"empty\":\"\"}","list":["x",1]}"#;
        let paths = [
            "resulttype",
            "properties.status.errorcode",
            "properties.targets.n",
            "properties.none",
            "properties.empty",
            "list",
            "nothing",
        ];
        let expected: Vec<(u16, String)> = [
            (0, "0"),
            (1, "50053"),
            (2, "a"),
            (2, "b"),
            (3, "null"),
            (4, ""),
            (5, "json [\"x\",1]"),
            (5, "x"),
            (5, "1"),
        ]
        .map(|(path, text)| (path, text.to_owned()))
        .into();
        assert_eq!(walked(record, &paths), expected);
    }

    #[test]
    fn what_stands_behind_an_object_on_the_way_is_read_too() {
        let record = r#"{ "a" : { "none" : {} , "b" : { "c" : 1 , "x" : {"y":[{}]} } , "d" : 2 } , "e" : {} , "a.b" : 3 , "f" : 4 }"#;
        let paths = ["a.b.c", "a.d", "e.g", "f", "a.b.x"];
        let expected = [(0, "1"), (4, "json {\"y\":[{}]}"), (1, "2"), (3, "4")];
        assert_eq!(walked(record, &paths), expected.map(|(path, text)| (path, text.to_owned())));
    }

    #[test]
    fn a_cut_says_the_same_whatever_other_paths_are_asked_for() {
        for cut in [r#"{"a":{"b":1,"c":"x"#, r#"{"p":"{\"a\":{\"b\":1,\"c\":\"x"}"#] {
            let of = |path: &str| if cut.contains('p') { format!("p.{path}") } else { path.to_owned() };
            let b = vec![(0, "1".to_owned())];
            assert_eq!(walked(cut, &[&of("a.b")]), b, "{cut}");
            assert_eq!(walked(cut, &[&of("a.b"), &of("a")]), b, "{cut}");
            assert_eq!(walked(cut, &[&of("a.b"), &of("a"), &of("a.c")]), b, "{cut}");
        }
    }

    #[test]
    fn texts_with_escapes_are_told_as_they_read() {
        let (arena, mut found) = (Bump::new(), Vec::new());
        escaped_texts(r#"{"a":"plain","b":"C:\\x","c":["{\"d\":\"e\\\\f\"}"]}"#, &arena, |text| {
            found.push(text.to_owned());
        });
        assert_eq!(found, ["C:\\x", r#"{"d":"e\\f"}"#, "e\\f"]);
    }

    #[test]
    fn of_many_values_the_first_are_given() {
        let record = format!("{{\"a\":[{}]}}", vec!["1"; 5_000].join(","));
        assert_eq!(walked(&record, &["a"]).len(), MAX_SEEN);
    }

    proptest! {
        #[test]
        fn no_record_makes_a_walk_panic(record in r#"[\[\]{}"',:a0\\ é]{0,60}"#) {
            walked(&record, &["a", "a.a", "0.a"]);
            escaped_texts(&record, &Bump::new(), |_| ());
        }
    }
}
