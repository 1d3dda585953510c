//! How does a sink post to a URL, and what does the answer mean?
//!
//! Every sink that speaks HTTP goes through a [`Poster`]: no redirects, no inner addresses unless
//! they are allowed, the proxy and the authority that the configuration names, one time-out. The
//! URL may hold a token and the answer may hold anything, so neither is ever shown: messages name
//! the host and the status. Of an answer 16 KiB are read.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Client, Proxy, RequestBuilder, StatusCode, Url, header, redirect};

use crate::clock::{Clock, Timestamp};

use super::SinkError;
use super::address::{PublicOnly, Refused, not_public};

const CONNECT: Duration = Duration::from_secs(10);
/// Of an answer at most this much is read, so that its connection can be used again.
const ANSWER_BYTES: usize = 16 << 10;

/// On which ways a receiver may be reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Reach {
    /// A file of PEM certificates to trust besides the system's: a private CA.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy to go through, `http://host:port`; the environment's is not used. The proxy
    /// resolves the URL's name then, so which addresses that leads to is the proxy's to police.
    pub proxy: Option<String>,
    /// Whether the URL may lead to a private, link-local or loopback address.
    pub allow_private: bool,
    /// Whether a secret may go to the receiver without TLS, to others than this machine.
    pub allow_plain_http: bool,
    /// How long one delivery may take.
    pub timeout: Duration,
}

/// Without the proxy's address, which may hold a password.
impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("ca_file", &self.ca_file).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            ca_file: None,
            proxy: None,
            allow_private: false,
            allow_plain_http: false,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Posts to URLs of one receiver.
pub(super) struct Poster {
    client: Client,
    pub url: Url,
    pub host: String,
    pub clock: Clock,
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Poster {
    /// Returns what posts to `url`; connects to nothing yet, but reads the CA file. Makes *ring*
    /// the process's TLS provider if it has none yet.
    ///
    /// # Errors
    ///
    /// Says which setting can't be used, why, and what is expected; never the URL.
    pub fn new(url: &str, reach: &Reach, clock: Clock) -> Result<Self, String> {
        let url = Url::parse(url.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let url = url.ok_or("url: expected an address such as https://hooks.example.com/gatewatch")?;
        let host = url.host_str().ok_or("url: has no host")?.to_owned();
        if let (false, Ok(address)) = (reach.allow_private, host.trim_matches(['[', ']']).parse::<IpAddr>())
            && let Some(kind) = not_public(address)
        {
            return Err(format!(
                "url: {address} is {kind}: name a public address, or set allow_private = true if this is meant"
            ));
        }
        // Err: somebody has installed a provider before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self { client: client(reach)?, url, host, clock })
    }

    /// Says that `what`, a secret, goes to the receiver with every request.
    ///
    /// # Errors
    ///
    /// Says that everybody on the way could read it.
    pub fn carrying(self, what: &str, reach: &Reach) -> Result<Self, String> {
        match in_the_clear(self.url.as_str(), what) {
            Some((says, mend)) if !reach.allow_plain_http => Err(format!("url: {says}: {mend}")),
            _ => Ok(self),
        }
    }

    /// Begins a request to the receiver's URL, with a body of JSON.
    pub fn json(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json").body(body)
    }

    /// Begins a request to the receiver's URL, with a form for a body.
    pub fn form(&self, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = Url::parse_with_params("http://form.invalid/", fields)
            .map(|url| url.query().unwrap_or_default().to_owned())
            .unwrap_or_default();
        self.client.post(self.url.clone()).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }

    /// Sends a request and returns the answer, whatever it says.
    ///
    /// # Errors
    ///
    /// [`SinkError::Retry`] if none came.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, SinkError> {
        let mut answer = request.send().await.map_err(|error| self.failed(&error))?;
        let (status, after) = (answer.status(), retry_after(answer.headers(), self.clock.now()));
        let mut body = Vec::new();
        while let Ok(Some(bytes)) = answer.chunk().await {
            let room = ANSWER_BYTES - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if body.len() >= ANSWER_BYTES {
                break;
            }
        }
        Ok(Answer { status, after, body, host: self.host.clone() })
    }

    /// Explains why no answer came; never with the URL in it.
    fn failed(&self, error: &reqwest::Error) -> SinkError {
        let host = &self.host;
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
            if let Some(refused) = cause.downcast_ref::<Refused>() {
                return SinkError::retry(format!("{refused}: set allow_private = true if this is meant"));
            }
        }
        if error.is_timeout() {
            return SinkError::retry(format!("{host} did not answer in time: it is slow, or timeout too small"));
        }
        // The outermost error names the URL; what lies under it does not.
        let cause = if error.source().is_some() { cause.to_string() } else { "no answer".into() };
        let cause: String = cause.chars().filter(|c| !c.is_control()).take(200).collect();
        SinkError::retry(format!("{host} can't be reached ({cause}): check name, port, proxy and certificate"))
    }
}

