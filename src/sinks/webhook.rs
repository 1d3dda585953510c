//! Alerts posted to a URL, signed.
//!
//! Headers follow Standard Webhooks: `webhook-id` is the idempotency key, `webhook-signature` an
//! HMAC-SHA-256 over id, time and body, so a receiver can check who sent it and that it is fresh.
//! The URL comes from the configuration alone; redirects are not followed and inner addresses
//! are refused unless allowed. The URL may hold a token and the answer may hold anything, so
//! neither is ever shown: messages name the host and the status.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use reqwest::{Certificate, Client, Proxy, StatusCode, Url, header, redirect};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use crate::alerts::{Level, Transition};
use crate::clock::{Clock, Timestamp};
use crate::telemetry::Streams;

use super::address::{PublicOnly, Refused, not_public};
use super::{RenderedDelivery, Sink, SinkError, change, native};

const CONNECT: Duration = Duration::from_secs(10);
/// Of an answer at most this much is read, so that its connection can be used again.
const ANSWER_BYTES: usize = 16 << 10;

/// A sink that posts to a URL: the table `[sinks.webhook.NAME]`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where to post, `https://…`; never shown beyond its host, for it may hold a token.
    pub url: String,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// Seconds that one delivery may take.
    #[serde(default = "thirty")]
    pub timeout_seconds: u64,
    /// A file of PEM certificates to trust besides the system's: a private CA.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy to go through, `http://host:port`; the environment's is not used. The proxy
    /// resolves the URL's name then, so which addresses that leads to is the proxy's to police.
    #[serde(default)]
    pub proxy: Option<String>,
    /// Whether the URL may lead to a private, link-local or loopback address.
    #[serde(default)]
    pub allow_private: bool,
}

const fn thirty() -> u64 {
    30
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = Url::parse(&self.url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
        f.debug_struct("WebhookSettings").field("host", &host).finish_non_exhaustive()
    }
}

/// Posts each transition to one URL.
pub struct Webhook {
    client: Client,
    url: Url,
    host: String,
    at_least: Option<Level>,
    /// Keyed with the secret; each signature starts from a copy.
    signer: Option<Hmac<Sha256>>,
    external_url: Option<String>,
    clock: Clock,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Webhook {
    /// Returns the sink; connects to nothing yet, but reads the CA file.
    ///
    /// `secret` signs what is sent, `whsec_` and base64 or any other text; `external_url` is
    /// where people reach the dashboard, for the link in the body. Makes *ring* the process's
    /// TLS provider if it has none yet.
    ///
    /// # Errors
    ///
    /// Says which setting can't be used, why, and what is expected.
    pub fn new(
        settings: &WebhookSettings,
        secret: Option<&str>,
        external_url: Option<&str>,
        clock: Clock,
    ) -> Result<Self, String> {
        let url = Url::parse(&settings.url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let url = url.ok_or("url: expected an address such as https://hooks.example.com/gatewatch")?;
        let host = url.host_str().ok_or("url: has no host")?.to_owned();
        if let (false, Ok(address)) = (settings.allow_private, host.trim_matches(['[', ']']).parse::<IpAddr>())
            && let Some(kind) = not_public(address)
        {
            return Err(format!(
                "url: {address} is {kind}: name a public address, or set allow_private = true if this is meant"
            ));
        }
        // Err: somebody has installed a provider before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            client: client(settings)?,
            url,
            host,
            at_least: settings.at_least,
            signer: secret.map(signer).transpose()?,
            external_url: external_url.map(|url| url.trim_end_matches('/').to_owned()),
            clock,
        })
    }

    async fn post(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let seconds = self.clock.now().nanos().div_euclid(1_000_000_000);
        let mut request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", delivery.key)
            .header("webhook-id", delivery.key)
            .header("webhook-timestamp", seconds);
        if let Some(signer) = &self.signer {
            request = request.header("webhook-signature", signature(signer.clone(), delivery, seconds));
        }
        let mut answer = request.body(delivery.payload.to_owned()).send().await.map_err(|error| self.failed(&error))?;
        let (status, wait) = (answer.status(), retry_after(answer.headers(), self.clock.now()));
        let mut read = 0;
        while let Ok(Some(bytes)) = answer.chunk().await {
            read += bytes.len();
            if read > ANSWER_BYTES {
                break;
            }
        }
        self.judge(status, wait)
    }

