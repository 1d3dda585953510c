//! Whose connection ends when all places are taken and somebody else comes?
//!
//! That of whoever has asked for nothing yet, the oldest first; then of those that were answered and rest, the
//! one that rests longest: silence holds no place against a question. What is under way is never ended for another.
//! As many entries as there are connections.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

/// What a connection does. The first ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Does {
    /// It has asked for nothing yet; the number is when it came.
    Nothing(u64),
    /// It was answered; the number is when.
    Rests(u64),
    /// Something is under way.
    Asks,
}

#[derive(Debug)]
struct Sits {
    does: Does,
    leave: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Room {
    /// Counts what happens, so that of two things it is known which came first.
    ticks: u64,
    sits: BTreeMap<u64, Sits>,
}

/// All connections that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats {
    room: Arc<Mutex<Room>>,
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    of: Seats,
    id: u64,
    leave: Arc<Notify>,
}

impl Seats {
    /// Takes in a connection that has asked for nothing.
    pub(super) fn take(&self) -> Arc<Seat> {
        let mut room = self.room();
        room.ticks += 1;
        let (id, leave) = (room.ticks, Arc::new(Notify::new()));
        room.sits.insert(id, Sits { does: Does::Nothing(id), leave: leave.clone() });
        Arc::new(Seat { of: self.clone(), id, leave })
    }

    /// Asks the one to leave that holds its place for nothing, if one does.
    pub(super) fn make_room(&self) {
        let mut room = self.room();
        let idle = room.sits.iter().filter(|(_, sits)| sits.does != Does::Asks);
        let Some(id) = idle.min_by_key(|(_, sits)| sits.does).map(|(id, _)| *id) else { return };
        if let Some(sits) = room.sits.remove(&id) {
            sits.leave.notify_one();
        }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Ends when another needs the place, unless something has begun in the same moment: that is not broken off.
    pub(super) async fn asked_to_leave(&self) {
        loop {
            self.leave.notified().await;
            if !self.of.room().sits.contains_key(&self.id) {
                return;
            }
        }
    }

    /// Notes that something is under way, until what is returned is dropped.
    pub(super) fn asks(self: &Arc<Self>) -> Asking {
        self.does(|_| Does::Asks);
        Asking { seat: self.clone() }
    }

    fn does(&self, what: impl FnOnce(u64) -> Does) {
        let mut room = self.of.room();
        room.ticks += 1;
        let now = room.ticks;
        room.sits.insert(self.id, Sits { does: what(now), leave: self.leave.clone() });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.of.room().sits.remove(&self.id);
    }
}

/// Something that is under way.
#[derive(Debug)]
pub(super) struct Asking {
    seat: Arc<Seat>,
}

impl Asking {
    /// Returns `body`, which is under way until its end.
    pub(super) fn until_sent(self, body: Body) -> Body {
        Body::new(Sent { body, _asking: self })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.seat.does(Does::Rests);
    }
}

/// The body of an answer that keeps its connection's place.
struct Sent {
    body: Body,
    _asking: Asking,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(seats: &Seats) -> Vec<u64> {
        seats.room().sits.keys().copied().collect()
    }

    #[test]
    fn who_asks_for_nothing_leaves_first_then_who_rests_longest_and_who_asks_stays() {
        let seats = Seats::default();
        let all: Vec<Arc<Seat>> = (0..4).map(|_| seats.take()).collect();
        let busy = all[0].asks();
        drop(all[2].asks());
        drop(all[1].asks());
        for gone in [3, 2, 1] {
            seats.make_room();
            assert!(!left(&seats).contains(&all[gone].id), "{gone}");
        }
        seats.make_room();
        assert_eq!(left(&seats), [all[0].id]);
        drop(busy.until_sent(Body::empty()));
        seats.make_room();
        assert!(left(&seats).is_empty(), "what was sent rests");
    }

    #[tokio::test]
    async fn who_asks_in_the_moment_in_which_they_are_to_leave_is_answered() {
        let seats = Seats::default();
        let (quick, silent) = (seats.take(), seats.take());
        seats.make_room();
        seats.make_room();
        let _busy = quick.asks();
        let leaves = async |seat: &Seat| {
            tokio::time::timeout(std::time::Duration::from_millis(50), seat.asked_to_leave()).await.is_ok()
        };
        assert_eq!((leaves(&quick).await, leaves(&silent).await), (false, true));
    }
}
