//! Who is named in what could not be decoded?
//!
//! A record that breaks off has no fields, so people in it are found by the names of the members
//! that hold them, on the bytes; and which address is the caller's can't be told, so if the policy
//! hides callers' addresses it hides all that look like one. In doubt a value is hidden, and so is
//! an address of which the end is missing. Two passes over the bytes.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use super::fingerprint::{Memo, holds_fingerprint};
use super::finish::{ADDRESS, apart};
use super::kind::Kind;
use super::people::Action;
use super::people::is_hidden;
use super::{Redactor, Replacement};

/// Members whose text is a person, in lower case, or may hold anything that a search does not see.
const PERSONAL: [&[u8]; 15] = [
    b"csusername",
    b"username",
    b"user",
    b"userdisplayname",
    b"userprincipalname",
    b"name",
    b"given_name",
    b"givenname",
    b"family_name",
    b"surname",
    b"displayname",
    b"identity",
    b"upn",
    b"unique_name",
    b"bytesvalue",
];
/// Bytes of a member's name that are looked at.
const NAME: usize = 80;

impl Redactor {
    /// Returns what hides the people in `range` of `bytes`, which could not be decoded, and their
    /// addresses if the policy says so; ascending, not overlapping.
    pub fn personal_in(&self, bytes: &[u8], range: Range<u32>) -> Vec<Replacement> {
        let end = (range.end as usize).min(bytes.len());
        let range = (range.start as usize).min(end)..end;
        let stays = |kind| self.people.policies().before(kind) == Action::Keep;
        let mut found = if stays(Kind::Person) { Vec::new() } else { self.people_in(bytes, range.clone()) };
        if !stays(Kind::Address) {
            self.addresses_in(bytes, range, &mut found);
        }
        apart(found)
    }

    fn people_in(&self, bytes: &[u8], range: Range<usize>) -> Vec<Replacement> {
        let (mut at, end) = (range.start, range.end);
        let mut found = Vec::new();
        while let Some(colon) = memchr::memchr(b':', &bytes[at..end]) {
            let colon = at + colon;
            at = colon + 1;
            if !is_personal(&bytes[..colon]) {
                continue;
            }
            let Some(value) = value(&bytes[..end], colon) else { continue };
            at = value.end;
            let text = String::from_utf8_lossy(&bytes[value.clone()]);
            let hidden = holds_fingerprint(text.as_bytes()) || is_hidden(text.as_bytes());
            if !text.trim().is_empty() && text != "-" && !hidden {
                let action = self.people.policies().before(Kind::Person);
                let memo = &mut Memo::default();
                let with = self.people.instead(&self.fingerprints, Kind::Person, text.as_bytes(), action, memo);
                found.extend(with.map(|with| Replacement { raw: value.start as u32..value.end as u32, with }));
            }
        }
        found
    }

    fn addresses_in(&self, bytes: &[u8], range: Range<usize>, found: &mut Vec<Replacement>) {
        let mut memo = Memo::default();
        let mut at = range.start;
        while let Some(from) = bytes[at..range.end].iter().position(|byte| ADDRESS.has(*byte)) {
            let start = at + from;
            let length = bytes[start..range.end].iter().position(|byte| !ADDRESS.has(*byte));
            let end = length.map_or(range.end, |length| start + length);
            at = end;
            let Ok(run) = std::str::from_utf8(&bytes[start..end]) else { continue };
            for (span, ip) in addresses(run, end == range.end) {
                // What is no whole address is hidden whole, in doubt.
                let action = match self.people.policies().before(Kind::Address) {
                    Action::Truncate | Action::Prefix if ip.is_none() => Action::Fingerprint,
                    action => action,
                };
                let written = &run[span.clone()];
                let with =
                    self.people.instead(&self.fingerprints, Kind::Address, written.as_bytes(), action, &mut memo);
                let raw = (start + span.start) as u32..(start + span.end) as u32;
                found.extend(with.map(|with| Replacement { raw, with }));
            }
        }
    }
}

/// The longest text that can be an IPv6 address.
const LONGEST: usize = 45;

