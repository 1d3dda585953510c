//! By which ways may people come in, beside tokens of our own?
//!
//! None, unless configured. With one of them nobody is let in for sitting at the machine.

use std::sync::Arc;
use std::time::Duration;

use super::{EasyAuth, Jwt, Networks, Oidc, Tls};
use crate::clock::Timestamp;

/// How long before a certificate ends that is said.
const WARN_BEFORE: Duration = Duration::from_hours(14 * 24);

/// What is configured about coming in.
#[derive(Debug, Default)]
pub struct Ways {
    /// Proxies that are believed about whom they speak for.
    pub proxies: Networks,
    /// Others reach us over TLS, ours or a proxy's.
    pub encrypted: bool,
    /// Our own TLS.
    pub tls: Option<Arc<Tls>>,
    /// Programs with a provider's tokens.
    pub jwt: Option<Jwt>,
    /// People who sign in with a provider.
    pub oidc: Option<Oidc>,
    /// People whom App Service has signed in.
    pub easy_auth: Option<EasyAuth>,
}

impl Ways {
    /// Tells whether there is one for people or programs.
    pub fn any(&self) -> bool {
        self.jwt.is_some() || self.oidc.is_some() || self.easy_auth.is_some()
    }

    /// Tells whether a proxy stands between others and us: then loopback is no sign of who asks.
    pub fn proxied(&self) -> bool {
        (self.encrypted && self.tls.is_none()) || !self.proxies.is_empty()
    }

    /// Returns what does not work, or soon will not, although the rest goes on: certificates and keys of providers.
    pub fn problems(&self, now: Timestamp) -> Vec<String> {
        let certificate = self.tls.as_ref().and_then(|tls| tls.problem());
        let certificate = certificate.map(|why| format!("the certificate that was there before stays: {why}"));
        let ends = self.tls.as_ref().and_then(|tls| tls.ends()).filter(|ends| *ends <= now.plus(WARN_BEFORE));
        let ends = ends.map(|ends| format!("the certificate ends at {ends}: bring its files up to date"));
        let keys = |of: &str, why: Option<String>| why.map(|why| format!("keys for {of} can't be fetched: {why}"));
        let jwt = keys("bearer tokens", self.jwt.as_ref().and_then(Jwt::problem));
        let oidc = keys("sign-in", self.oidc.as_ref().and_then(Oidc::problem));
        [certificate, ends, jwt, oidc].into_iter().flatten().collect()
    }
}

/// Why somebody does not come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They show nothing.
    Nobody,
    /// What they show is wrong. Says in what way, without a value of it.
    Wrong(String),
    /// They were wrong too often, and should wait this long.
    TooOften(Duration),
    /// They are known and have no role here.
    NoRole {
        /// What they are called.
        name: String,
        /// Why not.
        says: String,
    },
    /// Whoever could tell who they are can't be asked.
    Unavailable(String),
}
