//! What redaction promises, tested from outside: every kind in every way of writing is hidden,
//! nothing else changes, and no input makes it slow or breaks it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

use std::time::Instant;

use gatewatch::redaction::{KeyRing, Redactor, Seen, Settings, filter, filter_telling, made};
use gatewatch::telemetry::{Batch, Confidence, Privilege, Scanned, Sighting, StreamId};
use proptest::prelude::*;

const KEY: &str = "k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn redactor() -> Redactor {
    Redactor::new(&KeyRing::from_text(KEY).unwrap(), &Settings::default()).unwrap()
}

fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn batch(text: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.push(text, StreamId(0), 0, 1, None);
    batch
}

/// The text after the scan, and what was seen.
fn scanned(redactor: &Redactor, text: &[u8]) -> (Vec<u8>, Vec<Sighting>) {
    let batch = batch(text);
    let scanned: Scanned<'_> = redactor.scan(&batch);
    (scanned.bytes(0).to_vec(), scanned.sightings(0).to_vec())
}

/// The text with `…` in place of what was hidden, and the kinds.
fn shown(text: &str) -> (String, Vec<String>) {
    let (bytes, sightings) = scanned(&redactor(), text.as_bytes());
    let mut out = Vec::new();
    let mut from = 0;
    for sighting in &sightings {
        out.extend_from_slice(&bytes[from..sighting.at.start as usize]);
        out.extend_from_slice("…".as_bytes());
        assert_eq!(&bytes[sighting.at.start as usize..sighting.at.end as usize], sighting.fingerprint.0.as_bytes());
        from = sighting.at.end as usize;
    }
    out.extend_from_slice(&bytes[from..]);
    (String::from_utf8(out).unwrap(), sightings.iter().map(|one| one.kind.to_string()).collect())
}

#[track_caller]
fn hides(text: &str, left: &str, kinds: &[&str]) {
    let (out, found) = shown(text);
    assert_eq!(out, left, "of {text}");
    assert_eq!(found, kinds, "of {text}");
}

#[track_caller]
fn keeps(text: &str) {
    hides(text, text, &[]);
}