/// Returns the addresses in `run`, which is made of nothing but what addresses are written with;
/// at its end, if it `breaks_off` there, also one of which the rest is missing.
fn addresses(run: &str, breaks_off: bool) -> Vec<(Range<usize>, Option<IpAddr>)> {
    let mut found = Vec::new();
    let colons = run.bytes().filter(|byte| *byte == b':').count();
    if colons >= 2 && run.len() > LONGEST + 8 {
        // Something is written right beside it.
        return vec![(0..run.len(), None)];
    }
    if colons >= 2 {
        // What stands before or behind it may be of the set too: a colon, a full stop, a port.
        let from = run.len() - run.trim_start_matches('.').len();
        let starts = [from, from + usize::from(run[from..].starts_with(':'))];
        let ends = [run.len(), run.trim_end_matches(['.', ':']).len(), run.rfind(':').unwrap_or(run.len())];
        for start in starts {
            for end in ends {
                if let Some(Ok(ip)) = run.get(start..end).map(str::parse::<Ipv6Addr>) {
                    return vec![(start..end, Some(ip.into()))];
                }
            }
        }
    }
    let bytes = run.as_bytes();
    let mut at = 0;
    while let Some(from) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + from;
        let (end, numbers) = dotted(bytes, start);
        at = end.max(start + 1);
        let ip = run[start..end].parse().ok().map(IpAddr::V4);
        let cut = breaks_off && end == run.len() && numbers >= 2;
        if numbers == 4 || cut {
            found.push((start..end, ip));
        }
    }
    if found.is_empty() && breaks_off && colons >= 2 {
        found.push((0..run.len(), None));
    }
    found
}

