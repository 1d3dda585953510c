//! How is an event shown that an alert kept?

use super::super::pretty::pretty;
use super::super::words::When;
use crate::alerts::{Alert, CONTROL_WEAKENED, Evidence, Measure, Streams};
use crate::clock::Timestamp;

/// An event that was kept, as the page shows it.
pub(super) struct Record {
    pub(super) when: When,
    pub(super) category: &'static str,
    pub(super) lies: String,
    /// Laid out for reading, where it is whole JSON.
    pub(super) pretty: Option<String>,
    pub(super) raw: Option<String>,
}

/// Tells whether an alert is about something that did not come.
fn is_of_silence(alert: &Alert) -> bool {
    alert.because.as_ref().is_some_and(|because| because.measure == Measure::Silence)
}

/// Says why an alert shows no event, where it shows none.
pub(super) fn none_shown(alert: &Alert) -> &'static str {
    if *alert.detector == *CONTROL_WEAKENED {
        "No event is behind this: the configuration was read, and is weaker than when it was read before. The threat \
         model's page of changes has both."
    } else if is_of_silence(alert) {
        "No event was kept: this alert is about something that did not come."
    } else {
        "No event was kept with this alert."
    }
}

/// Says what is known of an event whose text is not there.
pub(super) fn not_kept(alert: &Alert) -> &'static str {
    if is_of_silence(alert) {
        "This is the last that was heard. Of it only its time and where it lies are kept."
    } else {
        "Of this event only its time and where it lies are kept, not its text."
    }
}

impl Record {
    /// Returns how `one` is shown.
    pub(super) fn of(one: &Evidence, streams: &Streams, now: Timestamp) -> Self {
        let stream =
            streams.name(one.position.stream).map_or_else(|| "a file that is gone".into(), |name| name.to_string());
        let raw = one.record.as_deref().map(str::to_owned);
        Self {
            when: When::new(one.time, now),
            category: one.category.name(),
            lies: format!("{stream}, offset {}, record {}", one.position.offset, one.position.index),
            pretty: raw.as_deref().and_then(pretty),
            raw,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn what_is_said_where_no_event_is_shown_is_true_of_the_alert() {
        let mut alert = samples::alert();
        assert_eq!(none_shown(&alert), "No event was kept with this alert.");
        assert!(!not_kept(&alert).contains("memory") && !not_kept(&alert).contains("last"));
        alert.because.as_mut().unwrap().measure = Measure::Silence;
        assert!(none_shown(&alert).contains("did not come") && not_kept(&alert).contains("the last that was heard"));
        alert.detector = CONTROL_WEAKENED.into();
        assert!(none_shown(&alert).contains("the configuration was read"), "something did come");
    }
}
