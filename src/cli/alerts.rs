//! `gatewatch alerts`: what people do with the alerts of a running daemon, from a terminal.
//!
//! A client of the HTTP API, with its rules: what is asked of many alerts is counted first and done
//! only with --yes, and can be taken back. Lists are text for people, and one JSON object a line or CSV,
//! whole, for programs.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::dashboard::visible;

use super::alert_args::{Acting, Alerts, AlertsException, AlertsList, AlertsShow, AlertsUndo, Class, ListForm};
use super::args::Shape;
use super::client::{Daemon, run};
use super::talk::{Failure, print, print_while_read, say};
use super::watch::watch;

/// Alerts in one answer of the API.
const PAGE: usize = 200;
/// Alerts that are listed for people, unless they say how many.
const SHOWN: usize = 50;

/// Does what was asked.
pub fn alerts(command: &Alerts) -> Result<ExitCode, Failure> {
    match command {
        Alerts::List(options) => run(list(options)),
        Alerts::Show(options) => run(show(options)),
        Alerts::Ack(options) => run(act(&options.acting, ("acknowledge", json!({})))),
        Alerts::Unassign(options) => run(act(&options.acting, ("unassign", json!({})))),
        Alerts::Assign(options) => run(act(&options.acting, ("assign", json!({"to": options.to})))),
        Alerts::Close(options) => {
            run(act(&options.acting, ("close", json!({"class": class(options.class), "reason": options.reason}))))
        }
        Alerts::Reopen(options) => run(act(&options.acting, ("reopen", json!({"reason": options.reason})))),
        Alerts::Note(options) => run(act(&options.acting, ("note", json!({"text": options.text})))),
        Alerts::Exception(options) => run(exception(options)),
        Alerts::Undo(options) => run(undo(options)),
        Alerts::Watch(options) => run(watch(options)),
    }
}

const fn class(class: Class) -> &'static str {
    match class {
        Class::TruePositive => "true-positive",
        Class::Benign => "benign",
        Class::FalsePositive => "false-positive",
        Class::Undetermined => "undetermined",
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().map(visible).unwrap_or_default()
}

