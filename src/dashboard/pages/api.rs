//! `/api`: what the API offers, for people.
//!
//! Made of the document that programs read, so that the two say the same; it is worked out for each
//! request and holds as much as the document does.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use super::super::api::document::{document, name_of};
use super::super::door::Viewer;
use super::{Frame, render};

/// What the tags of addresses are called.
const TAGS: [(&str, &str); 7] = [
    ("alerts", "Alerts"),
    ("people", "What people do with alerts"),
    ("silences", "Silences"),
    ("views", "Saved views"),
    ("telemetry", "Telemetry"),
    ("model", "Threat model"),
    ("about", "About the API"),
];
/// How deep types within types are written out.
const DEEPEST: usize = 4;

/// A part of a text, all of it code or none of it.
struct Part {
    code: bool,
    text: String,
}

type Prose = Vec<Part>;

struct Parameter {
    name: String,
    /// Where it stands, unless behind `?`.
    place: Option<String>,
    kind: Kind,
    required: bool,
    about: Prose,
}

/// A type in words, with the schema that it leads to.
#[derive(Default)]
struct Kind {
    before: String,
    schema: Option<String>,
    after: String,
}

struct Answer {
    status: String,
    kinds: Vec<(String, Kind)>,
    about: Prose,
}

struct Address {
    /// By which the page knows it again.
    id: String,
    method: String,
    path: String,
    summary: Prose,
    about: Prose,
    parameters: Vec<Parameter>,
    body: Option<Kind>,
    answers: Vec<Answer>,
}

struct Member {
    name: String,
    kind: Kind,
    required: bool,
    about: Prose,
}

struct Schema {
    name: String,
    about: Prose,
    members: Vec<Member>,
    /// What it is where it has no members.
    kind: Kind,
}

struct Group {
    title: &'static str,
    addresses: Vec<Address>,
}

#[derive(Template)]
#[template(path = "api.html")]
struct Api {
    frame: Frame,
    about: Prose,
    version: String,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

/// `GET /api`.
pub(in crate::dashboard) async fn page(Viewer(who): Viewer, headers: HeaderMap) -> Response {
    let document = document();
    let mut addresses: Vec<(String, Address)> = members(&document["paths"])
        .flat_map(|(path, item)| members(item).map(move |(method, operation)| (path, method, operation)))
        .map(|(path, method, operation)| (text(&operation["tags"][0]), address(path, method, operation)))
        .collect();
    let groups = TAGS.map(|(tag, title)| {
        let (of, others) = std::mem::take(&mut addresses).into_iter().partition(|(tags, _)| tags == tag);
        addresses = others;
        let of: Vec<(String, Address)> = of;
        Group { title, addresses: of.into_iter().map(|(_, address)| address).collect() }
    });
    let page = Api {
        frame: Frame::new("API", "api", Some(who), &headers),
        about: prose(&text(&document["info"]["description"])),
        version: text(&document["info"]["version"]),
        groups: groups.into(),
        schemas: members(&document["components"]["schemas"]).map(|(name, schema)| described(name, schema)).collect(),
    };
    render(StatusCode::OK, &page)
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_owned()
}

/// Tells what is code by its backticks; lines are joined.
fn prose(text: &str) -> Prose {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split('`').enumerate().map(|(n, part)| Part { code: n % 2 == 1, text: part.to_owned() }).collect()
}

fn address(path: &str, method: &str, operation: &Value) -> Address {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let body = members(&operation["requestBody"]["content"]).next().map(|(_, content)| kind(&content["schema"], 0));
    let answers = members(&operation["responses"]).map(|(status, answer)| Answer {
        status: status.to_owned(),
        kinds: members(&answer["content"]).map(|(of, content)| (of.to_owned(), kind(&content["schema"], 0))).collect(),
        about: prose(&text(&answer["description"])),
    });
    Address {
        id: format!("{method}{}", path.replace(['/', '{', '}', '.'], "-")),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: prose(&text(&operation["summary"])),
        about: prose(&text(&operation["description"])),
        parameters: parameters.iter().map(parameter).collect(),
        body,
        answers: answers.collect(),
    }
}

fn parameter(parameter: &Value) -> Parameter {
    let mut about = text(&parameter["description"]);
    for (name, says) in [("default", "Without it"), ("example", "Such as")] {
        let value = if parameter[name].is_null() { &parameter["schema"][name] } else { &parameter[name] };
        if !value.is_null() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            about.extend([" ", says, ": `", &value, "`."]);
        }
    }
    Parameter {
        name: text(&parameter["name"]),
        place: Some(text(&parameter["in"])).filter(|place| place != "query"),
        kind: kind(&parameter["schema"], 0),
        required: parameter["required"] == true,
        about: prose(&about),
    }
}

fn described(name: &str, schema: &Value) -> Schema {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let members: Vec<Member> = members(&schema["properties"])
        .map(|(name, member)| Member {
            name: name.to_owned(),
            kind: kind(member, 0),
            required: required.iter().any(|needed| needed == name),
            about: prose(&text(&member["description"])),
        })
        .collect();
    let kind = if members.is_empty() { kind(schema, 0) } else { Kind::default() };
    Schema { name: name.to_owned(), about: prose(&text(&schema["description"])), members, kind }
}

/// Says of which type a schema is.
fn kind(schema: &Value, depth: usize) -> Kind {
    let plain = |before: String| Kind { before, ..Kind::default() };
    if let Some(reference) = schema["$ref"].as_str() {
        return Kind { schema: Some(name_of(reference).to_owned()), ..Kind::default() };
    }
    if depth > DEEPEST {
        return plain("any".into());
    }
    if let Some(names) = schema["enum"].as_array() {
        return plain(names.iter().map(text).collect::<Vec<_>>().join(" | "));
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        let some: Vec<&Value> = variants.iter().filter(|variant| variant["type"] != "null").collect();
        if let ([one], true) = (some.as_slice(), some.len() < variants.len()) {
            let one = kind(one, depth + 1);
            return Kind { after: one.after + " or null", ..one };
        }
        return plain(some.iter().map(|variant| kind(variant, depth + 1).flat()).collect::<Vec<_>>().join(" | "));
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    };
    let null = if names.contains(&"null") { " or null" } else { "" };
    match names.iter().find(|name| **name != "null") {
        Some(&"array") => {
            let item = kind(&schema["items"], depth + 1);
            Kind { before: format!("list of {}", item.before), after: item.after + null, ..item }
        }
        Some(&"object") if schema["properties"].is_object() => {
            let of = members(&schema["properties"])
                .map(|(name, member)| format!("{name}: {}", kind(member, depth + 1).flat()));
            plain(format!("{{{}}}{null}", of.collect::<Vec<_>>().join(", ")))
        }
        Some(&"string") => plain(format!("{}{null}", schema["format"].as_str().unwrap_or("text"))),
        Some(name) => plain(format!("{name}{null}")),
        None => plain("any".into()),
    }
}

impl Kind {
    fn flat(self) -> String {
        format!("{}{}{}", self.before, self.schema.unwrap_or_default(), self.after)
    }
}
