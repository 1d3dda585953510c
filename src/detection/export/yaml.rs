//! A YAML value whose keys stay in the order in which they are said.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// What a document says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// A whole number.
    Number(i64),
    /// A number with a fraction.
    Real(f64),
    /// `true` or `false`.
    Truth(bool),
    /// A text.
    Text(String),
    /// Values.
    List(Vec<Said>),
    /// Keys and values.
    Map(Vec<(String, Said)>),
}

impl Said {
    /// Returns a text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns texts: a list, or the one that there is.
    pub(super) fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<Self> = texts.into_iter().map(Self::Text).collect();
        if all.len() == 1 { all.swap_remove(0) } else { Self::List(all) }
    }

    /// Returns keys and values.
    pub(super) fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => to.serialize_i64(*number),
            Self::Real(number) => to.serialize_f64(*number),
            Self::Truth(value) => to.serialize_bool(*value),
            Self::Text(text) => to.serialize_str(text),
            Self::List(items) => items.serialize(to),
            Self::Map(entries) => {
                let mut map = to.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
