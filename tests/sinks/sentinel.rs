//! Microsoft Sentinel: a token of Entra's, and rows of a stream, by the Logs Ingestion API.

use gatewatch::alerts::Transition;
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::sinks::{AnySink, Reach, Sentinel, SentinelPlace};
use serde_json::Value;

use crate::made::{acknowledged, closed, hostile, inside, opened, outlet};
use crate::outbox::{Outbox, outcomes};
use crate::receiver::{Receiver, Request, Trouble};

const SECRET: &str = "a/b+c~made-up&secret=1";

pub fn sentinel(at: &Receiver, tokens: &Receiver, reach: &Reach) -> AnySink {
    sentinel_at(&at.url(""), &tokens.url(""), reach)
}

/// One whose endpoint and authority have these addresses.
pub fn sentinel_at(endpoint: &str, authority: &str, reach: &Reach) -> AnySink {
    let place = SentinelPlace {
        endpoint: format!("{endpoint}/"),
        rule: "dcr-00000000000000000000000000000000".into(),
        stream: "Custom-Gatewatch_CL".into(),
        tenant: "contoso.example".into(),
        client: "11111111-2222-3333-4444-555555555555".into(),
        authority: authority.to_owned(),
        scope: "https://monitor.azure.com/.default".into(),
    };
    let link = Some("https://watch.example.com");
    AnySink::Sentinel(Box::new(Sentinel::new(&place, SECRET, reach, link, Clock::system()).unwrap()))
}

/// What Entra's token endpoint takes for client credentials.
pub fn judge_token(request: &Request) -> Result<(u16, String), String> {
    if request.path != "/contoso.example/oauth2/v2.0/token" {
        return Err(format!("the path {}", request.path));
    }
    if request.headers.get("content-type").map(String::as_str) != Some("application/x-www-form-urlencoded") {
        return Err("no form".into());
    }
    let fields: Vec<(String, String)> = request
        .body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect();
    let expected = [
        ("client_id", "11111111-2222-3333-4444-555555555555"),
        ("client_secret", SECRET),
        ("scope", "https://monitor.azure.com/.default"),
        ("grant_type", "client_credentials"),
    ];
    if fields != expected.map(|(name, value)| (name.to_owned(), value.to_owned())) {
        return Err(format!("the form {fields:?}"));
    }
    Ok((
        200,
        r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"made.up.token"}"#.into(),
    ))
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(out).unwrap()
}

/// The columns that `docs/notifications.md` declares, with their types.
const COLUMNS: [(&str, &str); 25] = [
    ("TimeGenerated", "datetime"),
    ("AlertId", "string"),
    ("Revision", "int"),
    ("Activity", "string"),
    ("State", "string"),
    ("Level", "string"),
    ("Family", "string"),
    ("Detector", "string"),
    ("Title", "string"),
    ("Why", "string"),
    ("EntityKind", "string"),
    ("Entity", "string"),
    ("Entities", "dynamic"),
    ("App", "string"),
    ("Owner", "string"),
    ("FirstSeen", "datetime"),
    ("OpenedAt", "datetime"),
    ("LastSeen", "datetime"),
    ("EventCount", "long"),
    ("Techniques", "dynamic"),
    ("Threat", "string"),
    ("Triage", "string"),
    ("Assignee", "string"),
    ("Late", "boolean"),
    ("Link", "string"),
];

/// What the ingestion endpoint takes: an array of rows of the declared stream, 1 MB in all.
pub fn judge_rows(request: &Request) -> Result<(u16, String), String> {
    let path =
        "/dataCollectionRules/dcr-00000000000000000000000000000000/streams/Custom-Gatewatch_CL?api-version=2023-01-01";
    if request.path != path {
        return Err(format!("the path {}", request.path));
    }
    if request.headers.get("authorization").map(String::as_str) != Some("Bearer made.up.token") {
        return Err("no token".into());
    }
    if request.body.len() > 1 << 20 {
        return Err("more than 1 MB".into());
    }
    let rows = request.json();
    for row in rows.as_array().ok_or("no array")? {
        let row = row.as_object().ok_or("no row")?;
        if let Some(unknown) = row.keys().find(|name| COLUMNS.iter().all(|(known, _)| known != name)) {
            return Err(format!("no column {unknown}"));
        }
        for (name, kind) in COLUMNS {
            let value = row.get(name).ok_or_else(|| format!("no {name}"))?;
            let fine = match kind {
                "datetime" => value.as_str().and_then(Timestamp::parse_rfc3339).is_some(),
                "string" => value.is_null() || value.as_str().is_some_and(|text| text.len() <= 64 << 10),
                "int" | "long" => value.is_u64(),
                "boolean" => value.is_boolean(),
                _ => value.is_array(),
            };
            if !fine {
                return Err(format!("{name} is no {kind}: {value}"));
            }
        }
    }
    Ok((204, String::new()))
}

#[test]
fn each_change_is_a_row_and_one_token_does_for_all() {
    let (rows, tokens) = (Receiver::start(judge_rows), Receiver::start(judge_token));
    let mut outbox = Outbox::new(vec![outlet(sentinel(&rows, &tokens, &inside()))], Vec::new());
    outbox.tell(&[opened(1), acknowledged(1), closed(1), Transition::Opened(hostile(2))]);
    let settled = outbox.deliver();
    assert!(settled.iter().all(|one| one.failure.is_none()), "{settled:?}");
    let said: Vec<(Value, Value)> =
        rows.taken().iter().map(|one| (one.json()[0]["AlertId"].clone(), one.json()[0]["Activity"].clone())).collect();
    let first = said.iter().filter(|(id, _)| id == "0000000000000001").map(|(_, activity)| activity.clone());
    assert_eq!(first.collect::<Vec<_>>(), ["Create", "Update", "Close"]);
    // The first two were under way at once, and the second waited for the token of the first.
    assert_eq!((tokens.taken().len(), said.len()), (1, 4));
}

#[test]
fn a_token_that_is_not_taken_is_fetched_anew_and_a_refusal_names_its_code_alone() {
    let rows = Receiver::start(judge_rows).first(&[Trouble::Status(401), Trouble::Status(403)]);
    let tokens = Receiver::start(judge_token).first(&[Trouble::Status(500)]);
    let mut outbox = Outbox::new(vec![outlet(sentinel(&rows, &tokens, &inside()))], Vec::new());
    outbox.tell(&[opened(1)]);
    let settled = outbox.deliver();
    let key = "0000000000000001:1";
    assert_eq!(outcomes(&settled), [(key, "retried"), (key, "retried"), (key, "retried"), (key, "delivered")]);
    assert_eq!((tokens.taken().len(), rows.taken().len()), (3, 1));
    assert!(settled[1].failure.as_deref().unwrap().contains("Monitoring Metrics Publisher"), "{settled:?}");

    let refusing: crate::receiver::Judge = |_| {
        let said = r#"{"error":"invalid_client","error_description":"AADSTS7000215: a/b+c~made-up&secret=1"}"#;
        Ok((401, said.into()))
    };
    let sink = sentinel(&rows, &Receiver::start(refusing), &inside());
    let delivery = gatewatch::sinks::RenderedDelivery { key: "k:1", payload: "[]" };
    let failed = outbox.runtime().block_on(sink.deliver(&delivery)).unwrap_err().to_string();
    assert!(failed.contains("invalid_client") && !failed.contains("made-up") && !failed.contains("AADSTS"), "{failed}");
    assert!(!format!("{sink:?}").contains("made-up"));
}
