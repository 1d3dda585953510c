//! What becomes of personal data, and what of it is found by how it looks?
//!
//! Secrets always go; about people there are policies. The scan finds addresses of people, claims
//! and telephone numbers beside their names (`claims`, `phone`), here are found the numbers of cards,
//! accounts and citizens. What a policy keeps everywhere is not looked for; what is found is replaced
//! before the record is decoded, as strictly as any place asks for, and `place` then does what its own
//! place asks for. A place that is told takes four bytes, and there is at most one every eight bytes.

mod action;
mod card;
mod claims;
mod iban;
mod names;
mod national;
mod phone;
mod place;
mod policy;
mod prefix;
mod quotes;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

pub use action::{Action, is_hidden, told};
pub use claims::Claims;
pub use names::{FieldName, KindName, PathText};
pub use national::National;
pub use phone::named as phone;
pub use place::say;
pub use policy::{CEILING, Over, Policies, Policy};
pub use prefix::Prefixes;
pub use quotes::quote;

use super::fingerprint::{Fingerprinter, Memo, normalised};
use super::keyring::KeyRing;
use super::kind::Kind;
use super::scan::{Found, Gates};
use super::settings::Settings;
use crate::telemetry::{Confidence, Fingerprint, Original, address};
use quotes::Quotes;

/// Finds and replaces personal data. Cheap to share.
#[derive(Debug)]
pub struct People {
    policies: Policies,
    /// Those that some policy names.
    national: Vec<&'static National>,
    prefixes: Prefixes,
    cards: bool,
    ibans: bool,
}

/// Where in a batch numbers may stand, given out message by message.
#[derive(Default)]
pub struct Hits {
    cards: Places,
    accounts: Places,
}

/// Places, ascending, and how many of them have been given out.
#[derive(Default)]
struct Places {
    at: Vec<u32>,
    next: usize,
}

impl Places {
    fn new(at: &mut Vec<u32>, wanted: bool) -> Self {
        Self { at: if wanted { std::mem::take(at) } else { Vec::new() }, next: 0 }
    }

    /// Returns those in `range`; ranges must be asked for in ascending order.
    #[inline]
    fn within(&mut self, range: &Range<usize>) -> &[u32] {
        let rest = self.at.get(self.next..).unwrap_or_default();
        if rest.first().is_none_or(|at| *at as usize >= range.end) {
            return &[];
        }
        let first = self.next + rest.iter().take_while(|at| (**at as usize) < range.start).count();
        let rest = self.at.get(first..).unwrap_or_default();
        self.next = first + rest.iter().take_while(|at| (**at as usize) < range.end).count();
        self.at.get(first..self.next).unwrap_or_default()
    }
}

/// What stands in the place of a find before its record is decoded.
pub struct Instead {
    /// What stands there.
    pub text: Arc<str>,
    /// By what it is recognised.
    pub fingerprint: Fingerprint,
    /// What is put on both sides of it, so that JSON stays valid: it was a number.
    pub quote: &'static str,
    /// What stood there, where its place decides.
    pub original: Option<Box<Original>>,
}

impl People {
    /// Returns what hides people as `settings` say, under the key in use of `keys`.
    pub fn new(keys: &KeyRing, settings: &Settings) -> Self {
        let policies = Policies::new(settings);
        let looked_for = |kind: Kind| policies.before(kind) != Action::Keep;
        Self {
            national: national::NUMBERS.iter().filter(|one| looked_for(one.kind)).collect(),
            prefixes: Prefixes::new(&keys.derive("addresses by prefix")),
            cards: looked_for(Kind::PaymentCard),
            ibans: looked_for(Kind::Iban),
            policies,
        }
    }

    /// Returns the policies.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Takes from `gates` where in a batch a number may stand.
    pub fn hits(&self, gates: &mut Gates) -> Hits {
        Hits {
            cards: Places::new(&mut gates.cards, self.cards),
            accounts: Places::new(&mut gates.accounts, self.ibans),
        }
    }

    /// Appends the numbers in message `range` of `batch` to `found`, and takes out of it what stays
    /// everywhere; ranges must be asked for in ascending order.
    #[inline]
    pub fn settle(&self, batch: &[u8], range: Range<usize>, hits: &mut Hits, found: &mut Vec<Found>) {
        let (accounts, cards) = (hits.accounts.within(&range), hits.cards.within(&range));
        // What a message begins with may have been taken for what goes on from the one before.
        let head = batch.get(range.start..).unwrap_or_default();
        let begins = self.cards && matches!(head, [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..]);
        if begins || !accounts.is_empty() || !cards.is_empty() {
            numbers(batch, &range, accounts, (begins, cards), found);
        }
        if !self.national.is_empty() {
            national::find(batch.get(range).unwrap_or_default(), &self.national, found);
        }
        if !found.is_empty() {
            found.retain(|one| one.kind.secret() || self.policies.before(one.kind) != Action::Keep);
        }
    }

