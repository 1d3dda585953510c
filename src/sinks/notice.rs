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
    /// Somebody is to take it.
    Assigned,
    /// Nobody has it any more.
    Unassigned,
    /// A person had something to remember.
    Noted,
    /// A change of many alerts was taken back, and it is not over.
    Restored,
    /// What held it back is over.
    Unsilenced,
    /// It is over.
    Closed,
}

impl News {
    /// Tells whether it lets people rest: somebody has it, or it is over.
    pub const fn is_relief(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Closed)
    }
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
    /// Who did it, if a person did.
    pub by: Option<String>,
    /// Why, or to whom it was given.
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
            Transition::Updated(alert, change) => changed(alert, change),
            Transition::Closed(_, Closing::Quiet) => (News::Closed, None, Some("quiet".to_owned())),
            Transition::Closed(_, Closing::Healed) => {
                (News::Closed, None, Some("it is as it should be again".to_owned()))
            }
            Transition::Closed(_, Closing::Gone) => (News::Closed, None, Some("it is not there any more".to_owned())),
            Transition::Closed(_, Closing::Resumed) => (News::Closed, None, Some("it is heard again".to_owned())),
            Transition::Closed(_, Closing::ByPerson { by, reason, .. }) => {
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
            News::Reopened if self.by.is_some() => "Opened again",
            News::Reopened => "Back again",
            News::Worse => "Worse",
            News::Still => "Still open",
            News::Events => "More events",
            News::Acknowledged => "Acknowledged",
            News::Assigned => "Assigned",
            News::Unassigned => "Given back",
            News::Noted => "Noted",
            News::Restored => "Put back",
            News::Unsilenced => "Told again",
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

/// Returns what is new by a change, who made it, and why or to whom.
fn changed(alert: &Alert, change: &Change) -> (News, Option<String>, Option<String>) {
    let news = match change {
        Change::Events | Change::Joined { .. } => News::Events,
        Change::Raised { .. } => News::Worse,
        Change::Reopened | Change::ReopenedBy { .. } => News::Reopened,
        Change::Acknowledged { .. } => News::Acknowledged,
        Change::Assigned { .. } => News::Assigned,
        Change::Unassigned { .. } => News::Unassigned,
        Change::Noted { .. } => News::Noted,
        Change::Restored { .. } if alert.state == AlertState::Closed => News::Closed,
        Change::Restored { .. } => News::Restored,
        Change::Unsilenced { .. } => News::Unsilenced,
    };
    let reason = match change {
        Change::Assigned { to, .. } => Some(format!("to {to}")),
        Change::ReopenedBy { reason: words, .. }
        | Change::Noted { text: words, .. }
        | Change::Unsilenced { why: words } => Some(words.clone()),
        _ => None,
    };
    (news, change.told().1.map(str::to_owned), reason)
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
    use crate::alerts::Class;

    #[test]
    fn the_first_step_of_a_triage_is_whole() {
        assert_eq!(first_step("1. Who owns the key,\n   and where?\n2. Revoke it."), "Who owns the key, and where?");
        assert_eq!(first_step("Ask its owner."), "Ask its owner.");
        assert_eq!(first_step("\n"), "");
    }

    #[test]
    fn what_is_new_is_said_with_who_and_why() {
        let (by, reason) = ("dana".to_owned(), "a test of ours".to_owned());
        let closing = Closing::ByPerson { by, reason, class: Class::Benign };
        let closed = Notice::of(&Transition::Closed(sample(), closing), None);
        assert_eq!(closed.news_in_words(), "Closed by dana (a test of ours)");
        assert_eq!(Notice::of(&Transition::Opened(sample()), None).news_in_words(), "New");
        let acknowledged = Transition::Updated(sample(), Change::Acknowledged { by: "dana".into() });
        assert_eq!(Notice::of(&acknowledged, None).news_in_words(), "Acknowledged by dana");
        let by = || "dana".to_owned();
        for (change, says) in [
            (Change::Raised { from: Level::Low }, "Worse"),
            (Change::Joined { detector: "probing.scanner".into() }, "More events"),
            (Change::Reopened, "Back again"),
            (Change::ReopenedBy { by: by(), reason: "not over".into() }, "Opened again by dana (not over)"),
            (Change::Assigned { by: by(), to: "eve".into() }, "Assigned by dana (to eve)"),
            (Change::Unassigned { by: by() }, "Given back by dana"),
            (Change::Noted { by: by(), text: "asked".into() }, "Noted by dana (asked)"),
            (Change::Restored { by: by() }, "Put back by dana"),
            (Change::Unsilenced { why: "silence 7 tripped".into() }, "Told again (silence 7 tripped)"),
        ] {
            assert_eq!(Notice::of(&Transition::Updated(sample(), change), None).news_in_words(), says);
        }
        let over = Alert { state: AlertState::Closed, ..sample() };
        let undone = Transition::Updated(over, Change::Restored { by: by() });
        assert_eq!(Notice::of(&undone, None).news_in_words(), "Closed by dana", "a reopening was taken back");
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
