//! What may become of what names a person?
//!
//! From the mildest to the strictest. What is written in its place never holds a character that JSON
//! must escape, and is known again when a redacted record is read once more: it is not hidden twice.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::redaction::fingerprint::{fingerprint_at, is_fingerprint};
use crate::redaction::scan::bytes::{Set, run_of};

/// What becomes of personal data. The later one is the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It stays.
    Keep,
    /// A fingerprint, and the part that names nobody: an e-mail address's domain, a card's last four
    /// digits, an account's or telephone's country.
    Partial,
    /// An address in which networks can be told from each other, and none be found.
    Prefix,
    /// An IPv4 address's /24, an IPv6 address's /48.
    Truncate,
    /// A keyed fingerprint: equal ones can be told.
    Fingerprint,
    /// Its kind in brackets: how many there are can be told, and nothing else.
    Mask,
    /// Nothing.
    Remove,
}

impl Action {
    /// Every action, the mildest first.
    pub const ALL: [Self; 7] =
        [Self::Keep, Self::Partial, Self::Prefix, Self::Truncate, Self::Fingerprint, Self::Mask, Self::Remove];

    /// Returns its name as the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Partial => "partial",
            Self::Prefix => "prefix",
            Self::Truncate => "truncate",
            Self::Fingerprint => "fingerprint",
            Self::Mask => "mask",
            Self::Remove => "remove",
        }
    }

    /// Tells whether it can be done to what is of `kind`.
    pub fn suits(self, kind: Kind) -> bool {
        match self {
            Self::Partial => matches!(kind, Kind::Email | Kind::Phone | Kind::PaymentCard | Kind::Iban),
            Self::Prefix | Self::Truncate => kind == Kind::Address,
            Self::Keep | Self::Fingerprint | Self::Mask | Self::Remove => true,
        }
    }
}

/// What may stand behind a fingerprint's `.`: digits and letters, four at most.
const SHOWN: Set = Set::word(b"");
/// What a domain is made of.
const DOMAIN: Set = Set::word(b"-.");

/// Tells whether `value` is nothing but what an action has put there.
pub fn is_hidden(value: &[u8]) -> bool {
    if is_fingerprint(value) {
        return true;
    }
    if let Some(name) = value.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        return Kind::ALL
            .iter()
            .any(|kind| !kind.secret() && kind.name().is_some_and(|known| known.as_bytes() == name));
    }
    let Some(length) = value.iter().rposition(|byte| matches!(byte, b'@')).or_else(|| last_dot(value)) else {
        return false;
    };
    let shown = &value[length + 1..];
    let (set, limit) = if value[length] == b'@' { (&DOMAIN, 253) } else { (&SHOWN, 4) };
    fingerprint_at(value) == Some(length) && !shown.is_empty() && run_of(shown, set, limit) == shown.len()
}

/// Returns the kind of what was hidden, where `with` stands now; `None` where it was put back.
pub fn told(with: &str) -> Option<&str> {
    let kind = with.split_once(":k").map(|(kind, _)| kind);
    let masked = || with.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match with {
        "" => Kind::Person.name(),
        _ if is_hidden(with.as_bytes()) => kind.or_else(masked),
        // A chain of addresses, in parts.
        _ if with.split(", ").any(|part| crate::telemetry::address(part).is_some()) => Kind::Address.name(),
        _ => kind.filter(|kind| Kind::ALL.iter().any(|one| one.name() == Some(*kind))),
    }
}

fn last_dot(value: &[u8]) -> Option<usize> {
    value.iter().rposition(|byte| *byte == b'.')
}
