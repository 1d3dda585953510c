//! Which resources does a template deploy, with what in them?
//!
//! Templates that people write, that Bicep compiles to (modules are deployments in a deployment,
//! resources may have symbolic names) and the exports of `az … show` and Resource Graph all become
//! [`Resource`]s: every expression in them is computed or unknown. At most 20,000 resources and
//! eight levels of deployments are followed; a template that takes more than five million steps, or
//! copies more than 256 MB, is unknown from there on.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};

use super::super::Place;
use super::super::json::{Json, Node};
use super::condition::{self, There};
use super::expression::{self, Names};

/// Resources followed in one file.
pub const MAX_RESOURCES: usize = 20_000;
/// Deployments followed within deployments.
const MAX_NESTED: usize = 8;
/// How deep values of values are followed.
const MAX_DEPTH: usize = 64;

/// Steps that the expressions of one file may take.
const MAX_STEPS: usize = 5_000_000;
/// Bytes that looking values up may copy, for one file.
const MAX_COPIED: usize = 256 << 20;
/// The largest value of a parameter or variable, bytes.
pub const MAX_VALUE: usize = 1 << 20;
/// Items of a loop that are written out.
const MAX_LOOP: usize = 1_000;

/// How a value that comes from a secure parameter is shown.
pub const SECURE: &str = "the secure parameter ";

/// A resource as it will be deployed, or as it is.
#[derive(Debug)]
pub struct Resource {
    /// Its whole type, lower case, such as `microsoft.web/sites/config`.
    pub kind: String,
    /// Its whole name, such as `func-orders/web`.
    pub name: String,
    /// What it is, without expressions.
    pub json: Json,
    /// Where it stands.
    pub at: Place,
    /// It was exported from what runs, and may lack what an export leaves out.
    pub exported: bool,
    /// By what it is known, at deployment only, whether it will be there.
    pub doubt: Option<String>,
}

impl Resource {
    /// Returns the segment of its name that stands at `level`, from 0.
    pub fn segment(&self, level: usize) -> &str {
        segments(&self.name).into_iter().nth(level).unwrap_or_default()
    }
}

