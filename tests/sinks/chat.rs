//! Slack and Teams: what is sent is what their published schemas take, whatever an attacker wrote.

use gatewatch::alerts::{Alert, Level, Transition};
use gatewatch::clock::Clock;
use gatewatch::sinks::{AnySink, News, Notice, Reach, Slack, Teams, Texts};
use serde_json::Value;

use crate::made::{HOSTILE, acknowledged, alert, closed, hostile, inside, opened, outlet, texts};
use crate::outbox::Outbox;
use crate::receiver::{Receiver, Request};

pub fn slack(url: &str, reach: &Reach, texts: Texts) -> AnySink {
    AnySink::Slack(Box::new(Slack::new(url, reach, texts, Clock::system()).unwrap()))
}

pub fn teams(url: &str, reach: &Reach, texts: Texts) -> AnySink {
    AnySink::Teams(Box::new(Teams::new(url, reach, texts, Clock::system()).unwrap()))
}

/// Fails unless `value` is an object of no other members than these.
pub fn only(value: &Value, known: &[&str]) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("no object: {value}"))?;
    object.keys().find(|key| !known.contains(&key.as_str())).map_or(Ok(()), |key| Err(format!("unknown member {key}")))
}

/// Fails unless `value` is a text of 1 to `most` characters.
pub fn text(value: &Value, most: usize) -> Result<&str, String> {
    let text = value.as_str().ok_or_else(|| format!("no text: {value}"))?;
    let length = text.chars().count();
    if (1..=most).contains(&length) { Ok(text) } else { Err(format!("a text of {length}, at most {most}")) }
}

fn list(value: &Value, most: usize) -> Result<&Vec<Value>, String> {
    let list = value.as_array().ok_or_else(|| format!("no list: {value}"))?;
    if (1..=most).contains(&list.len()) { Ok(list) } else { Err(format!("{} elements, at most {most}", list.len())) }
}

/// A text object of Block Kit.
fn text_object(value: &Value, most: usize, kinds: &[&str]) -> Result<(), String> {
    let kind = value["type"].as_str().unwrap_or_default();
    if !kinds.contains(&kind) {
        return Err(format!("a text of type {kind:?}"));
    }
    let words = text(&value["text"], most)?;
    if kind == "plain_text" {
        return only(value, &["type", "text", "emoji"]);
    }
    only(value, &["type", "text", "verbatim"])?;
    if value["verbatim"] != true {
        return Err("mentions and links are looked for in it".into());
    }
    // The only markup is our own link and our own bold headline.
    let links = words.replace("<https://watch.example.com/", "");
    if links.contains('<') || words.contains("&amp;amp;amp;") {
        return Err(format!("markup that is not ours: {words}"));
    }
    Ok(())
}

fn block(block: &Value) -> Result<(), String> {
    match block["type"].as_str().unwrap_or_default() {
        "header" => {
            only(block, &["type", "text", "block_id"])?;
            text_object(&block["text"], 150, &["plain_text"])
        }
        "section" => {
            only(block, &["type", "text", "fields", "block_id"])?;
            if let Some(fields) = block.get("fields") {
                for field in list(fields, 10)? {
                    text_object(field, 2_000, &["plain_text", "mrkdwn"])?;
                }
                return Ok(());
            }
            text_object(&block["text"], 3_000, &["plain_text", "mrkdwn"])
        }
        "context" => {
            only(block, &["type", "elements", "block_id"])?;
            list(&block["elements"], 10)?.iter().try_for_each(|one| text_object(one, 3_000, &["plain_text", "mrkdwn"]))
        }
        "actions" => {
            only(block, &["type", "elements", "block_id"])?;
            for button in list(&block["elements"], 25)? {
                only(button, &["type", "text", "url", "action_id"])?;
                text_object(&button["text"], 75, &["plain_text"])?;
                text(&button["url"], 3_000)?;
                text(&button["action_id"], 255)?;
            }
            Ok(())
        }
        other => Err(format!("a block of type {other:?}")),
    }
}

/// What an incoming webhook of Slack takes.
pub fn judge_slack(request: &Request) -> Result<(u16, String), String> {
    if request.headers.get("content-type").map(String::as_str) != Some("application/json") {
        return Err("no JSON".into());
    }
    let body = request.json();
    only(&body, &["text", "blocks", "mrkdwn"])?;
    let summary = text(&body["text"], 4_000)?;
    if summary.contains('<') {
        return Err(format!("markup in the summary: {summary}"));
    }
    list(&body["blocks"], 50)?.iter().try_for_each(block)?;
    Ok((200, "ok".into()))
}

fn run(run: &Value) -> Result<(), String> {
    if let Some(inner) = run.get("selectAction") {
        only(inner, &["type", "url"])?;
        text(&inner["url"], 2_000)?;
    }
    only(run, &["type", "text", "weight", "size", "color", "isSubtle", "selectAction"])?;
    let words = text(&run["text"], 2_000)?;
    if run["type"] != "TextRun" || words.contains("{{") {
        return Err(format!("no run, or a function in it: {words}"));
    }
    Ok(())
}

fn element(element: &Value) -> Result<(), String> {
    match element["type"].as_str().unwrap_or_default() {
        "RichTextBlock" => {
            only(element, &["type", "inlines"])?;
            list(&element["inlines"], 20)?.iter().try_for_each(run)
        }
        "TextBlock" => {
            only(element, &["type", "text", "wrap"])?;
            let words = text(&element["text"], 2_000)?;
            let unescaped = words.replace("\\[", "").replace("\\]", "").replace("\\*", "");
            if unescaped.contains(['[', ']', '<', '>']) || unescaped.contains('*') || words.contains("{{") {
                return Err(format!("Markdown that is not ours: {words}"));
            }
            Ok(())
        }
        other => Err(format!("an element of type {other:?}")),
    }
}

