//! `gatewatch silences`: what nobody is to be told of, and what that costs.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::dashboard::visible;
use crate::detection::Catalogue;

use super::alert_args::{Meant, Silences, SilencesAdd, SilencesExpire, SilencesList, SilencesPreview};
use super::args::Shape;
use super::client::{Daemon, run};
use super::config::unknown_detector;
use super::setup;
use super::talk::{Failure, print, say};

/// Does what was asked.
pub fn silences(command: &Silences) -> Result<ExitCode, Failure> {
    match command {
        Silences::List(options) => run(list(options)),
        Silences::Preview(options) => run(preview(options)),
        Silences::Add(options) => run(add(options)),
        Silences::Expire(options) => run(expire(options)),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map(visible).unwrap_or_default()
}

fn matcher(meant: &Meant, at_most: Option<&str>) -> Value {
    let parts = [
        ("detector", meant.detector.as_deref()),
        ("family", meant.family.as_deref()),
        ("entity", meant.entity.as_deref()),
        ("app", meant.app.as_deref()),
        ("at_most", at_most),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect()
}

/// Says which detector may have been meant, if none is called so; a daemon may run others than come with the program.
fn mistyped(meant: &Meant) {
    let Some(id) = meant.detector.as_deref() else { return };
    let Ok(shipped) = Catalogue::shipped() else { return };
    let all: Vec<&str> = shipped.detectors.all.iter().map(|detector| &*detector.id).collect();
    let says = unknown_detector(id, &all);
    if !all.contains(&id) && says.contains("did you mean") {
        setup::note(&format!("of those that come with gatewatch, {says}"));
    }
}

async fn list(options: &SilencesList) -> Result<(), Failure> {
    let daemon = Daemon::find(&options.daemon)?;
    let pairs: &[(&str, &str)] = if options.all { &[("all", "true")] } else { &[] };
    let answer = daemon.get("/api/v1/silences", pairs).await?;
    for silence in answer["silences"].as_array().map(Vec::as_slice).unwrap_or_default() {
        if options.format == Shape::Json {
            print(&format!("{silence}\n"))?;
            continue;
        }
        let parts: Vec<String> = silence["matcher"]
            .as_object()
            .map(|parts| parts.iter().map(|(name, value)| format!("{name}:{}", text(value))).collect())
            .unwrap_or_default();
        print(&format!(
            "{}  {}  until {}  hid {}  {}  {}: {}\n",
            text(&silence["id"]),
            text(&silence["state"]),
            text(&silence["ends_at"]),
            silence["hidden"],
            parts.join(" "),
            text(&silence["by"]),
            text(&silence["reason"])
        ))?;
    }
    Ok(())
}

fn cost(preview: &Value) -> String {
    let more = if preview["complete"] == json!(false) { " or more" } else { "" };
    format!(
        "In the last {} days it would have hidden {}{more} alerts: {} were true positives, {} were judged otherwise, at \
         most {} came within a day. {} were worse, and each would have ended it. It ends when an alert is worse than {}.",
        preview["days"],
        preview["hidden"],
        preview["true_positives"],
        preview["otherwise_judged"],
        preview["most_in_a_day"],
        preview["would_trip"],
        text(&preview["at_most"]),
    )
}

async fn preview(options: &SilencesPreview) -> Result<(), Failure> {
    mistyped(&options.meant);
    let daemon = Daemon::find(&options.daemon)?;
    let wanted = json!({"matcher": matcher(&options.meant, options.at_most.as_deref())});
    let preview = daemon.post("/api/v1/silences/preview", &wanted).await?;
    print(&format!("{}\n", cost(&preview)))
}

async fn add(options: &SilencesAdd) -> Result<(), Failure> {
    mistyped(&options.meant);
    let daemon = Daemon::find(&options.daemon)?;
    let mut wanted = json!({
        "matcher": matcher(&options.meant, options.at_most.as_deref()),
        "reason": options.reason,
        "for": options.lasts,
    });
    if let Some(starts_at) = &options.starts_at {
        wanted["starts_at"] = json!(starts_at);
    }
    let made = daemon.post("/api/v1/silences", &wanted).await?;
    say(&cost(&made["preview"]));
    say(&format!(
        "Silenced until {}. To end it: gatewatch silences expire {}",
        text(&made["ends_at"]),
        text(&made["id"])
    ));
    print(&format!("{}\n", text(&made["id"])))
}

async fn expire(options: &SilencesExpire) -> Result<(), Failure> {
    if options.id.is_empty() || options.id.len() > 16 || !options.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::Usage("name the silence by its id, as `gatewatch silences list` shows it".into()));
    }
    let daemon = Daemon::find(&options.daemon)?;
    let answer = daemon.post(&format!("/api/v1/silences/{}/expire", options.id), &json!({})).await?;
    say(&format!("{}: {}", options.id, text(&answer["outcome"])));
    Ok(())
}
