//! Of what does an app consist that something can be configured on?
//!
//! An [`Element`] is a function app, a function, a gateway, an API or anything else that a control
//! can speak of. It holds what was [`Given`] to it and where; two files that say different things
//! are both kept, and the weaker one decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::json::{Json, Node};
use super::tokens::is_filled_in;
use super::{Place, Setting};

/// Values kept of one setting; beyond, one more says that there are others, which are unknown.
const MAX_GIVEN: usize = 8;
/// Items kept of one list; a longer one is unknown.
const MAX_ITEMS: usize = 4_096;
/// Templates kept that define an element.
const MAX_TEMPLATES: usize = 64;
/// Files kept that say what others had said, for all settings of an element; beyond, the default of a template
/// that leaves a setting out may be counted though it sets it.
const MAX_ALSO: usize = 1_024;

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
                    // The one that is not kept may be `*`.
                    None if items.len() > MAX_ITEMS => Self::Unknown(format!("more than {MAX_ITEMS} items")),
                    None => Self::List(items.iter().map(Json::shown).collect()),
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
    /// The templates that define it as a whole.
    templates: Vec<Arc<str>>,
    /// Files that say what another had said before.
    also: BTreeSet<(Setting, Arc<str>)>,
}

impl Element {
    /// Returns an element of which nothing is known.
    pub fn new(sort: Sort, name: &str, of: Option<&str>, at: Place) -> Self {
        let (name, of) = (name.to_owned(), of.map(str::to_owned));
        Self {
            sort,
            name,
            of,
            at,
            whole: false,
            whole_config: false,
            given: BTreeMap::new(),
            templates: Vec::new(),
            also: BTreeSet::new(),
        }
    }

    /// Takes note that `file` defines it: as a template, so that what it leaves out has its default, or as an
    /// export, which may leave out what there is; `whole` where that is not cut to some members.
    pub fn define(&mut self, file: &Arc<str>, template: bool, whole: bool) {
        self.whole |= whole;
        self.whole_config |= template;
        if template && self.templates.len() < MAX_TEMPLATES && !self.templates.contains(file) {
            self.templates.push(file.clone());
        }
    }

    /// Returns the template that leaves `setting` out, where others that define the same element set it.
    ///
    /// What is set by something else than such a template (a part of it in another file, an export, a plan)
    /// completes what templates leave out.
    pub fn left_out(&self, setting: Setting) -> Option<&Arc<str>> {
        let [_, _, ..] = self.templates.as_slice() else { return None };
        let also = self.also.iter().filter(|(of, _)| *of == setting).map(|(_, file)| file);
        let by: BTreeSet<&Arc<str>> = self.all(setting).iter().map(|given| &given.at.file).chain(also).collect();
        if by.is_empty() || by.iter().any(|file| !self.templates.contains(file)) {
            return None;
        }
        self.templates.iter().find(|file| !by.contains(file))
    }

    /// Sets `setting`; what was said before elsewhere is kept beside it.
    pub fn give(&mut self, setting: Setting, value: Value, at: Place) {
        let list = self.given.entry(setting).or_default();
        if let Some(known) = list.iter().find(|known| known.value == value) {
            if known.at.file != at.file && self.also.len() < MAX_ALSO {
                self.also.insert((setting, at.file));
            }
        } else if list.len() < MAX_GIVEN {
            list.push(Given { value, at });
        } else if list.len() == MAX_GIVEN {
            // The one that is not kept may be the weakest.
            list.push(Given { value: Value::Unknown(format!("set in more than {MAX_GIVEN} ways")), at });
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
        for file in other.templates {
            self.define(&file, true, true);
        }
        self.also.extend(other.also);
        for (setting, list) in other.given {
            for given in list {
                self.give(setting, given.value, given.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str) -> Place {
        Place::line(&Arc::from(file), 1)
    }

    #[test]
    fn beyond_the_values_that_are_kept_a_setting_is_unknown() {
        let mut app = Element::new(Sort::App, "a", None, at("0"));
        for n in 0..20 {
            app.give(Setting::MinTls, Value::Text(n.to_string()), at(&n.to_string()));
        }
        let unknown = Value::Unknown("set in more than 8 ways".to_owned());
        assert_eq!(
            (app.all(Setting::MinTls).len(), app.all(Setting::MinTls).last().map(|one| &one.value)),
            (9, Some(&unknown))
        );
    }

    #[test]
    fn a_list_with_more_items_than_are_kept_is_unknown() {
        let list = |n: usize| Json { line: 1, node: Node::List(vec![Json::text(1, "x"); n]) };
        assert!(matches!(Value::of(&list(4_096)), Some(Value::List(items)) if items.len() == 4_096));
        assert_eq!(Value::of(&list(4_097)), Some(Value::Unknown("more than 4096 items".to_owned())));
    }

    #[test]
    fn a_template_leaves_out_what_another_of_the_same_element_sets() {
        let mut app = Element::new(Sort::App, "a", None, at("one"));
        app.define(&Arc::from("one"), true, true);
        app.give(Setting::HttpsOnly, Value::Flag(true), at("one"));
        assert_eq!(app.left_out(Setting::HttpsOnly), None, "there is one");
        app.define(&Arc::from("two"), true, true);
        assert_eq!(app.left_out(Setting::HttpsOnly).map(AsRef::as_ref), Some("two"));
        assert_eq!(app.left_out(Setting::MinTls), None, "no template sets it");
        app.give(Setting::HttpsOnly, Value::Flag(true), at("two"));
        assert_eq!(app.left_out(Setting::HttpsOnly), None, "both set it");
        app.give(Setting::MinTls, Value::Text("1.2".to_owned()), at("web"));
        assert_eq!(app.left_out(Setting::MinTls), None, "a part in another file completes both");
    }
}
