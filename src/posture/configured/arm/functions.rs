//! What do the functions of template expressions return?
//!
//! Those whose answer the template makes certain are here; a call of any other, or one over
//! something unknown, is unknown. Texts put together from known and unknown parts are unknown too,
//! but show their known parts: `func-{uniqueString(resourceGroup().id)}`.

use super::super::json::{self, Json, Node};
use super::expression::{Expr, Names, evaluate};
use super::template::MAX_VALUE;

/// Calls the function `name`.
pub fn call(name: &str, args: &[Expr<'_>], written: &str, names: &dyn Names, depth: usize) -> Node {
    let unknown = || Node::Unknown(written.to_owned());
    match name {
        "true" => return Node::Bool(true),
        "false" => return Node::Bool(false),
        "null" => return Node::Null,
        "parameters" | "variables" => return named(name, args, written, names, depth),
        "if" => return either(args, written, names, depth),
        "and" | "or" => return all_or_any(name == "or", args, written, names, depth),
        _ => {}
    }
    let values: Vec<Node> = args.iter().map(|arg| evaluate(arg, names, depth)).collect();
    match name {
        "concat" if !values.iter().any(|value| matches!(value, Node::List(_))) => together(&values),
        "format" => formatted(&values),
        "resourceid" | "subscriptionresourceid" | "tenantresourceid" => id("", &values, written),
        "extensionresourceid" => match values.split_first() {
            Some((scope, rest)) => id(&shown(scope), rest, written),
            None => unknown(),
        },
        // What is referred to may be known, though not what it says.
        "reference" => Node::Unknown(format!("reference({})", values.first().map(shown).unwrap_or_default())),
        "coalesce" => values.into_iter().find(|value| *value != Node::Null).unwrap_or(Node::Null),
        // What is unknown within them leaves the rest of a list or object known.
        "createarray" => list(values),
        "createobject" if values.iter().step_by(2).all(|name| matches!(name, Node::Text(_))) => {
            plain(name, &values).unwrap_or_else(unknown)
        }
        _ if values.iter().any(unknowable) => unknown(),
        _ => plain(name, &values).unwrap_or_else(unknown),
    }
}

/// Returns what functions over known values return.
fn plain(name: &str, values: &[Node]) -> Option<Node> {
    let text = |at: usize| values.get(at).and_then(as_text);
    Some(match (name, values) {
        ("tolower", _) => Node::Text(text(0)?.to_lowercase()),
        ("toupper", _) => Node::Text(text(0)?.to_uppercase()),
        ("trim", _) => Node::Text(text(0)?.trim().to_owned()),
        ("string", _) => Node::Text(text(0)?),
        ("int", _) => Node::Number(text(0)?),
        ("bool", [value]) => Node::Bool(truth(value)?),
        ("not", [value]) => Node::Bool(!truth(value)?),
        ("equals", [a, b]) => Node::Bool(same(a, b)),
        ("empty", [value]) => Node::Bool(match value {
            Node::Null => true,
            Node::Text(text) => text.is_empty(),
            Node::List(items) => items.is_empty(),
            Node::Map(members) => members.is_empty(),
            _ => return None,
        }),
        ("length", [Node::List(items)]) => Node::Number(items.len().to_string()),
        ("array", [value @ Node::List(_)]) => value.clone(),
        ("array", [value]) => list(vec![value.clone()]),
        ("createobject", _) => Node::Map(
            values
                .chunks_exact(2)
                .map(|pair| Some((as_text(&pair[0])?, Json { line: 0, node: pair[1].clone() })))
                .collect::<Option<_>>()?,
        ),
        ("concat", _) | ("union", [Node::List(_), ..]) => Node::List(lists(values)?),
        ("union", _) => Node::Map(merged(values)?),
        ("first", [Node::List(items)]) => items.first()?.node.clone(),
        ("last", [Node::List(items)]) => items.last()?.node.clone(),
        ("replace", _) => {
            let (whole, from, to) = (text(0)?, text(1)?, text(2)?);
            let grown = whole.matches(&from).count().saturating_mul(to.len());
            if whole.len().saturating_add(grown) > MAX_VALUE {
                return None;
            }
            Node::Text(whole.replace(&from, &to))
        }
        ("split", _) => list(text(0)?.split(&text(1)?).map(|part| Node::Text(part.to_owned())).collect()),
        ("join", [Node::List(items), _]) => {
            let between = text(1)?;
            if items.len().saturating_mul(between.len()) > MAX_VALUE {
                return None;
            }
            Node::Text(items.iter().map(Json::shown).collect::<Vec<_>>().join(&between))
        }
        ("contains", [Node::Text(whole), _]) => Node::Bool(whole.contains(&text(1)?)),
        ("contains", [Node::List(items), wanted]) => Node::Bool(items.iter().any(|item| item.node == *wanted)),
        ("contains", [Node::Map(members), _]) => {
            let wanted = text(1)?;
            Node::Bool(members.iter().any(|(name, _)| name.eq_ignore_ascii_case(&wanted)))
        }
        ("startswith", _) => Node::Bool(text(0)?.to_lowercase().starts_with(&text(1)?.to_lowercase())),
        ("json", _) => json::read(&text(0)?).ok()?.node,
        _ => return None,
    })
}

fn list(values: Vec<Node>) -> Node {
    Node::List(values.into_iter().map(|node| Json { line: 0, node }).collect())
}

fn lists(values: &[Node]) -> Option<Vec<Json>> {
    let mut all = Vec::new();
    for value in values {
        match value {
            Node::List(items) => all.extend(items.iter().cloned()),
            _ => return None,
        }
    }
    Some(all)
}

fn merged(values: &[Node]) -> Option<Vec<(String, Json)>> {
    let mut all: Vec<(String, Json)> = Vec::new();
    for value in values {
        let Node::Map(members) = value else { return None };
        for (name, value) in members {
            all.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            all.push((name.clone(), value.clone()));
        }
    }
    Some(all)
}

/// Looks a parameter or variable up.
fn named(what: &str, args: &[Expr<'_>], written: &str, names: &dyn Names, depth: usize) -> Node {
    let Some(Node::Text(name)) = args.first().map(|arg| evaluate(arg, names, depth)) else {
        return Node::Unknown(written.to_owned());
    };
    let found = if what == "parameters" { names.parameter(&name, depth) } else { names.variable(&name, depth) };
    found.unwrap_or_else(|| Node::Unknown(written.to_owned()))
}

/// `if`: the branch that is taken; where that is unknown, what both come to, if it is the same.
fn either(args: &[Expr<'_>], written: &str, names: &dyn Names, depth: usize) -> Node {
    let [condition, then, otherwise] = args else { return Node::Unknown(written.to_owned()) };
    match truth(&evaluate(condition, names, depth)) {
        Some(true) => evaluate(then, names, depth),
        Some(false) => evaluate(otherwise, names, depth),
        None => {
            let (then, otherwise) = (evaluate(then, names, depth), evaluate(otherwise, names, depth));
            if then == otherwise && !unknowable(&then) { then } else { Node::Unknown(written.to_owned()) }
        }
    }
}

fn all_or_any(any: bool, args: &[Expr<'_>], written: &str, names: &dyn Names, depth: usize) -> Node {
    let mut certain = true;
    for arg in args {
        match truth(&evaluate(arg, names, depth)) {
            Some(flag) if flag == any => return Node::Bool(any),
            Some(_) => {}
            None => certain = false,
        }
    }
    if certain { Node::Bool(!any) } else { Node::Unknown(written.to_owned()) }
}

fn formatted(values: &[Node]) -> Node {
    let Some((Node::Text(pattern), values)) = values.split_first() else {
        return Node::Unknown("format".to_owned());
    };
    let (mut parts, mut rest, mut bytes) = (Vec::new(), pattern.as_str(), 0);
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|close| open + close) else { break };
        let number = rest[open + 1..close].split(':').next().unwrap_or_default();
        parts.push(Node::Text(rest[..open].to_owned()));
        match number.parse::<usize>().ok().and_then(|at| values.get(at)) {
            Some(value) if bytes <= MAX_VALUE => {
                bytes += shown(value).len();
                parts.push(value.clone());
            }
            Some(_) => return Node::Unknown("a text too long to follow".to_owned()),
            None => parts.push(Node::Text(rest[open..=close].to_owned())),
        }
        rest = &rest[close + 1..];
    }
    parts.push(Node::Text(rest.to_owned()));
    together(&parts)
}

/// Puts texts together; with an unknown one among them the whole is unknown.
fn together(values: &[Node]) -> Node {
    let mut out = String::new();
    for value in values {
        out.push_str(&shown(value));
        if out.len() > MAX_VALUE {
            return Node::Unknown("a text too long to follow".to_owned());
        }
    }
    if values.iter().any(unknowable) { Node::Unknown(out) } else { Node::Text(out) }
}

/// A resource's id, of its type and names, below `scope`.
fn id(scope: &str, values: &[Node], written: &str) -> Node {
    let is_type = |value: &Node| matches!(value, Node::Text(text) if text.contains('/') && text.contains('.'));
    let Some(at) = values.iter().position(is_type) else { return Node::Unknown(written.to_owned()) };
    let kind = shown(&values[at]);
    let (provider, types) = kind.split_once('/').unwrap_or((&kind, ""));
    let mut out = format!("{scope}/providers/{provider}");
    for (step, name) in types.split('/').zip(&values[at + 1..]) {
        out.push('/');
        out.push_str(step);
        out.push('/');
        out.push_str(&shown(name));
    }
    if values[at..].iter().any(unknowable) { Node::Unknown(out) } else { Node::Text(out) }
}

fn shown(value: &Node) -> String {
    match value {
        Node::Unknown(text) if text.contains('{') => text.clone(),
        Node::Unknown(text) => format!("{{{text}}}"),
        other => Json { line: 0, node: other.clone() }.shown(),
    }
}

fn as_text(value: &Node) -> Option<String> {
    match value {
        Node::Text(text) | Node::Number(text) => Some(text.clone()),
        Node::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        _ => None,
    }
}

fn truth(value: &Node) -> Option<bool> {
    Json { line: 0, node: value.clone() }.as_bool()
}

fn same(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::Text(a), Node::Text(b)) => a == b,
        (a, b) => a == b,
    }
}

/// Tells whether something in `value` is unknown, looking one level into lists.
fn unknowable(value: &Node) -> bool {
    matches!(value, Node::Unknown(_))
}
