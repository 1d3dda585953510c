//! What is a setting, in a sentence?
//!
//! The sentence is the comment on its field: the sources of the rooms' settings are embedded and read once, so that
//! page and program can't differ. A setting whose type is no struct of these has none.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The rooms' settings: the room, and its source.
const SOURCES: [(&str, &str); 16] = [
    ("config", include_str!("settings.rs")),
    ("config", include_str!("sinks.rs")),
    ("sources", include_str!("../sources/kafka/settings.rs")),
    ("sources", include_str!("../sources/file/settings.rs")),
    ("sources", include_str!("../sources/http.rs")),
    ("sinks", include_str!("../sinks/jsonl.rs")),
    ("sinks", include_str!("../sinks/route.rs")),
    ("redaction", include_str!("../redaction/settings.rs")),
    ("redaction", include_str!("../redaction/people/policy.rs")),
    ("posture", include_str!("../posture/settings.rs")),
    ("store", include_str!("../store/retention.rs")),
    ("context", include_str!("../context/settings.rs")),
    ("context", include_str!("../context/lists.rs")),
    ("access", include_str!("../access/settings.rs")),
    ("alerts", include_str!("../alerts/mutes/rules.rs")),
    ("alerts", include_str!("../alerts/matcher.rs")),
];

/// A field: what its type is, and what is said of it.
type Field = (&'static str, String);

static FIELDS: LazyLock<BTreeMap<(&str, &str, &str), Field>> = LazyLock::new(|| {
    let mut fields = BTreeMap::new();
    for (room, source) in SOURCES {
        read(room, source, &mut fields);
    }
    fields
});

fn read(
    room: &'static str,
    source: &'static str,
    fields: &mut BTreeMap<(&'static str, &'static str, &'static str), Field>,
) {
    let (mut within, mut said) = ("", String::new());
    for line in source.lines() {
        let line = line.trim();
        if let Some(words) = line.strip_prefix("///") {
            said.push_str(words);
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            within = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            said.clear();
        } else if let Some((name, kind)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            let name = name.trim_start_matches("r#");
            // A function's parameter is no setting, nor is a part of what is written as one text.
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') || within == "Rate" {
                said.clear();
                continue;
            }
            fields.insert((room, within, name), (kind.trim_end_matches(','), said.trim().to_owned()));
            said.clear();
        } else if !line.starts_with("#[") {
            said.clear();
        }
    }
}

/// How far a path leads among the settings.
struct Reached {
    room: &'static str,
    /// The type that stands there.
    within: &'static str,
    /// What is said of it.
    says: String,
    /// Whether the path ends there, or goes on to what nobody knows.
    whole: bool,
}

/// Returns the room of the settings `name`, as a source in `room` names them; they may come from another.
fn at_home(room: &'static str, name: &str) -> &'static str {
    let has = |room: &str| FIELDS.keys().any(|(of, within, _)| *of == room && *within == name);
    if has(room) {
        return room;
    }
    FIELDS.keys().find(|(_, within, _)| *within == name).map_or(room, |(of, ..)| of)
}

fn reach(path: &[&str]) -> Reached {
    let mut at = Reached { room: "config", within: "Config", says: String::new(), whole: true };
    let mut left = path.iter();
    while let Some(name) = left.next() {
        if name.starts_with('[') {
            continue;
        }
        let Some((kind, words)) = FIELDS.get(&(at.room, at.within, *name)) else {
            at.whole = false;
            if path.last() == Some(name) {
                at.says.clear();
            }
            return at;
        };
        at.says.clone_from(words);
        let mut kind = *kind;
        while let Some((outer, inner)) = kind.split_once('<') {
            let inner = inner.strip_suffix('>').unwrap_or(inner);
            match outer {
                "BTreeMap" => {
                    // What somebody has named stands between.
                    at.whole &= left.next().is_some();
                    kind = inner.split_once(", ").map_or(inner, |(_, value)| value);
                }
                "Vec" | "Option" | "Box" => kind = inner,
                _ => {
                    kind = outer;
                    break;
                }
            }
        }
        let mut parts = kind.rsplit("::");
        at.within = parts.next().unwrap_or_default();
        let room = match parts.next() {
            None => at.room,
            Some("super") => "config",
            Some(named) => named,
        };
        at.room = at_home(room, at.within);
    }
    at
}

/// Says what the setting at `path` is; empty where nothing says so.
pub(super) fn described(path: &[&str]) -> String {
    reach(path).says
}

/// Returns the settings of the table at `path`, with their types; none of what is no table.
#[cfg(test)]
pub(super) fn fields_of(path: &[&str]) -> Vec<(&'static str, &'static str)> {
    let at = reach(path);
    let all = FIELDS.iter().filter(|((room, within, _), _)| *room == at.room && *within == at.within);
    all.map(|((_, _, name), (kind, _))| (*name, *kind)).filter(|_| at.whole).collect()
}

/// Returns the type of the single setting at `path`; nothing where none is known, or a table stands.
pub(super) fn single(path: &[&str]) -> Option<&'static str> {
    let at = reach(path);
    let is_table = FIELDS.keys().any(|(room, within, _)| *room == at.room && *within == at.within);
    Some(at.within).filter(|_| at.whole && !is_table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_described_by_the_comment_on_its_field() {
        assert_eq!(described(&["data"]), "The data folder: store, key and tokens. On a local disk.");
        assert_eq!(described(&["detection", "lateness"]), "How far out of order events may be; alerts wait this long.");
        assert_eq!(
            described(&["sources", "http", "push", "listen"]),
            "Where `POST /v1/ingest` and `POST /v1/logs` (OTLP) are taken; each sender needs a token."
        );
        assert!(!described(&["sources", "kafka", "orders", "brokers"]).is_empty());
        assert!(!described(&["routes", "[0]", "to"]).is_empty());
        assert_eq!(described(&["nothing", "like", "it"]), "");
        assert!(!described(&["sinks", "jsonl", "archive", "rotate_bytes"]).is_empty(), "settings of another room");
        assert!(!described(&["sinks", "kafka", "topic", "security", "sasl"]).is_empty());
    }

    #[test]
    fn a_single_setting_is_told_from_tables_and_from_what_nobody_knows() {
        assert_eq!(single(&["detection", "lateness"]), Some("Duration"));
        assert_eq!(single(&["sources", "file", "azure", "paths", "[0]"]), Some("String"));
        assert_eq!(single(&["sinks", "kafka", "topic", "security", "password"]), Some("Secret"));
        for other in [&["detection"][..], &["detection", "latenes"], &["sinks", "slack", "url"], &["sources", "kafka"]]
        {
            assert_eq!(single(other), None, "{other:?}");
        }
    }
}
