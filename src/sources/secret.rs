//! Where does a source's password come from?
//!
//! A [`Secret`] says where to read it: a file, a variable, or the configuration itself. It is
//! read when the source is opened, so that a rotated file is picked up by a restart of the
//! source alone; printing a [`Secret`] never shows it.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A password or connection string, or where to find it: `{ file = "…" }`, `{ env = "…" }`, or
/// the text itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The first line of a file, such as a mounted Kubernetes secret.
    File {
        /// The file's path.
        file: PathBuf,
    },
    /// An environment variable's value.
    Env {
        /// The variable's name.
        env: String,
    },
    /// The text itself; better kept out of a file that many can read.
    Literal(String),
}

impl Secret {
    /// Returns the secret's text. `env` looks up a variable.
    ///
    /// Fails with what to mend, if the file can't be read, the variable is not set, or either is empty.
    pub fn resolve(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
        let (text, place) = match self {
            Self::File { file } => {
                let place = format!("the file {}", file.display());
                let text = std::fs::read_to_string(file).map_err(|error| {
                    format!("{place} could not be read ({error}): it must exist and be readable by this user")
                })?;
                (text.lines().next().unwrap_or_default().trim().to_owned(), place)
            }
            Self::Env { env: name } => {
                let text = env(name).ok_or_else(|| format!("the variable {name} is not set"))?;
                (text, format!("the variable {name}"))
            }
            Self::Literal(text) => (text.clone(), "the configured text".to_owned()),
        };
        if text.is_empty() {
            return Err(format!("{place} is empty, where a secret was expected"));
        }
        Ok(text)
    }
}

/// What a secret looks like. What stood there instead may be one, and is not shown.
const FORM: &str = "this is no secret: write it as a text, or name where it is, { file = \"/run/secrets/name\" } or { env = \"NAME\" }";

/// Reads one of the three forms.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reading)
    }
}

/// Makes a secret of what stands there.
struct Reading;

/// A value that is shown by no message.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Other(IgnoredAny),
}

impl<'de> Visitor<'de> for Reading {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Literal(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom(FORM))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(FORM))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom(FORM))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom(FORM))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(A::Error::custom(FORM))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let (mut file, mut env) = (None, None);
        while let Some(name) = map.next_key::<String>()? {
            let into = match name.as_str() {
                "file" => &mut file,
                "env" => &mut env,
                _ => return Err(A::Error::custom(FORM)),
            };
            match map.next_value()? {
                Entry::Text(text) => *into = Some(text),
                Entry::Other(_) => return Err(A::Error::custom(FORM)),
            }
        }
        match (file, env) {
            (Some(file), None) => Ok(Secret::File { file: file.into() }),
            (None, Some(env)) if is_name(&env) => Ok(Secret::Env { env }),
            (None, Some(_)) => Err(A::Error::custom(
                "no variable has such a name: env = \"NAME\" names the variable in which the secret is",
            )),
            (Some(_), Some(_)) => Err(A::Error::custom(
                "a secret is read from one place, and file and env name two: leave one of them out",
            )),
            (None, None) => Err(A::Error::custom(FORM)),
        }
    }
}

/// Tells whether a variable can have this name.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// Writes where the secret is, and hides the text itself: what `config show` prints.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Self::Literal(_) => return to.serialize_str("[hidden]"),
            _ => to.serialize_map(Some(1))?,
        };
        match self {
            Self::File { file } => map.serialize_entry("file", file)?,
            Self::Env { env } => map.serialize_entry("env", env)?,
            Self::Literal(_) => {}
        }
        map.end()
    }
}

/// Hides the text.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file } => write!(f, "Secret(file {})", file.display()),
            Self::Env { env } => write!(f, "Secret(variable {env})"),
            Self::Literal(_) => f.write_str("Secret(hidden)"),
        }
    }
}

/// Returns `text` with each of `secrets` hidden: for error texts of libraries and brokers.
pub(super) fn hide(text: &str, secrets: &[String]) -> String {
    let long = secrets.iter().filter(|secret| secret.len() >= 4);
    long.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[hidden]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_a_file_a_variable_or_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "from-a-file\n").unwrap();
        let env = |name: &str| (name == "SET").then(|| "from-a-variable".to_owned());
        assert_eq!(Secret::File { file }.resolve(&env).unwrap(), "from-a-file");
        assert_eq!(Secret::Env { env: "SET".into() }.resolve(&env).unwrap(), "from-a-variable");
        assert_eq!(Secret::Literal("itself".into()).resolve(&env).unwrap(), "itself");
    }

    #[test]
    fn a_missing_secret_says_what_is_missing() {
        let none = |_: &str| None;
        assert_eq!(Secret::Env { env: "PASS".into() }.resolve(&none).unwrap_err(), "the variable PASS is not set");
        let error = Secret::File { file: "/nowhere/pass".into() }.resolve(&none).unwrap_err();
        assert!(error.contains("/nowhere/pass"), "{error}");
    }

    #[test]
    fn all_three_forms_are_read_from_toml() {
        #[derive(Deserialize)]
        struct One {
            p: Secret,
        }
        let read = |text: &str| toml::from_str::<One>(text).unwrap().p;
        assert_eq!(read("p = 'x'"), Secret::Literal("x".into()));
        assert_eq!(read("p = { env = 'X' }"), Secret::Env { env: "X".into() });
        assert_eq!(read("p = { file = '/x' }"), Secret::File { file: "/x".into() });
    }

    #[test]
    fn what_is_no_secret_is_told_what_one_looks_like_and_not_shown() {
        #[derive(Debug, Deserialize)]
        struct One {
            #[expect(dead_code, reason = "only its reading is under test")]
            p: Secret,
        }
        for wrong in
            ["4711", "[ 'hunter22' ]", "{ value = 'hunter22' }", "{ file = 4711 }", "{ }", "1979-05-27", "4711.5"]
        {
            let says = toml::from_str::<One>(&format!("p = {wrong}")).unwrap_err().message().to_owned();
            assert_eq!(says, FORM, "{wrong}");
        }
        let says = |p: &str| toml::from_str::<One>(&format!("p = {p}")).unwrap_err().message().to_owned();
        assert!(says("{ file = '/x', env = 'X' }").contains("leave one of them out"));
        let named = says("{ env = 'Endpoint=sb://hunter22' }");
        assert!(named.contains("no variable has such a name") && !named.contains("hunter22"), "{named}");
    }

    #[test]
    fn printing_a_secret_hides_it() {
        assert_eq!(format!("{:?}", Secret::Literal("hunter22".into())), "Secret(hidden)");
        assert_eq!(serde_json::to_value(Secret::Literal("hunter22".into())).unwrap(), "[hidden]");
        assert_eq!(serde_json::to_string(&Secret::Env { env: "X".into() }).unwrap(), r#"{"env":"X"}"#);
        assert_eq!(hide("refused hunter22", &["hunter22".into()]), "refused [hidden]");
    }
}
