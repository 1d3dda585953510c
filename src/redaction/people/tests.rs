//! What policies do, seen from outside: to bytes that are never decoded, and to records.

use bumpalo::Bump;

use super::*;
use crate::redaction::{Addresses, Redactor};
use crate::telemetry::{Batch, StreamId, decode};

const KEY: &str = "k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const CARD: &str = "4111111111111111";

fn redactor(policies: &str) -> Redactor {
    let settings: Settings = toml::from_str(policies).unwrap_or_else(|wrong| panic!("{policies}: {wrong}"));
    Redactor::new(&KeyRing::from_text(KEY).unwrap(), &settings).unwrap()
}

/// The whole message, scanned and finished.
fn through(redactor: &Redactor, text: &str) -> String {
    let mut batch = Batch::default();
    batch.push(text.as_bytes(), StreamId(0), 0, 1, None);
    let scanned = redactor.scan(&batch);
    let (finished, _) = redactor.finish_message(&scanned, 0, &Bump::new());
    String::from_utf8(finished.bytes).unwrap()
}

fn is_json(text: &str) {
    serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|wrong| panic!("{wrong}: {text}"));
}

fn policy(kind: &str, action: &str) -> String {
    format!("[[policy]]\nkinds = [\"{kind}\"]\naction = \"{action}\"\n")
}

const RECORD: &str = r#"{"time":"2026-01-01T00:00:00Z","category":"AppServiceHTTPLogs","properties":{"CsUsername":"Ann Lee","CIp":"203.0.113.77","CsUriQuery":"mail=ann@contoso.com&phone=%2B4915123456789","Referer":"https://a/?to=bob@contoso.com","card":4111111111111111,"iban":"DE89 3704 0044 0532 0130 00","note":"ann@contoso.com wrote"}}"#;