    /// Returns what stands in the place of `one`, which was found in `text` and is no secret.
    pub fn before(&self, fingerprints: &Fingerprinter, text: &[u8], one: &Found, memo: &mut Memo) -> Instead {
        let raw = text.get(one.value.clone()).unwrap_or_default();
        let scoped = self.policies.scoped(one.kind);
        let action = match self.policies.before(one.kind) {
            // It must be found again once its place is known.
            Action::Remove if scoped => Action::Mask,
            action => action,
        };
        let instead = self.instead(fingerprints, one.kind, raw, action, memo);
        let instead = instead.unwrap_or_else(|| fingerprints.of(one.kind, raw, memo).0);
        let fingerprint = Fingerprint(instead.clone());
        let (quote, shown) = match quotes::around(text, &one.span) {
            Quotes::None => ("", instead),
            Quotes::Needed(quote) => (quote, instead),
            Quotes::Unknown => ("", Arc::from("0")),
        };
        // Of an id `finish` must know what it was, to find it elsewhere in the record.
        let original = (scoped || one.kind == Kind::ObjectId)
            .then(|| Box::new(Original::new(&text[one.span.clone()], quote.len() as u8)));
        Instead { text: shown, fingerprint, quote, original }
    }

    /// Returns what stands in the place of `value`, which was found in a text that had to be decoded:
    /// no place decides about it, so it is hidden as strictly as any asks for.
    pub fn inside(&self, fingerprints: &Fingerprinter, kind: Kind, value: &[u8], memo: &mut Memo) -> Arc<str> {
        let instead = self.instead(fingerprints, kind, value, self.policies.before(kind), memo);
        instead.unwrap_or_else(|| fingerprints.of(kind, value, memo).0)
    }

    /// Returns what stands in the place of `raw`, a value of `kind`, by `action`; `None` if it stays.
    pub fn instead(
        &self,
        fingerprints: &Fingerprinter,
        kind: Kind,
        raw: &[u8],
        action: Action,
        memo: &mut Memo,
    ) -> Option<Arc<str>> {
        let mut fingerprint = || fingerprints.of(kind, &normal(kind, raw), memo).0;
        let cut = |cut: &dyn Fn(std::net::IpAddr) -> std::net::IpAddr| {
            let ip = address(std::str::from_utf8(raw).ok()?)?.ip;
            Some(Arc::from(cut(ip).to_string()))
        };
        Some(match action {
            Action::Keep => return None,
            Action::Remove => Arc::from(""),
            Action::Mask => format!("[{}]", kind.name().unwrap_or("secret")).into(),
            Action::Fingerprint => fingerprint(),
            Action::Partial => match shown(kind, raw) {
                Some(shown) => format!("{}{shown}", fingerprint()).into(),
                None => fingerprint(),
            },
            // What is no address is hidden whole, in doubt.
            Action::Truncate => cut(&truncated).unwrap_or_else(fingerprint),
            Action::Prefix => cut(&|ip| self.prefixes.hidden(ip)).unwrap_or_else(fingerprint),
        })
    }

    /// Returns what an event's address becomes by `action`; `None` if it is no address any more.
    pub fn address(&self, ip: std::net::IpAddr, action: Action) -> Option<std::net::IpAddr> {
        match action {
            Action::Keep => Some(ip),
            Action::Truncate => Some(truncated(ip)),
            Action::Prefix => Some(self.prefixes.hidden(ip)),
            _ => None,
        }
    }
}

/// Appends the numbers at these places of message `range` of `batch` to `found`, and the card it begins with, if asked.
fn numbers(
    batch: &[u8],
    range: &Range<usize>,
    accounts: &[u32],
    (begins, cards): (bool, &[u32]),
    found: &mut Vec<Found>,
) {
    let text = batch.get(range.clone()).unwrap_or_default();
    let inside = |at: &u32| *at as usize - range.start;
    let mut from = 0;
    for at in accounts.iter().map(inside) {
        if let Some(span) = (at >= from).then(|| iban::around(text, at)).flatten() {
            from = span.end;
            found.push(Found::new(span, Kind::Iban, Confidence::Proven));
        }
    }
    let (mut from, mut spans) = (0, Vec::new());
    for at in begins.then_some(0).into_iter().chain(cards.iter().map(inside)) {
        if at >= from {
            from = card::around(text, at, &mut spans).max(at + 1);
        }
    }
    found.extend(spans.into_iter().map(|span| Found::new(span, Kind::PaymentCard, Confidence::Proven)));
}

