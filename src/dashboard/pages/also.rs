//! Who else has seen what an alert is about?
//!
//! The detector in front has the page; the others of its group are named with what each saw, the worst first.
//! As many as the group has detectors; a row of the list names two.

use super::super::words::{When, grouped};
use crate::alerts::Alert;
use crate::clock::Timestamp;

/// Titles that a row names.
const MOST_TITLES: usize = 2;

/// What another detector has seen.
pub(super) struct Also {
    pub(super) level: &'static str,
    pub(super) title: String,
    pub(super) why: String,
    pub(super) detector: String,
    pub(super) family: &'static str,
    pub(super) count: String,
    pub(super) since: When,
}

impl Also {
    /// Returns what the detectors behind the first have seen.
    pub(super) fn all_of(alert: &Alert, now: Timestamp) -> Vec<Self> {
        let one = |member: &crate::alerts::Member| Self {
            level: member.level.name(),
            title: member.title.to_string(),
            why: member.why.clone(),
            detector: member.detector.to_string(),
            family: member.family.name(),
            count: grouped(member.count),
            since: When::new(member.first_seen, now),
        };
        alert.also().iter().map(one).collect()
    }

    /// Says what the alert's count is of: where several detectors see it, an event counts for each that matched it.
    pub(super) fn unit(alert: &Alert) -> String {
        match alert.also().len() {
            0 => "events".to_owned(),
            more => format!("matches by {} detectors", more + 1),
        }
    }

    /// Names them in a few words: `also seen as Paths tried slowly and 2 more`; `None` where there are none.
    pub(super) fn in_short(alert: &Alert) -> Option<String> {
        let titles: Vec<&str> = alert.also().iter().take(MOST_TITLES).map(|member| &*member.title).collect();
        let more = alert.also().len() - titles.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!titles.is_empty()).then(|| format!("also seen as {}{more}", titles.join(", ")))
    }
}
