//! What are a URL's parts, and what stands in its query?
//!
//! Nothing is decoded here: the parts are ranges of the text as it was sent, since an attack may
//! hide in the way it is written.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memrchr};

use crate::telemetry::names;

use super::address::address;

/// Where a URL's parts stand in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Url {
    /// The host, without user and port.
    pub(super) host: Option<Range<usize>>,
    /// The path, with its first slash.
    pub(super) path: Option<Range<usize>>,
    /// The query, without `?`.
    pub(super) query: Option<Range<usize>>,
}

/// Returns the parts of `text`: a full URL, or a path with or without a query.
pub(super) fn url(text: &str) -> Url {
    let end = memchr(b'#', text.as_bytes()).unwrap_or(text.len());
    let before_query = memchr(b'?', &text.as_bytes()[..end]);
    let path_end = before_query.unwrap_or(end);
    let (mut host, mut path_start) = (None, 0);
    if let Some(scheme) = scheme(&text.as_bytes()[..path_end]) {
        let start = scheme + 3;
        path_start = memchr(b'/', &text.as_bytes()[start..path_end]).map_or(path_end, |at| start + at);
        host = Some(host_of(text, start..path_start)).filter(|host| !host.is_empty());
    }
    let path = Some(path_start..path_end).filter(|path| !path.is_empty());
    let query = before_query.map(|at| at + 1..end).filter(|query| !query.is_empty());
    Url { host, path, query }
}

/// Returns where the first `://` stands.
fn scheme(text: &[u8]) -> Option<usize> {
    memchr_iter(b':', text).find(|&at| text[at..].starts_with(b"://"))
}

fn host_of(text: &str, authority: Range<usize>) -> Range<usize> {
    let of = text.get(authority.clone()).unwrap_or_default();
    let start = memrchr(b'@', of.as_bytes()).map_or(0, |at| at + 1);
    let host = of.get(start..).unwrap_or_default();
    let end = if host.starts_with('[') { host.find(']').map(|at| at + 1) } else { memrchr(b':', host.as_bytes()) };
    authority.start + start..authority.start + start + end.unwrap_or(host.len())
}

/// Returns where the host stands in `text`: a URL, or a host with or without a port.
pub(super) fn host(text: &str) -> Option<Range<usize>> {
    // No address has two slashes in it.
    if scheme(text.as_bytes()).is_some() {
        return url(text).host;
    }
    if let Some(address) = address(text) {
        return Some(address.at);
    }
    let end = memchr2(b'/', b'?', text.as_bytes()).unwrap_or(text.len());
    Some(host_of(text, 0..end)).filter(|host| !host.is_empty())
}

/// A query's parameters: each name and where its value stands.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut from = 0;
    memchr_iter(b'&', query.as_bytes()).chain([query.len()]).map(move |end| {
        let start = std::mem::replace(&mut from, end + 1);
        let parameter = query.get(start..end).unwrap_or_default();
        let name = memchr(b'=', parameter.as_bytes()).unwrap_or(parameter.len());
        let value = (name + 1).min(parameter.len());
        (parameter.get(..name).unwrap_or_default(), start + value..end)
    })
}

/// Returns where the fingerprints stand that the redactor put in place of the values of parameters called `name`.
pub(super) fn fingerprints(query: &str, name: &str) -> impl Iterator<Item = Range<usize>> {
    // A fingerprint has colons, which few queries have.
    let query = memchr(b':', query.as_bytes()).map(|_| query).unwrap_or_default();
    parameters(query)
        .filter(move |(this, _)| this.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .filter(move |value| query.get(value.clone()).and_then(names::digits).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, host: Option<&str>, path: Option<&str>, query: Option<&str>) {
        let of = |range: Option<Range<usize>>| range.map(|range| &text[range]);
        let url = url(text);
        assert_eq!((of(url.host), of(url.path), of(url.query)), (host, path, query), "{text}");
    }

    #[test]
    fn a_url_has_host_path_and_query() {
        reads("https://h.example/a/b?x=1#f", Some("h.example"), Some("/a/b"), Some("x=1"));
        reads("https://u:p@h.example:8443?x=1", Some("h.example"), None, Some("x=1"));
        reads("http://[2001:db8::1]:80/", Some("[2001:db8::1]"), Some("/"), None);
        reads("/a?next=https://evil.example/", None, Some("/a"), Some("next=https://evil.example/"));
        reads("https://", None, None, None);
        reads("", None, None, None);
    }

    #[test]
    fn a_host_is_found_with_and_without_scheme_and_port() {
        let host = |text: &'static str| host(text).map(|at| &text[at]);
        assert_eq!(host("https://fn-orders.azurewebsites.net:443/api?x"), Some("fn-orders.azurewebsites.net"));
        assert_eq!(host("fn-orders.azurewebsites.net:443"), Some("fn-orders.azurewebsites.net"));
        assert_eq!(host("10.4.0.4:80"), Some("10.4.0.4"));
        assert_eq!(host("2001:db8::1"), Some("2001:db8::1"));
        assert_eq!(host("[2001:db8::1]:443"), Some("2001:db8::1"));
        assert_eq!((host(""), host("/a")), (None, None));
    }

    #[test]
    fn a_key_in_the_query_is_known_by_its_fingerprint() {
        let query = "a=1&CODE=azure-function-key:k1:ABCDEFGHIJKLMNOP&b";
        assert_eq!(
            fingerprints(query, "code").next().map(|at| &query[at]),
            Some("azure-function-key:k1:ABCDEFGHIJKLMNOP")
        );
        assert_eq!(fingerprints("code=plain:text", "code").next(), None);
        assert_eq!(fingerprints("xcode=azure-function-key:k1:ABCDEFGHIJKLMNOP", "code").next(), None);
    }
}