    fn judge(&self, status: StatusCode, after: Option<Duration>) -> Result<String, SinkError> {
        let host = &self.host;
        let code = status.as_u16();
        match code {
            200..=299 => Ok(code.to_string()),
            408 | 425 | 429 | 500..=599 => {
                Err(SinkError::Retry { says: format!("{host} answered {status}: it is overloaded or down"), after })
            }
            300..=399 => Err(SinkError::retry(format!(
                "{host} answered {status}: redirects are not followed; put the address it leads to into url"
            ))),
            401 | 403 => {
                Err(SinkError::Reject(format!("{host} answered {status}: check the secret and the url's token")))
            }
            404 | 405 | 410 => Err(SinkError::Reject(format!("{host} answered {status}: check the url's path"))),
            413 => Err(SinkError::Reject(format!("{host} answered {status}: raise its limit for bodies"))),
            _ => Err(SinkError::Reject(format!("{host} answered {status}: it does not take this body"))),
        }
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

impl Sink for Webhook {
    fn render(&self, transition: &Transition, streams: &Streams) -> Option<String> {
        let alert = transition.alert();
        if self.at_least.is_some_and(|least| alert.level < least) {
            return None;
        }
        let (kind, at) = match transition {
            Transition::Opened(_) => ("alert.opened", alert.opened_at),
            Transition::Updated(..) => ("alert.updated", alert.last_seen),
            Transition::Closed(..) => ("alert.closed", alert.last_seen),
        };
        let body = json!({
            "type": kind,
            "timestamp": at,
            "revision": alert.revision,
            "change": change(transition),
            "link": self.external_url.as_ref().map(|url| format!("{url}/a/{}", alert.id)),
            "data": native(alert, streams),
        });
        Some(body.to_string())
    }

    async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        self.post(delivery).await
    }
}

fn client(settings: &WebhookSettings) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("gatewatch/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .timeout(Duration::from_secs(settings.timeout_seconds.max(1)))
        .no_proxy();
    let mut proxy_host = None;
    if let Some(proxy) = &settings.proxy {
        let expected = "proxy: expected an address such as http://proxy.example.com:3128";
        let url = Url::parse(proxy).map_err(|_| expected)?;
        proxy_host = url.host_str().map(ToOwned::to_owned);
        builder = builder.proxy(Proxy::all(proxy).map_err(|_| expected)?);
    }
    if !settings.allow_private {
        builder = builder.dns_resolver(PublicOnly { proxy: proxy_host });
    }
    if let Some(path) = &settings.ca_file {
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
    let told = |says: &str| format!("ca_file: {} {says}; expected a readable file of PEM certificates", path.display());
    let pem = std::fs::read(path).map_err(|error| told(&format!("can't be read ({error})")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(told("holds no certificate")),
    }
}

fn signer(secret: &str) -> Result<Hmac<Sha256>, String> {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD
            .decode(encoded.trim())
            .map_err(|_| "secret: what follows whsec_ is not base64; copy it again from the receiver")?,
        None => secret.as_bytes().to_vec(),
    };
    Hmac::new_from_slice(&key).map_err(|_| "secret: can't be used as a key".into())
}

/// Signs id, time and body; `mac` holds the secret already.
fn signature(mut mac: Hmac<Sha256>, delivery: &RenderedDelivery<'_>, seconds: i64) -> String {
    mac.update(format!("{}.{seconds}.", delivery.key).as_bytes());
    mac.update(delivery.payload.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, Uri};
    use axum::response::{IntoResponse as _, Response};
    use serde_json::Value;

    use super::super::{sample, sample_streams};
    use super::*;
    use crate::alerts::{Change, Closing};

    const NOW: i64 = 1_700_000_000;

    type Seen = Arc<Mutex<Vec<(HeaderMap, String)>>>;

    /// A receiver that answers as the path says: `/500`, `/429`, `/redirect`, `/slow`, else 200.
    async fn receiver() -> (String, Seen) {
        async fn answer(State(seen): State<Seen>, uri: Uri, headers: HeaderMap, body: String) -> Response {
            seen.lock().unwrap().push((headers, body));
            match uri.path().trim_start_matches('/') {
                "redirect" => (StatusCode::FOUND, [("location", "/200")]).into_response(),
                "429" => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], "calm down").into_response(),
                "503" => {
                    let date = [("retry-after", "Tue, 14 Nov 2023 22:15:20 GMT")];
                    (StatusCode::SERVICE_UNAVAILABLE, date).into_response()
                }
                "slow" => {
                    tokio::time::sleep(Duration::from_secs(20)).await;
                    StatusCode::OK.into_response()
                }
                "endless" => "x".repeat(1 << 20).into_response(),
                code => StatusCode::from_bytes(code.as_bytes()).unwrap_or(StatusCode::OK).into_response(),
            }
        }
        let seen = Seen::default();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (format!("http://{address}"), seen)
    }

