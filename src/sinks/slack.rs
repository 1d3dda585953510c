//! Alerts in a Slack channel, by an incoming webhook, as Block Kit.
//!
//! The webhook's URL is the secret: it is read from a file or a variable, and never stored or shown.
//! A message of one alert has its facts and a button; one of several lists them, ten at most. What
//! an attacker wrote stands in `plain_text`, or escaped in `mrkdwn` that is told not to look for
//! mentions and links (`verbatim`). Slack's own limits on lengths are kept.

use serde_json::{Value, json};

use crate::clock::Clock;

use super::escape::{cut, fitting, html, mrkdwn};
use super::notice::Notice;
use super::post::{Poster, Reach};
use super::template::Texts;
use super::{RenderedDelivery, SinkError, headline, plainly};

const HEADER: usize = 150;
const SECTION: usize = 3_000;
const FIELD: usize = 2_000;
/// Alerts that one message lists; of more, how many they are.
const LISTED: usize = 10;

/// Posts messages to one channel.
#[derive(Debug)]
pub struct Slack {
    poster: Poster,
    texts: Texts,
}

impl Slack {
    /// What only its receiver may know of what goes there.
    pub const SECRET: &'static str = "the address, which is a secret,";

    /// Returns the sink; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// Says which setting can't be used, why, and what is expected.
    pub fn new(url: &str, reach: &Reach, texts: Texts, clock: Clock) -> Result<Self, String> {
        Ok(Self { poster: Poster::new(url, reach, clock)?.carrying(Self::SECRET, reach)?, texts })
    }

    /// Returns the message about `notices`, and about `more` that are only counted.
    pub fn compose(&self, notices: &[Notice], more: u64) -> String {
        let blocks = match notices {
            [one] if more == 0 => self.one(one),
            many => self.many(many, more),
        };
        let summary = headline(&self.texts, notices, more, plainly);
        // What a notification shows: no blocks, so mentions are to be escaped here too.
        json!({ "text": fitting(SECTION, |limit| value(&summary, limit)), "mrkdwn": false, "blocks": blocks })
            .to_string()
    }

    fn one(&self, notice: &Notice) -> Vec<Value> {
        let mut blocks = vec![
            header(&self.texts.title.fill(notice, plainly)),
            section(&fitting(SECTION, |limit| self.texts.text.fill(notice, |text| value(text, limit)))),
            json!({ "type": "section", "fields": notice.facts().iter().map(field).collect::<Vec<_>>() }),
        ];
        if !notice.first_step.is_empty() {
            blocks.push(context(&format!("First: {}", notice.first_step)));
        }
        if let Some(link) = &notice.link {
            blocks.push(json!({ "type": "actions", "elements": [{
                "type": "button", "text": plain_text("Open the alert"), "url": link, "action_id": "open",
            }]}));
        }
        blocks
    }

    fn many(&self, notices: &[Notice], more: u64) -> Vec<Value> {
        let mut blocks = vec![header(&headline(&self.texts, notices, more, plainly))];
        for notice in notices.iter().take(LISTED) {
            blocks.push(section(&fitting(SECTION, |limit| self.listed(notice, limit))));
        }
        let left = notices.len().saturating_sub(LISTED) as u64 + more;
        if left > 0 {
            blocks.push(context(&format!("and {left} more")));
        }
        blocks
    }

    /// Returns how a notice is listed, with its values cut after `limit` characters each.
    fn listed(&self, notice: &Notice, limit: usize) -> String {
        let title = self.texts.title.fill(notice, |text| value(text, limit));
        let title = match &notice.link {
            Some(link) => format!("<{}|{}>", html(link), title.replace('|', "¦")),
            None => title,
        };
        format!("*{title}*\n{}", self.texts.text.fill(notice, |text| value(text, limit)))
    }

    /// Sends a message, once.
    pub(super) async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let answer = self.poster.send(self.poster.json(delivery.payload.to_owned())).await?;
        answer.judged("check the webhook's url: Slack no longer takes it for this channel")
    }
}

fn value(text: &str, limit: usize) -> String {
    mrkdwn(&cut(text.to_owned(), limit))
}

fn plain_text(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

fn header(text: &str) -> Value {
    json!({ "type": "header", "text": plain_text(&cut(text.to_owned(), HEADER)) })
}

fn section(text: &str) -> Value {
    // An empty text is refused.
    let text = if text.trim().is_empty() { "–" } else { text };
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut(text.to_owned(), SECTION), "verbatim": true } })
}

fn field((label, text): &(&'static str, String)) -> Value {
    plain_text(&cut(format!("{label}: {text}"), FIELD))
}

fn context(text: &str) -> Value {
    json!({ "type": "context", "elements": [plain_text(&cut(text.to_owned(), FIELD))] })
}