/// Splits a name at its slashes, but not at those in `{…}`.
pub fn segments(name: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_u32, 0);
    for (at, c) in name.char_indices() {
        match c {
            '{' | '(' => depth += 1,
            '}' | ')' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => {
                parts.push(&name[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&name[from..]);
    parts
}

/// Returns a name that is unknown as a whole with its file: the same words in another file mean another thing.
pub fn of_file(name: &str, file: &str) -> String {
    let bare = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
    let is_whole = !bare.contains('{') && bare.contains('(');
    if is_whole { format!("{bare} ({file})") } else { name.to_owned() }
}

/// Values of parameters: from parameter files, or from the deployment around.
pub type Values = Vec<(String, Json)>;

/// A template's parameters and variables.
struct Scope<'t> {
    template: &'t Json,
    values: &'t [(String, Json)],
    /// What is being computed, a parameter or a variable: one that needs itself is unknown.
    open: RefCell<BTreeSet<(bool, String)>>,
    /// Parameters and variables that were computed, with their sizes in bytes.
    known: RefCell<HashMap<(bool, String), (Node, usize)>>,
    budget: &'t Budget,
}

/// What the expressions of one file may still cost.
struct Budget {
    steps: Cell<usize>,
    bytes: Cell<usize>,
}

impl Budget {
    const fn new() -> Self {
        Self { steps: Cell::new(MAX_STEPS), bytes: Cell::new(MAX_COPIED) }
    }
}

/// Takes `n` from what is left; tells whether there was enough.
fn taken(left: &Cell<usize>, n: usize) -> bool {
    let enough = left.get() >= n;
    left.set(left.get().saturating_sub(n));
    enough
}

/// Returns about how many bytes a value takes.
fn size(node: &Node) -> usize {
    16 + match node {
        Node::Text(text) | Node::Number(text) | Node::Unknown(text) => text.len(),
        Node::List(items) => items.iter().map(|item| size(&item.node)).sum(),
        Node::Map(members) => members.iter().map(|(name, value)| name.len() + size(&value.node)).sum(),
        Node::Null | Node::Bool(_) => 0,
    }
}

impl Names for Scope<'_> {
    fn spend(&self) -> bool {
        taken(&self.budget.steps, 1)
    }

    fn parameter(&self, name: &str, depth: usize) -> Option<Node> {
        self.once((true, name.to_ascii_lowercase()), || self.parameter_of(name, depth))
    }

    fn variable(&self, name: &str, depth: usize) -> Option<Node> {
        self.once((false, name.to_ascii_lowercase()), || self.variable_of(name, depth))
    }
}

impl Scope<'_> {
    /// Returns what was computed before, or computes it.
    fn once(&self, key: (bool, String), compute: impl FnOnce() -> Option<Node>) -> Option<Node> {
        if let Some((node, size)) = self.known.borrow().get(&key) {
            return Some(if taken(&self.budget.bytes, *size) { node.clone() } else { too_large() });
        }
        if !self.open.borrow_mut().insert(key.clone()) {
            return None;
        }
        let computed = compute();
        self.open.borrow_mut().remove(&key);
        let mut node = computed?;
        let mut bytes = size(&node);
        if bytes > MAX_VALUE {
            (node, bytes) = (too_large(), 16);
        }
        self.known.borrow_mut().insert(key, (node.clone(), bytes));
        Some(node)
    }

    fn parameter_of(&self, name: &str, depth: usize) -> Option<Node> {
        let declared = self.template.at("parameters").and_then(|all| all.member(name));
        let kind = declared.and_then(|parameter| parameter.text_at("type")).unwrap_or_default();
        if kind.to_ascii_lowercase().starts_with("secure") {
            return Some(Node::Unknown(format!("{SECURE}{name}")));
        }
        if let Some((_, value)) = self.values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Some(value.node.clone());
        }
        Some(self.resolve(declared?.member("defaultValue")?, depth + 1).node)
    }

    fn variable_of(&self, name: &str, depth: usize) -> Option<Node> {
        let written = self.template.at("variables").and_then(|all| all.member(name))?;
        Some(self.resolve(written, depth + 1).node)
    }
}

impl Scope<'_> {
    /// Returns `json` with every expression computed.
    fn resolve(&self, json: &Json, depth: usize) -> Json {
        let line = json.line;
        let node = match &json.node {
            _ if depth > MAX_DEPTH => Node::Unknown("…".to_owned()),
            Node::Text(text) => match expression::inside(text) {
                Some(inner) => expression::value(inner, self, depth),
                None => Node::Text(text.strip_prefix('[').filter(|rest| rest.starts_with('[')).unwrap_or(text).into()),
            },
            Node::List(items) => Node::List(items.iter().map(|item| self.resolve(item, depth + 1)).collect()),
            Node::Map(members) => Node::Map(self.members(members, depth)),
            other => other.clone(),
        };
        Json { line, node }.on(line)
    }

    /// Resolves members; `copy: [{ name, count, input }]` makes a member of each loop.
    fn members(&self, members: &[(String, Json)], depth: usize) -> Vec<(String, Json)> {
        let mut all = Vec::with_capacity(members.len());
        for (name, value) in members {
            let loops = value.items();
            if !name.eq_ignore_ascii_case("copy")
                || loops.is_empty()
                || loops.iter().any(|one| one.member("input").is_none())
            {
                all.push((self.key(name), self.resolve(value, depth + 1)));
                continue;
            }
            for one in loops {
                let made = one.text_at("name").map_or_else(|| "copy".to_owned(), |name| self.key(name));
                all.push((made.clone(), Json { line: one.line, node: self.looped(&made, one, depth) }));
            }
        }
        all
    }

    /// Returns the list that a loop makes; unknown where its count or an item is.
    fn looped(&self, name: &str, one: &Json, depth: usize) -> Node {
        let unknown = || Node::Unknown(format!("the loop {name}"));
        let count = one.at("count").map(|count| self.resolve(count, depth + 1).shown()).and_then(|n| n.parse().ok());
        let Some(count) = count.filter(|n: &usize| *n <= MAX_LOOP) else { return unknown() };
        if count == 0 {
            return Node::List(Vec::new());
        }
        let Some(input) = one.at("input").map(|input| self.resolve(input, depth + 1)) else { return unknown() };
        let bytes = size(&input.node).saturating_mul(count);
        if has_unknown(&input.node) || bytes > MAX_VALUE || !taken(&self.budget.bytes, bytes) {
            return unknown();
        }
        Node::List(vec![input; count])
    }

    fn key(&self, name: &str) -> String {
        match expression::inside(name) {
            Some(inner) => Json { line: 0, node: expression::value(inner, self, 0) }.shown(),
            None => name.to_owned(),
        }
    }
}

