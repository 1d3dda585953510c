//! Which claims about a person does this text repeat?
//!
//! Apps log the claims of their callers: a token's payload, Easy Auth's principal decoded, a line a
//! claim. A claim is known by its name, short (`given_name`) or as a URI, before its value in any of
//! the ways names and values meet. `name`, `sub` and `email` say nothing by themselves, so they
//! count in the object of a claim that does; `ipaddr` is the business of `finish`, once it was looked up. Each object is searched once, over at most
//! [`BACK`] bytes before the claim that led there and [`AHEAD`] behind it.

use std::ops::Range;

use super::Kind;
use crate::redaction::fingerprint::holds_fingerprint;
use crate::redaction::scan::bytes::{Set, run_of, starts_name};
use crate::redaction::scan::{Found, value};
use crate::telemetry::Confidence;

const BACK: usize = 2 << 10;
const AHEAD: usize = 4 << 10;

/// What a claim's name is made of: a URI's last part ends at a slash.
const WORD: Set = Set::word(b"_-");

/// Names of claims, and what stands in them: by themselves (`true`), or beside others.
const CLAIMS: [(&[u8], Kind, bool); 24] = [
    (b"given_name", Kind::Person, true),
    (b"family_name", Kind::Person, true),
    (b"unique_name", Kind::Person, true),
    (b"preferred_username", Kind::Person, true),
    (b"upn", Kind::Person, true),
    (b"oid", Kind::ObjectId, true),
    (b"puid", Kind::ObjectId, true),
    (b"name", Kind::Person, false),
    (b"email", Kind::Person, false),
    (b"emails", Kind::Person, false),
    (b"nickname", Kind::Person, false),
    (b"middle_name", Kind::Person, false),
    (b"sub", Kind::ObjectId, false),
    (b"phone_number", Kind::Phone, false),
    // The last parts of URIs.
    (b"givenname", Kind::Person, false),
    (b"surname", Kind::Person, false),
    (b"emailaddress", Kind::Person, false),
    (b"streetaddress", Kind::Person, false),
    (b"dateofbirth", Kind::Person, false),
    (b"nameidentifier", Kind::ObjectId, false),
    (b"objectidentifier", Kind::ObjectId, false),
    (b"mobilephone", Kind::Phone, false),
    (b"homephone", Kind::Phone, false),
    (b"otherphone", Kind::Phone, false),
];

/// How long a value is that a fingerprint is taken to stand for, with what is around it.
const HIDDEN: usize = 256;

/// What stands in a claim and names nobody.
const NOBODY: [&[u8]; 6] = [b"", b"-", b"--", b"null", b"anonymous", b"undefined"];

/// The claims of one text.
#[derive(Default)]
pub struct Claims {
    /// Up to where objects have been searched.
    searched: usize,
    /// Up to where values of claims that stand in no quotes reach.
    hidden: usize,
}

impl Claims {
    /// Settles what begins at `at`, one of the marks by which claims are known.
    pub fn at(&mut self, text: &[u8], at: usize, found: &mut Vec<Found>) {
        let start = at + text[at..].iter().take(1).filter(|byte| matches!(byte, b'"' | b'\'')).count();
        let uri = text[start..].starts_with(b"/claims/");
        let name = if uri { start + b"/claims/".len() } else { start };
        let end = name + run_of(&text[name..], &WORD, 64);
        let principal = &text[name..end] == b"auth_typ";
        let known = CLAIMS.iter().find(|(claim, ..)| *claim == &text[name..end]);
        if !principal && (known.is_none_or(|(_, _, alone)| !alone && !uri) || !uri && !starts_name(text, name)) {
            return;
        }
        // A line a claim, or no object around it: no member will lead here.
        if let Some((_, kind, _)) = known.filter(|_| start >= self.hidden) {
            self.hidden = hide(text, end, *kind, found).max(end);
        }
        if start < self.searched {
            return;
        }
        // Where there is no object before here, none begins before here for the next either.
        let floor = std::mem::replace(&mut self.searched, end);
        if let Some(object) = object(text, start, floor) {
            self.searched = object.end.max(end);
            members(text, object, found);
        }
    }
}

/// Hides every claim among the members of `object`.
fn members(text: &[u8], object: Range<usize>, found: &mut Vec<Found>) {
    let mut at = object.start;
    // A name ends with a quote, whatever stands before that.
    while let Some(from) = text[at..object.end].iter().position(|byte| matches!(byte, b'"' | b'\'')) {
        let quote = at + from;
        at = quote + 1;
        let escapes = text[..quote].iter().rev().take(16).take_while(|byte| **byte == b'\\').count();
        let end = quote - escapes;
        let length = text[..end].iter().rev().take(64).take_while(|byte| WORD.has(**byte)).count();
        let name = &text[end - length..end];
        if let Some((_, kind, _)) = CLAIMS.iter().find(|(claim, ..)| *claim == name) {
            hide(text, end, *kind, found);
            // What was hidden holds no names.
            at = found.last().map_or(at, |last| at.max(last.span.end.min(object.end)));
        }
    }
}

