//! Alerts in a channel of Microsoft Teams, by a workflow's URL, as Adaptive Cards.
//!
//! Connectors are retired; a workflow ("Post to a channel when a webhook request is received") takes
//! a message with one card of version 1.4 and answers 202. Its URL holds a signature: it is read from
//! a file or a variable, and never stored or shown. What an attacker wrote stands in text runs, which
//! know no Markdown; a text of the owner's own is Markdown with each value escaped. Teams takes
//! 28 KB: one message lists ten alerts at most, and fewer, with shorter texts, where they would not fit.

use serde_json::{Value, json};

use crate::alerts::Level;
use crate::clock::Clock;

use super::escape::{card, cut};
use super::notice::Notice;
use super::post::{Poster, Reach};
use super::template::Texts;
use super::{RenderedDelivery, SinkError, headline, plainly};

/// Bytes of the longest message: Teams refuses those of 28 KB.
const MOST: usize = 27 << 10;
/// How many alerts one message lists, and the characters of its longest text, from what is wished to what fits
/// whatever stands in them. Of more alerts it says how many they are.
const SIZES: [(usize, usize); 4] = [(10, 1_000), (10, 300), (5, 200), (1, 100)];

/// Posts cards to one channel.
#[derive(Debug)]
pub struct Teams {
    poster: Poster,
    texts: Texts,
}

impl Teams {
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
        // What does not fit is what an attacker wrote: signs of four bytes each.
        let mut message = String::new();
        for size in SIZES {
            message = self.composed(notices, more, size);
            if message.len() <= MOST {
                break;
            }
        }
        message
    }

    fn composed(&self, notices: &[Notice], more: u64, (listed, longest): (usize, usize)) -> String {
        let run = |text: &str, looks: Value| run(text, looks, longest);
        let markdown = |text: &str| markdown(text, longest);
        let fact = |one: &(&'static str, String)| fact(one, longest);
        let mut actions = Vec::new();
        let worst = notices.iter().map(|notice| notice.level).max().unwrap_or(Level::Informational);
        let title = headline(&self.texts, notices, more, plainly);
        let mut body =
            vec![runs(&[run(&title, json!({ "weight": "Bolder", "size": "Medium", "color": color(worst) }))])];
        if let ([one], 0) = (notices, more) {
            body.push(markdown(&self.texts.text.fill(one, card)));
            body.extend(one.facts().iter().map(&fact));
            if !one.first_step.is_empty() {
                body.push(fact(&("First", one.first_step.clone())));
            }
            if let Some(link) = &one.link {
                actions.push(json!({ "type": "Action.OpenUrl", "title": "Open the alert", "url": link }));
            }
        } else {
            self.list(notices, more, (listed, longest), &mut body);
        }
        json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "msteams": { "width": "Full" },
                    "body": body,
                    "actions": actions,
                },
            }],
        })
        .to_string()
    }

    fn list(&self, notices: &[Notice], more: u64, (listed, longest): (usize, usize), body: &mut Vec<Value>) {
        for notice in notices.iter().take(listed) {
            let mut title = run(&self.texts.title.fill(notice, plainly), json!({ "weight": "Bolder" }), longest);
            if let (Some(link), Some(fields)) = (&notice.link, title.as_object_mut()) {
                fields.insert("selectAction".into(), json!({ "type": "Action.OpenUrl", "url": link }));
            }
            body.push(runs(&[title]));
            body.push(markdown(&self.texts.text.fill(notice, card), longest));
        }
        let left = notices.len().saturating_sub(listed) as u64 + more;
        if left > 0 {
            body.push(runs(&[run(&format!("and {left} more"), json!({ "isSubtle": true }), longest)]));
        }
    }

    /// Sends a message, once.
    pub(super) async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let answer = self.poster.send(self.poster.json(delivery.payload.to_owned())).await?;
        answer.judged("check the workflow's url: its signature is not taken, or it is switched off")
    }
}

const fn color(level: Level) -> &'static str {
    match level {
        Level::Critical | Level::High => "Attention",
        Level::Medium => "Warning",
        Level::Low | Level::Informational => "Default",
    }
}

/// A piece of text that is shown as it is, with these looks.
fn run(text: &str, looks: Value, longest: usize) -> Value {
    let mut run = looks;
    if let Some(fields) = run.as_object_mut() {
        fields.insert("type".into(), "TextRun".into());
        // Functions such as {{DATE(…)}} are carried out in any text.
        fields.insert("text".into(), cut(text.to_owned(), longest).replace("{{", "{\u{200b}{").into());
    }
    run
}

fn runs(inlines: &[Value]) -> Value {
    json!({ "type": "RichTextBlock", "inlines": inlines })
}

fn fact((label, text): &(&'static str, String), longest: usize) -> Value {
    let label = run(&format!("{label}: "), json!({ "weight": "Bolder" }), longest);
    runs(&[label, run(text, json!({}), longest)])
}

fn markdown(text: &str, longest: usize) -> Value {
    json!({ "type": "TextBlock", "wrap": true, "text": cut(text.to_owned(), longest) })
}
