//! The few figures at the top of a page, and everything that makes an all-clear worth less.

use std::time::Duration;

use super::super::board::{Board, Health};
use super::super::probes::STALE;
use super::super::words::{When, grouped, rate, span};
use crate::clock::Timestamp;

/// No event for this long: quiet, or deaf?
const QUIET: Duration = Duration::from_mins(10);
/// Detectors this far behind what has arrived are worth a word.
const BEHIND: Duration = Duration::from_mins(5);
/// Complaints shown.
const MAX_COMPLAINTS: usize = 8;

/// How the daemon does, in a line.
pub(super) struct Strip {
    pub(super) per_second: String,
    /// Messages behind the end over all streams; `None` where no source can tell.
    pub(super) lag: Option<String>,
    /// How far detectors are behind the clock.
    pub(super) behind: Option<String>,
    pub(super) newest: Option<When>,
    pub(super) dead: u64,
    pub(super) dead_letters: String,
    pub(super) records: u64,
    pub(super) records_shown: String,
    pub(super) detectors: usize,
    /// What can't be seen at this moment, one sentence each.
    pub(super) complaints: Vec<String>,
    /// How many complaints are not shown.
    pub(super) more: usize,
}

impl Strip {
    pub(super) fn of(board: &Board, now: Timestamp) -> Self {
        let health = board.health();
        let lags: Vec<u64> =
            board.streams.iter().filter_map(|stream| stream.lag).map(|lag| lag.max(0) as u64).collect();
        let unread = lags.iter().fold(0_u64, |sum, &lag| sum.saturating_add(lag));
        let mut complaints = complaints(board, &health, unread, now);
        let more = complaints.len().saturating_sub(MAX_COMPLAINTS);
        complaints.truncate(MAX_COMPLAINTS);
        Self {
            per_second: rate(board.sources.iter().map(|source| source.records_per_second).sum()),
            lag: (!lags.is_empty()).then(|| grouped(unread)),
            behind: health.watermark.filter(|&at| at > Timestamp::MIN).map(|at| span(now.since(at))),
            newest: health.newest.map(|at| When::new(at, now)),
            dead: health.records[2],
            dead_letters: grouped(health.records[2]),
            records: health.records[0],
            records_shown: grouped(health.records[0]),
            detectors: health.detectors,
            complaints,
            more,
        }
    }
}

fn complaints(board: &Board, health: &Health, unread: u64, now: Timestamp) -> Vec<String> {
    let mut said = Vec::new();
    match health.at.map(|at| now.since(at)) {
        None => said.push("The pipeline has not reported yet: it is starting, or it has stopped.".to_owned()),
        Some(age) if age > STALE => {
            said.push(format!("The pipeline last reported {} ago: these figures are of then.", span(age)));
        }
        Some(_) => {}
    }
    said.extend(health.complaints.iter().chain(&health.remarks).cloned());
    said.extend(board.door().map(|wrong| format!("Nobody new comes in and senders may be turned away: {wrong}.")));
    let mut failing: Vec<String> = board
        .sources
        .iter()
        .filter(|source| source.failing)
        .map(|source| format!("Source {}: {}", source.key(), source.state))
        .chain(board.sinks.iter().filter_map(|sink| {
            let (what, _) = sink.failing.as_ref()?;
            Some(format!("Sink {}: {what}", sink.key()))
        }))
        .collect();
    failing.sort();
    said.extend(failing);
    if let Some(newest) = health.newest {
        let silent = now.since(newest);
        if silent > QUIET && unread > 0 {
            let (old, unread) = (span(silent), grouped(unread));
            said.push(format!(
                "Catching up: what is read now is {old} old, and {unread} messages or bytes are unread."
            ));
        } else if silent > QUIET {
            said.push(format!(
                "The newest event is {} old. Quiet, or deaf? See what each app sent last.",
                span(silent)
            ));
        }
        let behind = health.watermark.map(|at| newest.since(at)).filter(|_| health.watermark != Some(Timestamp::MIN));
        if let Some(behind) = behind.filter(|&behind| behind > BEHIND) {
            said.push(format!("Detectors are {} behind what has arrived: what is newer shows up later.", span(behind)));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn said(lag: i64, newest: Duration) -> String {
        let board = samples::board();
        board.sinks.clear();
        board.streams.iter_mut().for_each(|mut stream| stream.lag = Some(lag));
        let newest = Some(samples::NOW.minus(newest));
        board.set_health(Health { newest, watermark: newest, ..board.health() });
        Strip::of(&board, samples::NOW).complaints.join(" ")
    }

    #[test]
    fn old_events_mean_catching_up_while_there_is_more_to_read_and_else_silence() {
        let hour = Duration::from_hours(1);
        assert_eq!(
            said(250, hour),
            "Catching up: what is read now is 60 min old, and 1,000 messages or bytes are unread."
        );
        assert_eq!(said(0, hour), "The newest event is 60 min old. Quiet, or deaf? See what each app sent last.");
        assert_eq!(said(250, Duration::from_secs(5)), "");
    }

    #[test]
    fn a_token_file_that_can_not_be_read_is_told() {
        let board = Board::default();
        board.set_door(Some("the token file can't be read: why".into()));
        let told = Strip::of(&board, samples::NOW).complaints.join(" ");
        assert!(told.contains("Nobody new comes in") && told.contains("can't be read: why"), "{told}");
    }
}