/// What stands for a value that is too large.
fn too_large() -> Node {
    Node::Unknown("a value too large to follow".to_owned())
}

fn has_unknown(node: &Node) -> bool {
    match node {
        Node::Unknown(_) => true,
        Node::List(items) => items.iter().any(|item| has_unknown(&item.node)),
        Node::Map(members) => members.iter().any(|(_, value)| has_unknown(&value.node)),
        _ => false,
    }
}

impl Json {
    /// Returns it with `line` for everything that has none: what an expression came to.
    fn on(mut self, line: u32) -> Self {
        if self.line == 0 {
            self.line = line;
        }
        self.node = match self.node {
            Node::List(items) => Node::List(items.into_iter().map(|item| item.on(line)).collect()),
            Node::Map(members) => Node::Map(members.into_iter().map(|(name, value)| (name, value.on(line))).collect()),
            other => other,
        };
        self
    }
}

/// Returns the resources of a template; `values` are those of its parameters that are known.
pub fn resources(template: &Json, values: &[(String, Json)], at: &Place) -> Vec<Resource> {
    let mut found = Vec::new();
    let within = Within { at: at.clone(), nested: 0, doubt: None };
    deployed(template, values, &within, &Budget::new(), &mut found);
    condition::settle(&mut found);
    found
}

/// Where resources stand that are being followed.
struct Within {
    at: Place,
    /// In how many deployments.
    nested: usize,
    /// By what it is known, at deployment only, whether those are there.
    doubt: Option<String>,
}

fn deployed(template: &Json, values: &[(String, Json)], within: &Within, budget: &Budget, found: &mut Vec<Resource>) {
    let scope = Scope { template, values, open: RefCell::default(), known: RefCell::default(), budget };
    list(&scope, template, None, within, found);
}

/// Follows the resources that stand in `json`; `parent` is the type and name of what they belong to.
fn list(scope: &Scope<'_>, json: &Json, parent: Option<(&str, &str)>, within: &Within, found: &mut Vec<Resource>) {
    let Some(list) = json.at("resources") else { return };
    each(list, &mut |path, json| {
        let at = within.at.below(&format!("resources.{path}"), json.line);
        one(scope, json, parent, &Within { at, nested: within.nested, doubt: within.doubt.clone() }, found);
    });
}

/// Calls `with` for the resources of a list, or of a map by symbolic names.
fn each(list: &Json, with: &mut dyn FnMut(String, &Json)) {
    match &list.node {
        Node::List(items) => items.iter().enumerate().for_each(|(at, json)| with(at.to_string(), json)),
        Node::Map(members) => members.iter().for_each(|(name, json)| with(name.clone(), json)),
        _ => {}
    }
}

