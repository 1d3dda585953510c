//! How does one spooled message lie on disk?
//!
//! Length and checksum first, then what was seen in it, then its bytes: a frame is whole or it is
//! not there. Whoever tears the last frame loses that one, and it was never acknowledged.

use std::ops::Range;
use std::sync::Arc;

use crate::telemetry::{Confidence, Fingerprint, Privilege, Sighting};

/// The bytes before a frame's body: its length and its CRC-32, little endian.
pub(super) const HEADER: usize = 8;
/// A frame's ceiling: what claims to be longer is damaged.
pub(super) const LONGEST: usize = 80 << 20;

/// What stands at some place of a segment.
#[derive(Debug, PartialEq)]
pub(super) enum Frame<'a> {
    /// A whole frame of `length` bytes, header included.
    Whole { length: usize, message: &'a [u8], seen: Vec<Sighting> },
    /// It needs `length` bytes, and they are not there.
    Short { length: usize },
    /// Its checksum is wrong; `length` is what it claims, if that can be.
    Damaged { length: Option<usize> },
}

/// Set in the length of what was seen: written with what secrets say of themselves.
const ABOUT: u32 = 1 << 31;

/// A sighting as frames kept it before [`ABOUT`]; segments written so are still read.
#[derive(serde::Deserialize)]
struct Before {
    kind: Arc<str>,
    privilege: Option<Privilege>,
    confidence: Confidence,
    secret: bool,
    dummy: bool,
    fingerprint: Fingerprint,
    at: Range<u32>,
}

impl From<Before> for Sighting {
    fn from(old: Before) -> Self {
        let Before { kind, privilege, confidence, secret, dummy, fingerprint, at } = old;
        Self { kind, privilege, confidence, secret, dummy, fingerprint, at, about: None, original: None }
    }
}

/// Returns `message` and what was `seen` in it as a frame; `None` if it is too long for one.
pub(super) fn encode(message: &[u8], seen: &[Sighting]) -> Option<Vec<u8>> {
    let mut frame = vec![0; HEADER + 4];
    if !seen.is_empty() {
        frame = postcard::to_extend(seen, frame).ok()?;
    }
    let sightings = u32::try_from(frame.len() - HEADER - 4).ok()?;
    let flag = if sightings == 0 { 0 } else { ABOUT };
    frame[HEADER..HEADER + 4].copy_from_slice(&(sightings | flag).to_le_bytes());
    frame.extend_from_slice(message);
    let body = frame.len() - HEADER;
    if body > LONGEST {
        return None;
    }
    let crc = crc32fast::hash(&frame[HEADER..]);
    frame[..4].copy_from_slice(&u32::try_from(body).ok()?.to_le_bytes());
    frame[4..HEADER].copy_from_slice(&crc.to_le_bytes());
    Some(frame)
}

/// Returns what stands at the start of `bytes`.
pub(super) fn decode(bytes: &[u8]) -> Frame<'_> {
    let (Some(length), Some(crc)) = (number(bytes, 0), number(bytes, 4)) else {
        return Frame::Short { length: HEADER };
    };
    let body = length as usize;
    if !(4..=LONGEST).contains(&body) {
        return Frame::Damaged { length: None };
    }
    let length = HEADER + body;
    let Some(body) = bytes.get(HEADER..length) else { return Frame::Short { length } };
    let damaged = Frame::Damaged { length: Some(length) };
    if crc32fast::hash(body) != crc {
        return damaged;
    }
    let Some(sightings) = number(body, 0) else { return damaged };
    let (about, split) = (sightings & ABOUT != 0, (sightings & !ABOUT) as usize + 4);
    let (Some(sightings), Some(message)) = (body.get(4..split), body.get(split..)) else { return damaged };
    let seen = match (sightings.is_empty(), about) {
        (true, _) => Ok(Vec::new()),
        (false, true) => postcard::from_bytes(sightings),
        (false, false) => {
            postcard::from_bytes::<Vec<Before>>(sightings).map(|old| old.into_iter().map(Sighting::from).collect())
        }
    };
    match seen {
        Ok(seen) => Frame::Whole { length, message, seen },
        Err(_) => damaged,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::telemetry::About;

    fn sighting() -> Sighting {
        Sighting {
            kind: "jwt".into(),
            privilege: None,
            confidence: Confidence::Proven,
            secret: true,
            dummy: false,
            fingerprint: Fingerprint("jwt:k1:AAAA".into()),
            at: 3..9,
            about: Some(Arc::new(About { audience: Some("orders".into()), ..About::default() })),
            original: None,
        }
    }

    #[test]
    fn a_frame_from_before_secrets_said_anything_of_themselves_is_read() {
        let old = ("jwt", None::<Privilege>, Confidence::Proven, true, false, "jwt:k1:AAAA", 3_u32..9_u32);
        let seen = postcard::to_stdvec(&vec![old]).unwrap();
        let body = [&(seen.len() as u32).to_le_bytes()[..], &seen, b"hello"].concat();
        let header = [(body.len() as u32).to_le_bytes(), crc32fast::hash(&body).to_le_bytes()].concat();
        let frame = [header, body].concat();
        let want = Sighting { about: None, ..sighting() };
        assert_eq!(decode(&frame), Frame::Whole { length: frame.len(), message: b"hello", seen: vec![want] });
    }

    #[test]
    fn a_frame_keeps_the_message_and_what_was_seen_in_it() {
        let frame = encode(b"hello", &[sighting()]).unwrap();
        let length = frame.len();
        assert_eq!(decode(&frame), Frame::Whole { length, message: b"hello", seen: vec![sighting()] });
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_never_a_message(message: Vec<u8>, at: prop::sample::Index, bit in 0u8..8) {
            let mut frame = encode(&message, &[sighting()]).unwrap();
            let at = at.index(frame.len());
            frame[at] ^= 1 << bit;
            let whole = matches!(decode(&frame), Frame::Whole { .. });
            prop_assert!(!whole);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
