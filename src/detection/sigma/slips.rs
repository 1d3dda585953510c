//! What of a Sigma document reads as a slip of the pen?
//!
//! Keys of one's own may stand in a document, and a field may be any name of a record, so what nobody knows is no
//! problem. But a misspelt `service` makes a rule look at far more than was meant, and a misspelt field at nothing:
//! what is a letter or two beside a known name is told by a note. Names of W3C's form, in access logs, are told
//! wherever they are unknown, for no record of Azure has them.

use std::collections::BTreeSet;

use crate::posture::document::{Key, Located};

use super::expr::{Asked, Expr};
use super::fields::{Taxonomy, known_names};
use super::logsource::Table;

/// A note, and the line it is about.
pub(super) type Slip = (usize, String);

/// Keys of a document that decide what it does.
const KEYS: [&str; 17] = [
    "title",
    "id",
    "name",
    "taxonomy",
    "status",
    "description",
    "references",
    "author",
    "date",
    "logsource",
    "detection",
    "correlation",
    "filter",
    "falsepositives",
    "level",
    "tags",
    "generate",
];
/// Keys of a log source; what `definition` says is for people.
const SOURCE: [&str; 4] = ["category", "product", "service", "definition"];
/// With what W3C's names of fields begin.
const W3C: [&str; 5] = ["cs-", "sc-", "c-", "s-", "cs("];

/// Returns those of the keys that nobody took that may have been meant as another.
pub(super) fn of_document(rest: &[(Key, Located)]) -> Vec<Slip> {
    let slip = |key: &Key| {
        let known = KEYS.into_iter().filter(|known| *known != key.text);
        let meant = near(&key.text, known)?;
        (!KEYS.contains(&key.text.as_str()))
            .then(|| (key.line, format!("`{}` is passed over. Did you mean `{meant}`?", key.text)))
    };
    rest.iter().filter_map(|(key, _)| slip(key)).collect()
}

/// Returns the keys of a log source that say nothing.
pub(super) fn of_source(rest: &[(Key, Located)]) -> Vec<Slip> {
    let unknown = rest.iter().map(|(key, _)| key).filter(|key| !SOURCE.contains(&key.text.as_str()));
    let slip = |key: &Key| {
        let meant = near(&key.text, SOURCE.into_iter()).map(|meant| format!(" Did you mean `{meant}`?"));
        let says = format!("`{}` of `logsource` is passed over.{}", key.text, meant.unwrap_or_default());
        (key.line, says)
    };
    unknown.map(slip).collect()
}

/// Says that no record has a field of this name, if it reads like one that records have.
pub(super) fn of_field(name: &str, table: Table, taxonomy: Taxonomy) -> Option<String> {
    let low = name.to_ascii_lowercase();
    let known = known_names(table, taxonomy);
    if known.contains(&low.as_str()) {
        return None;
    }
    let w3c = table == Table::Web && W3C.iter().any(|prefix| low.starts_with(prefix));
    match near(&low, known.iter().copied()) {
        Some(meant) => Some(format!("no record that it looks at has a field `{name}`. Did you mean `{meant}`?")),
        None if w3c => {
            Some(format!("no record that it looks at has a field `{name}`: what is asked of it never holds."))
        }
        None => None,
    }
}

/// Says so of each field that a condition names.
pub(super) fn of_condition(when: &Expr, table: Table, taxonomy: Taxonomy) -> Vec<String> {
    let mut names = BTreeSet::new();
    collect(when, &mut names);
    names.into_iter().filter_map(|name| of_field(name, table, taxonomy)).collect()
}

fn collect<'e>(expr: &'e Expr, names: &mut BTreeSet<&'e str>) {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| collect(part, names)),
        Expr::Not(inner) | Expr::Named(_, inner) => collect(inner, names),
        Expr::Is(Asked::Field(name), _) => _ = names.insert(name),
        _ => {}
    }
}

/// Returns the name that is a letter beside `got`, or two where both are long.
fn near<'k>(got: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let got = got.to_ascii_lowercase();
    let far = |name: &str| strsim::damerau_levenshtein(&got, name);
    let close = |name: &&str| far(name) <= if name.len().min(got.len()) < 8 { 1 } else { 2 };
    known.filter(|name| name.len() > 2).filter(close).min_by_key(|name| (far(name), *name))
}

#[cfg(test)]
mod tests {
    use crate::detection::sigma::{Placeholders, Rules};

    fn notes(text: &str) -> Vec<String> {
        let rules = Rules::build(&[("made.yml".to_owned(), text.to_owned())], &Placeholders::new());
        assert!(rules.refused.is_empty(), "{:?}", rules.refused);
        rules.notes.iter().map(ToString::to_string).collect()
    }

    const RULE: &str = "title: A\nid: 8f1f3b0e-6b1a-4d7e-9a55-0c1d2e3f4a5b\nname: a\nlogsource: { category: webserver }\n\
                        detection: { one: { cs-uri-stem: /x }, condition: one }\nlevel: low\n";

    #[test]
    fn what_reads_like_a_known_name_and_is_none_is_told() {
        assert_eq!(notes(RULE), [""; 0]);
        let source = RULE.replace("category: webserver", "product: azure, servce: signinlogs, mine: 1");
        assert_eq!(
            notes(&source),
            [
                "made.yml:4: Sigma rule \u{201c}A\u{201d}: `mine` of `logsource` is passed over.",
                "made.yml:4: Sigma rule \u{201c}A\u{201d}: `servce` of `logsource` is passed over. Did you mean `service`?",
            ]
        );
        assert_eq!(
            notes(&RULE.replace("level", "levle")),
            ["made.yml:6: Sigma rule \u{201c}A\u{201d}: `levle` is passed over. Did you mean `level`?"]
        );
        assert_eq!(notes(&format!("{RULE}severity: 3\nx-mine: 4\n")), [""; 0], "keys of one's own");
        let fields = RULE.replace("cs-uri-stem: /x", "cs-uri-stm: /x, sc-win32-status: 5, backendUrl: z");
        assert_eq!(
            notes(&fields),
            [
                "made.yml:1: Sigma rule \u{201c}A\u{201d}: no record that it looks at has a field `cs-uri-stm`. Did you mean `cs-uri-stem`?",
                "made.yml:1: Sigma rule \u{201c}A\u{201d}: no record that it looks at has a field `sc-win32-status`: what is asked of it never holds.",
            ]
        );
        let counted = "---\ntitle: B\nname: b\ncorrelation: { type: event_count, rules: [a], group-by: [c-ipp], timespan: 5m, condition: { gte: 5 } }\n";
        assert_eq!(
            notes(&format!("{RULE}{counted}")),
            [
                "made.yml:8: Sigma rule \u{201c}B\u{201d}: no record that it looks at has a field `c-ipp`. Did you mean `c-ip`?"
            ]
        );
    }
}
