//! What has happened to alerts lately, for pages that are open.
//!
//! The pipeline publishes and never waits; a page that fell behind gets what it missed from a
//! ring of the last 1,024 changes, or is told to load anew. Ids carry a number drawn at start-up,
//! so that those of an earlier run are recognised as such.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::alerts::{AlertId, AlertState, Family, Level, Transition};

/// Changes kept for pages that come back.
const RING: usize = 1_024;

/// One change of one alert, as a page needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeNote {
    /// Counts up from 1 in each run.
    pub seq: u64,
    /// Which alert.
    pub alert: AlertId,
    /// `opened`, `updated` or `closed`.
    pub what: &'static str,
    /// The alert's state after it.
    pub state: AlertState,
    /// The alert's level.
    pub level: Level,
    /// The alert's family.
    pub family: Family,
    /// The app concerned.
    pub app: Option<Arc<str>>,
}

/// What a page that comes back has missed.
#[derive(Debug, PartialEq, Eq)]
pub enum Missed {
    /// These, oldest first; often none.
    Notes(Vec<ChangeNote>),
    /// More than is kept, or it was here before a restart: it must load anew.
    TooMuch,
}

#[derive(Debug)]
struct Ring {
    next: u64,
    last: VecDeque<ChangeNote>,
}

/// The changes of this run; clones are the same.
///
/// The lock makes number, ring and broadcast agree; it is held to push one note.
#[derive(Clone, Debug)]
pub struct Changes {
    run: u32,
    ring: Arc<Mutex<Ring>>,
    sender: broadcast::Sender<ChangeNote>,
}

impl Changes {
    /// Returns an empty list of changes; `run` tells this run from others.
    pub fn new(run: u32) -> Self {
        let ring = Ring { next: 1, last: VecDeque::with_capacity(RING) };
        Self { run, ring: Arc::new(Mutex::new(ring)), sender: broadcast::channel(RING).0 }
    }

    /// Tells open pages of `transition`; never waits.
    pub fn publish(&self, transition: &Transition) {
        let alert = transition.alert();
        let what = match transition {
            Transition::Opened(_) => "opened",
            Transition::Updated(..) => "updated",
            Transition::Closed(..) => "closed",
        };
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let note = ChangeNote {
            seq: ring.next,
            alert: alert.id,
            what,
            state: alert.state,
            level: alert.level,
            family: alert.family,
            app: alert.app.clone(),
        };
        ring.next += 1;
        if ring.last.len() >= RING {
            ring.last.pop_front();
        }
        ring.last.push_back(note.clone());
        // Nobody listening is no error.
        let _ = self.sender.send(note);
    }

    /// Returns the id of note `seq`, as a page gives it back in `Last-Event-ID`.
    pub fn id(&self, seq: u64) -> String {
        format!("{:08x}-{seq}", self.run)
    }

    /// Returns what happened after `last_id` (`None`: nothing was missed), what comes from now
    /// on, and the number of the newest note there is.
    pub fn follow(&self, last_id: Option<&str>) -> (Missed, broadcast::Receiver<ChangeNote>, u64) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = ring.next - 1;
        let missed = match last_id.map(|id| self.seq(id)) {
            None => Missed::Notes(Vec::new()),
            Some(Some(seq)) if seq <= newest && newest - seq <= ring.last.len() as u64 => {
                Missed::Notes(ring.last.iter().filter(|note| note.seq > seq).cloned().collect())
            }
            Some(_) => Missed::TooMuch,
        };
        (missed, self.sender.subscribe(), newest)
    }

    fn seq(&self, id: &str) -> Option<u64> {
        let (run, seq) = id.split_once('-')?;
        (u32::from_str_radix(run, 16).ok()? == self.run).then(|| seq.parse().ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::pages::samples::alert;

    fn after(count: u64) -> Changes {
        let changes = Changes::new(7);
        for _ in 0..count {
            changes.publish(&Transition::Opened(alert()));
        }
        changes
    }

    fn missed(changes: &Changes, last: &str) -> Option<Vec<u64>> {
        match changes.follow(Some(last)).0 {
            Missed::Notes(notes) => Some(notes.iter().map(|note| note.seq).collect()),
            Missed::TooMuch => None,
        }
    }

    #[test]
    fn a_page_that_comes_back_gets_what_it_missed() {
        let changes = after(5);
        assert_eq!(missed(&changes, &changes.id(3)), Some(vec![4, 5]));
        assert_eq!(missed(&changes, &changes.id(5)), Some(vec![]));
        assert_eq!(missed(&changes, &changes.id(0)), Some(vec![1, 2, 3, 4, 5]));
    }

    #[test]
    fn a_page_that_was_away_too_long_or_in_another_run_loads_anew() {
        let changes = after(RING as u64 + 10);
        assert_eq!(missed(&changes, &changes.id(9)), None);
        assert_eq!(missed(&changes, &changes.id(10)).map(|notes| notes.len()), Some(RING));
        assert_eq!(missed(&changes, "00000008-1030"), None);
        assert_eq!(missed(&changes, &changes.id(9_999)), None);
        assert_eq!(missed(&changes, "é-\u{0}"), None);
    }

    #[tokio::test]
    async fn what_follows_begins_where_what_was_missed_ends() {
        let changes = after(3);
        let (_, mut coming, newest) = changes.follow(None);
        changes.publish(&Transition::Opened(alert()));
        assert_eq!((newest, coming.recv().await.unwrap().seq), (3, 4));
    }
}