fn percent(secret: &str) -> String {
    secret.replace('%', "%25").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// Every way in which a key is written, with the key in it.
fn forms(secret: &str) -> Vec<String> {
    let escaped = secret.replace('/', "\\/").replace('+', "\\u002B");
    let twice = escaped.replace('\\', "\\\\");
    vec![
        secret.to_owned(),
        format!("key {secret}, and on"),
        format!("GET https://a.azurewebsites.net/api/x?code={}&b=c HTTP/1.1", secret.replace('+', "%2B")),
        format!("code={secret}&X-ARR-LOG-ID=4ee8"),
        format!("u=https%3A%2F%2Fa%2Fx%3Fcode%3D{}%26b%3Dc", percent(secret)),
        format!("u=https%253A%252F%252Fa%253Fcode%253D{}%2526b%253Dc", percent(&percent(secret))),
        format!(r#"{{"requestHeaders":{{"x-functions-key":"{secret}","Host":"a"}}}}"#),
        format!(r#"{{"requestHeaders":{{"Ocp-Apim-Subscription-Key":["{secret}"]}}}}"#),
        format!("x-functions-key: {secret}\r\nHost: a"),
        format!("Endpoint=sb://a/;SharedAccessKeyName=Root;SharedAccessKey={secret};EntityPath=b"),
        format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={secret};EndpointSuffix=c"),
        format!(r#"{{"m":"{escaped}"}}"#),
        format!(r#"{{"m":"the url was \/api\/x?code={escaped}\u0026b=c"}}"#),
        format!(r#"{{"properties":"{{\"message\":\"x?code={twice}\\u0026b\",\"level\":2}}"}}"#),
        format!(r#"{{"properties":"{{'message':'x?code={escaped}&b','level':2}}"}}"#),
        format!(r#"{{"properties":"{{'message':'key {escaped}','level':2}}"}}"#),
        format!(r#"{{"p":"{{\u0022functionKey\u0022:\u0022{escaped}\u0022}}"}}"#),
        format!(r#"{{"Cookie":"session={secret}; ARRAffinity=0a1b2c3d"}}"#),
        format!("bearer {secret}"),
        format!("Authorization: Bearer {secret}\nHost: a"),
    ]
}

fn keys() -> Vec<(&'static str, Option<Privilege>, String)> {
    made::proven(&mut chance(7))
}

#[test]
fn every_checked_kind_is_proven_and_wholly_hidden_in_every_way_of_writing() {
    let redactor = redactor();
    for (kind, privilege, secret) in keys() {
        let mut prints = Vec::new();
        for form in forms(&secret) {
            let (bytes, seen) = scanned(&redactor, form.as_bytes());
            let text = String::from_utf8(bytes).unwrap();
            let found: Vec<_> = seen.iter().filter(|one| one.confidence == Confidence::Proven).collect();
            assert_eq!(found.len(), 1, "{form} became {text}");
            assert_eq!((&*found[0].kind, found[0].privilege), (kind, privilege), "{form}");
            assert!(!found[0].dummy);
            for window in secret.as_bytes().windows(12) {
                assert!(memchr::memmem::find(text.as_bytes(), window).is_none(), "{form} left {text}");
            }
            if serde_json::from_str::<serde_json::Value>(&form).is_ok() {
                serde_json::from_str::<serde_json::Value>(&text).expect(&text);
            }
            prints.push(found[0].fingerprint.clone());
        }
        prints.dedup();
        assert_eq!(prints.len(), 1, "one secret, one fingerprint: {prints:?}");
    }
}

#[test]
fn a_key_with_a_broken_checksum_is_hidden_and_never_proven() {
    let redactor = redactor();
    // Tokens of a sign-in are not checked, and annotated keys of the newer format have no checksum.
    let checked = |kind: &str, secret: &str| kind != "jwt" && !secret.contains("AAQJJQ");
    for (_, _, secret) in keys().into_iter().filter(|(kind, _, secret)| checked(kind, secret)) {
        for at in [7, 20] {
            let mut wrong = secret.clone().into_bytes();
            wrong[at] = match wrong[at] {
                small if small.is_ascii_lowercase() => {
                    if small == b'a' {
                        b'b'
                    } else {
                        b'a'
                    }
                }
                b'A' => b'B',
                _ => b'A',
            };
            let wrong = String::from_utf8(wrong).unwrap();
            for form in forms(&wrong) {
                let (bytes, seen) = scanned(&redactor, form.as_bytes());
                assert!(seen.iter().all(|one| one.confidence < Confidence::Proven), "{form}");
                // A run of base32 has no mark: without its checksum it is nothing, unless it is named.
                let nameless = wrong.len() == 52 && wrong.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
                let left = memchr::memmem::find(&bytes, &wrong.as_bytes()[..20]).is_some();
                assert!(!left || nameless, "{form} became {}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}

#[test]
fn a_bare_key_with_one_wrong_character_wakes_nobody() {
    let redactor = redactor();
    let next = &mut chance(23);
    // A client secret's format is strong enough without its checksum.
    let checked =
        |kind: &str, secret: &str| !["jwt", "entra-client-secret"].contains(&kind) && !secret.contains("AAQJJQ");
    for (kind, _, secret) in keys().into_iter().filter(|(kind, _, secret)| checked(kind, secret)) {
        for _ in 0..40 {
            let letters = secret.trim_end_matches('=').len();
            let at = (next() % letters as u64) as usize;
            let mut wrong = secret.clone().into_bytes();
            wrong[at] = if wrong[at] == b'b' { b'g' } else { b'b' };
            let text = format!("it was {} then", String::from_utf8(wrong).unwrap());
            let (_, seen) = scanned(&redactor, text.as_bytes());
            assert!(seen.iter().all(|one| one.confidence == Confidence::Suspected), "{kind} {text} {seen:?}");
        }
    }
}

#[test]
fn a_secret_is_of_the_service_that_stands_beside_it() {
    let key = data_encoding::BASE64.encode(&made::bytes(&mut chance(31), 32));
    for (text, kind) in [
        ("Endpoint=https://a.service.signalr.net;AccessKey=KEY;Version=1.0;", "azure-signalr-key"),
        ("Endpoint=https://a.webpubsub.azure.com;AccessKey=KEY;Version=1.0;", "azure-web-pubsub-key"),
        ("endpoint=https://a.communication.azure.com/;accesskey=KEY", "azure-communication-services-key"),
        ("Endpoint=https://a.azconfig.io;Id=b;Secret=KEY", "azure-app-configuration-key"),
        ("HostName=a.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=KEY", "azure-iot-key"),
        ("HostName=a.azure-devices.net;DeviceId=b;SharedAccessKey=KEY", "azure-iot-key"),
        ("AccountEndpoint=https://a.documents.azure.com:443/;AccountKey=KEY;", "azure-cosmos-key"),
        ("a.redis.cache.windows.net:6380,password=KEY,ssl=True,abortConnect=False", "azure-redis-key"),
        ("Server=tcp:a.database.windows.net,1433;User ID=b;Password=KEY;Encrypt=True;", "azure-sql-password"),
        (
            "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=DefaultFullSharedAccessSignature;SharedAccessKey=KEY",
            "azure-notification-hubs-key",
        ),
        (
            "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=b;SharedAccessKey=KEY;EntityPath=c",
            "azure-shared-access-key",
        ),
        (
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=KEY;EndpointSuffix=core.windows.net",
            "azure-storage-key",
        ),
        ("https://s1.webhook.we.azure-automation.net/webhooks?token=KEY", "azure-automation-webhook"),
        ("<publishProfile userName='$a' userPWD='KEY' />", "azure-publishing-password"),
        ("aeg-sas-key: KEY", "azure-event-grid-key"),
        ("amqps://user:KEY@a.servicebus.windows.net", "amqp-password"),
    ] {
        let key = if text.contains("://user:") { key.replace('/', "x") } else { key.clone() };
        let (out, seen) = scanned(&redactor(), text.replace("KEY", &key).as_bytes());
        let out = String::from_utf8(out).unwrap();
        assert_eq!(seen.iter().map(|one| &*one.kind).collect::<Vec<_>>(), [kind], "{out}");
        assert!(seen[0].confidence >= Confidence::Context, "{out}");
        assert_eq!(out, text.replace("KEY", &seen[0].fingerprint.0), "the rest stays");
    }
    for (text, kind) in [
        ("api-key: 0f1e2d3c4b5a69788796a5b4c3d2e1f0", "azure-ai-services-key"),
        (r#"{"api-key":"0f1e2d3c4b5a69788796a5b4c3d2e1f0"}"#, "azure-ai-services-key"),
        (
            "https://a.cognitiveservices.azure.com/x?subscription-key=0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "azure-ai-services-key",
        ),
        ("https://atlas.microsoft.com/map/tile?subscription-key=0f1e2d3c4b5a69788796a5b4c3d2e1f0", "azure-maps-key"),
        ("InstrumentationKey=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0;IngestionEndpoint=https://a/", "app-insights-key"),
    ] {
        let (_, seen) = scanned(&redactor(), text.as_bytes());
        assert_eq!(seen.iter().map(|one| &*one.kind).collect::<Vec<_>>(), [kind], "{text}");
    }
}

#[test]
fn what_a_token_says_is_kept_but_for_whom_it_stands_for() {
    let redactor = redactor();
    let claims = serde_json::json!({
        "iss": "https://sts.windows.net/t/", "aud": "api://orders", "appid": "9f0e1d2c-3b4a-4958-8776-655443322110",
        "iat": 1_790_000_000, "exp": 1_790_003_600, "scp": "read write", "upn": "ann@contoso.com", "sub": "s-123",
        "xms_mirid": "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i",
    });
    let part = |json: &str| data_encoding::BASE64URL_NOPAD.encode(json.as_bytes());
    let token = |claims: &serde_json::Value| {
        format!("{}.{}.c2lnbmF0dXJl", part(r#"{"alg":"RS256"}"#), part(&claims.to_string()))
    };
    let (_, seen) = scanned(&redactor, format!("by ann@contoso.com {}", token(&claims)).as_bytes());
    let about = seen[1].about.clone().unwrap();
    assert_eq!(about.issuer.as_deref(), Some("https://sts.windows.net/t/"));
    assert_eq!(about.audience.as_deref(), Some("api://orders"));
    assert_eq!(about.app.as_deref(), Some("9f0e1d2c-3b4a-4958-8776-655443322110"));
    assert_eq!(about.permissions.as_deref(), Some("read write"));
    assert!(about.resource.as_deref().unwrap().ends_with("/userAssignedIdentities/i"));
    assert_eq!(about.expires.unwrap().to_string(), "2026-09-21T15:13:20Z");
    assert_eq!(about.subject.as_ref(), Some(&seen[0].fingerprint), "the same person everywhere");
    // Whoever makes a token may write anything into it.
    let crafted = serde_json::json!({ "iss": "code ann@contoso.com", "aud": "x?code=hunter2hunter2", "appid": "a
b", "exp": "x" });
    let (_, seen) = scanned(&redactor, token(&crafted).as_bytes());
    assert_eq!(seen[0].about, None, "{seen:?}");
}

#[test]
fn a_signature_and_an_annotated_key_say_what_they_are_for_and_how_old() {
    let redactor = redactor();
    let next = &mut chance(41);
    let url = format!("https://acc.blob.core.windows.net/c/b?{}", made::sas(next));
    let (_, seen) = scanned(&redactor, url.as_bytes());
    let about = seen[0].about.clone().unwrap();
    assert_eq!(about.expires.unwrap().to_string(), "2030-01-01T00:00:00Z");
    assert_eq!(
        (about.permissions.as_deref(), about.resource.as_deref()),
        (Some("r"), Some("acc.blob.core.windows.net/c/b"))
    );
    assert_eq!(seen[0].privilege, Some(Privilege::Read));
    for (key, made) in [
        (made::annotated_key(next, "AZDO", "AAAA"), "2026-06-01T00:00:00Z"),
        (made::dated_key(next, "AZDO"), "2026-06-15T12:00:00Z"),
    ] {
        let (_, seen) = scanned(&redactor, key.as_bytes());
        assert_eq!(&*seen[0].kind, "azure-devops-token");
        assert_eq!(seen[0].about.as_ref().unwrap().created.unwrap().to_string(), made);
    }
}

#[test]
fn a_client_secret_is_sure_enough_by_its_format() {
    let (_, seen) = scanned(&redactor(), b"secret xQ38Q~dZ0.k_tVw-yAb1C2d3E4f5G6h7J8k9L0mN, and");
    assert_eq!((&*seen[0].kind, seen[0].confidence), ("entra-client-secret", Confidence::Context));
    keeps("xQ38Q~dZ0 is none");
}

#[test]
fn a_certificate_with_its_key_goes_whole() {
    let body = data_encoding::BASE64.encode(&made::bytes(&mut chance(51), 300));
    let file = format!("MIIJqQIBAzCC{body}");
    hides(&format!("it was {file} then"), "it was … then", &["certificate-with-key"]);
    keeps("MIIJqQIBAzCC is none");
}

#[test]
fn easy_auth_headers_are_known_in_any_case() {
    for (text, left, kind) in [
        ("X-MS-CLIENT-PRINCIPAL: ZXlKaGRYUm9YM1I1Y0NJNg==", "X-MS-CLIENT-PRINCIPAL: …", "client-principal"),
        ("x-ms-client-principal-id: 1b2c", "x-ms-client-principal-id: …", "person"),
        ("x_ms_client_principal_idp: a1-b2", "x_ms_client_principal_idp: …", "client-principal"),
        (r#"{"x-ms-token-google-id-token":"abc"}"#, r#"{"x-ms-token-google-id-token":"…"}"#, "bearer-token"),
        (r#"{"X-Ms-Token-Aad-Refresh-Token":"abc"}"#, r#"{"X-Ms-Token-Aad-Refresh-Token":"…"}"#, "bearer-token"),
    ] {
        hides(text, left, &[kind]);
    }
    keeps("X-MS-CLIENT-PRINCIPAL-IDP: aad");
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "",
        "plain text, 100 % fine = yes",
        r#"{"responseCode":404,"statusCode":"200","code":"NotFound"}"#,
        "responseCode=404 statusCode=200 exit code=1 zipcode=12345",
        r#"{"apimSubscriptionId":"5f1c","subscriptionId":"12345678-1234"}"#,
        "SharedAccessKeyName=RootManageSharedAccessKey;EntityPath=x",
        "/SUBSCRIPTIONS/12CABCB4-86E8-404F-A3D2-1DC9982F45CA/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM-PROD",
        r#"{"category":"Microsoft.AspNetCore.Hosting.Diagnostics","PublicKeyToken=b77a5c561934e089":1}"#,
        r#"{"Cookie":"-","CsUsername":"-","Referer":"-"}"#,
        r#"{"Cookie":""}"#,
        r#"{"identity":{"authorization":{"scope":"/subscriptions/x","action":"Microsoft.Web/sites/write"}}}"#,
        r#"{"m":"password=","n":"x"}"#,
        r#"{"password":null,"secret":true}"#,
        "MICROSOFT.WEB/SITES/HOST/LISTKEYS/ACTION and basicPublishingCredentialsPolicies",
        "the token was not a bearer token; continuationToken=abc",
        "git checkout v1@2 and user @ home; @@@@",
        "sig=1 design=abc a==b if (x == y)",
        "https://example.invalid:8080/path@1.2/x?y=z",
    ] {
        keeps(text);
    }
}

#[test]
fn names_make_secrets_of_any_value() {
    hides("/api/x?code=my-own-key&x=1", "/api/x?code=…&x=1", &["azure-function-key"]);
    hides(r#"{"CsUriQuery":"code=abc"}"#, r#"{"CsUriQuery":"code=…"}"#, &["azure-function-key"]);
    hides("X-Functions-Key: s3cr3t-k3y, x", "X-Functions-Key: …, x", &["azure-function-key"]);
    hides(r#"{"functionKey":"s3cr3t"}"#, r#"{"functionKey":"…"}"#, &["azure-function-key"]);
    hides(
        r#"[{"name":"x-functions-key","value":"s3cr3t"}]"#,
        r#"[{"name":"x-functions-key","value":"…"}]"#,
        &["azure-function-key"],
    );
    let hex = "0123456789abcdef0123456789abcdef";
    hides(&format!("?subscription-key={hex}&q=1"), "?subscription-key=…&q=1", &["apim-subscription-key"]);
    hides(&format!("Ocp-Apim-Subscription-Key: {hex}"), "Ocp-Apim-Subscription-Key: …", &["apim-subscription-key"]);
    hides("Server=a;User ID=b;Password=p&w,d!;X=1", "Server=a;User ID=b;Password=…;X=1", &["password"]);
    hides("Uid=a;Pwd=hunter2", "Uid=a;Pwd=…", &["password"]);
    hides(r#"{"client_secret":"a\"b","x":1}"#, r#"{"client_secret":"…","x":1}"#, &["client-secret"]);
    hides(
        r#"{"access_token":"a","refresh_token":"b"}"#,
        r#"{"access_token":"…","refresh_token":"…"}"#,
        &["bearer-token", "bearer-token"],
    );
    hides("amqp://user:p4ss@host.example.com/x", "amqp://user:…@host.example.com/x", &["amqp-password"]);
    hides(r"https:\/\/user:p4ss@host.invalid\/x", r"https:\/\/user:…@host.invalid\/x", &["password"]);
    hides(r#"{"Authorization":"Basic YTpi"}"#, r#"{"Authorization":"Basic …"}"#, &["basic-credentials"]);
    hides("authorization: Bearer abc", "authorization: Bearer …", &["bearer-token"]);
    hides(r#"{"connectionString":"Foo=bar;Baz=1"}"#, r#"{"connectionString":"…"}"#, &["connection-string"]);
    hides(
        r#"{"connectionString":"Server=a;Password=b;X=1"}"#,
        r#"{"connectionString":"Server=a;Password=…;X=1"}"#,
        &["password"],
    );
    hides(r#"{"X-MS-CLIENT-PRINCIPAL-NAME":"Ann Lee"}"#, r#"{"X-MS-CLIENT-PRINCIPAL-NAME":"…"}"#, &["person"]);
    hides("X-MS-TOKEN-AAD-ACCESS-TOKEN: abcdef", "X-MS-TOKEN-AAD-ACCESS-TOKEN: …", &["bearer-token"]);
    hides("<PrimaryKey>my-own-Key-0815-of-orders</PrimaryKey>", "<PrimaryKey>…</PrimaryKey>", &["api-key"]);
    hides("<a:Password>hunter2</a:Password>", "<a:Password>…</a:Password>", &["password"]);
    hides(r#"{"adminPassword":{"value":"hunter2"}}"#, r#"{"adminPassword":{"value":"…"}}"#, &["password"]);
    hides(r#"{"decryptionKey":"my-own-Key-0815-of-orders"}"#, r#"{"decryptionKey":"…"}"#, &["api-key"]);
}

#[test]
fn a_code_that_comes_back_from_a_sign_in_is_no_function_key() {
    let url = "https://a.invalid/.auth/login/aad/callback?code=0.AXabc-def&state=x";
    hides(url, "https://a.invalid/.auth/login/aad/callback?code=…&state=x", &["oauth-code"]);
    let record = r#"{"CsUriStem":"/.auth/login/aad/callback","CsUriQuery":"code=0.AXabc"}"#;
    hides(record, &record.replace("0.AXabc", "…"), &["oauth-code"]);
}

#[test]
fn of_a_shared_access_signature_only_the_signature_goes() {
    let next = &mut chance(3);
    let query = made::sas(next);
    let (left, _) = query.rsplit_once('=').unwrap();
    hides(&format!("https://a.invalid/b?{query}&x=1"), &format!("https://a.invalid/b?{left}=…&x=1"), &["azure-sas"]);
    let token = "SharedAccessSignature sr=sb%3A%2F%2Fa&sig=aGVsbG8gdGhlcmUgaGVsbG8gdGhlcmUgaGVsbG8hISE%3D&se=1&skn=r";
    let want = "SharedAccessSignature sr=sb%3A%2F%2Fa&sig=…&se=1&skn=r";
    hides(&format!("Authorization: {token}"), &format!("Authorization: {want}"), &["azure-sas"]);
    hides(&format!(r#"{{"Authorization":"{token}"}}"#), &format!(r#"{{"Authorization":"{want}"}}"#), &["azure-sas"]);
}

#[test]
fn cookies_lose_their_values_and_keep_their_names() {
    hides(
        r#"{"Cookie":"ARRAffinity=ab12; AppServiceAuthSession=c/d==; lang=en"}"#,
        r#"{"Cookie":"ARRAffinity=…; AppServiceAuthSession=…; lang=…"}"#,
        &["cookie", "cookie", "cookie"],
    );
    hides(r#"{\"Cookie\":\"ARRAffinity: ab12; \"}"#, r#"{\"Cookie\":\"ARRAffinity: …; \"}"#, &["cookie"]);
    hides(
        "Set-Cookie: .AspNetCore.Cookies=ab12; path=/; samesite=lax\r\nX: y",
        "Set-Cookie: .AspNetCore.Cookies=…; path=/; samesite=lax\r\nX: y",
        &["cookie"],
    );
    hides("saw StaticWebAppsAuthCookie=ab12, ok", "saw StaticWebAppsAuthCookie=…, ok", &["cookie"]);
    let (_, seen) = scanned(&redactor(), b"Cookie: ARRAffinity=ab12; AppServiceAuthSession=cd34");
    let sure: Vec<_> = seen.iter().map(|one| one.confidence).collect();
    assert_eq!(sure, [Confidence::Suspected, Confidence::Context]);
}

#[test]
fn addresses_of_people_go_in_every_way_of_writing() {
    for address in [
        "ann.lee@contoso.com",
        "ann.lee+x@mail.contoso.co.uk",
        "ann%40contoso.com",
        "ann%2540contoso.com",
        "ann\\u0040contoso.com",
        "ann_contoso.com#EXT#@fabrikam.onmicrosoft.com",
        "ann_contoso.com%23EXT%23%40fabrikam.onmicrosoft.com",
        "иван@почта.рф",
        "ann@münchen.example",
        "ann@m\\u00fcnchen.example",
        "m\\u00fcller@contoso.com",
        "m%C3%BCller%40m%C3%BCnchen.example",
    ] {
        hides(&format!("by {address}."), "by ….", &["email"]);
        hides(&format!(r#"{{"upn":"{address}"}}"#), r#"{"upn":"…"}"#, &["email"]);
        hides(&format!(r#"{{"m":"a\n{address}\nb"}}"#), r#"{"m":"a\n…\nb"}"#, &["email"]);
    }
    let (_, seen) = scanned(&redactor(), b"Ann@Contoso.com ann%40contoso.com");
    assert_eq!(seen[0].fingerprint, seen[1].fingerprint);
    assert!(!seen[0].secret);
    let (_, seen) = scanned(&redactor(), "ann@münchen.de ann@m\\u00fcnchen.de ann@m%C3%BCnchen.de".as_bytes());
    assert!(seen.len() == 3 && seen.iter().all(|one| one.fingerprint == seen[0].fingerprint), "{seen:?}");
}

#[test]
fn a_sign_inside_a_password_ends_it_only_where_no_parameter_goes_on() {
    hides("Server=c;Password=p<ssXk29fLm;Encrypt=true", "Server=c;Password=…;Encrypt=true", &["password"]);
    hides(r#"{"cs":"Server=c;Password=p\u003CssXk29fLm;X=1"}"#, r#"{"cs":"Server=c;Password=…;X=1"}"#, &["password"]);
    hides("grant_type=password&password=p'ssXk29fLm&scope=x", "grant_type=password&password=…&scope=x", &["password"]);
    hides("password=p`ssXk29fLm&scope=x", "password=…&scope=x", &["password"]);
    hides("<td>password=abc12Zk</td><td>x;y</td>", "<td>password=…</td><td>x;y</td>", &["password"]);
    hides("<p>password=abc12Zk<br>x;", "<p>password=…<br>x;", &["password"]);
    hides("run('password=abc12Zk','x');", "run('password=…','x');", &["password"]);
    hides("run('password=abc12Zk'); y", "run('password=…'); y", &["password"]);
}

#[test]
fn a_session_or_a_link_that_signs_in_is_hidden_in_its_url_and_wakes_nobody() {
    for (text, kind) in [
        ("/app/login;jsessionid=E9239E086BC8DD100F0E0134F156F051?x=1", "session-id"),
        ("/x?oobCode=lMbQXnk9FXp7Ult5RxUbK0cnGWnIcmnbXznAZlQC&mode=resetPassword", "sign-in-link"),
        ("/reset-password/V497uojoeHyAwJkjE0lrRX4Rs6SCd9qyOK70GnlcsI6", "sign-in-link"),
    ] {
        let (_, seen) = scanned(&redactor(), text.as_bytes());
        let told: Vec<_> = seen.iter().map(|one| (&*one.kind, one.confidence)).collect();
        assert_eq!(told, [(kind, Confidence::Suspected)], "{text}");
    }
    keeps("/reset-password/index.html");
}

#[test]
fn references_of_a_plan_to_what_holds_a_key_are_no_pair_of_a_header_and_its_value() {
    keeps(r#"{"references":["azurerm_storage_account.host.primary_access_key","azurerm_storage_account.host"]}"#);
    hides(r#"["x-functions-key","Zk29fLmQ2pZ7-own"]"#, r#"["x-functions-key","…"]"#, &["azure-function-key"]);
}

#[test]
fn a_private_key_goes_and_its_frame_stays() {
    let text = r#"{"m":"-----BEGIN RSA PRIVATE KEY-----\nMIIEow\/+\n-----END RSA PRIVATE KEY-----\n"}"#;
    hides(text, &text.replace(r"MIIEow\/+", "…"), &["private-key"]);
    keeps("-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----");
    hides(
        r#"{"m":"-----BEGIN PRIVATE KEY-----\nMIIE"}"#,
        r#"{"m":"-----BEGIN PRIVATE KEY-----\n…"}"#,
        &["private-key"],
    );
}

#[test]
fn a_private_key_over_several_lines_goes_line_by_line_and_is_told_once() {
    let mut next = chance(7);
    let body: Vec<String> = (0..3)
        .map(|_| data_encoding::BASE64.encode(&made::bytes(&mut next, 48)))
        .chain(["bWFkZQ==".to_owned()])
        .collect();
    for (before, title) in [("", "RSA PRIVATE KEY"), ("  ", "PRIVATE KEY"), ("", "PGP PRIVATE KEY BLOCK")] {
        let lines: Vec<String> = body.iter().map(|line| format!("{before}{line}\r\n")).collect();
        let (first, last) =
            (format!("{before}-----BEGIN {title}-----\r\n"), format!("{before}-----END {title}-----\nafter\n"));
        let (input, mut output, mut told) = (format!("{first}{}{last}", lines.concat()), Vec::new(), Vec::new());
        let mut tell = |seen: Seen| {
            told.push((seen.line, seen.length, seen.kind.to_string(), seen.confidence.unwrap()));
            Ok(())
        };
        filter_telling(&redactor(), &mut input.as_bytes(), &mut output, &mut tell).unwrap();
        let output = String::from_utf8(output).unwrap();
        let rest = output.strip_prefix(&first).and_then(|rest| rest.strip_suffix(&last)).unwrap();
        assert!(rest.split_inclusive('\n').all(|line| {
            line.strip_prefix(before).is_some_and(|line| line.starts_with("private-key:k1:") && line.ends_with("\r\n"))
        }));
        assert_eq!(rest.lines().count(), 4, "{rest}");
        let wanted = [Confidence::Proven, Confidence::Suspected, Confidence::Suspected, Confidence::Suspected];
        let wanted = (2..)
            .zip(&body)
            .zip(wanted)
            .map(|((line, body), sure)| (line, body.len() as u64, "private-key".to_owned(), sure));
        assert_eq!(told, wanted.collect::<Vec<_>>());
        let mut again = Vec::new();
        filter(&redactor(), &mut output.as_bytes(), &mut again).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), output);
    }
}

#[test]
fn a_password_that_is_a_number_leaves_json_behind_and_wakes_nobody() {
    for (text, left) in [
        (r#"{"password":20260302,"a":1}"#, r#"{"password":"…","a":1}"#),
        (r#"{"m":"{\"pwd\": 20260302}"}"#, r#"{"m":"{\"pwd\": \"…\"}"}"#),
    ] {
        hides(text, left, &["password"]);
        assert_eq!(scanned(&redactor(), text.as_bytes()).1[0].confidence, Confidence::Suspected);
    }
}

#[test]
fn what_is_written_in_letters_of_two_bytes_is_hidden_whole_and_a_check_fails() {
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    for text in ["password=Xk29fLmQ2pZ7", "{\"password\":\"Xk29fLmQ2pZ7\"}"] {
        for before in [&[][..], &[0xff, 0xfe]] {
            let text = [before, &wide(text)].concat();
            for text in [text.clone(), text[1..].to_vec()] {
                let (out, seen) = scanned(&redactor(), &text);
                assert!(out.starts_with(b"unscanned:k1:") && out.len() < 40, "{}", out.escape_ascii());
                assert_eq!(seen.len(), 1);
                assert_eq!(*redactor().hide(&text), out[..]);
            }
        }
    }
}

#[test]
fn a_key_that_is_cut_off_in_its_checksum_is_hidden_for_that_can_be_computed() {
    let mut next = chance(9);
    for key in [made::storage_key(&mut next), made::function_key(&mut next, Privilege::Master)] {
        let letters = key.trim_end_matches('=').len();
        for left in letters - 6..letters {
            for behind in ["", "...", "\u{2026}", "\""] {
                let text = format!("key {}{behind}", &key[..left]);
                let (out, kinds) = shown(&text);
                assert_eq!((out, kinds.len()), (format!("key …{behind}"), 1), "{text}");
            }
        }
        assert_eq!(shown(&format!("key {}, x", &key[..letters - 3])).1.len(), 0, "{key}");
    }
}

#[test]
fn a_secret_of_an_application_among_other_letters_is_hidden_and_wakes_nobody() {
    let secret = made::entra_secret(&mut chance(11));
    for text in [format!("{secret}_old"), format!("x-{secret}"), format!("{secret}...")] {
        let (out, seen) = scanned(&redactor(), text.as_bytes());
        assert!(!String::from_utf8_lossy(&out).contains(&secret[4..]), "{}", out.escape_ascii());
        assert_eq!(seen[0].confidence, Confidence::Suspected);
    }
}

#[test]
fn what_only_looks_like_a_secret_wakes_nobody() {
    for text in [
        "Validation failed: -- Password: 'Password' must not be empty. Severity: Error",
        "refresh failed RefreshToken: RevokedByUser",
        "https://shop.contoso.example/items?code=PAYMENT_METHOD_DECLINED",
        "https://shop.contoso.example/items?code=SKU-2026-00012345-XL",
        "https://shop.contoso.example/items?code=a3f5c2d1-4b5a-4978-8796-a5b4c3d2e1f0",
        "url=jdbc:sqlserver://c.database.windows.net:1433;databaseName=orders;user=app@c;authentication=x",
        "{ 'x-functions-key': [ 'x-functions-key', 'y' ] }",
    ] {
        let sure = |one: &&Sighting| one.secret && !one.dummy && one.confidence > Confidence::Suspected;
        assert_eq!(scanned(&redactor(), text.as_bytes()).1.iter().filter(sure).count(), 0, "{text}");
    }
}

#[test]
fn dummies_are_hidden_and_marked() {
    for text in [
        "ddddddddddddddddddddddddddddddddddddddddddddAzFu182vhA==",
        "?code=<your-key>",
        "?code=xxxxxxxx",
        "AccountKey=EXAMPLEKEYEXAMPLEKEY;",
    ] {
        let (_, seen) = scanned(&redactor(), text.as_bytes());
        assert!(seen.iter().all(|one| one.dummy), "{text} {seen:?}");
    }
}

#[test]
fn keys_from_before_signatures_are_suspected_by_their_length() {
    let next = &mut chance(11);
    let key = data_encoding::BASE64.encode(&made::bytes(next, 64));
    hides(&format!("it was {key} then"), "it was … then", &["azure-storage-key"]);
    let key = data_encoding::BASE64.encode(&made::bytes(next, 40));
    hides(&format!("it was {key} then"), "it was … then", &["azure-function-key"]);
}

#[test]
fn the_filter_keeps_every_byte_it_does_not_hide() {
    let input = b"plain\r\n\n\xff\xfe not utf-8\n?code=abcdef&x\r\nlast ann@contoso.com".to_vec();
    let mut output = Vec::new();
    let summary = filter(&redactor(), &mut input.as_slice(), &mut output).unwrap();
    assert_eq!((summary.lines, summary.too_long, summary.bytes), (5, 0, input.len() as u64));
    let text = String::from_utf8_lossy(&output).into_owned();
    assert!(output.starts_with(b"plain\r\n\n\xff\xfe not utf-8\n?code=azure-function-key:k1:"), "{text}");
    assert!(memchr::memmem::find(&output, b"&x\r\nlast email:k1:").is_some(), "{text}");
    assert_eq!(summary.redactions.values().sum::<u64>(), 2);
    let mut again = Vec::new();
    // Read a byte at a time: the cut between two reads shows nowhere.
    filter(&redactor(), &mut std::io::BufReader::with_capacity(1, input.as_slice()), &mut again).unwrap();
    assert_eq!(again, output);
}

#[test]
fn a_card_is_hidden_in_a_url_however_its_blanks_are_written() {
    for blank in ["%20", "+", "-", "%2520"] {
        let card = ["4111", "1111", "1111", "1111"].join(blank);
        for text in
            [format!("/pay?card={card}&year=2027"), format!(r#"{{"url":"/pay?note=2026{blank}{card}{blank}123"}}"#)]
        {
            let (left, kinds) = shown(&text);
            assert_eq!((left, kinds), (text.replace(&card, "…"), vec!["payment-card".to_owned()]), "{text}");
        }
    }
    keeps("/log?from=2026-11-26%2010:00&to=2026-11-27%2011:00&n=1234%20567");
}

/// However it is read, in pieces or at once.
#[test]
fn a_record_too_long_to_scan_is_hidden_field_by_field_with_a_count() {
    let long = "x".repeat(gatewatch::redaction::LONGEST_LINE);
    let line = format!(r#"{{"time":"now","properties":{{"key":"hunter2","n":[17,true,null]}},"long":"{long}"}}"#);
    let input = format!("first\n{line}\nlast");
    let want = format!(
        r#"{{"time":"[gatewatch: 3 bytes hidden]","properties":{{"key":"[gatewatch: 7 bytes hidden]","n":["[gatewatch: 2 bytes hidden]",true,null]}},"long":"[gatewatch: {} bytes hidden]"}}"#,
        long.len()
    );
    for capacity in [8 << 10, 64 << 20] {
        let mut output = Vec::new();
        let mut input = std::io::BufReader::with_capacity(capacity, input.as_bytes());
        let summary = filter(&redactor(), &mut input, &mut output).unwrap();
        assert_eq!(String::from_utf8(output).unwrap(), format!("first\n{want}\nlast"));
        assert_eq!((summary.lines, summary.too_long, summary.redactions["unscanned"]), (3, 1, 4));
    }
}

#[test]
fn a_line_too_long_to_scan_is_hidden_whole() {
    let long = gatewatch::redaction::LONGEST_LINE + 1;
    let mut input = b"first\n".to_vec();
    input.resize(6 + long, b'a');
    input.extend_from_slice(b"\nlast");
    let mut output = Vec::new();
    let summary = filter(&redactor(), &mut input.as_slice(), &mut output).unwrap();
    let want = format!("first\n[gatewatch: line of {long} bytes hidden: too long to scan]\nlast");
    assert_eq!(String::from_utf8(output).unwrap(), want);
    assert_eq!((summary.lines, summary.too_long, summary.redactions["unscanned"]), (3, 1, 1));
}

#[test]
fn what_was_seen_before_a_message_was_spooled_is_kept() {
    let redactor = redactor();
    let (bytes, seen) = scanned(&redactor, b"?code=abcdef&y ");
    let mut batch = Batch::default();
    let text = [b"a@b.de ".as_slice(), &bytes, b"c@d.de"].concat();
    batch.push(&text, StreamId(0), 0, 1, None);
    batch.messages[0].seen =
        seen.iter().map(|one| Sighting { at: one.at.start + 7..one.at.end + 7, ..one.clone() }).collect();
    let scanned = redactor.scan(&batch);
    let kinds: Vec<_> = scanned.sightings(0).iter().map(|one| &*one.kind).collect();
    assert_eq!(kinds, ["email", "azure-function-key", "email"]);
    for one in scanned.sightings(0) {
        assert_eq!(&scanned.bytes(0)[one.at.start as usize..one.at.end as usize], one.fingerprint.0.as_bytes());
    }
}

/// Crafted lines, by what is repeated: a quadratic walk over one of them would take hours.
const CRAFTED: &[&str] = &[
    "given_name:",
    "{\"given_name\":",
    "/claims/name: ",
    "phone=1",
    "4111 1111 ",
    "DE12 ",
    "A1",
    "@",
    "a@",
    "a@b.",
    "a@b.cd",
    "://a:b@",
    "eyJ",
    "eyJ.",
    ".eyJa",
    "code=",
    "?code=",
    "code=a&",
    "%25",
    "%3d",
    "%40",
    "a%40",
    "\\",
    "\\\"",
    "\\u0040",
    "password=",
    "password:\"",
    "\"password\":\"",
    "token=",
    "token:",
    "bearer ",
    "bearer+",
    "bearer 1",
    "authorization:",
    "authorization: basic ",
    "connectionString=",
    "\"connectionString\":\"",
    "Cookie: ",
    "cookie:a=",
    "cookie: a;",
    "value\",",
    "\"key\",\"value\":",
    "ARRAffinity=",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN",
    "==",
    "A==",
    "APIM",
    "AzFu",
    "+ASt",
    "AzCa",
    "PFPFPFPFPFPFPFPFPFPFPFPFPFPFPFPFPAzCaAAAAAA=",
    "JQQJ",
    "QJJQABK",
    "8Q~",
    "xxx8Q~",
    "MIIJqQIBAzCC",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcd ",
    "AccessKey=abcdefgh;",
    "?sp=r&sig=aaaaaaaa",
    "sig=",
    "key:k1:",
    ":k1:",
    ".auth?code=a&",
    "key=\\u0022",
    "\"token\":[\"",
    "\"cookie\":[\"\",",
    "phones",
    "msisdn",
    "<password>",
    "<password>\"",
    "<password><![CDATA[",
    "<password x=\"",
    "%3Cpassword%3E",
    "<given_name><![CDATA[",
    "</key>",
    "<key>password</key>",
    "]]></key>",
    "<![CDATA[]]></key>",
    "Password=it is o'clock ",
    "a=b;Password=c ",
    "/claims/name: [",
    "given_name: [",
    "/claims/name: x ",
];

/// Crafted lines of which only the first piece is a name.
const CRAFTED_BEHIND: &[(&str, &str)] = &[
    ("password=", "\\"),
    ("password=", "\\\""),
    ("<password>", " "),
    ("sig=", " "),
    ("a:k1:AAAAAAAAAAAAAAAA", "/claims/name: "),
    ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "aGVsbG8gdGhpcyBpcyB0ZXh0IA==%0A"),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "it is real time that a crafted line must not cost")]
fn a_crafted_line_costs_no_more_than_its_length() {
    let redactor = redactor();
    let key = made::apim_key(&mut chance(5), Privilege::Subscription);
    // One name in elements whose brackets are escaped as often as can be, each in another way.
    let bracket = |run: usize| format!("{}u003c{}>", "\\".repeat(run), "pwd".repeat(21));
    let brackets = (1..32).map(bracket).collect::<Vec<_>>().concat();
    let alone = CRAFTED.iter().copied().chain([key.as_str(), &*brackets]).map(|part| ("", part));
    for (first, part) in alone.chain(CRAFTED_BEHIND.iter().copied()) {
        let size = if ["@", "eyJ", "code=", "%25"].contains(&part) { 5 << 20 } else { 1 << 20 };
        let line = [first, &part.repeat(size / part.len() + 1)].concat();
        let start = Instant::now();
        let (bytes, _) = scanned(&redactor, line.as_bytes());
        assert!(!bytes.is_empty());
        assert!(start.elapsed().as_secs() < 20, "{first}{part} took {:?}", start.elapsed());
    }
}

/// What the scanner reacts to, in pieces.
const PIECES: &[&str] = &[
    "?code=",
    "&",
    "\"",
    "'",
    "\\\"",
    "\\\\\"",
    "\\/",
    "\\u0026",
    "\\u00fc",
    "%C3%BC",
    "\\u003C",
    "`a",
    "password=p",
    "\\u0022",
    "%3D",
    "%253D",
    "%26",
    "%22",
    "=",
    ":",
    ": ",
    ";",
    "; ",
    " ",
    ",",
    ".",
    "{",
    "}",
    "[",
    "]",
    "\n",
    "\\n",
    "\r\n",
    "@",
    "%40",
    "a@b.de",
    "x-functions-key",
    "password",
    "Password=",
    "cookie",
    "Cookie: ",
    "Set-Cookie: ",
    "ARRAffinity=",
    "Authorization",
    "Bearer ",
    "Basic ",
    "token",
    "access_token",
    "connectionString",
    "AccountKey=",
    "sig=",
    "SharedAccessSignature ",
    "://u:p@h",
    "eyJ",
    "==",
    "-----BEGIN PRIVATE KEY-----",
    "-----END",
    ".auth/login/x/callback",
    "value",
    "k1",
    "email:k1:ABCDEFGHIJKLMNOP",
    "cookie:k1:AAAAAAAAAAAAAAAA",
    ":k1:",
    "AAAAAAAAAAAAAAAA",
    "hunter2",
    "z",
    "9",
    "-",
    "null",
    "€",
    "\\",
];

/// A piece from which texts are put together.
fn piece() -> impl Strategy<Value = String> {
    let next = &mut chance(99);
    let mut pieces: Vec<String> = PIECES.iter().map(ToString::to_string).collect();
    pieces.push(made::function_key(next, Privilege::Master));
    pieces.push(made::storage_key(next));
    pieces.push(made::service_bus_key(next, Privilege::Send));
    pieces.push(made::jwt(next, "x"));
    prop::sample::select(pieces)
}

/// A line as logs have it: a secret in one way of writing, or what people and programs leave there.
fn line() -> impl Strategy<Value = String> {
    let mut lines: Vec<String> = keys().into_iter().flat_map(|(_, _, secret)| forms(&secret)).collect();
    lines.extend(
        [
            "by ann.lee@contoso.com and bob%40contoso.com",
            "Server=a;User ID=b;Password=p&w!;X=1",
            "/api/x?code=my-own-key&x=1",
            "https://user:p4ss@a.invalid/x",
            r#"{"Cookie":"ARRAffinity=ab12; lang=en","connectionString":"Foo=bar"}"#,
            "Set-Cookie: a=b; path=/",
            r#"{"password":"a\"b","access_token":["x","y"]}"#,
            r#"{"m":"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"}"#,
            "Authorization: Basic YTpi",
            "email:k1:ABCDEFGHIJKLMNOP",
            "nothing at all",
        ]
        .map(String::from),
    );
    prop::sample::select(lines)
}

fn json_escaped(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Found by fuzzing: what comes over HTTP is searched before it is spooled and again when it is read.
#[test]
fn a_fingerprint_is_no_password_and_no_token_to_a_second_search() {
    let redactor = redactor();
    for text in ["see x://h&sig=AAAAfakeAAAAfakeAAAA%3D\u{11}b@c", "Bearer idtoken%3D!AAAAfakeAAAA1234"] {
        let once = redactor.hide(text.as_bytes()).into_owned();
        assert_ne!(once, text.as_bytes());
        let again = redactor.hide(&once);
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&once));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_scanned_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let redactor = redactor();
        let (out, _) = scanned(&redactor, &bytes);
        let (again, _) = scanned(&redactor, &out);
        prop_assert_eq!(again, out);
    }

    #[test]
    fn a_fresh_key_of_every_provider_is_proven_wherever_it_stands(seed in any::<u64>(), skip in 0_usize..8) {
        let redactor = redactor();
        for (kind, privilege, key) in made::proven(&mut chance(seed)).into_iter().skip(skip).step_by(8) {
            for text in [
                key.clone(),
                format!("https://a.invalid/x?code={}&y=z", percent(&key)),
                format!("x-functions-key: {key}\r\n"),
                format!(r#"{{"c":"Endpoint=sb://a/;SharedAccessKeyName=b;SharedAccessKey={key};EntityPath=c"}}"#),
            ] {
                let (_, seen) = scanned(&redactor, text.as_bytes());
                prop_assert_eq!(seen.len(), 1, "{}", text);
                let found = (&*seen[0].kind, seen[0].privilege, seen[0].confidence);
                prop_assert_eq!(found, (kind, privilege, Confidence::Proven), "{}", text);
            }
        }
    }

    #[test]
    fn scanning_twice_is_scanning_once(lines in prop::collection::vec(line(), 1..6), between in "[ ;,\n]{1,3}") {
        let redactor = redactor();
        let text = lines.join(&between);
        let (once, _) = scanned(&redactor, text.as_bytes());
        let (twice, seen) = scanned(&redactor, &once);
        prop_assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once), "of {} seen {:?}", text, seen);
    }

    #[test]
    fn scanning_again_settles_whatever_was_put_together(pieces in prop::collection::vec(piece(), 0..16)) {
        let redactor = redactor();
        let mut text = pieces.concat().into_bytes();
        for _ in 0..6 {
            text = scanned(&redactor, &text).0;
        }
        let (again, _) = scanned(&redactor, &text);
        prop_assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&text), "of {}", pieces.concat());
    }

    #[test]
    fn valid_json_stays_valid_at_any_depth(pieces in prop::collection::vec(piece(), 0..12), name in piece(), depth in 1..4) {
        let redactor = redactor();
        let mut text = pieces.concat();
        for _ in 0..depth {
            text = format!("{{{}:{},\"n\":1}}", json_escaped(&name), json_escaped(&text));
        }
        let (out, _) = scanned(&redactor, text.as_bytes());
        let out = String::from_utf8(out).unwrap();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{} became {}", text, out);
    }

    #[test]
    fn a_planted_secret_survives_nowhere_and_nothing_else_changes(
        before in "[ a-zA-Z0-9{}\\[\\],:;._\"'-]{0,60}",
        after in "[ a-zA-Z0-9{}\\[\\],:;._\"'-]{0,60}",
        seed in any::<u64>(),
        which in 0usize..8,
    ) {
        let redactor = redactor();
        let next = &mut chance(seed);
        let secret = match which {
            0 => made::function_key(next, Privilege::Function),
            1 => made::apim_key(next, Privilege::Gateway),
            2 => made::storage_key(next),
            3 => made::service_bus_key(next, Privilege::Listen),
            4 => made::jwt(next, "subject"),
            5 => format!("?code={}", data_encoding::HEXLOWER.encode(&made::bytes(next, 12))),
            6 => format!(";Password={};", data_encoding::HEXLOWER.encode(&made::bytes(next, 12))),
            _ => format!("subscription-key={}", made::apim_hex_key(next)),
        };
        let bare = secret.trim_start_matches("?code=").trim_start_matches(";Password=")
            .trim_start_matches("subscription-key=").trim_end_matches([';', '=']);
        let text = format!("{before} {secret} {after}");
        let (out, seen) = scanned(&redactor, text.as_bytes());
        prop_assert!(memchr::memmem::find(&out, &bare.as_bytes()[..bare.len().min(24)]).is_none(), "{}", text);
        prop_assert!(!seen.is_empty());
        // What lies between the hidden spans is in the original, in this order.
        let (mut from, mut place) = (0, 0);
        for end in seen.iter().map(|one| one.at.start as usize).chain([out.len()]) {
            let kept = &out[from..end];
            let at = memchr::memmem::find(&text.as_bytes()[place..], kept);
            prop_assert!(at.is_some(), "{} became {}", text, String::from_utf8_lossy(&out));
            place += at.unwrap() + kept.len();
            from = seen.iter().find(|one| one.at.start as usize == end).map_or(end, |one| one.at.end as usize);
        }
    }
}
