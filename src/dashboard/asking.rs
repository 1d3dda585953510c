//! From where is a request, and what does it show?
//!
//! The connection's other end is what the listener says it is, never what a header does. A request
//! that did not come by the listener (in a test) has none, and nobody trusts it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};

/// Who asks, before it is known who that is.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    pub(super) headers: HeaderMap,
    /// The connection's other end.
    pub(super) peer: Option<IpAddr>,
    /// An open page asks, and nobody need sit before it.
    pub(super) by_itself: bool,
}

impl Asking {
    pub(super) fn of(parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
        // What somebody does on a page that is open is `deed`.
        let part = parts.headers.get("gatewatch-part").map(HeaderValue::as_bytes);
        let by_itself = parts.uri.path() == "/events" || matches!(part, Some(b"figures" | b"ahead"));
        Self { headers: parts.headers.clone(), peer, by_itself }
    }
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}
