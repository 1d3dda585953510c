//! What was asked for? From a URL, as a gateway writes it, to the request's fields.
//!
//! A key in the query is known by the fingerprint that stands in its place, under any of the names
//! that Azure gives it. Parts are borrowed from the URL as it was sent.

use crate::telemetry::{Confidence, Event, Sighting, Text, Transport};

use super::doc::Piece;
use super::url;

/// The names that a key has in a query: a subscription's, a function's.
const KEYS: [&str; 2] = ["subscription-key", "code"];

/// Fills host, path and query, and the key in it, from `sent`: a full URL, or a path with or
/// without a query. What is known already stays.
pub(super) fn request<'s>(event: &mut Event<'s>, sent: &Piece<'s>) {
    let parts = url::url(sent.value);
    event.request.host = event.request.host.or(parts.host.map(|at| sent.part(at)));
    event.request.path = event.request.path.or(parts.path.map(|at| sent.part(at)));
    if let Some(at) = parts.query {
        query(event, sent, at);
    }
}

/// Fills the query, which stands at `at` in `sent`, and the key in it, unless one is known.
pub(super) fn query<'s>(event: &mut Event<'s>, sent: &Piece<'s>, at: std::ops::Range<usize>) {
    let Some(text) = sent.value.get(at.clone()).filter(|text| !text.is_empty()) else { return };
    if event.request.query.is_some() {
        return;
    }
    event.request.query = Some(sent.part(at.clone()));
    if let Some(key) = KEYS.iter().find_map(|name| key(event, sent, at.start, text, name)) {
        event.key.transport = Some(Transport::Query);
        event.key.id = event.key.id.or(Some(key));
    }
}

/// Returns what the redactor put in place of the parameter `name` of `query`, which begins at `start` in `sent`, if that
/// was a key: of what is called `code` a voucher or a sign-in's is none.
pub(super) fn key<'s>(event: &Event<'s>, sent: &Piece<'s>, start: usize, query: &str, name: &str) -> Option<Text<'s>> {
    let other = |seen: &Sighting| seen.confidence == Confidence::Suspected || &*seen.kind == "oauth-code";
    let is_key = |key: &Text<'_>| {
        let mut here = event.sightings.iter().filter(|seen| seen.at.start < key.end && key.start < seen.at.end);
        !here.any(other)
    };
    url::fingerprints(query, name).map(|at| sent.part(start + at.start..start + at.end)).find(is_key)
}

/// Returns the host that `sent` names: a URL, or a host with or without a port.
pub(super) fn host<'s>(sent: &Piece<'s>) -> Option<Text<'s>> {
    stated(sent)?;
    url::host(sent.value).map(|at| sent.part(at))
}

/// Returns the version that `sent` states, such as `1.2` of `TLSv1.2` or `TLS 1.2`.
pub(super) fn tls<'s>(sent: &Piece<'s>) -> Option<Text<'s>> {
    stated(sent)?;
    let start = sent.value.find(|c: char| c.is_ascii_digit()).filter(|_| sent.value.starts_with("TLS")).unwrap_or(0);
    Some(sent.part(start..sent.value.len()))
}

/// Returns `sent` if it says something: gateways also write `N/A`.
pub(super) fn stated<'s>(sent: &Piece<'s>) -> Option<Text<'s>> {
    sent.trimmed().filter(|text| !text.value.eq_ignore_ascii_case("N/A"))
}
