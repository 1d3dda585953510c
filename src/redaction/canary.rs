//! Does the scanner still find what it must?
//!
//! Before anything is read, one made-up secret of each checked kind goes through the scanner in
//! each way of writing. A scanner that misses one refuses to run: better no log than a leaking one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::kind::Kind;
use super::made;
use super::scan::{Found, Scanner, merge};
use super::settings::RedactionError;
use crate::telemetry::{Confidence, Privilege};

type Form = fn(&str) -> String;

/// The ways of writing: a name for people, and how a secret is put into it.
const FORMS: [(&str, Form); 4] = [
    ("plain text", |secret| format!("before {secret} after")),
    ("a query", |secret| format!("https://a.invalid/x?code={secret}&a=b")),
    ("a percent-encoded URL", |secret| {
        format!("u%3Fcode%3D{}%26a%3Db", secret.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
    }),
    ("JSON in JSON", |secret| {
        format!(r#"{{"p":"{{\"k\":\"{}\"}}"}}"#, secret.replace('/', "\\/").replace('+', "\\u002B"))
    }),
];

/// The ways of writing that have to be decoded, of which one secret each is enough.
const VIEWS: [(&str, Form); 6] = [
    ("base64", |secret| packed(&format!(r#"{{"key":"{secret}"}}"#))),
    ("base64 in base64", |secret| packed(&format!(r#"{{"data":"{}"}}"#, packed(&format!("it was {secret} then"))))),
    ("base64 of UTF-16", |secret| {
        let text = format!("it was {secret} then");
        STANDARD.encode(text.bytes().flat_map(|byte| [byte, 0]).collect::<Vec<u8>>())
    }),
    ("a URL percent-encoded whole", |secret| each(secret, "%")),
    ("JSON of escapes alone", |secret| each(secret, "\\u00")),
    ("two lines", |secret| {
        let (first, second) = secret.split_at(20.min(secret.len()));
        format!("it was {first}\\r\\n  {second}")
    }),
];

fn packed(text: &str) -> String {
    STANDARD.encode(text)
}

/// Writes each letter as two hexadecimal digits with `sign` before them.
fn each(secret: &str, sign: &str) -> String {
    let digits = data_encoding::HEXLOWER.encode(secret.as_bytes());
    digits.as_bytes().chunks(2).fold(String::new(), |out, two| out + sign + &String::from_utf8_lossy(two))
}

/// Refuses if `scanner` misses a canary.
pub fn check(scanner: &Scanner) -> Result<(), RedactionError> {
    let mut state = 0x6761_7465_7761_7463_u64;
    // Chance is of no use here: the same canaries at every start fail the same.
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.rotate_left(23)
    };
    for (kind, _, secret) in made::proven(&mut next) {
        for (form, write) in FORMS {
            proven(scanner, kind, form, &write(&secret))?;
        }
    }
    let secret = made::function_key(&mut next, Privilege::Master);
    for (form, write) in VIEWS {
        proven(scanner, "azure-function-key", form, &write(&secret))?;
    }
    // By rule: a program whose tables can't be read finds none of what they list.
    let letters = made::bytes(&mut next, 30).into_iter().map(|byte| char::from(b'a' + byte % 26));
    let token = super::rules::github_token(&letters.collect::<String>());
    for (form, write) in FORMS {
        let mut found = Vec::new();
        scanner.find(write(&token).as_bytes(), &mut found);
        merge(&mut found);
        let sure = |one: &Found| matches!(one.kind, Kind::Rule(_)) && one.confidence == Confidence::Proven;
        if found.len() != 1 || !found.iter().all(sure) {
            return Err(RedactionError::Canary { kind: "github-token", form });
        }
    }
    Ok(())
}

fn proven(scanner: &Scanner, kind: &'static str, form: &'static str, text: &str) -> Result<(), RedactionError> {
    let mut found: Vec<Found> = Vec::new();
    scanner.find(text.as_bytes(), &mut found);
    merge(&mut found);
    let sure = |one: &Found| one.kind.name() == Some(kind) && one.confidence == Confidence::Proven;
    if found.len() == 1 && found.iter().all(sure) {
        return Ok(());
    }
    Err(RedactionError::Canary { kind, form })
}
