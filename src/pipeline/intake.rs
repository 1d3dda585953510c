//! What comes in over HTTP: redacted before it touches the disk, spooled before it is answered.
//!
//! A body is scanned, decoded and finished on the request's own thread; its messages, without
//! secrets and people, go into the durable spool together with what was seen in them. Reading
//! them back is a source like any other.

use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;

use crate::redaction::Redactor;
use crate::sources::{Intake, MESSAGES, Refused, Spool, SpoolError, Taken, Wanted};
use crate::telemetry::{Batch, Sighting};

/// When a sender is asked to come again while the spool is full.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Redacts bodies and spools them.
#[derive(Debug)]
pub struct SpoolIntake {
    redactor: Arc<Redactor>,
    spool: Spool,
}

impl SpoolIntake {
    /// Returns an intake into `spool`.
    pub fn new(redactor: Arc<Redactor>, spool: Spool) -> Self {
        Self { redactor, spool }
    }
}

impl Intake for SpoolIntake {
    fn accept(&self, batch: &Batch, _source: &str, wanted: Wanted) -> Result<Taken, Refused> {
        let scanned = self.redactor.scan(batch);
        let mut taken = Taken { messages: batch.messages.len(), undecodable: 0 };
        let mut arena = Bump::new();
        let (mut records, mut finished) = (0, Vec::with_capacity(batch.messages.len()));
        for message in 0..batch.messages.len() {
            arena.reset();
            let (whole, [decoded, undecodable]) = self.redactor.finish_message(&scanned, message, &arena);
            records += decoded;
            taken.undecodable += undecodable;
            finished.push(whole);
        }
        if taken.undecodable > MESSAGES {
            return Err(Refused::Unreadable(format!(
                "{} records in it can't be read: that is no telemetry. Nothing of it was kept.",
                taken.undecodable
            )));
        }
        if wanted == Wanted::OneRecord && records == 0 && taken.undecodable > 0 {
            let text = "Nothing in the body can be read as a record: send lines of JSON objects, or Azure's \
                        {\"records\":[…]}; an export of OpenTelemetry belongs at /v1/logs. Nothing of it was kept.";
            return Err(Refused::Unreadable(text.to_owned()));
        }
        let all: Vec<(&[u8], &[Sighting])> = finished.iter().map(|one| (&one.bytes[..], &one.sightings[..])).collect();
        self.spool.append_all(&all).map_err(refused)?;
        Ok(taken)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the whole of a `map_err`")]
fn refused(error: SpoolError) -> Refused {
    match error {
        SpoolError::Full { .. } => Refused::Full { retry_after: RETRY_AFTER },
        SpoolError::TooMuch { .. } => Refused::TooLarge(error.to_string()),
        SpoolError::TooLong(_) => Refused::Unscannable(error.to_string()),
        SpoolError::Io { .. } => Refused::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::{KeyRing, Settings};
    use crate::sources::messages;

    /// Takes `body` in; returns what became of it, and how many bytes the spool has then.
    fn take_in(body: &str, wanted: Wanted) -> (Result<Taken, Refused>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), 16 << 20).unwrap();
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let intake = SpoolIntake::new(Arc::new(redactor), spool.clone());
        (intake.accept(&messages(body.into()).unwrap(), "push", wanted), spool.waiting())
    }

    #[test]
    fn a_body_with_one_record_is_kept_with_all_that_stands_beside_it() {
        let (taken, kept) = take_in("{\"a\":1}\nno record\n2\n", Wanted::OneRecord);
        assert_eq!(taken, Ok(Taken { messages: 3, undecodable: 2 }));
        assert!(kept > 0);
        assert_eq!(take_in("", Wanted::OneRecord), (Ok(Taken::default()), 0));
    }

    #[test]
    fn a_body_without_any_record_is_refused_and_nothing_of_it_is_kept() {
        let (taken, kept) = take_in("no record\n2\n", Wanted::OneRecord);
        assert!(matches!(&taken, Err(Refused::Unreadable(why)) if why.contains("/v1/logs")), "{taken:?}");
        assert_eq!(kept, 0);
        let (taken, kept) = take_in("no record\n2\n", Wanted::Nothing);
        assert_eq!(taken.map(|taken| taken.undecodable), Ok(2));
        assert!(kept > 0);
    }

    #[test]
    fn one_small_body_never_makes_a_flood_of_dead_letters() {
        let numbers = format!("{{\"records\":[{{\"a\":1}},{}1]}}", "1,".repeat(MESSAGES));
        for wanted in [Wanted::OneRecord, Wanted::Nothing] {
            let (taken, kept) = take_in(&numbers, wanted);
            assert!(matches!(taken, Err(Refused::Unreadable(_))), "{taken:?}");
            assert_eq!(kept, 0);
        }
    }
}
