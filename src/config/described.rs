//! What is a setting, in a sentence?
//!
//! The sentence is the comment on its field: the sources of the rooms' settings are embedded and read once, so that
//! page and program can't differ. A setting whose type is no struct of these has none.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The rooms' settings: the room, and its source.
const SOURCES: [(&str, &str); 14] = [
    ("config", include_str!("settings.rs")),
    ("config", include_str!("sinks.rs")),
    ("sources", include_str!("../sources/kafka/settings.rs")),
    ("sources", include_str!("../sources/file/settings.rs")),
    ("sources", include_str!("../sources/http.rs")),
    ("sinks", include_str!("../sinks/jsonl.rs")),
    ("sinks", include_str!("../sinks/route.rs")),
    ("redaction", include_str!("../redaction/settings.rs")),
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
            fields.insert((room, within, name), (kind.trim_end_matches(','), said.trim().to_owned()));
            said.clear();
        } else if !line.starts_with("#[") {
            said.clear();
        }
    }
}

/// Says what the setting at `path` is; empty where nothing says so.
pub(super) fn described(path: &[&str]) -> String {
    let (mut room, mut within, mut said) = ("config", "Config", String::new());
    let mut left = path.iter();
    while let Some(name) = left.next() {
        let Some((kind, words)) = FIELDS.get(&(room, within, *name)) else {
            return if path.last() == Some(name) { String::new() } else { said };
        };
        said.clone_from(words);
        let mut kind = *kind;
        while let Some((outer, inner)) = kind.split_once('<') {
            let inner = inner.strip_suffix('>').unwrap_or(inner);
            match outer {
                "BTreeMap" => {
                    // What somebody has named stands between.
                    left.next();
                    kind = inner.split_once(", ").map_or(inner, |(_, value)| value);
                }
                "Vec" => {
                    // Its place in the list stands between, if it is a list of tables.
                    if left.as_slice().first().is_some_and(|next| next.starts_with('[')) {
                        left.next();
                    }
                    kind = inner;
                }
                "Option" | "Box" => kind = inner,
                _ => {
                    kind = outer;
                    break;
                }
            }
        }
        let mut parts = kind.rsplit("::");
        within = parts.next().unwrap_or_default();
        room = match parts.next() {
            None => room,
            Some("super") => "config",
            Some(named) => named,
        };
    }
    said
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
    }
}