/// What a workflow of Teams takes: one Adaptive Card of version 1.4, 28 KB in all.
pub fn judge_teams(request: &Request) -> Result<(u16, String), String> {
    if request.body.len() > 28 << 10 {
        return Err(format!("{} bytes, at most 28 KB", request.body.len()));
    }
    let body = request.json();
    only(&body, &["type", "attachments"])?;
    let [attachment] = list(&body["attachments"], 1)?.as_slice() else { return Err("not one attachment".into()) };
    only(attachment, &["contentType", "contentUrl", "content"])?;
    let card = &attachment["content"];
    only(card, &["$schema", "type", "version", "body", "actions", "msteams"])?;
    if attachment["contentType"] != "application/vnd.microsoft.card.adaptive"
        || (&body["type"], &card["type"], &card["version"])
            != (&"message".into(), &"AdaptiveCard".into(), &"1.4".into())
    {
        return Err("no Adaptive Card of version 1.4".into());
    }
    for action in card["actions"].as_array().ok_or("no actions")? {
        only(action, &["type", "title", "url"])?;
        text(&action["url"], 2_000)?;
    }
    list(&card["body"], 60)?.iter().try_for_each(element)?;
    Ok((202, String::new()))
}

/// Sends an alert that opens, is taken and ends, one that an attacker wrote, and a flood.
fn whole_life(judge: crate::receiver::Judge, sink: fn(&str, &Reach, Texts) -> AnySink) -> Vec<Request> {
    let receiver = Receiver::start(judge);
    let mut outbox = Outbox::new(vec![outlet(sink(&receiver.url("/hook"), &inside(), texts()))], Vec::new());
    let flood: Vec<_> = (10..90).map(opened).collect();
    let life = [opened(1), acknowledged(1), closed(1), Transition::Opened(hostile(2))];
    for transitions in life.iter().map(std::slice::from_ref).chain([&flood[..]]) {
        outbox.tell(transitions);
        let settled = outbox.deliver();
        assert!(settled.iter().all(|one| one.failure.is_none()), "{settled:?}");
    }
    receiver.taken()
}

#[test]
fn slack_takes_what_is_told_of_an_alert_and_an_attacker_says_nothing_there() {
    let taken = whole_life(judge_slack, slack);
    let summaries: Vec<String> = taken.iter().map(|one| one.json()["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(summaries[0], "[high] New: One key used from many addresses, key k-1");
    assert!(summaries[1].contains("Acknowledged by dana") && summaries[2].contains("Closed (quiet)"), "{summaries:?}");
    assert!(summaries[4].starts_with("80 alerts, the worst high"), "{summaries:?}");
    let all = taken.iter().map(|one| one.body.clone()).collect::<String>();
    assert!(all.contains("https://watch.example.com/a/0000000000000001") && all.contains("and 70 more"), "{all}");
    assert!(!all.contains('\u{202e}') && !all.contains("<!channel>\""), "{all}");
}

#[test]
fn teams_takes_what_is_told_of_an_alert_and_an_attacker_says_nothing_there() {
    let taken = whole_life(judge_teams, teams);
    assert_eq!(taken.len(), 5);
    let all = taken.iter().map(|one| one.body.clone()).collect::<String>();
    assert!(all.contains("https://watch.example.com/a/0000000000000001") && all.contains("and 70 more"), "{all}");
    assert!(!all.contains('\u{202e}'), "{all}");
}

#[test]
fn the_longest_texts_stay_within_what_slack_and_teams_take() {
    let long = |n: u64| Alert { why: "é{{*".repeat(5_000), level: Level::Critical, ..hostile(n) };
    let notices: Vec<Notice> =
        (0..20).map(|n| Notice::about(&long(n), News::Opened, Some("https://watch.example.com"))).collect();
    let request = |body: String| Request {
        path: "/".into(),
        headers: [("content-type".into(), "application/json".into())].into(),
        body,
    };
    for few in [&notices[..1], &notices[..]] {
        let compose = |sink: AnySink| sink.compose(few, 0, "k:1").unwrap();
        let url = "https://hooks.example.com/x";
        judge_slack(&request(compose(slack(url, &inside(), texts())))).unwrap();
        judge_teams(&request(compose(teams(url, &inside(), texts())))).unwrap();
    }
}

#[test]
fn a_text_of_the_owners_own_may_format_and_its_values_may_not() {
    let own =
        || Texts::new(Some("{level} in {app}"), Some("*Look*: {why}\n<https://watch.example.com/{id}|here>")).unwrap();
    let notice = Notice::about(&hostile(7), News::Opened, None);
    let sink = slack("https://hooks.example.com/x", &inside(), own());
    let body: Value = serde_json::from_str(&sink.compose(&[notice], 0, "k:1").unwrap()).unwrap();
    let section = body["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(section.starts_with("*Look*: &lt;!channel&gt;"), "{section}");
    assert!(section.ends_with("\n<https://watch.example.com/0000000000000007|here>"), "{section}");
    assert!(body["blocks"][0]["text"]["text"].as_str().unwrap().starts_with("high in <!channel>"), "{body}");
    assert!(HOSTILE.starts_with("<!channel>") && alert(7).id == hostile(7).id);
}