/// Returns the network of `ip`: the first 24 bits of an IPv4, 48 of an IPv6 address.
fn truncated(ip: std::net::IpAddr) -> std::net::IpAddr {
    match ip {
        std::net::IpAddr::V4(ip) => std::net::Ipv4Addr::from_bits(ip.to_bits() & !0xff).into(),
        std::net::IpAddr::V6(ip) => std::net::Ipv6Addr::from_bits(ip.to_bits() >> 80 << 80).into(),
    }
}

/// A kind of personal data, for documents and pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonalKind {
    /// Its name in fingerprints and policies.
    pub name: &'static str,
    /// One sentence on what it is.
    pub says: &'static str,
    /// What becomes of it where no policy speaks of it.
    pub action: Action,
    /// What can be done to it.
    pub suits: [bool; Action::ALL.len()],
    /// The published algorithm of its check digits, where it is a number that a state gives to people.
    pub source: Option<&'static str>,
}

/// Returns every kind of personal data.
pub fn personal() -> Vec<PersonalKind> {
    let settings = Settings::default();
    let kinds = Kind::ALL.into_iter().filter(|kind| !kind.secret());
    let of = |kind: Kind| PersonalKind {
        name: kind.name().unwrap_or_default(),
        says: kind.describe(),
        action: policy::default(kind, &settings),
        suits: Action::ALL.map(|action| action.suits(kind)),
        source: national::NUMBERS.iter().find(|one| one.kind == kind).map(|one| one.source),
    };
    kinds.map(of).collect()
}

/// Returns what all ways of writing `raw` have in common: one person, one fingerprint.
pub fn normal(kind: Kind, raw: &[u8]) -> Cow<'_, [u8]> {
    match kind {
        Kind::Email | Kind::Person if raw.iter().any(|byte| matches!(byte, b'#' | b'%' | b'\\')) => {
            let plain = normalised(kind, raw);
            match guest(&String::from_utf8_lossy(&plain)) {
                Some(home) => Cow::Owned(home.into_bytes()),
                None => plain,
            }
        }
        Kind::Phone => Cow::Owned(phone::normal(&String::from_utf8_lossy(&normalised(kind, raw))).into_bytes()),
        Kind::PaymentCard | Kind::Iban => compact(raw),
        kind if kind.national() => compact(raw),
        _ => Cow::Borrowed(raw),
    }
}

fn compact(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.iter().all(u8::is_ascii_alphanumeric) {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.iter().copied().filter(u8::is_ascii_alphanumeric).collect())
}

/// Returns the address a guest has at home: of `ann_contoso.com#ext#@fabrikam.onmicrosoft.com`, and of
/// `live.com#ann@contoso.com`, which is how a token's `unique_name` tells who vouched.
fn guest(address: &str) -> Option<String> {
    if let Some((local, _)) = address.split_once("#ext#@") {
        let (name, domain) = local.rsplit_once('_')?;
        return Some(format!("{name}@{domain}"));
    }
    let (voucher, home) = address.split_once('#')?;
    (voucher.contains('.') && !voucher.contains('@') && home.contains('@')).then(|| home.to_owned())
}

/// Returns the part of `raw` that names nobody.
fn shown(kind: Kind, raw: &[u8]) -> Option<String> {
    let normal = normal(kind, &normalised(kind, raw)).into_owned();
    let normal = String::from_utf8(normal).ok()?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    match kind {
        Kind::Email => {
            normal.rsplit_once('@').filter(|(_, domain)| plain(domain)).map(|(_, domain)| format!("@{domain}"))
        }
        Kind::PaymentCard => Some(format!(".{}", normal.get(normal.len().checked_sub(4)?..)?)),
        Kind::Iban => Some(format!(".{}", normal.get(..2)?.to_ascii_uppercase())),
        Kind::Phone => phone::country(&normal).map(|country| format!(".{country}")),
        _ => None,
    }
}

/// Returns chance for tests: 64 bits a call, the same for the same seed.
#[cfg(test)]
fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Returns `text` without its people, by the defaults.
#[cfg(test)]
fn hidden(text: &str) -> String {
    let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let redactor = super::Redactor::new(&keys, &Settings::default()).unwrap();
    String::from_utf8(redactor.hide(text.as_bytes()).into_owned()).unwrap()
}

#[cfg(test)]
mod tests;
