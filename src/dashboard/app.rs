//! What every handler shares: what the pipeline handed over, readers, sessions, and who may come in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::http::{HeaderMap, Uri, header};
use tokio::sync::{Semaphore, mpsc};

use super::acting::Ask;
use super::api::bulk::Counts;
use super::api::export::MOST_EXPORTS;
use super::board::Board;
use super::changes::Changes;
use super::readers::Readers;
use super::tap::Tap;
use crate::access::{Identity, Sessions, Tokens};
use crate::alerts::{Alert, Streams};
use crate::clock::Clock;
use crate::metrics::Metrics;

/// The name of the cookie that holds a browser's session.
pub(super) const COOKIE: &str = "gatewatch";
/// Live streams at once; a page beyond it reloads its figures instead.
const MAX_LIVE: usize = 64;

/// What the dashboard is made of.
#[derive(Debug)]
pub struct Parts {
    /// Snapshots that the pipeline fills.
    pub board: Arc<Board>,
    /// The data folder, for reading connections to the store.
    pub data: PathBuf,
    /// Takes what people do to the pipeline; bounded.
    pub commands: mpsc::Sender<Ask>,
    /// What the pipeline publishes once an epoch is committed.
    pub changes: Changes,
    /// Who may come in.
    pub tokens: Arc<Tokens>,
    /// Tells the time.
    pub clock: Clock,
    /// The live redacted events.
    pub tap: Tap,
    /// The names behind stream numbers.
    pub streams: Streams,
    /// What `/metrics` shows; the dashboard counts its requests there.
    pub metrics: Arc<Metrics>,
    /// Makes the API's form of an alert.
    pub native: fn(&Alert, &Streams) -> serde_json::Value,
    /// Where we listen.
    pub listen: SocketAddr,
    /// How others reach us, such as `https://gatewatch.example.com`.
    pub external_url: Option<String>,
    /// Further names that we are called by, such as a service's name in a cluster.
    pub hosts: Vec<String>,
}

/// Parts and what serving them needs.
#[derive(Debug)]
pub(super) struct App {
    pub(super) parts: Parts,
    pub(super) readers: Readers,
    pub(super) sessions: Sessions,
    pub(super) live: Arc<Semaphore>,
    /// Exports at once.
    pub(super) exports: Arc<Semaphore>,
    /// Changes of many alerts that were counted and not done yet.
    pub(super) counts: Counts,
    /// Names under which we answer, besides addresses and `localhost`.
    names: Vec<String>,
    /// Others reach us by TLS.
    pub(super) https: bool,
    /// Only this machine reaches us, as far as we know.
    pub(super) local: bool,
}

impl App {
    pub(super) fn new(parts: Parts) -> Self {
        let external = parts.external_url.as_deref().and_then(|url| url.parse::<Uri>().ok());
        let external_host = external.as_ref().and_then(Uri::host).map(str::to_ascii_lowercase);
        let local_name = |host: &str| host == "localhost" || bare(host).parse().is_ok_and(loopback);
        let local = loopback(parts.listen.ip())
            && external_host.as_deref().is_none_or(local_name)
            && parts.hosts.iter().all(|host| local_name(host));
        let names = parts.hosts.iter().map(|host| host.to_ascii_lowercase()).chain(external_host).collect();
        Self {
            readers: Readers::new(parts.data.clone()),
            sessions: Sessions::default(),
            live: Arc::new(Semaphore::new(MAX_LIVE)),
            exports: Arc::new(Semaphore::new(MOST_EXPORTS)),
            counts: Counts::default(),
            names,
            https: external.is_some_and(|url| url.scheme_str() == Some("https")),
            local,
            parts,
        }
    }

    /// Tells whether whoever reaches us needs a token.
    pub(super) fn guarded(&self) -> bool {
        !self.local || self.parts.tokens.guard_people(self.parts.clock.elapsed())
    }

    /// Returns who asks. A token that is wrong is nobody, whatever else the request carries.
    pub(super) fn who(&self, headers: &HeaderMap) -> Option<Identity> {
        let elapsed = self.parts.clock.elapsed();
        if let Some(shown) = headers.get(header::AUTHORIZATION) {
            let bearer = shown.to_str().ok().and_then(|shown| shown.strip_prefix("Bearer "))?;
            return self.parts.tokens.verify(bearer.trim(), elapsed);
        }
        let session = cookie(headers).and_then(|cookie| self.sessions.identity(&self.parts.tokens, cookie, elapsed));
        session.or_else(|| (!self.guarded()).then(Identity::local))
    }

    /// Tells whether we answer under the name in the `Host` header. A page of a stranger whose
    /// name was pointed at us (DNS rebinding) says that name; an address can't be pointed.
    pub(super) fn answers_to(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        bare(&name).parse::<std::net::IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.names.contains(&name)
    }
}

/// Returns the value of our cookie.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn loopback(ip: std::net::IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_from_its_port() {
        assert_eq!(bare(without_port("[::1]:8080")), "::1");
        assert_eq!(bare(without_port("[::1]")), "::1");
        assert_eq!(without_port("localhost:80"), "localhost");
        assert_eq!(without_port("localhost"), "localhost");
        assert_eq!(without_port(""), "");
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; gatewatchx=2".parse().unwrap());
        headers.append(header::COOKIE, "b=\"; gatewatch=mine".parse().unwrap());
        assert_eq!(cookie(&headers), Some("mine"));
    }
}
