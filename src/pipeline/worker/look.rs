//! What is to be looked up about an event, as the rooms that know it want it?
//!
//! It must be asked before addresses are hidden. Of a secret only what it says of itself is handed on, and
//! only of the one that stands in the `Authorization` header: that one was shown as a credential, others
//! may be anybody's.

use crate::context::{Act, Asked, Memo, Named, Shown};
use crate::telemetry::{Category, Event, Known, address};

use super::Stage;

impl Stage {
    /// Looks up what is asked, as long as the address is the caller's own.
    pub(super) fn look<'c>(&'c self, event: &Event<'_>, asked: Asked, memo: &mut Memo<'c>) -> Option<Known<'c>> {
        let named = Named {
            app: event.app.map(|text| text.value),
            function: event.function.map(|text| text.value),
            origin: event.origin.map(|text| text.value),
            key: event.key.id.map(|text| text.value),
            ip: event.source_ip,
            time: event.time,
        };
        let act = asked.intent.then(|| act(event));
        self.context.look(asked, &named, act.as_ref(), memo)
    }
}

/// Returns what an event says that intent is held against.
fn act<'e>(event: &'e Event<'_>) -> Act<'e> {
    Act {
        kind: event.kind,
        category: event.category,
        outcome: event.outcome,
        resource: event.resource.map(|text| text.value),
        app: event.app.map(|text| text.value),
        function: event.function.map(|text| text.value),
        gateway: event.gateway.map(|text| text.value),
        operation: event.operation.map(|text| text.value),
        api: event.api.map(|text| text.value),
        method: event.request.method.map(|text| text.value),
        host: event.request.host.map(|text| text.value),
        path: event.request.path.map(|text| text.value),
        ip: event.source_ip,
        peer: event.peer.and_then(|text| address(text.value)).map(|read| read.ip),
        layer: event.layer,
        front_door: event.front_door.id.is_some(),
        origin: event.origin.map(|text| text.value),
        allowed_origin: event.response.allow_origin.map(|text| text.value),
        key: shows_key(event.category, event.key.id.map(|text| text.value)),
        token: shown(event),
        identity: event.identity.resource.map(|text| text.value),
    }
}

/// Tells whether a key was taken: a gateway names the subscription of one that it takes, and the fingerprint
/// of what stood in a header proves nothing.
fn shows_key(category: Category, id: Option<&str>) -> bool {
    id.is_some_and(|id| category != Category::GatewayLogs || !id.contains(':'))
}

/// Returns what the token in the `Authorization` header says of itself.
fn shown<'e>(event: &'e Event<'_>) -> Option<Shown<'e>> {
    let header = event.authorization?;
    let inside = |at: &std::ops::Range<u32>| header.start <= at.start && at.end <= header.end;
    let token = event.sightings.iter().find(|seen| &*seen.kind == "jwt" && !seen.dummy && inside(&seen.at))?;
    let about = token.about.as_deref();
    Some(Shown {
        issuer: about.and_then(|about| about.issuer.as_deref()),
        audience: about.and_then(|about| about.audience.as_deref()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use bumpalo::Bump;
    use data_encoding::BASE64URL_NOPAD;

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::context::{Context, Topology};
    use crate::dashboard::Tap;
    use crate::detection::Matcher;
    use crate::posture::controls::shipped;
    use crate::posture::intended::Intended;
    use crate::redaction::{KeyRing, Redactor, Settings};
    use crate::telemetry::{Batch, StreamId, decode};

    const MODEL: &str = "
version: 1
gateways:
  - name: apim
    authentication: [jwt]
    issuers: [https://login.example/t]
    audiences: ['api://orders']
    operations: [{ name: orders/get }]
";

    fn stage() -> Stage {
        let now = Timestamp::parse_rfc3339("2026-03-02T12:00:00Z").unwrap();
        let intended = Intended::read("model.yaml", MODEL, &shipped().unwrap(), now).unwrap();
        let context = Context { intents: intended.compile(&BTreeMap::new()), ..Context::default() };
        Stage {
            redactor: Arc::new(Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap()),
            matcher: Matcher::new(Vec::new().into(), (1, 2)),
            content_seed: 3,
            keep_redacted: false,
            tap: Tap::default(),
            topology: Topology::default(),
            context: Arc::new(context),
            clock: Clock::fixed(now),
        }
    }

    fn token(issuer: &str, audience: &str) -> String {
        let part = |json: serde_json::Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let head = part(serde_json::json!({ "alg": "RS256", "typ": "JWT", "kid": "k" }));
        let claims = part(serde_json::json!({ "iss": issuer, "aud": audience, "exp": 1_800_000_000, "sub": "s" }));
        let signature: Vec<u8> = (0_u32..256).map(|n| u8::try_from((n * n * 31 + n * 7) % 251).unwrap()).collect();
        format!("{head}.{claims}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    /// What is said of a request with these headers, and a token of the gateway's own behind it.
    fn said(headers: &serde_json::Value) -> (Option<String>, Option<String>) {
        let stage = stage();
        let record = serde_json::json!({
            "time": "2026-03-02T12:00:00Z", "category": "GatewayLogs",
            "resourceId": "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM",
            "callerIpAddress": "203.0.113.7",
            "properties": {
                "method": "GET", "url": "https://apim.azure-api.net/orders/1", "responseCode": 200, "operationId": "get", "apiId": "orders;rev=2",
                "requestHeaders": headers,
                "backendRequestHeaders": { "Authorization": format!("Bearer {}", token("https://sts.example", "api://backend")) },
            },
        });
        let mut batch = Batch::default();
        batch.push(record.to_string().as_bytes(), StreamId(0), 0, 1, None);
        let (scanned, arena) = (stage.redactor.scan(&batch), Bump::new());
        let mut said = (None, None);
        let asked = Asked { intent: true, ..Asked::default() };
        decode(&scanned, 0, &arena, |decoded| {
            let Ok(event) = decoded else { panic!("it does not decode") };
            let intent = stage.look(event, asked, &mut Memo::default()).map(|known| known.intent).unwrap_or_default();
            said = (intent.token.map(str::to_owned), intent.proof.map(str::to_owned));
        });
        said
    }

    #[test]
    fn a_gateway_has_taken_a_key_only_where_it_names_the_subscription() {
        let header = Some("apim-key:k1:ABCDEFGHIJKLMNOP");
        assert!(
            shows_key(Category::GatewayLogs, Some("65f0c0ffee")) && shows_key(Category::GatewayLogs, Some("master"))
        );
        assert!(!shows_key(Category::GatewayLogs, header) && !shows_key(Category::GatewayLogs, None));
        assert!(shows_key(Category::AppServiceHTTPLogs, header));
    }

    #[test]
    fn the_token_of_the_caller_is_held_against_what_is_meant_and_no_other() {
        let with = |issuer, audience| {
            said(&serde_json::json!({ "Authorization": format!("Bearer {}", token(issuer, audience)) }))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(with("https://login.example/t/", "api://orders"), (some("intended"), some("shown")));
        assert_eq!(with("https://evil.example", "api://orders"), (some("issuer"), some("shown")));
        assert_eq!(with("https://login.example/t", "api://other"), (some("audience"), some("shown")));
        assert_eq!(
            said(&serde_json::json!({ "Accept": "*/*" })),
            (None, None),
            "that of the gateway is not the caller's"
        );
    }
}