async fn list(options: &AlertsList) -> Result<(), Failure> {
    let daemon = Daemon::find(&options.daemon)?;
    let question = options.question.join(" ");
    let path = match options.format {
        ListForm::Text => return listed(&daemon, &question, options.limit.unwrap_or(SHOWN)).await,
        ListForm::Csv => "/api/v1/alerts.csv",
        ListForm::Json | ListForm::Ndjson => "/api/v1/alerts.ndjson",
    };
    let limit = options.limit.map(|limit| limit.to_string());
    let mut pairs = vec![("query", question.as_str())];
    pairs.extend(limit.as_deref().map(|limit| ("limit", limit)));
    let mut answer = daemon.open(path, &pairs).await?;
    // JSON escapes what would move a terminal; of CSV a file gets all, a terminal what can be seen.
    let seen = path == "/api/v1/alerts.csv" && std::io::stdout().is_terminal();
    while let Some(chunk) = daemon.chunk(&mut answer).await? {
        let chunk = if seen { seen_at_a_terminal(&chunk) } else { chunk };
        if !print_while_read(&chunk)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Returns a part of a table without what would move a terminal; a byte stands for itself.
fn seen_at_a_terminal(part: &[u8]) -> Vec<u8> {
    let moves = |byte: u8| byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t') || byte == 0x7f;
    part.iter().map(|&byte| if moves(byte) { b'?' } else { byte }).collect()
}

/// Shows alerts for people, page by page.
async fn listed(daemon: &Daemon, question: &str, limit: usize) -> Result<(), Failure> {
    let (mut left, mut after) = (limit, String::new());
    while left > 0 {
        let limit = left.min(PAGE).to_string();
        let mut pairs = vec![("query", question), ("limit", limit.as_str())];
        if !after.is_empty() {
            pairs.push(("after", after.as_str()));
        }
        let answer = daemon.get("/api/v1/alerts", &pairs).await?;
        let found = answer["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        for alert in found {
            if !print_while_read(format!("{}\n", row(alert)).as_bytes())? {
                return Ok(());
            }
        }
        left -= found.len().min(left);
        after = text(&answer["next"]);
        if after.is_empty() || found.is_empty() {
            return Ok(());
        }
    }
    say("There are more: ask a narrower question, or give a larger --limit.");
    Ok(())
}

/// One line about an alert.
pub(super) fn row(alert: &Value) -> String {
    let id = text(&alert["id"]);
    let who = alert["assignee"].as_str().map_or_else(|| "-".into(), visible);
    let entity = format!("{}/{}", text(&alert["entity"]["kind"]), text(&alert["entity"]["value"]));
    let parts = [
        id.get(..8).unwrap_or(&id).to_owned(),
        text(&alert["last_seen"]),
        text(&alert["level"]),
        text(&alert["state"]),
        who,
        entity,
        text(&alert["title"]),
    ];
    parts.join("  ")
}

async fn show(options: &AlertsShow) -> Result<(), Failure> {
    let daemon = Daemon::find(&options.daemon)?;
    let path = path(&options.id)?;
    let alert = daemon.get(&path, &[]).await?;
    if options.format == Shape::Json {
        return print(&format!("{alert}\n"));
    }
    let activity = daemon.get(&format!("{path}/activity"), &[]).await?;
    print(&whole(&alert, &activity))
}

/// All about an alert, for people.
fn whole(alert: &Value, activity: &Value) -> String {
    let mut out = vec![text(&alert["title"]), String::new(), text(&alert["why"]), String::new()];
    for name in ["id", "level", "state", "assignee", "class", "detector", "app", "owner", "first_seen", "last_seen"] {
        out.extend(alert[name].as_str().map(|value| format!("{name:<12}{}", visible(value))));
    }
    let entity = &alert["entity"];
    out.push(format!("{:<12}{}/{}", "entity", text(&entity["kind"]), text(&entity["value"])));
    out.push(format!("{:<12}{}", "events", alert["count"]));
    out.push(format!("\nWhat to do:\n{}\n\nWhat was done:", lines(&alert["triage"])));
    for line in activity["activity"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let who = line["who"].as_str().map_or_else(|| "gatewatch".into(), visible);
        let says = text(&line["says"]);
        let says = if says.is_empty() { says } else { format!(": {says}") };
        out.push(format!("{}  {who} {}{says}", text(&line["at"]), text(&line["did"])));
    }
    out.join("\n") + "\n"
}

/// A text of several lines, each without what a terminal would obey.
fn lines(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// Returns the address of one alert; what is no id must not become another address.
fn path(id: &str) -> Result<String, Failure> {
    if !(8..=16).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let says = format!("{} is no id of an alert: 16 hexadecimal digits, or the first 8 or more", visible(id));
        return Err(Failure::Usage(says));
    }
    Ok(format!("/api/v1/alerts/{}", id.to_ascii_lowercase()))
}

async fn act(acting: &Acting, (deed, body): (&str, Value)) -> Result<(), Failure> {
    let daemon = Daemon::find(&acting.daemon)?;
    if let Some(question) = &acting.which.question {
        return many(&daemon, question, (deed, body), acting.yes).await;
    }
    let paths: Vec<String> = acting.which.ids.iter().map(|id| path(id)).collect::<Result<_, _>>()?;
    let mut failed = None;
    for (id, path) in acting.which.ids.iter().zip(&paths) {
        match daemon.post(&format!("{path}/{deed}"), &body).await {
            Ok(answer) => {
                say(&format!("{id}: {}", text(&answer["outcome"])));
                if answer["exception"].is_string() {
                    say(&format!("So that it does not come again: gatewatch alerts exception {id}"));
                }
            }
            Err(failure) if paths.len() == 1 => return Err(failure),
            Err(failure) => {
                say(&format!("{id}: {}", failure.says()));
                failed = Some(failure);
            }
        }
    }
    failed.map_or(Ok(()), |_| Err(Failure::Io("not all of it could be done".into())))
}

/// Prints the exception that would have kept an alert from being, or the cases; what there is to know goes to
/// stderr, so that the output can be appended to a file.
async fn exception(options: &AlertsException) -> Result<(), Failure> {
    let daemon = Daemon::find(&options.daemon)?;
    let offer = daemon.get(&format!("{}/exception", path(&options.id)?), &[]).await?;
    if options.format == Shape::Json {
        return print(&format!("{offer}\n"));
    }
    let part = if options.case { &offer["case"] } else { &offer["exception"] };
    say(&text(&offer["backtest"]["says"]));
    for note in offer["notes"].as_array().map(Vec::as_slice).unwrap_or_default() {
        say(&text(note));
    }
    match part.as_str() {
        Some(part) => print(&part.lines().map(|line| visible(line) + "\n").collect::<String>()),
        None => Err(Failure::Io("there is no case to print".to_owned())),
    }
}

async fn many(daemon: &Daemon, question: &str, (deed, mut body): (&str, Value), yes: bool) -> Result<(), Failure> {
    body["do"] = json!(deed);
    let wanted = json!({"query": question, "action": body, "dry_run": true});
    let counted = daemon.post("/api/v1/alerts/bulk", &wanted).await?;
    let count = counted["count"].as_u64().unwrap_or_default();
    if !yes {
        for alert in counted["sample"].as_array().map(Vec::as_slice).unwrap_or_default() {
            print(&format!("{}\n", row(alert)))?;
        }
        say(&format!("{count} alerts would change; with --yes they do."));
        return Ok(());
    }
    if count == 0 {
        say("No alert is found: nothing is changed.");
        return Ok(());
    }
    let done = daemon.post("/api/v1/alerts/bulk", &json!({"token": counted["token"]})).await?;
    tell(&done, count);
    say(&format!("To take it back: gatewatch alerts undo {}", text(&done["id"])));
    if wanted["action"]["class"] == "false-positive" {
        say("So that they do not come again: gatewatch alerts exception ID");
    }
    Ok(())
}

fn tell(done: &Value, count: u64) {
    match done["changed"].as_u64() {
        Some(changed) => say(&format!("{changed} of {count} alerts have changed.")),
        None => say("It was accepted and is being recorded."),
    }
    for left in done["left_sample"].as_array().map(Vec::as_slice).unwrap_or_default() {
        say(&format!("Left: {}", text(&left["why"])));
    }
}

async fn undo(options: &AlertsUndo) -> Result<(), Failure> {
    if options.id.len() > 16 || !options.id.bytes().all(|byte| byte.is_ascii_hexdigit()) || options.id.is_empty() {
        return Err(Failure::Usage("name the change by its id, as it was said when it was made".into()));
    }
    let daemon = Daemon::find(&options.daemon)?;
    let done = daemon.post(&format!("/api/v1/alerts/bulk/{}/undo", options.id), &json!({})).await?;
    let all = done["changed"].as_u64().unwrap_or_default() + done["left"].as_u64().unwrap_or_default();
    tell(&done, all);
    Ok(())
}
