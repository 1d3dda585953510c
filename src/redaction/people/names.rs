//! How are kinds, categories, fields and paths written in a policy?
//!
//! By the names they have everywhere else. A name that is none is refused with all that there are,
//! of which the nearest are listed, and the configuration's reader picks the very nearest.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Kind;
use crate::telemetry::{Category, Field, RawPath};

/// All kinds of national numbers at once.
const NATIONAL: &str = "national-ids";

/// A kind of personal data, or all national numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindName {
    /// One kind.
    One(Kind),
    /// Every number that a state gives to people.
    National,
}

impl KindName {
    /// Tells whether `kind` is meant.
    pub fn is(self, kind: Kind) -> bool {
        match self {
            Self::One(one) => one == kind,
            Self::National => kind.national(),
        }
    }

    /// Returns every kind that is meant.
    pub fn all(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.is(*kind))
    }

    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::One(kind) => kind.name().unwrap_or_default(),
            Self::National => NATIONAL,
        }
    }
}

impl Serialize for KindName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for KindName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Name(|name: &str| {
            if name == NATIONAL {
                return Ok(Self::National);
            }
            match Kind::ALL.into_iter().find(|kind| kind.name() == Some(name)) {
                Some(kind) if !kind.secret() => Ok(Self::One(kind)),
                Some(_) => {
                    Err(Wrong::Says("a secret always goes: policies are about personal data, such as \"email\""))
                }
                None => {
                    let known = Kind::ALL.into_iter().filter(|kind| !kind.secret()).filter_map(Kind::name);
                    Err(Wrong::Unknown(known.chain([NATIONAL]).collect()))
                }
            }
        }))
    }
}

/// A field of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldName(pub Field);

impl Serialize for FieldName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for FieldName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Name(|name: &str| match Field::named(name) {
            Some(field) if field.of_secret() => {
                Err(Wrong::Says("what is seen of a secret is no place in a record: name a field such as \"message\""))
            }
            Some(field) => Ok(Self(field)),
            None => Err(Wrong::Unknown(
                Field::ALL.iter().filter(|field| !field.of_secret()).map(|field| field.name()).collect(),
            )),
        }))
    }
}

/// A path into a record, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathText {
    /// The path.
    pub path: RawPath,
    text: String,
}

impl Serialize for PathText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for PathText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Name(|text: &str| match text.parse::<RawPath>() {
            Ok(path) => Ok(Self { path, text: text.to_owned() }),
            Err(wrong) => Err(Wrong::Says(wrong.says)),
        }))
    }
}

/// Reads and writes categories by Azure's names for them.
pub mod categories {
    use super::{Category, Deserialize, Deserializer, Name, Serializer, Wrong};

    struct One(Category);

    impl<'de> Deserialize<'de> for One {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_str(Name(|name: &str| {
                let unknown = || Wrong::Unknown(Category::ALL.into_iter().map(Category::name).collect());
                Category::named(name).map(Self).ok_or_else(unknown)
            }))
        }
    }

    pub fn serialize<S: Serializer>(categories: &[Category], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(categories.iter().map(|category| category.name()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Category>, D::Error> {
        let all = Vec::<One>::deserialize(from)?;
        Ok(all.into_iter().map(|one| one.0).collect())
    }
}

/// Why a name is none.
enum Wrong {
    /// These are all there are.
    Unknown(Vec<&'static str>),
    Says(&'static str),
}

/// Reads a text and finds what it names.
struct Name<F>(F);

impl<T, F: Fn(&str) -> Result<T, Wrong>> Visitor<'_> for Name<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name in quotes")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        (self.0)(name).map_err(|wrong| match wrong {
            Wrong::Unknown(mut known) => {
                // There are too many to list them all.
                known.sort_by_key(|other| strsim::damerau_levenshtein(name, other));
                let near: Vec<String> = known.iter().take(4).map(|name| format!("`{name}`")).collect();
                E::custom(format_args!("unknown name `{name}`, expected one such as {}", near.join(", ")))
            }
            Wrong::Says(says) => E::custom(format_args!("{}: {says}", Unexpected::Str(name))),
        })
    }
}
