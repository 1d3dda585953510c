//! What does a mail about alerts say, as text and as HTML?
//!
//! Both say the same, and of what attackers wrote no mail program makes a link. It is put together once, when the alert is told, and stored; so a mail that is
//! sent again is the same to the letter. Twenty alerts are listed in one mail at most.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::escape::{html, plain, unlinked};
use super::headline;
use super::notice::Notice;
use super::template::Texts;

/// Alerts that one mail lists; of more, how many they are.
const LISTED: usize = 20;
/// Characters of a subject at most.
const SUBJECT: usize = 200;

/// A mail, but for who writes to whom.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Its own id.
    pub id: String,
    /// The threads it belongs to, one an alert.
    pub references: Vec<String>,
    /// When it was written, milliseconds.
    pub date: i64,
}

/// Returns the mail about `notices`, and about `more` that are only counted, as JSON.
pub(super) fn compose(
    texts: &Texts,
    notices: &[Notice],
    more: u64,
    (key, domain): (&str, &str),
    now: Timestamp,
) -> String {
    let listed = &notices[..notices.len().min(LISTED)];
    let left = (notices.len() - listed.len()) as u64 + more;
    let title = headline(texts, notices, more, unlinked);
    // Writing to a string can't fail.
    let mut text = String::new();
    let mut page = format!("<!DOCTYPE html><html><body><h2>{}</h2>", html(&title));
    for notice in listed {
        let one = texts.title.fill(notice, unlinked);
        if notices.len() > 1 || more > 0 {
            let _ = write!(text, "{one}\n\n");
            let _ = write!(page, "<h3>{}</h3>", html(&one));
        }
        write(texts, notice, &mut text, &mut page);
    }
    if left > 0 {
        let _ = writeln!(text, "and {left} more");
        let _ = write!(page, "<p>and {left} more</p>");
    }
    page.push_str("</body></html>");
    let letter = Letter {
        subject: plain(&title, SUBJECT),
        text,
        html: page,
        id: format!("<{}@{domain}>", key.replace(':', ".")),
        references: listed.iter().map(|notice| format!("<{}@{domain}>", notice.alert)).collect(),
        date: now.millis(),
    };
    // Strings and numbers are always JSON.
    serde_json::to_string(&letter).unwrap_or_default()
}

/// Returns the value of a fact, of which no link is made; a detector's id is ours, and is to be copied.
pub(super) fn told(label: &str, value: String) -> String {
    if label == "Detector" { value } else { unlinked(&value) }
}

fn write(texts: &Texts, notice: &Notice, text: &mut String, page: &mut String) {
    let sentence = texts.text.fill(notice, unlinked);
    let _ = write!(text, "{sentence}\n\n");
    let _ =
        write!(page, "<p>{}</p><table>", texts.text.fill(notice, |value| html(&unlinked(value))).replace('\n', "<br>"));
    for (label, value) in notice.facts() {
        let value = told(label, value);
        let _ = writeln!(text, "{label}: {value}");
        let _ = write!(page, "<tr><td>{label}</td><td>{}</td></tr>", html(&value));
    }
    page.push_str("</table>");
    if !notice.first_step.is_empty() {
        let _ = write!(text, "\nFirst: {}\n", notice.first_step);
        let _ = write!(page, "<p><b>First:</b> {}</p>", html(&notice.first_step));
    }
    if let Some(link) = &notice.link {
        let _ = write!(text, "\n{link}\n");
        let link = html(link);
        let _ = write!(page, "<p><a href=\"{link}\">{link}</a></p>");
    }
    text.push('\n');
}