#[test]
fn every_action_does_what_it_says_and_json_stays_json() {
    for (kind, raw) in [
        ("email", "ann@contoso.com"),
        ("payment-card", CARD),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("phone", "%2B4915123456789"),
        ("person", "Ann Lee"),
        ("address", "203.0.113.77"),
    ] {
        for action in ["keep", "mask", "fingerprint", "remove", "partial", "truncate", "prefix"] {
            let suits = Action::ALL
                .iter()
                .find(|one| one.name() == action)
                .unwrap()
                .suits(Kind::ALL.into_iter().find(|one| one.name() == Some(kind)).unwrap());
            if !suits {
                continue;
            }
            let redactor = redactor(&policy(kind, action));
            let out = through(&redactor, RECORD);
            is_json(&out);
            assert_eq!(out.contains(raw), action == "keep", "{kind} {action}: {out}");
            let fingerprint = out.contains(&format!("{kind}:k1:"));
            assert_eq!(fingerprint, matches!(action, "fingerprint" | "partial"), "{kind} {action}: {out}");
            assert_eq!(out.contains(&format!("[{kind}]")), action == "mask", "{kind} {action}: {out}");
            assert_eq!(through(&redactor, &out), out, "hiding twice is hiding once: {kind} {action}");
        }
    }
    let out = through(
        &redactor(
            &[policy("email", "partial"), policy("payment-card", "partial"), policy("phone", "partial")].concat(),
        ),
        RECORD,
    );
    for part in
        ["@contoso.com&phone=phone:k1:", ".49\"", "\"payment-card:k1:", ".1111\"", ".DE\"", "@contoso.com wrote"]
    {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn what_is_kept_everywhere_is_kept_byte_for_byte() {
    let all = "[[policy]]\naction = \"keep\"\n";
    assert_eq!(through(&redactor(all), RECORD), RECORD);
}

#[test]
fn category_field_and_path_decide_and_the_first_policy_counts() {
    let policies = r#"
[[policy]]
kinds = ["email"]
fields = ["referrer"]
action = "mask"
[[policy]]
kinds = ["email", "person"]
categories = ["AppServiceHTTPLogs"]
paths = ["properties.note", "properties.CsUsername"]
action = "keep"
[[policy]]
kinds = ["email"]
fields = ["request.query"]
action = "partial"
[[policy]]
kinds = ["payment-card"]
paths = ["properties.card"]
action = "keep"
"#;
    let redactor = redactor(policies);
    let out = through(&redactor, RECORD);
    is_json(&out);
    for part in [
        r#""note":"ann@contoso.com wrote""#,
        r#""CsUsername":"Ann Lee""#,
        r#""card":4111111111111111,"#,
        "?to=[email]\"",
        "mail=email:k1:",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(out.contains("@contoso.com&phone") && !out.contains("mail=ann"), "{out}");
    assert_eq!(through(&redactor, &out), out);
    // Of another category, or never decoded: hidden as strictly as anywhere.
    let other = through(&redactor, &RECORD.replace("AppServiceHTTPLogs", "AppServiceConsoleLogs"));
    assert!(!other.contains("ann@") && other.contains(CARD), "{other}");
    for broken in [&RECORD[..RECORD.len() - 2], "ann@contoso.com", "not JSON: 4111111111111111 ann@contoso.com"] {
        let out = through(&redactor, broken);
        assert!(!out.contains("ann@") && !out.contains("Ann Lee") && !out.contains(CARD), "{out}");
    }
}

#[test]
fn an_events_own_texts_say_what_its_record_says() {
    let policies = "[[policy]]\nkinds = [\"email\"]\nfields = [\"message\"]\naction = \"keep\"\n";
    let redactor = redactor(policies);
    let text = r#"{"time":"2026-01-01T00:00:00Z","category":"FunctionAppLogs","properties":"{'message':'ann@contoso.com told bob\u0040contoso.com, ann@contoso.com','appName':'x','functionName':'of ann@contoso.com'}"}"#;
    let mut batch = Batch::default();
    batch.push(text.as_bytes(), StreamId(0), 0, 1, None);
    let scanned = redactor.scan(&batch);
    let arena = Bump::new();
    let mut seen = 0;
    decode(&scanned, 0, &arena, |event| {
        let event = redactor.finish(event.unwrap());
        let said = event.get(crate::telemetry::Field::Message);
        assert_eq!(said, Some(crate::telemetry::Value::Text("ann@contoso.com told bob@contoso.com, ann@contoso.com")));
        let record = String::from_utf8(event.record().into_owned()).unwrap();
        assert!(record.contains(r"'ann@contoso.com told bob\u0040contoso.com, ann@contoso.com'"), "{record}");
        assert!(record.contains("'of email:k1:"), "{record}");
        seen += 1;
    });
    assert_eq!(seen, 1);
}

#[test]
fn a_person_has_one_fingerprint_at_home_as_a_guest_and_in_any_encoding() {
    let code = |text: &str| {
        let out = hidden(text);
        assert!(out.starts_with("email:k1:"), "{text}: {out}");
        out["email:k1:".len()..].chars().take(16).collect::<String>()
    };
    let home = code("ann.lee_x@contoso.com");
    for guest in [
        "Ann.Lee_X@Contoso.com",
        "ann.lee_x_contoso.com#EXT#@fabrikam.onmicrosoft.com",
        "ann.lee_x_contoso.com%23EXT%23%40fabrikam.onmicrosoft.com",
        "ann.lee_x_contoso.com%2523EXT%2523%2540fabrikam.onmicrosoft.com",
        "ann.lee_x_contoso.com\\u0023EXT\\u0023@fabrikam.onmicrosoft.com",
        "live.com#ann.lee_x@contoso.com",
    ] {
        assert_eq!(code(guest), home, "{guest}");
    }
    assert_ne!(code("bob@contoso.com"), home);
}

#[test]
fn a_number_has_one_fingerprint_however_it_is_grouped() {
    let code = |text: &str| {
        let out = hidden(text);
        let at = out.find(":k1:").unwrap_or_else(|| panic!("{out}"));
        out[at + 4..].chars().take(16).collect::<String>()
    };
    assert_eq!(code("4111 1111 1111 1111"), code("x 4111-1111-1111-1111"));
    assert_eq!(code("4111111111111111"), code("{\"a\":4111111111111111}"));
    assert_eq!(code("DE89370400440532013000"), code("DE89 3704 0044 0532 0130 00"));
    assert_eq!(code("phone=0049 151 2345678"), code("phone: +49151/2345678"));
}

#[test]
fn numbers_in_json_lists_and_strings_leave_it_json() {
    for text in [
        r#"{"cards":[4111111111111111,5555555555554444, 1]}"#,
        r#"{"m":"{\"cards\":[4111111111111111],\"card\":4111111111111111}"}"#,
        r#"{"m":"{'card':4111111111111111,'x':1}"}"#,
        "[4111111111111111]",
        r#"{"cards":[{"a":1},4111111111111111,null,4111111111111111]}"#,
        r#"{"m":"cards 4111111111111111, 5555555555554444"}"#,
    ] {
        let out = through(&redactor(""), text);
        is_json(&out);
        assert!(!out.contains(CARD) && !out.contains("5555555555554444"), "{out}");
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        if let Some(inner) = value["m"].as_str().filter(|inner| inner.starts_with("{\"")) {
            is_json(inner);
        }
        assert_eq!(through(&redactor(""), &out), out);
    }
}

#[test]
fn national_numbers_are_off_unless_chosen() {
    let text = r#"{"m":"it is RSSMRA85T10A562S","bsn":111222333}"#;
    assert_eq!(through(&redactor(""), text), text);
    assert_eq!(through(&redactor("[[policy]]\naction = \"mask\"\n"), text), text);
    let out = through(&redactor(&policy("national-ids", "mask")), text);
    assert_eq!(out, r#"{"m":"it is [national-id-it]","bsn":"[national-id-nl]"}"#);
    let one = through(&redactor(&policy("national-id-nl", "fingerprint")), text);
    assert!(one.contains("RSSMRA85T10A562S") && one.contains("\"national-id-nl:k1:"), "{one}");
}

#[test]
fn object_ids_stay_unless_chosen_and_then_go_everywhere() {
    const OID: &str = "d4ba3e84-0444-4841-aaf7-0123456789ab";
    let text = r#"{"time":"2026-01-01T00:00:00Z","category":"AuditEvent","operationName":"SecretGet","identity":{"claim":{"oid":"OID","appid":"3686488a-04fc-4d8a-b967-61f98ec41efe"}},"properties":{"x":"by OID"}}"#.replace("OID", OID);
    assert_eq!(through(&redactor(""), &text), text);
    let out = through(&redactor(&policy("object-id", "fingerprint")), &text);
    is_json(&out);
    assert!(!out.contains(OID) && out.contains("3686488a"), "{out}");
    assert_eq!(out.matches("object-id:k1:").count(), 2, "{out}");
}

#[test]
fn addresses_by_prefix_keep_networks_together_and_are_hidden_once() {
    let settings = Settings { addresses: Addresses::Prefix, ..Settings::default() };
    let redactor = Redactor::new(&KeyRing::from_text(KEY).unwrap(), &settings).unwrap();
    let record = |ip: &str| {
        format!(
            r#"{{"time":"2026-01-01T00:00:00Z","category":"AppServiceHTTPLogs","properties":{{"CIp":"{ip}","note":"from {ip}"}}}}"#
        )
    };
    let [one, near, far] = ["203.0.113.77", "203.0.113.78", "198.51.100.1"].map(|ip| through(&redactor, &record(ip)));
    let network = |text: &str| text.split("\"CIp\":\"").nth(1).unwrap()[..12].to_owned();
    assert!(one.contains("\"CIp\":\"8000:") && !one.contains("203.0"), "{one}");
    assert_eq!(network(&one), network(&near));
    assert_ne!(network(&one), network(&far));
    assert_ne!(one, near);
    assert_eq!(through(&redactor, &one), one);
}

#[test]
fn tokens_addresses_are_hidden_with_their_callers() {
    let text = r#"{"time":"2026-01-01T00:00:00Z","category":"AuditEvent","operationName":"SecretGet","callerIpAddress":"203.0.113.7","identity":{"claim":{"ipaddr":"198.51.100.9","appid":"x"}}}"#;
    let settings = Settings { addresses: Addresses::Fingerprint, ..Settings::default() };
    let out = through(&Redactor::new(&KeyRing::from_text(KEY).unwrap(), &settings).unwrap(), text);
    assert!(!out.contains("203.0") && !out.contains("198.51"), "{out}");
}
