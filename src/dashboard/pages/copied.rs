//! What does a person carry from an alert's page elsewhere: into a ticket, a terminal, a workspace?
//!
//! Texts to copy, made of what the page shows and nothing more. What attackers wrote stands between
//! backticks that it can't close, and in a query between quotes that it can't. The query asks a Log
//! Analytics workspace for the records behind an alert: by table, time and the value itself, which
//! stands there in clear. Of what is a fingerprint here it asks for the app and the time alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use crate::alerts::{Alert, Category, EntityKind, sayable};
use crate::clock::Timestamp;

/// How much before and after an alert's events is asked for.
const AROUND: Duration = Duration::from_mins(1);
/// Letters of a value in a query.
const MAX_VALUE: usize = 200;

/// One text to copy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copied {
    /// For the page's ids.
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// Returns what can be copied of `alert`, whose page is at `base`.
pub(super) fn of(alert: &Alert, base: &str) -> Vec<Copied> {
    let id = alert.id;
    let curl = format!("curl -H \"Authorization: Bearer $GATEWATCH_TOKEN\" {base}/api/v1/alerts/{id}");
    let mut all = vec![
        Copied { id: "copy-markdown", label: "Markdown", text: markdown(alert, base) },
        Copied { id: "copy-cli", label: "Command line", text: format!("gatewatch alerts show {id}") },
        Copied { id: "copy-curl", label: "curl", text: curl },
    ];
    all.extend(query(alert).map(|text| Copied { id: "copy-kql", label: "KQL", text }));
    all
}

/// Returns the alert as a ticket takes it.
fn markdown(alert: &Alert, base: &str) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = writeln!(out, "**{}** ({}, {})\n", plain(&alert.title), alert.level.name(), alert.state.name());
    let _ = writeln!(out, "{}\n", code(&alert.why));
    let _ = writeln!(out, "- about: {}", code(&alert.entity.sayable()));
    if let Some(app) = &alert.app {
        let _ = writeln!(out, "- app: {}", code(app));
    }
    let _ = writeln!(out, "- events: {}, from {} to {}", alert.count, alert.first_seen, alert.last_seen);
    let _ = writeln!(out, "- detector: `{}`", alert.detector);
    if !alert.attack.techniques.is_empty() {
        let _ = writeln!(out, "- ATT&CK: {}", alert.attack.techniques.join(", "));
    }
    let _ = write!(out, "- {base}/a/{}", alert.id);
    out
}

/// Returns `text` as code on one line, between more backticks than it has in a row.
fn code(text: &str) -> String {
    let (mut longest, mut run) = (0_usize, 0_usize);
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if longest == 0 {
        return format!("`{text}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

/// Returns `text` without what Markdown reads as more than text.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*_[]<>#|!~".contains(letter) {
            out.push('\\');
        }
        out.push(if letter.is_control() { ' ' } else { letter });
    }
    out
}

/// Returns the query for the records behind the alert; `None` where no table of a workspace has them.
fn query(alert: &Alert) -> Option<String> {
    let categories: BTreeSet<Category> = alert.evidence.iter().map(|one| one.category).collect();
    let mut queries: Vec<String> = Vec::new();
    for category in categories {
        let Some(table) = table(category) else { continue };
        let mut query = format!("{table}\n| where TimeGenerated between ({})", between(alert));
        if let Some(value) = in_clear(alert) {
            let _ = write!(query, "\n| where * has {}", quoted(&value));
        } else if let Some(app) = &alert.app {
            let _ = write!(query, "\n| where _ResourceId has {}", quoted(app));
        }
        query.push_str("\n| sort by TimeGenerated asc");
        queries.push(query);
    }
    (!queries.is_empty()).then(|| queries.join("\n\n"))
}

fn between(alert: &Alert) -> String {
    let moment = |at: Timestamp| format!("datetime({})", at.to_chrono().format("%Y-%m-%dT%H:%M:%SZ"));
    format!("{} .. {}", moment(alert.first_seen.minus(AROUND)), moment(alert.last_seen.plus(AROUND)))
}

/// Returns what the alert is about as the records have it, unless that is hidden here.
fn in_clear(alert: &Alert) -> Option<String> {
    let value = &*alert.entity.value;
    let function = |value: &str| value.rsplit('/').next().unwrap_or(value).to_owned();
    match alert.entity.kind {
        _ if sayable(value).is_some() || value.chars().count() > MAX_VALUE => None,
        EntityKind::Function => Some(function(value)),
        EntityKind::Secret => None,
        _ => Some(value.to_owned()),
    }
}

/// Returns a text as a literal of the query language.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// Returns where a workspace keeps a category's records.
fn table(category: Category) -> Option<String> {
    match category {
        // Spelt in another case than the category.
        Category::SignInLogs => Some("SigninLogs".into()),
        Category::StorageRead | Category::StorageWrite | Category::StorageDelete => {
            Some(format!("union isfuzzy=true {}", Category::StorageRead.also().join(", ")))
        }
        Category::FrontDoorAccessLog
        | Category::FrontDoorWebApplicationFirewallLog
        | Category::SQLSecurityAuditEvents => {
            Some(format!("AzureDiagnostics\n| where Category == \"{}\"", category.name()))
        }
        Category::OtlpLogs | Category::Other => None,
        category => Some((*category.also().first().unwrap_or(&category.name())).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::alerts::Entity;

    #[test]
    fn the_query_asks_the_tables_of_the_evidence_for_the_time_and_the_address() {
        let mut alert = samples::alert();
        alert.entity = Entity::new(EntityKind::Ip, "203.0.113.7");
        for one in &mut alert.evidence {
            one.category = Category::GatewayLogs;
        }
        let query = query(&alert).unwrap();
        assert!(query.starts_with("ApiManagementGatewayLogs\n| where TimeGenerated between (datetime("), "{query}");
        assert!(query.contains("| where * has \"203.0.113.7\""), "{query}");
        for category in Category::ALL.into_iter().filter(|one| !matches!(one, Category::OtlpLogs | Category::Other)) {
            assert!(table(category).is_some(), "{}", category.name());
        }
    }

    #[test]
    fn what_attackers_wrote_ends_neither_the_code_nor_the_literal_that_it_stands_in() {
        assert_eq!(code("a ``` b\nc"), "```` a ``` b c ````");
        assert_eq!(plain("[x](http://a) <b>"), "\\[x\\](http://a) \\<b\\>");
        assert_eq!(quoted("a\" | take 1 //\\"), "\"a\\\" | take 1 //\\\\\"");
        let mut alert = samples::alert();
        alert.entity = Entity::new(EntityKind::Origin, "https://a\"b");
        for one in &mut alert.evidence {
            one.category = Category::GatewayLogs;
        }
        assert!(query(&alert).is_some_and(|query| query.contains("has \"https://a\\\"b\"")));
    }
}
