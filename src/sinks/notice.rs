//! What does a person read about an alert?
//!
//! One [`Notice`] says it for every channel: what is new, how bad it is, one sentence why, about
//! whom, since when, how often, what to do first, and where to look. Its texts are the alert's own,
//! not yet escaped: each channel does that. It is small, so that many can wait to be told together.

use serde::{Deserialize, Serialize};

use crate::alerts::{Alert, AlertId, AlertState, Change, Closing, Family, Level, Transition};
use crate::clock::Timestamp;

use super::escape::{cut, plain};

/// Characters of the longest text of a notice.
const LONGEST: usize = 1_000;

/// What is new about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    /// It has opened.
    Opened,
    /// It is back.
    Reopened,
    /// It is worse than it was told.
    Worse,
    /// Nothing, but it is still open.
    Still,
    /// More events came.
    Events,
    /// Somebody took it.
    Acknowledged,
    /// It is over.
    Closed,
}

/// What a person reads about an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The alert.
    pub alert: AlertId,
    /// Its revision.
    pub revision: u32,
    /// What is new.
    pub news: News,
    /// Who acknowledged or closed it.
    pub by: Option<String>,
    /// Why it was closed.
    pub reason: Option<String>,
    /// The detector's title.
    pub title: String,
    /// One sentence why.
    pub why: String,
    /// How bad it is.
    pub level: Level,
    /// The detector's family.
    pub family: Family,
    /// The detector's id.
    pub detector: String,
    /// What people call whom it is about: `key amber-falcon`.
    pub entity: String,
    /// What kind that is.
    pub entity_kind: String,
    /// Its value.
    pub entity_value: String,
    /// The app concerned.
    pub app: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it stands.
    pub state: AlertState,
    /// The first event.
    pub since: Timestamp,
    /// The last event.
    pub last: Timestamp,
    /// Matched events.
    pub count: u64,
    /// What to do first.
    pub first_step: String,
    /// Where to look, if the dashboard has a public address.
    pub link: Option<String>,
}

impl Notice {
    /// Returns what there is to read about `transition`; `external_url` is where people reach the
    /// dashboard.
    pub fn of(transition: &Transition, external_url: Option<&str>) -> Self {
        let (news, by, reason) = match transition {
            Transition::Opened(_) => (News::Opened, None, None),
            Transition::Updated(_, Change::Reopened) => (News::Reopened, None, None),
            Transition::Updated(_, Change::Events) => (News::Events, None, None),
            Transition::Updated(_, Change::Acknowledged { by }) => (News::Acknowledged, Some(by.clone()), None),
            Transition::Closed(_, Closing::Quiet) => (News::Closed, None, Some("quiet".to_owned())),
            Transition::Closed(_, Closing::Resumed) => (News::Closed, None, Some("it is heard again".to_owned())),
            Transition::Closed(_, Closing::ByPerson { by, reason }) => {
                (News::Closed, Some(by.clone()), Some(reason.clone()))
            }
        };
        let short = |text: String| plain(&text, LONGEST);
        Self { by: by.map(short), reason: reason.map(short), ..Self::about(transition.alert(), news, external_url) }
    }

    /// Returns what there is to read about `alert` as it stands.
    pub fn about(alert: &Alert, news: News, external_url: Option<&str>) -> Self {
        let short = |text: &str| plain(text, LONGEST);
        Self {
            alert: alert.id,
            revision: alert.revision,
            news,
            by: None,
            reason: None,
            title: short(&alert.title),
            why: short(&alert.why),
            level: alert.level,
            family: alert.family,
            detector: short(&alert.detector),
            entity: short(&alert.entity.sayable()),
            entity_kind: alert.entity.kind.name().to_owned(),
            entity_value: short(&alert.entity.value),
            app: alert.app.as_deref().map(short),
            owner: alert.owner.as_deref().map(short),
            state: alert.state,
            since: alert.first_seen,
            last: alert.last_seen,
            count: alert.count,
            first_step: plain(&first_step(&alert.triage), LONGEST),
            link: link(external_url, alert.id),
        }
    }