    fn settings(url: &str) -> WebhookSettings {
        let url = url.to_owned();
        WebhookSettings { url, at_least: None, timeout_seconds: 1, ca_file: None, proxy: None, allow_private: true }
    }

    fn webhook(settings: &WebhookSettings, secret: Option<&str>) -> Result<Webhook, String> {
        let clock = Clock::fixed(Timestamp::from_seconds(NOW));
        Webhook::new(settings, secret, Some("https://watch.example.com/"), clock)
    }

    async fn deliver_to(path: &str) -> (Result<String, SinkError>, Vec<(HeaderMap, String)>) {
        let (base, seen) = receiver().await;
        let sink = webhook(&settings(&format!("{base}/{path}")), Some("s3cr3t")).unwrap();
        let result = sink.deliver(&RenderedDelivery { key: "3f9a:2", payload: "{\"a\":1}" }).await;
        let seen = seen.lock().unwrap().clone();
        (result, seen)
    }

    async fn retried(path: &str) -> (String, Option<Duration>) {
        match deliver_to(path).await.0 {
            Err(SinkError::Retry { says, after }) => (says, after),
            other => panic!("{path}: {other:?}"),
        }
    }

    /// HMAC-SHA-256 from its definition, so that the signature is not checked with what made it.
    fn hmac_by_hand(key: &[u8], text: &[u8]) -> Vec<u8> {
        use sha2::Digest as _;
        let mut block = [0_u8; 64];
        block[..key.len()].copy_from_slice(key);
        let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
        Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
    }

    #[tokio::test]
    async fn a_delivery_is_signed_and_carries_its_key() {
        let (result, seen) = deliver_to("200").await;
        assert_eq!(result.unwrap(), "200");
        let (headers, body) = &seen[0];
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(body, "{\"a\":1}");
        assert_eq!((header("webhook-id"), header("idempotency-key")), ("3f9a:2".into(), "3f9a:2".into()));
        assert_eq!((header("webhook-timestamp"), header("content-type")), (NOW.to_string(), "application/json".into()));
        let signed = format!("3f9a:2.{NOW}.{body}");
        let expected = format!("v1,{}", STANDARD.encode(hmac_by_hand(b"s3cr3t", signed.as_bytes())));
        assert_eq!(header("webhook-signature"), expected);
    }

    #[test]
    fn a_secret_in_the_standard_form_is_decoded() {
        let mac = |secret| signer(secret).unwrap().chain_update(b"x").finalize().into_bytes();
        assert_eq!(mac("whsec_a2V5"), mac("key"));
        let refused = signer("whsec_?").unwrap_err();
        assert!(refused.contains("base64"), "{refused}");
    }

    #[tokio::test]
    async fn an_overloaded_receiver_is_tried_again_when_it_asks() {
        assert_eq!(retried("429").await.1, Some(Duration::from_secs(7)));
        assert_eq!(retried("503").await.1, Some(Duration::from_mins(2)));
        assert_eq!(retried("500").await.1, None);
    }

