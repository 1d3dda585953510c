//! Alerts posted to a URL, signed.
//!
//! Headers follow Standard Webhooks: `webhook-id` is the idempotency key, `webhook-signature` an
//! HMAC-SHA-256 over id, time and body, so a receiver can check who sent it and that it is fresh.
//! The URL comes from the configuration alone, and is never shown beyond its host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;

use crate::alerts::{Level, Transition};
use crate::clock::Clock;
use crate::telemetry::Streams;

use super::post::{Poster, Reach, holds_secret};
use super::{RenderedDelivery, Sink, SinkError, change, link, native};

/// Posts each transition to one URL.
pub struct Webhook {
    poster: Poster,
    at_least: Option<Level>,
    /// Keyed with the secret; each signature starts from a copy.
    signer: Option<Hmac<Sha256>>,
    external_url: Option<String>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("host", &self.poster.host).finish_non_exhaustive()
    }
}

impl Webhook {
    /// What only its receiver may know of what goes there.
    pub const SECRET: &'static str = "what the address holds";

    /// Returns the sink; connects to nothing yet, but reads the CA file.
    ///
    /// `secret` signs what is sent, `whsec_` and base64 or any other text; `external_url` is
    /// where people reach the dashboard, for the link in the body. Only alerts `at_least` so bad
    /// are sent.
    ///
    /// # Errors
    ///
    /// Says which setting can't be used, why, and what is expected.
    pub fn new(
        url: &str,
        reach: &Reach,
        at_least: Option<Level>,
        secret: Option<&str>,
        external_url: Option<&str>,
        clock: Clock,
    ) -> Result<Self, String> {
        let mut poster = Poster::new(url, reach, clock)?;
        if holds_secret(url) {
            poster = poster.carrying(Self::SECRET, reach)?;
        }
        Ok(Self {
            poster,
            at_least,
            signer: secret.map(signer).transpose()?,
            external_url: external_url.map(ToOwned::to_owned),
        })
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
            "link": link(self.external_url.as_deref(), alert.id),
            "data": native(alert, streams),
        });
        Some(body.to_string())
    }

    async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let seconds = self.poster.clock.now().nanos().div_euclid(1_000_000_000);
        let mut request = self
            .poster
            .json(delivery.payload.to_owned())
            .header("idempotency-key", delivery.key)
            .header("webhook-id", delivery.key)
            .header("webhook-timestamp", seconds);
        if let Some(signer) = &self.signer {
            request = request.header("webhook-signature", signature(signer.clone(), delivery, seconds));
        }
        self.poster.send(request).await?.judged("check the secret and the url's token")
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode, Uri};
    use axum::response::{IntoResponse as _, Response};
    use serde_json::Value;

    use super::super::{sample, sample_streams};
    use super::*;
    use crate::alerts::{Change, Closing};
    use crate::clock::Timestamp;

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

    fn inside() -> Reach {
        Reach { timeout: Duration::from_secs(1), allow_private: true, ..Reach::default() }
    }

    fn webhook(url: &str, reach: &Reach, secret: Option<&str>) -> Result<Webhook, String> {
        let clock = Clock::fixed(Timestamp::from_seconds(NOW));
        Webhook::new(url, reach, None, secret, Some("https://watch.example.com/"), clock)
    }

    async fn deliver_to(path: &str) -> (Result<String, SinkError>, Vec<(HeaderMap, String)>) {
        let (base, seen) = receiver().await;
        let sink = webhook(&format!("{base}/{path}"), &inside(), Some("s3cr3t")).unwrap();
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
    async fn what_a_receiver_refuses_for_its_body_is_final_and_its_words_are_not_shown() {
        for path in ["400", "413", "422"] {
            let refused = deliver_to(path).await.0.unwrap_err();
            assert!(matches!(&refused, SinkError::Reject(says) if says.contains(path)), "{refused}");
        }
    }

    #[tokio::test]
    async fn what_an_operator_can_mend_is_tried_again_and_says_what_to_mend() {
        for (path, mend) in [("401", "the secret"), ("403", "the secret"), ("407", "the proxy")] {
            let (says, _) = retried(path).await;
            assert!(says.contains(path) && says.contains(mend), "{says}");
        }
        for path in ["404", "405", "410"] {
            let (says, _) = retried(path).await;
            assert!(says.contains(path) && says.contains("check the url's path"), "{says}");
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
        let sink = webhook("http://127.0.0.1:1/token-in-the-path", &inside(), None).unwrap();
        let failed = sink.deliver(&RenderedDelivery { key: "k:1", payload: "{}" }).await.unwrap_err();
        assert!(matches!(&failed, SinkError::Retry { .. }));
        let shown = format!("{failed} {sink:?}");
        assert!(shown.contains("can't be reached") && !shown.contains("token-in-the-path"), "{shown}");
    }

    #[tokio::test]
    async fn inner_addresses_are_refused_by_number_and_by_name() {
        for url in ["http://169.254.169.254/metadata", "http://0x7f.1/", "https://[::1]/", "http://[::ffff:10.0.0.1]/"]
        {
            let refused = webhook(url, &Reach::default(), None).unwrap_err();
            assert!(refused.contains("allow_private"), "{refused}");
        }
        let (base, seen) = receiver().await;
        let by_name = base.replace("127.0.0.1", "localhost");
        let sink = webhook(&by_name, &Reach::default(), None).unwrap();
        let refused = sink.deliver(&RenderedDelivery { key: "k:1", payload: "{}" }).await.unwrap_err().to_string();
        assert!(refused.contains("loopback") && refused.contains("allow_private"), "{refused}");
        assert!(seen.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_proxy_is_gone_through_where_one_is_set() {
        let (proxy, seen) = receiver().await;
        let through = Reach { proxy: Some(proxy), ..Reach::default() };
        let sink = webhook("http://hooks.example.invalid/x", &through, None).unwrap();
        assert_eq!(sink.deliver(&RenderedDelivery { key: "k:1", payload: "{}" }).await.unwrap(), "200");
        assert_eq!(seen.lock().unwrap()[0].0["host"], "hooks.example.invalid");
    }

    #[test]
    fn a_setting_that_is_wrong_is_named() {
        let wrong = |url: &str, reach: Reach| webhook(url, &reach, None).unwrap_err();
        assert!(wrong("ftp://x", inside()).starts_with("url: "));
        let ca_file = Some("/nowhere/ca.pem".into());
        assert!(wrong("https://x", Reach { ca_file, ..inside() }).starts_with("ca_file: /nowhere/ca.pem"));
        let proxy = Some("::".into());
        assert!(wrong("https://x", Reach { proxy, ..inside() }).starts_with("proxy: "));
    }

    #[test]
    fn a_body_says_what_changed_and_links_to_the_alert() {
        let sink = webhook("https://hooks.example.com/", &inside(), None).unwrap();
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
        let critical = Webhook { at_least: Some(Level::Critical), ..sink };
        assert_eq!(critical.render(&Transition::Opened(sample()), &sample_streams()), None);
    }
}
