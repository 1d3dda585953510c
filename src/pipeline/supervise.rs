//! Keeps a source reading: asks again after what may pass, says loudly what will not.
//!
//! Each source runs in a task of its own and hands its batches to the coordinator through a
//! bounded channel: while the coordinator is busy or the store is slow, the source waits.

use std::time::Duration;

use crossbeam_channel::Sender;
use tokio::sync::watch;

use crate::sources::{AnySource, Source, SourceError};
use crate::telemetry::{Batch, Mark, StreamId};

/// Between two attempts of a source that failed in passing: doubles from the first to the last.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// After this many batches of half a second without a failure it is over, even if they were empty:
/// what lasts is complained of again sooner.
const QUIET: usize = 30;

/// Between two attempts to open a source that failed for good.
const LONG: Duration = Duration::from_secs(30);

/// What a source's task tells the coordinator.
#[derive(Debug)]
pub enum FromSource {
    /// A batch.
    Batch {
        /// Which source, by its place in the configuration.
        source: usize,
        /// What it read.
        batch: Batch,
        /// Messages behind the end of each partition, where the source knows.
        lag: Vec<(StreamId, i64)>,
        /// Where each partition was begun that has not been read before.
        starts: Vec<(StreamId, i64)>,
        /// Bytes it keeps on disk until they are read and committed.
        kept: u64,
        /// What it can't do as it is, though it reads.
        complaint: Option<String>,
        /// What may be amiss, though it does all that it can.
        remark: Option<String>,
        /// Whether what was wrong before is over: something came, or all has been quiet for a while.
        well: bool,
    },
    /// It can't read at the moment.
    Failing {
        /// Which source.
        source: usize,
        /// What is wrong and how to mend it.
        says: String,
    },
    /// It has read everything there will ever be.
    Ended {
        /// Which source.
        source: usize,
    },
}

/// What the coordinator tells a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// How far is durable: where a restart would resume.
    pub committed: Vec<(StreamId, i64)>,
    /// Where a source that is opened anew goes on.
    pub reopening: Vec<(StreamId, i64)>,
    /// Partitions to pause.
    pub hold: Vec<StreamId>,
    /// Stop reading.
    pub stop: bool,
}

/// Opens a source: the first time, and again after it has failed for good, where
/// [`Orders::reopening`] says.
pub type Open = Box<dyn FnMut(&[(StreamId, i64)]) -> Result<AnySource, SourceError> + Send>;

/// Reads `source` until it ends, is told to stop, or nobody listens any more. A source that fails
/// for good is opened anew with `open` after a while: somebody may have mended what was wrong.
pub async fn supervise(
    number: usize,
    mut source: AnySource,
    mut open: Open,
    to: Sender<FromSource>,
    mut orders: watch::Receiver<Orders>,
) {
    let (mut failures, mut quiet) = (0_usize, 0_usize);
    let mut dead = false;
    loop {
        if dead {
            let opened = open(&orders.borrow().reopening.clone());
            match opened {
                Ok(opened) => (source, dead) = (opened, false),
                Err(error) => {
                    let failing = FromSource::Failing { source: number, says: error.to_string() };
                    if hand_over(&to, failing).is_err() || pause(LONG, &mut orders).await {
                        return;
                    }
                    continue;
                }
            }
            // What it must hold it has not been told.
            orders.mark_changed();
        }
        let read = tokio::select! {
            changed = orders.changed() => {
                let now = orders.borrow_and_update().clone();
                if changed.is_err() || now.stop {
                    return;
                }
                source.committed(&now.committed);
                source.hold(&now.hold);
                continue;
            }
            read = source.next() => read,
        };
        let (message, wait) = match read {
            Ok(batch) => {
                (failures, quiet) = (0, quiet + 1);
                (read_from(number, &source, batch, quiet), None)
            }
            Err(SourceError::Ended) => {
                // Nobody listening any more is the end as well.
                let _ = hand_over(&to, FromSource::Ended { source: number });
                return;
            }
            Err(SourceError::Transient(says)) => {
                (failures, quiet) = (failures + 1, 0);
                let wait = PAUSES[failures.min(PAUSES.len()) - 1];
                (FromSource::Failing { source: number, says }, Some(wait))
            }
            Err(SourceError::Fatal(says)) => {
                (dead, quiet) = (true, 0);
                (FromSource::Failing { source: number, says }, Some(LONG))
            }
        };
        if hand_over(&to, message).is_err() {
            return;
        }
        if let Some(wait) = wait
            && pause(wait, &mut orders).await
        {
            return;
        }
    }
}

/// Returns what there is to say with `batch`, the source's `quiet`th without a failure.
fn read_from(number: usize, source: &AnySource, batch: Batch, quiet: usize) -> FromSource {
    let well = quiet >= QUIET || alive(&batch);
    let (lag, starts, kept) = (source.lag(), source.starts(), source.kept());
    let (complaint, remark) = (source.complaint(), source.remark());
    FromSource::Batch { source: number, batch, lag, starts, kept, complaint, remark, well }
}

/// Tells whether `batch` shows that reading works; an empty one comes of waiting in vain as well.
fn alive(batch: &Batch) -> bool {
    // One that was just opened may fail before it has read anything.
    let read = |mark: &Mark| matches!(mark, Mark::AtEnd(..));
    !batch.messages.is_empty() || batch.marks.iter().any(read)
}

/// Waits; returns whether the source has been told to stop meanwhile.
async fn pause(wait: Duration, orders: &mut watch::Receiver<Orders>) -> bool {
    let over = tokio::time::sleep(wait);
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => {
                // An order that came meanwhile was seen, and not given on.
                orders.mark_changed();
                return false;
            }
            changed = orders.changed() => {
                if changed.is_err() || orders.borrow().stop {
                    return true;
                }
            }
        }
    }
}

/// Waits for room without stopping the runtime's other tasks.
fn hand_over(to: &Sender<FromSource>, message: FromSource) -> Result<(), ()> {
    match to.try_send(message) {
        Ok(()) => Ok(()),
        Err(crossbeam_channel::TrySendError::Full(message)) => {
            tokio::task::block_in_place(|| to.send(message).map_err(|_| ()))
        }
        Err(crossbeam_channel::TrySendError::Disconnected(_)) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_waits_in_vain_does_not_pass_for_one_that_reads() {
        let stream = StreamId(0);
        let with = |mark| Batch { marks: vec![mark], ..Batch::default() };
        assert!(!alive(&Batch::default()));
        assert!(!alive(&with(Mark::Closed(stream))));
        assert!(!alive(&with(Mark::Opened(stream))));
        assert!(alive(&with(Mark::AtEnd(stream, true))));
        let mut batch = Batch::default();
        batch.push(b"{}", stream, 0, 1, None);
        assert!(alive(&batch));
    }
}
