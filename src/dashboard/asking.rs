//! From where is a request, and what does it show?
//!
//! The connection's other end is what the listener says it is, never what a header does. A request
//! that did not come by the listener (in a test) has none, and nobody trusts it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

/// Who asks, before it is known who that is.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    pub(super) headers: HeaderMap,
    /// The connection's other end.
    pub(super) peer: Option<IpAddr>,
}

impl Asking {
    pub(super) fn of(parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
        Self { headers: parts.headers.clone(), peer }
    }
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}
