//! What every handler shares: what the pipeline handed over, readers, sessions, and who may come in.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Uri, header};
use tokio::sync::{Semaphore, mpsc};

use super::acting::Ask;
use super::api::bulk::Counts;
use super::api::export::MOST_EXPORTS;
use super::aside::Aside;
use super::asking::Asking;
use super::bench::Bench;
use super::board::Board;
use super::changes::Changes;
use super::hide::Hide;
use super::lately::{Said, Slow};
use super::noted::note_refusal;
use super::offers::Offers;
use super::readers::Readers;
use super::settings::Settings;
use super::shares::{Share, Shares};
use super::tap::{MAX_TAPS, Tap};
use crate::access::{Attempts, Identity, Refusal, Role, Sessions, Tokens, Ways};
use crate::alerts::{Alert, Streams};
use crate::clock::Clock;
use crate::metrics::Metrics;

/// The name of the cookie that holds a browser's session.
pub(super) const COOKIE: &str = "gatewatch";
/// The same where others reach us by TLS: no other host and no connection in the clear can set it.
pub(super) const SECURE_COOKIE: &str = "__Host-gatewatch";
/// How often it is asked whether somebody may still see what they follow.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(10);
/// Pages and answers of the threat model that are made at once.
const MOST_MODELS: usize = 2;
/// Live streams at once, and of one person; a page beyond it reloads its figures instead.
const MAX_LIVE: (usize, usize) = (64, 16);

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
    /// Who has logged in.
    pub sessions: Arc<Sessions>,
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
    /// Makes what is offered for a false alarm.
    pub offers: Offers,
    /// Takes secrets out of what people type.
    pub hide: Hide,
    /// `/metrics` is shown to everybody.
    pub open_metrics: bool,
    /// Answers what pages ask of detectors' files.
    pub bench: Bench,
    /// Tells of the configuration.
    pub settings: Settings,
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
    pub(super) sessions: Arc<Sessions>,
    /// Ways in beside our own tokens.
    pub(super) ways: Arc<Ways>,
    /// Who has been wrong too often.
    pub(super) attempts: Attempts,
    /// Whose sign-ins failed too often at the provider.
    pub(super) sign_ins: Attempts,
    pub(super) live: Arc<Shares>,
    /// Watchers of live events.
    pub(super) taps: Arc<Shares>,
    /// Exports at once.
    pub(super) exports: Arc<Shares>,
    /// Where pages of the threat model are made.
    pub(super) models: Aside,
    /// Changed detectors that are tried at once.
    pub(super) trials: Arc<Semaphore>,
    /// Changes of many alerts that were counted and not done yet.
    pub(super) counts: Counts,
    /// When the log said last that a form came from elsewhere.
    pub(super) foreign: Said,
    /// Whose deeds are being recorded.
    pub(super) slow: Slow,
    /// Names under which we answer, besides addresses and `localhost`.
    names: Vec<String>,
    /// Others reach us by TLS.
    pub(super) https: bool,
    /// Only this machine reaches us, as far as we know.
    pub(super) local: bool,
}

impl App {
    pub(super) fn new(parts: Parts, ways: Arc<Ways>) -> Self {
        let external = parts.external_url.as_deref().and_then(|url| url.parse::<Uri>().ok());
        let external_host = external.as_ref().and_then(Uri::host).map(str::to_ascii_lowercase);
        let local_name = |host: &str| host == "localhost" || bare(host).parse().is_ok_and(loopback);
        let local = loopback(parts.listen.ip())
            && !ways.proxied()
            && external_host.as_deref().is_none_or(local_name)
            && parts.hosts.iter().all(|host| local_name(host));
        let names = parts.hosts.iter().map(|host| host.to_ascii_lowercase()).chain(external_host).collect();
        Self {
            readers: Readers::new(parts.data.clone(), parts.clock.clone()),
            sessions: parts.sessions.clone(),
            attempts: Attempts::default(),
            sign_ins: Attempts::default(),
            live: Shares::new("live streams", MAX_LIVE.0, MAX_LIVE.1),
            taps: Shares::new("watchers", MAX_TAPS, MAX_TAPS / 2),
            exports: Shares::new("exports", MOST_EXPORTS, MOST_EXPORTS / 2),
            models: Aside::new(MOST_MODELS),
            trials: Arc::new(Semaphore::new(1)),
            counts: Counts::default(),
            foreign: Said::default(),
            slow: Slow::default(),
            names,
            https: external.map_or(ways.encrypted, |url| url.scheme_str() == Some("https")),
            local,
            ways,
            parts,
        }
    }

    /// Returns under which address others reach us, without a slash at its end.
    pub(super) fn base(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let listen = || format!("{scheme}://{}", self.parts.listen);
        self.parts.external_url.as_deref().map_or_else(listen, |url| url.trim_end_matches('/').to_owned())
    }

    /// Tells whether whoever reaches us must show who they are.
    pub(super) fn guarded(&self) -> bool {
        !self.local || self.ways.any() || self.parts.tokens.guard_people(self.parts.clock.elapsed())
    }

    /// Returns who asks. A token that is wrong is nobody, whatever else the request carries.
    pub(super) async fn who(&self, asking: &Asking) -> Result<Identity, Refusal> {
        self.seen(asking, asking.by_itself).await
    }