/// Says that `what`, a secret that goes to `url`, could be read on the way, and how to mend it; `None` where it goes
/// by TLS or stays on this machine.
pub fn in_the_clear(url: &str, what: &str) -> Option<(String, &'static str)> {
    let url = Url::parse(url.trim()).ok().filter(|url| url.scheme() == "http")?;
    let host = url.host_str()?;
    let name = host.trim_matches(['[', ']']);
    let here = name.parse::<IpAddr>().map_or_else(
        |_| name == "localhost" || name.ends_with(".localhost"),
        |address| address.to_canonical().is_loopback(),
    );
    let says = format!("{what} would go to {host} without TLS, for everybody on the way to read");
    (!here).then_some((says, "write https://, or set allow_plain_http = true if nobody else is on the way"))
}

/// Tells whether a webhook's address holds what only its owner should know: a user, or a query.
pub fn holds_secret(url: &str) -> bool {
    let url = Url::parse(url.trim()).ok();
    url.is_some_and(|url| !url.username().is_empty() || url.password().is_some() || url.query().is_some())
}

/// What a receiver answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    /// How long it asked us to wait.
    pub after: Option<Duration>,
    /// Its beginning; never shown.
    pub body: Vec<u8>,
    host: String,
}

impl Answer {
    /// Returns the status as a note if the receiver took what was sent. `refused` says what to
    /// mend if it did not take it because of who we are; until then it is tried again.
    ///
    /// # Errors
    ///
    /// [`SinkError::Retry`] if it may take it later, [`SinkError::Reject`] if never.
    pub fn judged(&self, refused: &str) -> Result<String, SinkError> {
        let (host, status) = (&self.host, self.status);
        let code = status.as_u16();
        match code {
            200..=299 => Ok(code.to_string()),
            408 | 425 | 429 | 500..=599 => Err(SinkError::Retry {
                says: format!("{host} answered {status}: it is overloaded or down"),
                after: self.after,
            }),
            300..=399 => Err(SinkError::retry(format!(
                "{host} answered {status}: redirects are not followed; put the address it leads to into url"
            ))),
            // Who mends that has nothing lost: only what is wrong with this very body is final.
            401 | 403 => {
                Err(SinkError::Retry { says: format!("{host} answered {status}: {refused}"), after: self.after })
            }
            407 => Err(SinkError::retry(format!("{host} answered {status}: check user and password of the proxy"))),
            404 | 405 | 410 => Err(SinkError::retry(format!("{host} answered {status}: check the url's path"))),
            413 => Err(SinkError::Reject(format!("{host} answered {status}: raise its limit for bodies"))),
            _ => Err(SinkError::Reject(format!("{host} answered {status}: it does not take this body"))),
        }
    }
}

fn client(reach: &Reach) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("gatewatch/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .timeout(reach.timeout.max(Duration::from_secs(1)))
        .no_proxy();
    let mut proxy_host = None;
    if let Some(proxy) = &reach.proxy {
        let expected = "proxy: expected an address such as http://proxy.example.com:3128";
        let url = Url::parse(proxy).map_err(|_| expected)?;
        proxy_host = url.host_str().map(ToOwned::to_owned);
        builder = builder.proxy(Proxy::all(proxy).map_err(|_| expected)?);
    }
    if !reach.allow_private {
        builder = builder.dns_resolver(PublicOnly { proxy: proxy_host });
    }
    if let Some(path) = &reach.ca_file {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    builder.build().map_err(|error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        format!(
            "the TLS client can't be set up ({cause}): the system's certificates are missing, or ca_file is unusable"
        )
    })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    match Certificate::from_pem_bundle(&authorities(path)?) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(no_authorities(path, "holds no certificate")),
    }
}

/// Returns the bytes of a file of certificates.
pub(super) fn authorities(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| no_authorities(path, &format!("can't be read ({error})")))
}

/// Says what is wrong with a file of certificates.
pub(super) fn no_authorities(path: &Path, says: &str) -> String {
    format!("ca_file: {} {says}; expected a readable file of PEM certificates", path.display())
}

/// Reads how long the receiver asks us to wait: seconds, or a date.
fn retry_after(headers: &header::HeaderMap, now: Timestamp) -> Option<Duration> {
    let asked = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(asked).ok()?;
    Some(Timestamp::from_seconds(date.timestamp()).since(now))
}