    /// Returns what is new, in words: `New`, `Worse`, `Closed by dana: a test of ours`.
    pub fn news_in_words(&self) -> String {
        let word = match self.news {
            News::Opened => "New",
            News::Reopened => "Back again",
            News::Worse => "Worse",
            News::Still => "Still open",
            News::Events => "More events",
            News::Acknowledged => "Acknowledged",
            News::Closed => "Closed",
        };
        match (&self.by, &self.reason) {
            (Some(by), Some(reason)) if !reason.is_empty() => format!("{word} by {by} ({reason})"),
            (Some(by), _) => format!("{word} by {by}"),
            (None, Some(reason)) => format!("{word} ({reason})"),
            (None, None) => word.to_owned(),
        }
    }

    /// Returns what stands below the sentence, as pairs of a label and a text.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("Level", self.level.name().to_owned()),
            ("About", format!("{} {}", self.entity_kind, self.entity_value)),
            ("Since", in_words(self.since)),
            ("Last seen", in_words(self.last)),
            ("Events", self.count.to_string()),
        ];
        facts.extend(self.app.clone().map(|app| ("App", app)));
        facts.extend(self.owner.clone().map(|owner| ("Owner", owner)));
        facts.push(("Detector", self.detector.clone()));
        facts
    }
}

/// Returns a point in time as people read it: `2026-03-02 08:12:05 UTC`.
pub(super) fn in_words(at: Timestamp) -> String {
    at.to_chrono().format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns the page of an alert, if the dashboard has a public address.
pub(super) fn link(external_url: Option<&str>, alert: AlertId) -> Option<String> {
    external_url.map(|url| format!("{}/a/{alert}", url.trim_end_matches('/')))
}

/// Returns the first step of a triage: its first numbered item, or its first paragraph.
fn first_step(triage: &str) -> String {
    let number = |line: &str| {
        let digits = line.chars().take_while(char::is_ascii_digit).count();
        let rest = line.get(digits..).and_then(|rest| rest.strip_prefix(". "));
        rest.filter(|_| digits > 0).map(str::to_owned)
    };
    let mut step = String::new();
    for line in triage.lines().map(str::trim) {
        match number(line) {
            Some(text) if step.is_empty() => step = text,
            None if !line.is_empty() && step.is_empty() => line.clone_into(&mut step),
            None if !line.is_empty() => {
                step.push(' ');
                step.push_str(line);
            }
            _ if step.is_empty() => {}
            _ => break,
        }
    }
    cut(step, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_first_step_of_a_triage_is_whole() {
        assert_eq!(first_step("1. Who owns the key,\n   and where?\n2. Revoke it."), "Who owns the key, and where?");
        assert_eq!(first_step("Ask its owner."), "Ask its owner.");
        assert_eq!(first_step("\n"), "");
    }

    #[test]
    fn what_is_new_is_said_with_who_and_why() {
        let closing = Closing::ByPerson { by: "dana".into(), reason: "a test of ours".into() };
        let closed = Notice::of(&Transition::Closed(sample(), closing), None);
        assert_eq!(closed.news_in_words(), "Closed by dana (a test of ours)");
        assert_eq!(Notice::of(&Transition::Opened(sample()), None).news_in_words(), "New");
        let acknowledged = Transition::Updated(sample(), Change::Acknowledged { by: "dana".into() });
        assert_eq!(Notice::of(&acknowledged, None).news_in_words(), "Acknowledged by dana");
    }

    #[test]
    fn a_notice_leads_to_its_alert() {
        let notice = Notice::about(&sample(), News::Opened, Some("https://watch.example.com/"));
        assert_eq!(notice.link.as_deref(), Some("https://watch.example.com/a/0000000000003f9a"));
        assert_eq!(Notice::about(&sample(), News::Opened, None).link, None);
    }

    #[test]
    fn a_text_that_would_turn_others_round_does_not() {
        let alert = Alert { why: "x\u{202e}\r\nBcc: y".into(), ..sample() };
        assert_eq!(Notice::about(&alert, News::Opened, None).why, "x⟨U+202E⟩  Bcc: y");
    }
}