    #[tokio::test]
    async fn a_receiver_that_refuses_is_not_tried_again_and_its_words_are_not_shown() {
        for path in ["400", "401", "404", "410", "422"] {
            let refused = deliver_to(path).await.0.unwrap_err();
            assert!(matches!(&refused, SinkError::Reject(says) if says.contains(path)), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let (result, seen) = deliver_to("redirect").await;
        assert!(result.unwrap_err().to_string().contains("redirects are not followed"));
        assert_eq!(seen.len(), 1);
    }

    #[tokio::test]
    async fn a_slow_receiver_holds_nothing_up_for_long() {
        let (says, _) = retried("slow").await;
        assert!(says.contains("did not answer in time"), "{says}");
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_read_to_its_end() {
        assert_eq!(deliver_to("endless").await.0.unwrap(), "200");
    }

    #[tokio::test]
    async fn a_receiver_that_is_down_is_tried_again_and_the_url_stays_hidden() {
        let sink = webhook(&settings("http://127.0.0.1:1/token-in-the-path"), None).unwrap();
        let failed = sink.deliver(&RenderedDelivery { key: "k:1", payload: "{}" }).await.unwrap_err();
        assert!(matches!(&failed, SinkError::Retry { .. }));
        let shown = format!("{failed} {sink:?} {:?}", settings("http://127.0.0.1:1/token-in-the-path"));
        assert!(shown.contains("can't be reached") && !shown.contains("token-in-the-path"), "{shown}");
    }

    #[tokio::test]
    async fn inner_addresses_are_refused_by_number_and_by_name() {
        for url in ["http://169.254.169.254/metadata", "http://0x7f.1/", "https://[::1]/", "http://[::ffff:10.0.0.1]/"]
        {
            let refused = webhook(&WebhookSettings { allow_private: false, ..settings(url) }, None).unwrap_err();
            assert!(refused.contains("allow_private"), "{refused}");
        }
        let (base, seen) = receiver().await;
        let by_name = base.replace("127.0.0.1", "localhost");
        let sink = webhook(&WebhookSettings { allow_private: false, ..settings(&by_name) }, None).unwrap();
        let refused = sink.deliver(&RenderedDelivery { key: "k:1", payload: "{}" }).await.unwrap_err().to_string();
        assert!(refused.contains("loopback") && refused.contains("allow_private"), "{refused}");
        assert!(seen.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_proxy_is_gone_through_where_one_is_set() {
        let (proxy, seen) = receiver().await;
        let through = WebhookSettings { proxy: Some(proxy), ..settings("http://hooks.example.invalid/x") };
        let sink = webhook(&WebhookSettings { allow_private: false, ..through }, None).unwrap();
        assert_eq!(sink.deliver(&RenderedDelivery { key: "k:1", payload: "{}" }).await.unwrap(), "200");
        assert_eq!(seen.lock().unwrap()[0].0["host"], "hooks.example.invalid");
    }

    #[test]
    fn a_setting_that_is_wrong_is_named() {
        let wrong = |settings: WebhookSettings| webhook(&settings, None).unwrap_err();
        assert!(wrong(settings("ftp://x")).starts_with("url: "));
        let ca_file = Some("/nowhere/ca.pem".into());
        assert!(wrong(WebhookSettings { ca_file, ..settings("https://x") }).starts_with("ca_file: /nowhere/ca.pem"));
        let proxy = Some("::".into());
        assert!(wrong(WebhookSettings { proxy, ..settings("https://x") }).starts_with("proxy: "));
    }

    #[test]
    fn a_body_says_what_changed_and_links_to_the_alert() {
        let sink = webhook(&settings("https://hooks.example.com/"), None).unwrap();
        let body = |transition: &Transition| -> Value {
            serde_json::from_str(&sink.render(transition, &sample_streams()).unwrap()).unwrap()
        };
        let opened = body(&Transition::Opened(sample()));
        assert_eq!((&opened["type"], &opened["timestamp"]), (&"alert.opened".into(), &"1970-01-01T00:02:40Z".into()));
        assert_eq!(opened["link"], "https://watch.example.com/a/0000000000003f9a");
        assert_eq!((&opened["data"]["id"], &opened["revision"]), (&"0000000000003f9a".into(), &2.into()));
        let updated = body(&Transition::Updated(sample(), Change::Acknowledged { by: "dana".into() }));
        assert_eq!((&updated["type"], &updated["change"]["by"]), (&"alert.updated".into(), &"dana".into()));
        assert_eq!(body(&Transition::Closed(sample(), Closing::Quiet))["type"], "alert.closed");
        let critical = WebhookSettings { at_least: Some(Level::Critical), ..settings("https://hooks.example.com/") };
        assert_eq!(webhook(&critical, None).unwrap().render(&Transition::Opened(sample()), &sample_streams()), None);
    }
}
