//! What does the shared access signature say that this `sig=` belongs to?
//!
//! Its parameters stand around it in the same query, or in the same header; the address before the
//! query says what it opens. Only the signature is hidden. At most [`AROUND`] bytes on both sides
//! are read, and none twice.

use std::ops::Range;

use super::bytes::{Set, unit_at, unit_before};
use crate::clock::Timestamp;
use crate::redaction::facts::Facts;
use crate::telemetry::Privilege;

/// How far the parameters are read on each side.
const AROUND: usize = 1_024;

/// What ends a URL.
const STOP: Set = Set::of(b" \"'<>`\t\r\n\0,{}|");

/// Returns what is said around the parameter `sig`, which stands at `at` with its name and value,
/// of what stands behind `floor`; and up to where it was read.
pub fn facts(text: &[u8], at: Range<usize>, floor: usize) -> (Option<Box<Facts>>, Option<Privilege>, usize) {
    let (around, end) = around(text, at, floor);
    let (address, query) = match around.rsplit_once('?') {
        Some((address, query)) => (Some(address), query),
        None => (None, around.as_str()),
    };
    let query = query.trim_start_matches("SharedAccessSignature=");
    let value = |wanted: &str| {
        query.split(['&', ';']).find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            (name.trim_start_matches("amp;") == wanted).then_some(value).filter(|value| !value.is_empty())
        })
    };
    let permissions = value("sp").map(str::to_owned);
    let opens =
        value("sr").filter(|resource| resource.contains('.')).map(|resource| resource.trim_start_matches("sb://"));
    let facts = Facts {
        created: value("st").and_then(time),
        expires: value("se").and_then(time),
        app: value("skoid").map(str::to_owned),
        resource: opens.or_else(|| address.and_then(host_and_path)).map(str::to_owned),
        permissions,
        ..Facts::default()
    };
    let privilege = facts.permissions.as_deref().and_then(privilege);
    let said = facts != Facts::default();
    (said.then(|| Box::new(facts)), privilege, end)
}

/// Returns the text around `at`, escapes undone and the signature left out, and where it ends.
fn around(text: &[u8], at: Range<usize>, floor: usize) -> (String, usize) {
    let mut bytes = Vec::with_capacity(256);
    let mut start = at.start;
    while at.start - start < AROUND {
        match unit_before(text, start) {
            Some(unit) if !STOP.has(unit.byte) && start >= floor + unit.len => {
                bytes.push(unit.byte);
                start -= unit.len;
            }
            _ => break,
        }
    }
    bytes.reverse();
    let mut end = at.end;
    while end - at.end < AROUND {
        match unit_at(text, end).filter(|unit| !STOP.has(unit.byte)) {
            Some(unit) => {
                bytes.push(unit.byte);
                end += unit.len;
            }
            None => break,
        }
    }
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

fn host_and_path(address: &str) -> Option<&str> {
    let (_, rest) = address.rsplit_once("://")?;
    (rest.contains('.') && !rest.contains('@')).then_some(rest.trim_end_matches('/'))
}

/// Returns what letters of permission let one do, if they are letters of permission.
fn privilege(letters: &str) -> Option<Privilege> {
    if !letters.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return None;
    }
    let reads = letters.bytes().all(|letter| matches!(letter, b'r' | b'l'));
    Some(if reads { Privilege::Read } else { Privilege::ReadWrite })
}

/// Reads a day, a minute, a second, or seconds since 1970.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(Timestamp::from_seconds(seconds));
    }
    match text.len() {
        10 => Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")),
        17 => Timestamp::parse_rfc3339(&format!("{}:00Z", text.strip_suffix('Z')?)),
        _ => Timestamp::parse_rfc3339(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Facts, Option<Privilege>) {
        let at = text.find("sig").unwrap();
        let end = at + text[at..].find("SECRET").unwrap() + 6;
        let (facts, privilege, _) = facts(text.as_bytes(), at..end, 0);
        (facts.map(|facts| *facts).unwrap_or_default(), privilege)
    }

    #[test]
    fn a_signature_says_until_when_what_may_be_done_and_to_what() {
        for text in [
            "GET https://acc.blob.core.windows.net/c/b?sv=2024-11-04&sp=rl&se=2030-01-02T03%3A04%3A05Z&sig=SECRET&sr=c x",
            "u=https%3A%2F%2Facc.blob.core.windows.net%2Fc%2Fb%3Fsp%3Drl%26se%3D2030-01-02T03%253A04%253A05Z%26sig%3DSECRET",
            r#"{"u":"https:\/\/acc.blob.core.windows.net\/c\/b?sig=SECRET\u0026sp=rl\u0026se=2030-01-02T03:04:05Z"}"#,
            "https://acc.blob.core.windows.net/c/b?sig=SECRET&amp;sp=rl&amp;se=2030-01-02T03:04:05Z",
        ] {
            let (facts, privilege) = read(text);
            assert_eq!(facts.expires.map(|at| at.to_string()).as_deref(), Some("2030-01-02T03:04:05Z"), "{text}");
            assert_eq!(facts.resource.as_deref(), Some("acc.blob.core.windows.net/c/b"), "{text}");
            assert_eq!((facts.permissions.as_deref(), privilege), (Some("rl"), Some(Privilege::Read)), "{text}");
        }
    }

    #[test]
    fn a_service_bus_signature_counts_seconds_and_names_its_queue() {
        let (facts, privilege) =
            read("SharedAccessSignature sr=sb%3A%2F%2Fns.servicebus.windows.net%2Fq&sig=SECRET&se=1893456000&skn=x");
        assert_eq!(facts.resource.as_deref(), Some("ns.servicebus.windows.net/q"));
        assert_eq!((facts.expires, privilege), (Some(Timestamp::from_seconds(1_893_456_000)), None));
    }

    #[test]
    fn a_logic_app_says_which_trigger_it_opens() {
        let (facts, privilege) = read(
            "https://p.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sp=%2Ftriggers%2Fmanual%2Frun&sig=SECRET",
        );
        assert_eq!((facts.permissions.as_deref(), privilege), (Some("/triggers/manual/run"), None));
    }

    #[test]
    fn what_is_no_time_is_none() {
        assert_eq!(time("2030-01-02"), Timestamp::parse_rfc3339("2030-01-02T00:00:00Z"));
        assert_eq!(time("2030-01-02T03:04Z"), Timestamp::parse_rfc3339("2030-01-02T03:04:00Z"));
        assert_eq!([time(""), time("tomorrow"), time("2030-13-02"), time("€€€€€12345")], [None; 4]);
    }
}
