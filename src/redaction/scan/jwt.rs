//! Is this a JSON web token?
//!
//! Three parts of base64 with dots between, five if it is encrypted; the first decodes to JSON
//! with an `alg`. The whole token goes: its payload is personal data and its signature opens
//! doors. Each part is walked once, and what stands inside a token is not looked at again.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::bytes::{BASE64_URL, ends_colour, run_of, unit_before};
use super::{Found, Kind, claims};
use crate::telemetry::Confidence;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How Easy Auth's description of a caller starts: `{"auth_typ":`.
const PRINCIPAL: &[u8] = b"eyJhdXRoX3R5cCI6";

/// The longest header that is decoded, bytes of base64.
const HEADER: usize = 8 << 10;

#[derive(Deserialize)]
struct Header<'h> {
    #[serde(borrow)]
    #[expect(dead_code, reason = "that it is there is what matters")]
    alg: std::borrow::Cow<'h, str>,
}

/// Finds the token that starts at `at`; returns up to where the text is settled.
pub fn token(text: &[u8], at: usize, found: &mut Vec<Found>) -> usize {
    if unit_before(text, at).is_some_and(|unit| BASE64_URL.has(unit.byte)) && !ends_colour(text, at) {
        return at + 1;
    }
    let mut ends = [0; 5];
    let mut parts = 0;
    let mut end = at;
    while parts < ends.len() {
        end += run_of(&text[end..], &BASE64_URL, usize::MAX);
        ends[parts] = end;
        parts += 1;
        if text.get(end) != Some(&b'.') {
            break;
        }
        end += 1;
    }
    let header = &text[at..ends[0]];
    if header.starts_with(PRINCIPAL) && parts == 1 {
        // Standard base64 with padding: the walk above stops too early.
        let end = ends[0] + run_of(&text[ends[0]..], &super::bytes::Set::word(b"+/="), usize::MAX);
        found.push(Found::new(at..end, Kind::ClientPrincipal, Confidence::Proven));
        return end;
    }
    let second = if parts > 1 { &text[ends[0] + 1..ends[1]] } else { &[] };
    let payload = [b"eyJ".as_slice(), b"ewog", b"eyAi"].iter().any(|start| second.starts_with(start));
    if header.len() < 8 || second.len() < 4 {
        return ends[0];
    }
    let proven = has_algorithm(header);
    if !proven && !payload {
        return ends[0];
    }
    // Three parts, or the five of an encrypted one; a dot behind it ends a sentence.
    let last = match parts {
        5 if !payload => ends[4],
        1 | 2 => ends[parts - 1],
        _ => ends[2],
    };
    let whole = parts >= 3 && proven;
    let confidence = if whole { Confidence::Proven } else { Confidence::Suspected };
    let mut this = Found::new(at..last, Kind::Jwt, confidence);
    if whole && parts < ends.len() && second.len() <= claims::LONGEST {
        this.facts = LENIENT.decode(second).ok().and_then(|json| claims::read(&json));
    }
    found.push(this);
    last
}

fn has_algorithm(header: &[u8]) -> bool {
    header.len() <= HEADER
        && LENIENT.decode(header).is_ok_and(|json| serde_json::from_slice::<Header<'_>>(&json).is_ok())
}