/// Returns where the numbers end that begin at `start` with dots between them, and how many they
/// are: four at most, each of three digits at most.
fn dotted(bytes: &[u8], start: usize) -> (usize, usize) {
    let mut end = start;
    for numbers in 1..=4 {
        let digits = bytes[end..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 3 {
            // A number too long is passed over whole.
            return (end + digits, numbers - 1);
        }
        end += digits;
        if numbers == 4 || bytes.get(end) != Some(&b'.') {
            return (end, numbers);
        }
        end += 1;
    }
    (end, 4)
}

/// Tells whether the member's name that ends before `before`'s end is one that names a person.
fn is_personal(before: &[u8]) -> bool {
    let name = before[before.len().saturating_sub(NAME)..].trim_ascii_end();
    let name = name.trim_ascii_end().strip_suffix(b"\"").or_else(|| name.strip_suffix(b"'"));
    let Some(name) = name.map(|name| name.strip_suffix(b"\\").unwrap_or(name)) else { return false };
    let start = name.iter().rposition(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_')).map_or(0, |at| at + 1);
    PERSONAL.iter().any(|personal| name[start..].eq_ignore_ascii_case(personal))
}

/// Returns where the quoted value lies behind the `colon`, inside its quotes; one that breaks off
/// goes to the end. It is quoted as its name is: any other quote ends the text both stand in.
fn value(bytes: &[u8], colon: usize) -> Option<Range<usize>> {
    let name = bytes[..colon].trim_ascii_end();
    let (&quote, name) = name.split_last()?;
    let level = backslashes(name);
    let rest = bytes[colon + 1..].trim_ascii_start();
    let open = rest.iter().take_while(|byte| **byte == b'\\').count();
    let &opening = rest.get(open)?;
    if open != level || opening != quote && (quote, opening) != (b'"', b'\'') {
        return None;
    }
    let start = bytes.len() - rest.len() + open + 1;
    for at in memchr::memchr2_iter(opening, b'"', &bytes[start..]).map(|at| start + at) {
        let run = backslashes(&bytes[start..at]);
        match (level, run) {
            // Its own quote, or that of the text it stands in.
            (_, run) if run % 2 == 0 => return Some(start..at),
            // Two strings deep its own quote is written `\"`, one that belongs to it `\\\"`.
            (1, run) if run % 4 == 1 => return Some(start..at - 1),
            (2.., run) if run <= level => return Some(start..at - run),
            _ => {}
        }
    }
    Some(start..bytes.len())
}

/// Returns how many backslashes `text` ends with.
fn backslashes(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| **byte == b'\\').count()
}

#[cfg(test)]
mod tests {
    use crate::redaction::{Addresses, KeyRing, Redactor, Settings, splice};

    fn hidden(text: &str) -> String {
        hidden_by(Addresses::Keep, text)
    }

    fn hidden_by(addresses: Addresses, text: &str) -> String {
        let redactor =
            Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings { addresses, ..Settings::default() }).unwrap();
        let all = 0..text.len() as u32;
        let personal = redactor.personal_in(text.as_bytes(), all.clone());
        String::from_utf8(splice(text.as_bytes(), all, &personal)).unwrap()
    }

    #[test]
    fn addresses_in_a_record_that_breaks_off_follow_the_policy() {
        for (text, truncated) in [
            (r#"{"CIp":"203.0.113.77","x"#, r#"{"CIp":"203.0.113.0","x"#),
            (r#"{\"CIp\":\"203.0.113.77:5432\",\"x"#, r#"{\"CIp\":\"203.0.113.0:5432\",\"x"#),
            (r#"{"m":"from 203.0.113.77."#, r#"{"m":"from 203.0.113.0."#),
            (r#"{"a":"2001:db8:7:8::9","x"#, r#"{"a":"2001:db8:7::","x"#),
            (r#"{"a":"[2001:db8:7:8::9]:443","x"#, r#"{"a":"[2001:db8:7::]:443","x"#),
            (r#"{"a":"::ffff:203.0.113.77","x"#, r#"{"a":"203.0.113.0","x"#),
            (r#"{"a":"203.0.113.77,203.0.113.78","x"#, r#"{"a":"203.0.113.0,203.0.113.0","x"#),
        ] {
            assert_eq!(hidden_by(Addresses::Keep, text), text);
            assert_eq!(hidden_by(Addresses::Truncate, text), truncated);
            let gone = hidden_by(Addresses::Fingerprint, text);
            assert!(gone.contains("address:k1:"), "{gone}");
            assert!(!gone.contains("203.0.113") && !gone.contains("db8"), "{gone}");
        }
    }

    #[test]
    fn an_address_whose_end_is_missing_or_that_is_glued_to_something_goes_too() {
        let glued = format!(r#"{{"CIp":"{}2001:db8::7","x"#, "a".repeat(60));
        for text in [&glued, r#"{"CIp":"203.0.11"#, r#"{"CIp":"203.0.113.7"#, r#"{"CIp":"2001:db8:7:8"#] {
            let gone = hidden_by(Addresses::Fingerprint, text);
            assert!(
                gone.starts_with(r#"{"CIp":"address:k1:"#) && !gone.contains("203.") && !gone.contains("db8"),
                "{gone}"
            );
        }
    }

    #[test]
    fn what_is_no_address_stays_whatever_the_policy() {
        let text = r#"{"time":"2026-01-01T12:34:56.1234567Z","v":"4.1.2","n":[1,22.5,1234567.1],"m":"a:b:c","id":"0a1b2c3d-e4f5","x"#;
        assert_eq!(hidden_by(Addresses::Fingerprint, text), text);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_can_be_looked_through(bytes in proptest::collection::vec(proptest::sample::select(b"0a1:.9f\xff\"[]".to_vec()), 0..80)) {
            for addresses in [Addresses::Truncate, Addresses::Fingerprint] {
                let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings { addresses, ..Settings::default() }).unwrap();
                let found = redactor.personal_in(&bytes, 0..bytes.len() as u32);
                splice(&bytes, 0..bytes.len() as u32, &found);
            }
        }
    }

    #[test]
    fn a_person_in_a_record_that_breaks_off_is_hidden_in_every_form_of_properties() {
        for text in [
            r#"{"properties":{"CsUsername":"Ann Lee Surname","CsHost":"x"#,
            r#"{"properties":"{\"CsUsername\":\"Ann Lee Surname\",\"CsHost\":\"x"#,
            r#"{"properties":"{'CsUsername':'Ann Lee Surname','CsHost':'x"#,
            r#"{"claims":{"name": "Ann Lee Surname"#,
            r#"{"name" : 'Ann Lee Surname'"#,
        ] {
            let hidden = hidden(text);
            assert!(!hidden.contains("Surname") && hidden.contains("person:k1:"), "{hidden}");
        }
    }

    #[test]
    fn a_name_with_escapes_in_it_is_hidden_whole() {
        for text in [
            r#"{"CsUsername":"Ann \u004cee \"Surname\"","x":1"#,
            r#"{"properties":"{\"CsUsername\":\"Ann \\\"Surname\\\" Lee\",\"CsHost\":\"x"#,
        ] {
            let hidden = hidden(text);
            let parts = ["Ann", "Surname", "ee"];
            assert!(!parts.iter().any(|part| hidden.contains(part)) && hidden.contains("person:k1:"), "{hidden}");
        }
    }

    /// Found by fuzzing: a record may be JSON and still be one that can't be decoded.
    #[test]
    fn a_text_that_ends_behind_a_persons_name_is_not_run_over() {
        for text in
            [r#"{"properties":"{\"CsUsername\":"}"#, r#"{"p":"{'user':'Ann","x":"y"}"#, r#"{"p":"'user':","x":"'"}"#]
        {
            serde_json::from_str::<serde_json::Value>(&hidden(text)).unwrap();
        }
        assert_eq!(hidden(r#"{"p":"{\"CsUsername\":","x":"y"}"#), r#"{"p":"{\"CsUsername\":","x":"y"}"#);
    }

    #[test]
    fn what_names_nobody_stays() {
        let text = r#"{"operationName":"x","time":"2026-01-01T00:00:00Z","CsUsername":"-","appName":"orders"#;
        assert_eq!(hidden(text), text);
    }
}