fn one(scope: &Scope<'_>, json: &Json, parent: Option<(&str, &str)>, within: &Within, found: &mut Vec<Resource>) {
    let Some(kind) = json.text_at("type").map(str::to_ascii_lowercase) else { return };
    let existing = json.at("existing").and_then(Json::as_bool) == Some(true);
    let there = condition::there(json, |value| scope.resolve(value, 0));
    if existing || there == There::No || found.len() >= MAX_RESOURCES {
        return;
    }
    let doubt = condition::both(within.doubt.as_deref(), there);
    let name = json.at("name").map(|name| scope.resolve(name, 0)).map(|name| named(&name, &within.at.file));
    let name = name.unwrap_or_default();
    let follows = within.nested < MAX_NESTED && json.at("properties.template").is_some();
    if kind == "microsoft.resources/deployments" && follows {
        inner(scope, json, &Within { at: within.at.clone(), nested: within.nested, doubt }, found);
        return;
    }
    let (kind, name) = match parent {
        Some((above, of)) if !kind.contains('.') || !kind.starts_with(above) => {
            (format!("{above}/{}", kind.trim_start_matches('/')), format!("{of}/{name}"))
        }
        _ => (kind, name),
    };
    let without = match &json.node {
        Node::Map(members) => Node::Map(members.iter().filter(|(name, _)| name != "resources").cloned().collect()),
        other => other.clone(),
    };
    let resolved = scope.resolve(&Json { line: json.line, node: without }, 0);
    let below = Within { at: within.at.clone(), nested: within.nested, doubt: doubt.clone() };
    list(scope, json, Some((&kind, &name)), &below, found);
    found.push(Resource { kind, name, json: resolved, at: within.at.clone(), exported: false, doubt });
}

/// Returns a resource's name; a part of it that is unknown as a whole with its file.
fn named(name: &Json, file: &str) -> String {
    let shown = name.shown();
    if !name.is_unknown() {
        return shown;
    }
    segments(&shown).into_iter().map(|part| of_file(part, file)).collect::<Vec<_>>().join("/")
}

/// Follows a deployment within a deployment, as Bicep makes one of each module.
fn inner(scope: &Scope<'_>, json: &Json, within: &Within, found: &mut Vec<Resource>) {
    let Some(template) = json.at("properties.template") else { return };
    let at = within.at.below("properties.template", template.line);
    let within = Within { at, nested: within.nested + 1, doubt: within.doubt.clone() };
    let inner_scope = json.text_at("properties.expressionEvaluationOptions.scope");
    if !inner_scope.is_some_and(|scope| scope.eq_ignore_ascii_case("inner")) {
        // Its expressions are those of the template around.
        list(scope, template, None, &within, found);
        return;
    }
    let values: Values = json
        .at("properties.parameters")
        .map(Json::members)
        .unwrap_or_default()
        .iter()
        .map(|(name, given)| {
            let value = given.member("value").map_or_else(|| Json::unknown(given.line, "a reference"), Json::clone);
            (name.clone(), scope.resolve(&value, 0))
        })
        .collect();
    deployed(template, &values, &within, scope.budget, found);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::json::read;
    use super::*;

    fn of(text: &str) -> Vec<(String, String)> {
        let at = Place::line(&Arc::from("main.json"), 1);
        resources(&read(text).unwrap(), &[], &at).into_iter().map(|one| (one.kind, one.name)).collect()
    }

    #[test]
    fn children_modules_and_symbolic_names_are_resources_like_others() {
        let found = of(r#"{"variables": {"app": "[concat('func-', 'a')]"}, "resources": {
            "site": {"type": "Microsoft.Web/sites", "name": "[variables('app')]", "resources": [
                {"type": "config", "name": "web"}]},
            "old": {"existing": true, "type": "Microsoft.Web/sites", "name": "x"},
            "none": {"condition": "[equals(1, 2)]", "type": "Microsoft.Web/sites", "name": "y"},
            "module": {"type": "Microsoft.Resources/deployments", "properties": {
                "expressionEvaluationOptions": {"scope": "inner"},
                "parameters": {"name": {"value": "[variables('app')]"}},
                "template": {"parameters": {"name": {"type": "string"}}, "resources": [
                    {"type": "Microsoft.Web/sites/config", "name": "[format('{0}/{1}', parameters('name'), 'appsettings')]"}]}}}}}"#);
        let wanted = [
            ("microsoft.web/sites/config", "func-a/web"),
            ("microsoft.web/sites", "func-a"),
            ("microsoft.web/sites/config", "func-a/appsettings"),
        ];
        assert_eq!(found, wanted.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
    }

    #[test]
    fn a_name_is_not_split_within_what_is_unknown() {
        assert_eq!(segments("{format('a/b')}/web"), ["{format('a/b')}", "web"]);
    }
}
