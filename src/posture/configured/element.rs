//! Of what does an app consist that something can be configured on?
//!
//! An [`Element`] is a function app, a function, a gateway, an API or anything else that a control
//! can speak of. It holds what was [`Given`] to it and where; two files that say different things
//! are both kept, and the weaker one decides.

use std::collections::BTreeMap;

use super::json::{Json, Node};
use super::tokens::is_filled_in;
use super::{Place, Setting};

/// Values kept of one setting.
const MAX_GIVEN: usize = 8;
/// Items kept of one list.
const MAX_ITEMS: usize = 256;

/// What sort of thing an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// A function app, or a slot of one.
    App,
    /// A function of an app.
    Function,
    /// An API Management service.
    Gateway,
    /// An API of a gateway.
    Api,
    /// An operation of an API.
    Operation,
    /// A product of a gateway.
    Product,
    /// A backend of a gateway.
    Backend,
    /// A named value of a gateway.
    NamedValue,
    /// What a gateway or API logs.
    Diagnostic,
    /// A policy that no gateway, product, API or operation is known for.
    Policy,
    /// A setting of an app that is a secret, or reaches something by one.
    Secret,
    /// A storage account.
    Storage,
    /// A Key Vault.
    Vault,
    /// A role that an identity has.
    Role,
    /// A file that holds secrets.
    File,
}

impl Sort {
    /// Every sort.
    pub const ALL: [Self; 15] = [
        Self::App,
        Self::Function,
        Self::Gateway,
        Self::Api,
        Self::Operation,
        Self::Product,
        Self::Backend,
        Self::NamedValue,
        Self::Diagnostic,
        Self::Policy,
        Self::Secret,
        Self::Storage,
        Self::Vault,
        Self::Role,
        Self::File,
    ];

    /// Returns its name, as controls write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Function => "function",
            Self::Gateway => "gateway",
            Self::Api => "api",
            Self::Operation => "operation",
            Self::Product => "product",
            Self::Backend => "backend",
            Self::NamedValue => "named-value",
            Self::Diagnostic => "diagnostic",
            Self::Policy => "policy",
            Self::Secret => "secret",
            Self::Storage => "storage",
            Self::Vault => "vault",
            Self::Role => "role",
            Self::File => "file",
        }
    }
}

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// On or off.
    Flag(bool),
    /// A text, or a number as it is written.
    Text(String),
    /// Several texts.
    List(Vec<String>),
    /// Known at deployment only: what stands in its place.
    Unknown(String),
}

impl Value {
    /// Returns what `json` sets; nothing where it says nothing.
    pub fn of(json: &Json) -> Option<Self> {
        Some(match &json.node {
            Node::Null | Node::Map(_) => return None,
            Node::Bool(flag) => Self::Flag(*flag),
            Node::Number(number) => Self::Text(number.clone()),
            Node::Text(text) if text.eq_ignore_ascii_case("true") => Self::Flag(true),
            Node::Text(text) if text.eq_ignore_ascii_case("false") => Self::Flag(false),
            Node::Text(text) if is_filled_in(text) => Self::Unknown(text.clone()),
            Node::Text(text) => Self::Text(text.clone()),
            Node::Unknown(shown) => Self::Unknown(shown.clone()),
            Node::List(items) => {
                match items.iter().find(|item| item.is_unknown() || item.as_text().is_some_and(is_filled_in)) {
                    Some(unknown) => Self::Unknown(unknown.shown()),
                    None => Self::List(items.iter().take(MAX_ITEMS).map(Json::shown).collect()),
                }
            }
        })
    }

    /// Returns it for people.
    pub fn shown(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) | Self::Unknown(text) => text.clone(),
            Self::List(items) => items.join(", "),
        }
    }
}

/// A value and where it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The value.
    pub value: Value,
    /// Where.
    pub at: Place,
}

/// Something that can be configured.
#[derive(Clone, Debug)]
pub struct Element {
    /// What sort of thing it is.
    pub sort: Sort,
    /// Its name with those of what it belongs to: `apim-contoso/orders/get-order`.
    pub name: String,
    /// The name of what it belongs to.
    pub of: Option<String>,
    /// Where it was first seen.
    pub at: Place,
    /// It was defined as a resource, so what is not said has its default.
    pub whole: bool,
    /// Its configuration was part of the definition.
    pub whole_config: bool,
    given: BTreeMap<Setting, Vec<Given>>,
}

impl Element {
    /// Returns an element of which nothing is known.
    pub fn new(sort: Sort, name: &str, of: Option<&str>, at: Place) -> Self {
        let (name, of) = (name.to_owned(), of.map(str::to_owned));
        Self { sort, name, of, at, whole: false, whole_config: false, given: BTreeMap::new() }
    }

    /// Sets `setting`; what was said before elsewhere is kept beside it.
    pub fn give(&mut self, setting: Setting, value: Value, at: Place) {
        let list = self.given.entry(setting).or_default();
        if list.len() < MAX_GIVEN && !list.iter().any(|known| known.value == value) {
            list.push(Given { value, at });
        }
    }

    /// Sets `setting` to what `json` says, if it says something.
    pub fn give_json(&mut self, setting: Setting, json: Option<&Json>, at: &Place, path: &str) {
        if let Some((value, line)) = json.and_then(|json| Some((Value::of(json)?, json.line))) {
            self.give(setting, value, at.below(path, line));
        }
    }

    /// Returns all that was said of `setting`.
    pub fn all(&self, setting: Setting) -> &[Given] {
        self.given.get(&setting).map_or(&[], Vec::as_slice)
    }

    /// Returns what was said of `setting` first.
    pub fn get(&self, setting: Setting) -> Option<&Given> {
        self.all(setting).first()
    }

    /// Returns the text of `setting`, if one is known.
    pub fn text(&self, setting: Setting) -> Option<&str> {
        match &self.get(setting)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns whether `setting` is on, if that is known: on where every file says so.
    pub fn flag(&self, setting: Setting) -> Option<bool> {
        let all = self.all(setting);
        let flags: Option<Vec<bool>> =
            all.iter().map(|given| if let Value::Flag(flag) = given.value { Some(flag) } else { None }).collect();
        let flags = flags?;
        (!flags.is_empty()).then(|| flags.iter().all(|flag| *flag))
    }

    /// Tells whether what is not said of `setting` has its default.
    pub const fn defaults(&self, setting: Setting) -> bool {
        self.whole && (self.whole_config || !setting.is_config())
    }

    /// Replaces each text that was given by what `with` makes of it, if it makes something.
    pub fn replace(&mut self, with: &dyn Fn(&str) -> Option<String>) {
        let change = |text: &mut String| {
            if let Some(new) = with(text) {
                *text = new;
            }
        };
        for given in self.given.values_mut().flatten() {
            match &mut given.value {
                Value::Text(text) | Value::Unknown(text) => change(text),
                Value::List(items) => items.iter_mut().for_each(change),
                Value::Flag(_) => {}
            }
        }
    }

    /// Takes over what `other` says.
    pub fn take(&mut self, other: Self) {
        self.whole |= other.whole;
        self.whole_config |= other.whole_config;
        for (setting, list) in other.given {
            for given in list {
                self.give(setting, given.value, given.at);
            }
        }
    }
}
