//! What should stand where something of another form stands, or nothing?
//!
//! The reader says what it got; here is what to write. It knows the form of each setting by its type, and an example of
//! each that may not be left out.

use super::described::single;

/// An example of each setting that may not be left out, by the end of its table's name and its own.
const NEEDED: [(&str, &str, &str); 25] = [
    ("policy", "action", "action = \"fingerprint\", or keep, partial, mask, remove, prefix, truncate"),
    ("inhibit", "equal", "equal = [\"app\"], or entity, family, detector"),
    ("inhibit", "source", "source = { detector = \"telemetry.silence\" }, or family, entity, app"),
    ("inhibit", "target", "target = { family = \"probing\" }, or detector, entity, app"),
    ("", "name", "name = \"…\": alerts that it holds back say so"),
    ("maintenance", "alerts", "alerts = { app = \"shop\" }, or detector, family, entity"),
    ("maintenance", "from", "from = \"22:00\", UTC"),
    ("maintenance", "to", "to = \"02:30\", UTC"),
    ("routes", "to", "to = [\"ops\"], the names of sinks"),
    ("email", "from", "from = \"gatewatch@example.net\""),
    ("email", "to", "to = [\"soc@example.net\"]"),
    ("email", "host", "host = \"smtp.example.net\""),
    ("kafka", "brokers", "brokers = \"host:9092\""),
    ("kafka", "topics", "topics = [\"azure-logs\"]"),
    ("kafka", "topic", "topic = \"alerts\""),
    ("file", "paths", "paths = [\"/var/log/azure/*.json\"]"),
    ("jsonl", "path", "path = \"/var/log/gatewatch/alerts.jsonl\""),
    ("lists", "file", "file = \"/var/lib/gatewatch/tor-exits.txt\""),
    ("pagerduty", "routing_key", "routing_key = { env = \"PAGERDUTY_KEY\" }, or { file = \"/run/secrets/pagerduty\" }"),
    ("", "url", "url = { file = \"/run/secrets/name\" } or { env = \"NAME\" }, or the address itself"),
    ("", "secret", "secret = { file = \"/run/secrets/name\" } or { env = \"NAME\" }"),
    ("tls", "certificate", "certificate = \"/etc/gatewatch/tls/fullchain.pem\""),
    ("tls", "key", "key = \"/etc/gatewatch/tls/privkey.pem\""),
    ("", "issuer", "issuer = \"https://login.microsoftonline.com/TENANT/v2.0\""),
    ("jwt", "audience", "audience = [\"api://…\"], what stands in `aud` of tokens for this dashboard"),
];

/// Returns what to write where the reader `says` that something is wrong at `path`.
pub(super) fn mend(says: &str, path: &str) -> Option<String> {
    if let Some(name) = says.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        let within = |table: &str| table.is_empty() || path.split(['.', '[']).any(|part| part == table);
        let example = NEEDED.iter().find(|(table, needed, _)| *needed == name && within(table))?;
        return Some(format!("write {}", example.2));
    }
    if says == "invalid socket address syntax" {
        return Some("write an address and a port, such as \"127.0.0.1:8321\": a name won't do".to_owned());
    }
    let got = says.strip_prefix("invalid type: ")?;
    let parts = split(path);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if got.ends_with("expected a string") && single(&parts) == Some("Duration") {
        let number = got.strip_prefix("integer `").and_then(|rest| rest.split('`').next());
        let unit = number.map_or_else(|| "\"30s\"".to_owned(), |number| format!("\"{number}s\" for seconds"));
        return Some(format!("write a whole number and ms, s, m, h or d as a text: {unit}"));
    }
    if got.ends_with("expected a sequence") {
        let text = got.strip_prefix("string ").and_then(|rest| rest.strip_suffix(", expected a sequence"));
        return Some(text.map_or_else(|| "write a list: [\"…\"]".to_owned(), |text| format!("write a list: [{text}]")));
    }
    got.starts_with("sequence")
        .then(|| "write one value, without [ and ]".to_owned())
        .filter(|_| single(&parts).is_some())
}

/// Takes a path apart, as the places of a file write it.
fn split(path: &str) -> Vec<String> {
    path.split('.')
        .flat_map(|part| {
            let (name, places) = part.split_once('[').map_or((part, ""), |(name, _)| (name, &part[name.len()..]));
            [name, places].map(str::to_owned)
        })
        .filter(|part| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{load, render};

    #[test]
    fn what_has_another_form_is_told_what_to_write() {
        for (text, says) in [
            ("[dashboard]\nlisten = 'localhost:8321'\n", "write an address and a port, such as \"127.0.0.1:8321\""),
            ("[sources.http.in]\nlisten = '8322'\n", "write an address and a port"),
            ("[detection]\nlateness = 30\n", "\"30s\" for seconds"),
            ("[sinks.slack.ops]\nurl = 'https://h.example/x'\ntimeout = 5\n", "\"5s\" for seconds"),
            ("[sources.file.a]\npaths = '/x'\n", "write a list: [\"/x\"]"),
            ("[sources.file.a]\npaths = ['/x']\nstart = ['latest']\n", "write one value"),
            ("[sources.file.a]\nfollow = true\n", "write paths = [\"/var/log/azure/*.json\"]"),
            ("[[redaction.policy]]\nkinds = ['email']\n", "write action = \"fingerprint\", or keep"),
            (
                "[[alerts.inhibit]]\nname = 'a'\nsource = { app = 'a' }\ntarget = { app = 'b' }\n",
                "write equal = [\"app\"], or entity",
            ),
            ("[[routes]]\nlevels = ['low']\n", "write to = [\"ops\"]"),
            ("[sinks.teams.t]\ntitle = 'x'\n", "write url = { file"),
            ("[sinks.email.soc]\nhost = 'h'\nfrom = 'a@b.example'\n", "write to = [\"soc@example.net\"]"),
        ] {
            let told = render(&load("gatewatch.toml", text).unwrap_err(), text, false);
            assert!(told.contains(says), "{says} is not in\n{told}");
        }
    }
}