/// Hides the values behind the name that ends at `end`; returns up to where they were walked. A list that no quote
/// begins is left alone: its members follow.
fn hide(text: &[u8], end: usize, kind: Kind, found: &mut Vec<Found>) -> usize {
    let (mut next, mut walked) = (value::after(text, end), end);
    while let Some(place) = next.filter(|place| text.get(place.start) != Some(&b'[')) {
        let end = value::end(text, place, if place.quote == value::Quote::Bare { &value::LINE } else { &value::QUERY });
        let span = place.start..end.max(place.start);
        let value = text[span.clone()].trim_ascii();
        // What is as short may have been hidden before.
        let hidden = value.len() <= HIDDEN && holds_fingerprint(value);
        if !NOBODY.contains(&value) && !hidden && !value.starts_with(b"[") {
            found.push(Found::new(span.clone(), kind, Confidence::Context));
        }
        walked = span.end;
        next = value::next_listed(text, span.end, place);
    }
    walked
}

/// Returns where the members of the object stand in which `at` is, not before `floor`; `None`
/// where there is none.
fn object(text: &[u8], at: usize, floor: usize) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    let floor = at.saturating_sub(BACK).max(floor);
    let open = text[floor..at].iter().rposition(|byte| match byte {
        b'}' => {
            depth += 1;
            false
        }
        b'{' if depth == 0 => true,
        b'{' => {
            depth -= 1;
            false
        }
        _ => false,
    })?;
    let start = floor + open + 1;
    // Easy Auth writes each claim as an object of its own, in a list: that list is searched.
    let list = text[floor..start - 1].iter().rposition(|byte| !matches!(byte, b' ' | b',' | b'\n'));
    let one_of_many = list.is_some_and(|list| matches!(text[floor + list], b'[' | b'}'));
    let begun = text[floor..start - 1].iter().rposition(|byte| *byte == b'[').filter(|_| one_of_many);
    let start = begun.map_or(start, |list| floor + list + 1);
    let end = text.len().min(at + AHEAD);
    let close = text[at..end].iter().position(|byte| match byte {
        b'{' => {
            depth += 1;
            false
        }
        b'}' if depth == 0 => !one_of_many,
        b']' if one_of_many => true,
        b'}' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => false,
    });
    Some(start..close.map_or(end, |close| at + close))
}

#[cfg(test)]
mod tests {
    use crate::redaction::people::hidden;

    #[test]
    fn a_person_in_claims_is_hidden_in_every_way_that_apps_write_them() {
        for text in [
            r#"{"name":"Ann Lee","preferred_username":"ann lee","oid":"11","tid":"22"}"#,
            r#"{\"name\":\"Ann Lee\",\"given_name\":\"Ann\",\"family_name\":\"Lee\"}"#,
            "{'family_name':'Lee','name':'Ann Lee'}",
            r#"{"auth_typ":"aad","claims":[{"typ":"name","val":"Ann Lee"},{"typ":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname","val":"Ann"}],"name_typ":"x"}"#,
            r#"[{"type":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname","value":"Lee"},{"type":"name","value":"Ann Lee"}]"#,
            r#"{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name":"Ann Lee"}"#,
            "claim http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name: Ann Lee\nnext",
            r#"{"emails":["Ann of Lee"],"upn":"Ann Lee"}"#,
            r#"[{"user_claims":[{"typ":"name","val":"Ann Lee"},{"typ":"preferred_username","val":"ann lee"}]}]"#,
            r#"{"message":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name: Ann Lee\nhttp://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname: Lee","x":"next"}"#,
        ] {
            let hidden = hidden(text);
            assert!(!hidden.contains("Ann") && !hidden.contains("Lee") && hidden.contains("person:k1:"), "{hidden}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(text).is_ok(),
                serde_json::from_str::<serde_json::Value>(&hidden).is_ok()
            );
            for kept in ["aad", "22", "next", "tid", "name_typ"] {
                assert_eq!(text.contains(kept), hidden.contains(kept), "{hidden}");
            }
        }
    }

    #[test]
    fn a_name_without_a_claim_beside_it_is_no_persons() {
        for text in [
            r#"{"name":"orders-queue","sub":"topic","email":"none"}"#,
            r#"{"upnp":"x","android":"Ann","oidc":"y","service_name":"z"}"#,
            r#"{"claims":{"upn":"-","oid":"11"}}"#,
            "https://schemas.example/claims/",
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    #[test]
    fn claims_of_one_object_leave_the_next_alone() {
        let hidden =
            hidden(r#"{"a":{"name":"orders"},"caller":{"upn":"Ann","x":{"name":"Lee"}},"b":{"name":"queue"}}"#);
        assert!(hidden.contains("orders") && hidden.contains("queue"), "{hidden}");
        assert!(!hidden.contains("Ann") && !hidden.contains("Lee"), "{hidden}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"([\[\]{}"':,\\ a]|upn|oid|"name"|"val"|/claims/|auth_typ|given_name){0,40}"#) {
            hidden(&text);
        }
    }
}