    /// As [`App::who`]; what a page asks `by_itself` is no use of a session.
    async fn seen(&self, asking: &Asking, by_itself: bool) -> Result<Identity, Refusal> {
        let elapsed = self.parts.clock.elapsed();
        if let Some(bearer) = bearer(&asking.headers).map(str::trim) {
            let identity = match (self.parts.tokens.verify(bearer, elapsed), &self.ways.jwt) {
                (Some(identity), _) => Ok(identity),
                (None, Some(jwt)) if !bearer.starts_with("gw_") => jwt.identity(bearer).await,
                _ if self.parts.tokens.trouble(elapsed).is_some() => Err(unread()),
                _ => Err(Refusal::Wrong("this token is not known".into())),
            };
            return identity.map_err(|refusal| self.wrong(asking, refusal));
        }
        let session = cookie(&asking.headers, self.https);
        let session = session.and_then(|cookie| {
            let tokens = &self.parts.tokens;
            if by_itself {
                self.sessions.look(tokens, cookie, elapsed)
            } else {
                self.sessions.identity(tokens, cookie, elapsed)
            }
        });
        if let Some(identity) = session {
            return Ok(identity);
        }
        if let Some(easy_auth) = self.ways.easy_auth.as_ref().filter(|way| way.trusts(asking.peer))
            && let Some(principal) = asking.headers.get("x-ms-client-principal")
        {
            let identity = easy_auth.identity(principal.to_str().unwrap_or_default());
            return identity.map_err(|refusal| self.wrong(asking, refusal));
        }
        let guarded = self.guarded() || passed_on(&asking.headers);
        if guarded { Err(Refusal::Nobody) } else { Ok(Identity::local()) }
    }

    /// Takes one of what there is a few of for `who`; at a machine where nobody shows who they are, for everybody.
    pub(super) fn share(&self, of: &Arc<Shares>, who: &Identity) -> Result<Share, String> {
        of.take(self.guarded().then_some(&*who.name))
    }

    /// Tells whether who asked for a stream may still see it; asked every ten seconds by our clock, `asked` is when last.
    pub(super) async fn still_sees(&self, asking: &Asking, asked: &mut Duration) -> bool {
        let now = self.parts.clock.elapsed();
        if now.saturating_sub(*asked) < ASK_AGAIN {
            return true;
        }
        *asked = now;
        self.seen(asking, true).await.is_ok_and(|who| who.role.may(Role::Viewer))
    }

    /// Counts what was wrong against its sender, and says so if that was too often; else the audit gets a line.
    pub(super) fn wrong(&self, asking: &Asking, refusal: Refusal) -> Refusal {
        if matches!(refusal, Refusal::Wrong(_))
            && let Some(wait) = self.attempts.wrong(self.client(asking), self.parts.clock.elapsed())
        {
            return Refusal::TooOften(wait);
        }
        note_refusal(self, &refusal);
        refusal
    }

    /// Returns the address of whoever asks, as far as it can be believed.
    pub(super) fn client(&self, asking: &Asking) -> Option<IpAddr> {
        let forwarded = asking.headers.get_all("x-forwarded-for").iter();
        // What of it is no text was not written by a proxy, and ends the reading there.
        let forwarded: Vec<_> = forwarded.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        asking.peer.map(|peer| self.ways.proxies.client(peer, forwarded.iter().map(AsRef::as_ref)))
    }

    /// Returns the address of whoever asks, if it tells them apart from others: this machine's and that of a
    /// proxy that is not believed do not.
    pub(super) fn apart(&self, asking: &Asking) -> Option<IpAddr> {
        let one_for_all = self.ways.proxied() && self.ways.proxies.is_empty();
        self.client(asking).filter(|ip| !one_for_all && !loopback(*ip) && !self.ways.proxies.contain(*ip))
    }

    /// Returns the name of the session's cookie.
    pub(super) fn cookie_name(&self) -> &'static str {
        if self.https { SECURE_COOKIE } else { COOKIE }
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

/// Says that a token may be known and the file that would tell can't be read.
pub(super) fn unread() -> Refusal {
    Refusal::Unavailable("the token file can't be read; /readyz, the page Pipeline and the log say why".into())
}

/// Returns the value of the session's cookie; over TLS only of the one that nobody else can set.
pub(super) fn cookie(headers: &HeaderMap, https: bool) -> Option<&str> {
    cookie_named(headers, if https { SECURE_COOKIE } else { COOKIE })
}

/// Returns the value of the cookie called so.
pub(super) fn cookie_named<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Returns the token that is shown, if one is; what goes by another scheme, as to a proxy, concerns us not.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let shown = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = shown.split_at_checked("Bearer".len()).unwrap_or((shown, b""));
    let ours = scheme.eq_ignore_ascii_case(b"Bearer") && token.first().is_none_or(|byte| *byte == b' ');
    ours.then(|| std::str::from_utf8(token).unwrap_or_default())
}

/// Tells whether a proxy says that it speaks for somebody: they do not sit at this machine.
fn passed_on(headers: &HeaderMap) -> bool {
    let says = |name: &str| matches!(name, "forwarded" | "x-real-ip") || name.starts_with("x-forwarded-");
    headers.keys().any(|name| says(name.as_str()))
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
        assert_eq!(cookie(&headers, false), Some("mine"));
        assert_eq!(cookie(&headers, true), None, "anybody in between can have set it");
        headers.append(header::COOKIE, "__Host-gatewatch=ours".parse().unwrap());
        assert_eq!(cookie(&headers, true), Some("ours"));
    }
}
