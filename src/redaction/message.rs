//! A whole message without secrets and people: what may touch a disk.
//!
//! Scan and finish together, for those who keep messages rather than match their events: the
//! spool of what comes in over HTTP. Memory is that of the message and its replacements.

use bumpalo::Bump;

use crate::telemetry::{Scanned, ScannedMessage, decode};

use super::{Redactor, splice};

impl Redactor {
    /// Returns message `message` of `scanned` with its people hidden too, and all that the scan
    /// saw in it, its places moved to where it stands now; and how many of its records can be
    /// decoded, and how many can't.
    pub fn finish_message(&self, scanned: &Scanned<'_>, message: usize, arena: &Bump) -> (ScannedMessage, [usize; 2]) {
        let (mut replacements, mut decodable, mut undecodable) = (Vec::new(), 0, 0);
        let bytes = scanned.bytes(message);
        decode(scanned, message, arena, |decoded| match decoded {
            Ok(event) => {
                decodable += 1;
                replacements.extend_from_slice(self.finish(event).replacements());
            }
            Err(bad) => {
                undecodable += 1;
                replacements.extend(self.personal_in(bytes, bad.bytes));
            }
        });
        replacements.sort_by_key(|replacement| replacement.raw.start);
        let whole = 0..u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut sightings = scanned.sightings(message).to_vec();
        let mut ahead = replacements.iter().peekable();
        let mut moved = 0_i64;
        for sighting in &mut sightings {
            while let Some(one) = ahead.next_if(|one| one.raw.end <= sighting.at.start) {
                moved += one.with.len() as i64 - one.raw.len() as i64;
            }
            let shift = |at: u32| u32::try_from(i64::from(at) + moved).unwrap_or(at);
            sighting.at = shift(sighting.at.start)..shift(sighting.at.end);
        }
        let finished = ScannedMessage { bytes: splice(bytes, whole, &replacements), sightings, stood: Vec::new() };
        (finished, [decodable, undecodable])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redaction::{Addresses, KeyRing, Settings};
    use crate::telemetry::{Batch, StreamId};

    #[test]
    fn what_could_not_be_decoded_touches_a_disk_without_its_people_and_addresses() {
        let settings = Settings { addresses: Addresses::Fingerprint, ..Settings::default() };
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &settings).unwrap();
        let mut batch = Batch::default();
        let text = br#"{"records":[{"properties":{"CsUsername":"Ann Lee Surname","CIp":"203.0.113.77","#;
        batch.push(text, StreamId(0), 0, 1, None);
        let scanned = redactor.scan(&batch);
        let (finished, _) = redactor.finish_message(&scanned, 0, &Bump::new());
        let kept = String::from_utf8(finished.bytes).unwrap();
        assert!(!kept.contains("Surname") && !kept.contains("203.0.113"), "{kept}");
    }
}
