//! Every kind of secret in every way of writing: wholly hidden, by one fingerprint.

use std::collections::BTreeMap;

use gatewatch::redaction::{Kind, made};
use gatewatch::telemetry::Confidence;

use crate::oracle::left_of;
use crate::written::{Text, forms, named, over_lines};
use crate::{chance, redactor, scan};

/// One secret of a kind, in the text that its kind needs around it.
struct Case {
    kind: String,
    text: Text,
    /// Whether it is known by itself.
    strong: bool,
}

/// Kinds of the code that are known by what stands around them, as templates: `KEY64`, `KEY32` and
/// `HEX` are made up, and the secret stands between `«` and `»`.
const NAMED: &[(&str, &str)] = &[
    (
        "azure-shared-access-key",
        "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=b;SharedAccessKey=«KEY32»;EntityPath=c",
    ),
    ("azure-sas", "https://a.blob.core.windows.net/b/c?sv=2024-11-04&sp=r&se=2030-01-01&sig=«KEY43»"),
    ("api-key", "API_KEY=«KEY43»"),
    ("password", "Server=a;User ID=b;Password=«HEX»;X=1"),
    ("client-secret", "client_secret=«KEY43»"),
    ("bearer-token", "Authorization: Bearer «0KEY43»"),
    ("basic-credentials", "Authorization: Basic «KEY32»"),
    ("authorization", "Authorization: SharedKey «KEY32»"),
    ("cookie", "AppServiceAuthSession=«KEY43»"),
    ("oauth-code", "https://a.invalid/.auth/login/aad/callback?code=«0.HEX»"),
    ("connection-string", "connectionString=«Foo=HEX;Bar=1»"),
    ("azure-signalr-key", "Endpoint=https://a.service.signalr.net;AccessKey=«KEY32»;Version=1.0;"),
    ("azure-web-pubsub-key", "Endpoint=https://a.webpubsub.azure.com;AccessKey=«KEY32»;Version=1.0;"),
    (
        "azure-notification-hubs-key",
        "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=DefaultFullSharedAccessSignature;SharedAccessKey=«KEY32»",
    ),
    ("app-insights-key", "InstrumentationKey=«0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0»;IngestionEndpoint=https://a/"),
    ("azure-automation-webhook", "https://s1.webhook.we.azure-automation.net/webhooks?token=«KEY43»"),
    ("azure-publishing-password", "userPWD=«KEY43»"),
    ("private-key", "-----BEGIN PRIVATE KEY-----\n«KEY64»\n-----END PRIVATE KEY-----"),
    ("certificate-with-key", "«MIIJqQIBAzCCKEY64KEY64KEY64KEY64»"),
];

fn cases(seed: u64) -> Vec<Case> {
    let next = &mut chance(seed);
    let mut cases: Vec<Case> = made::proven(next)
        .into_iter()
        .map(|(kind, _, secret)| Case { kind: kind.to_owned(), text: Text::bare(&secret), strong: true })
        .collect();
    for (kind, template) in NAMED {
        let mut text = (*template).to_owned();
        for (name, bytes) in [("KEY64", 66), ("KEY43", 32), ("KEY32", 33), ("HEX", 12)] {
            while text.contains(name) {
                let random = made::bytes(next, bytes);
                let key = match name {
                    "HEX" => data_encoding::HEXLOWER.encode(&random),
                    "KEY43" => data_encoding::BASE64URL_NOPAD.encode(&random),
                    _ => data_encoding::BASE64.encode(&random),
                };
                text = text.replacen(name, &key, 1);
            }
        }
        let (before, rest) = text.split_once('«').unwrap();
        let (secret, after) = rest.split_once('»').unwrap();
        let text = Text { before: before.into(), secret: secret.into(), after: after.into() };
        cases.push(Case { kind: (*kind).to_owned(), text, strong: false });
    }
    for rule in redactor().rules().all() {
        let Some((text, at)) = rule.made(next) else { continue };
        let (before, after) = (text[..at.start].to_owned(), text[at.end..].to_owned());
        let text = Text { before, secret: text[at].to_owned(), after };
        let strong = text.before.is_empty() && text.after.is_empty();
        cases.push(Case { kind: rule.name.to_string(), text, strong });
    }
    cases
}

#[test]
fn every_kind_of_the_code_is_tried() {
    let tried = cases(1);
    let secrets = Kind::ALL.iter().filter(|kind| kind.secret() && **kind != Kind::Unscanned);
    let names = secrets.filter_map(|kind| kind.name());
    let missing: Vec<_> = names.filter(|name| !tried.iter().any(|case| case.kind == *name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert!(tried.len() > 240, "{}", tried.len());
}

/// Tries the cases of one test's share, and tells every way of writing that fails, by kind.
fn try_all(which: impl Fn(&Case) -> Vec<(&'static str, String)>) {
    let mut failed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut tried, mut covered) = (0, 0);
    for case in cases(77) {
        let codes = scan(case.text.whole().as_bytes()).codes();
        if codes.len() != 1 {
            failed.entry(case.kind).or_default().push(format!("one secret is {codes:?} in {}", case.text.whole()));
            continue;
        }
        for (form, text) in which(&case) {
            tried += 1;
            let seen = scan(text.as_bytes());
            let mut wrong = Vec::new();
            if let Some(left) = left_of(case.text.secret.as_bytes(), &seen.bytes, 3) {
                wrong.push(format!("leaves {left}"));
            }
            let mut others = seen.codes();
            others.dedup();
            if others != codes {
                wrong.push(format!("has {others:?} for {codes:?}"));
            }
            let was = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            if was && serde_json::from_slice::<serde_json::Value>(&seen.bytes).is_err() {
                wrong.push("is JSON no more".to_owned());
            }
            if wrong.is_empty() {
                covered += 1;
            } else {
                let what = format!("{form}: {}\n      {text}\n      {}", wrong.join(", "), seen.text());
                failed.entry(case.kind.clone()).or_default().push(what);
            }
        }
    }
    let said: Vec<String> = failed.iter().map(|(kind, what)| format!("{kind}:\n    {}", what.join("\n    "))).collect();
    assert!(failed.is_empty(), "{covered} of {tried} are covered by one fingerprint; not these:\n{}", said.join("\n"));
}

#[test]
fn every_kind_is_hidden_in_every_way_of_writing_by_one_fingerprint() {
    try_all(|case| forms(&case.text));
}

#[test]
fn every_kind_is_hidden_where_a_name_says_what_it_is() {
    // Where it stands bare it would end there, or be something else: a list's next member, a second cookie.
    let ends = |form: &str| form.contains("connection string") || form.contains("cookie") || form == "a header";
    let other = |case: &Case| case.text.secret.contains([';', '\n', ' ', '"']);
    // Of a whole connection string it is the parts that count.
    let whole = |case: &Case| case.kind == "connection-string";
    try_all(|case| {
        let forms = named(&case.text.secret).into_iter();
        forms.filter(|(form, _)| !(whole(case) || other(case) && ends(form))).collect()
    });
}

#[test]
fn every_kind_that_is_not_short_is_hidden_when_it_is_folded_over_lines() {
    // A private key has lines of its own.
    try_all(|case| if case.kind == "private-key" { Vec::new() } else { over_lines(&case.text) });
}

/// A key of somebody's own is known by its name alone, however that is written.
#[test]
fn a_key_of_ones_own_is_a_finding_wherever_code_says_so() {
    for (form, text) in named("my-own-Key-0815-of-orders") {
        let seen = scan(text.as_bytes());
        assert!(left_of(b"my-own-Key-0815-of-orders", &seen.bytes, 3).is_none(), "{form} became {}", seen.text());
        let sure = seen.sightings.iter().filter(|one| one.secret && one.confidence >= Confidence::Context).count();
        assert_eq!(sure, 1, "{form}: {:?}", seen.sightings);
    }
}

/// One character wrong and no name beside it: hidden perhaps, alerted never.
#[test]
fn a_near_miss_wakes_nobody_in_any_way_of_writing() {
    let next = &mut chance(5);
    let (mut tried, mut hidden) = (0, 0);
    for case in cases(99).into_iter().filter(|case| case.strong && is_checked(case)) {
        for _ in 0..8 {
            let mut wrong = case.text.secret.clone().into_bytes();
            let letters = case.text.secret.trim_end_matches('=').len();
            let at = (next() % letters as u64) as usize;
            wrong[at] = if wrong[at] == b'b' { b'g' } else { b'b' };
            let wrong = Text::bare(std::str::from_utf8(&wrong).unwrap());
            for (form, text) in forms(&wrong).into_iter().step_by(5).chain(over_lines(&wrong)) {
                let seen = scan(text.as_bytes());
                let woken: Vec<_> =
                    seen.sightings.iter().filter(|one| one.confidence > Confidence::Suspected && one.secret).collect();
                assert!(woken.is_empty(), "{} {form}: {text} {woken:?}", case.kind);
                tried += 1;
                hidden += usize::from(!seen.sightings.is_empty());
            }
        }
    }
    assert!(tried > 3_000, "{tried} tried, {hidden} hidden as suspected");
}

/// The secret of case `number` of all these, with one letter wrong of those that each of its kind begins
/// with, and with one letter too few at its end.
fn near_misses(all: &[Vec<Case>], number: usize, next: &mut dyn FnMut() -> u64) -> (Vec<Text>, Text) {
    let secret = all[0][number].text.secret.as_bytes();
    let same = |at: usize| all.iter().all(|cases| cases[number].text.secret.as_bytes().get(at) == Some(&secret[at]));
    let prefix: Vec<usize> =
        (0..secret.len()).take_while(|at| same(*at)).filter(|at| secret[*at].is_ascii_alphanumeric()).collect();
    let text = |bytes: &[u8]| Text::bare(std::str::from_utf8(bytes).unwrap());
    let wrong = (0..prefix.len().min(4)).map(|_| {
        let mut wrong = secret.to_vec();
        let at = prefix[(next() % prefix.len() as u64) as usize];
        wrong[at] = if wrong[at].eq_ignore_ascii_case(&b'q') { b'j' } else { b'q' };
        text(&wrong)
    });
    (wrong.collect(), text(&secret[..secret.len() - 1]))
}

/// Kinds that are known by their format alone.
#[test]
fn a_near_miss_of_a_kind_without_a_checksum_wakes_nobody_either() {
    let next = &mut chance(6);
    let all: Vec<Vec<Case>> = (200..208).map(cases).collect();
    let woken = |text: &str| -> Vec<String> {
        let seen = scan(text.as_bytes());
        let woken = seen.sightings.iter().filter(|one| one.confidence > Confidence::Suspected && one.secret);
        woken.map(|one| one.kind.to_string()).collect()
    };
    let (mut tried, mut short, mut any_length) = (0, 0, Vec::new());
    for (number, case) in all[0].iter().enumerate().filter(|(_, case)| case.strong && !is_checked(case)) {
        let (mut wrong, shorter) = near_misses(&all, number, next);
        // Some are as long as they like, of course.
        if woken(&shorter.secret) == [&*case.kind] {
            any_length.push(&*case.kind);
        } else {
            wrong.push(shorter);
            short += 1;
        }
        for wrong in wrong {
            for (form, text) in forms(&wrong).into_iter().step_by(5).chain(over_lines(&wrong)) {
                assert_eq!(woken(&text), Vec::<String>::new(), "{} {form}: {text}", case.kind);
                tried += 1;
            }
        }
    }
    assert!(tried > 1_200 && short > 35, "{tried} tried, {short} too short, not {any_length:?}");
}

/// Tells whether a checksum proves the secret: others have none, their format alone is strong.
fn is_checked(case: &Case) -> bool {
    let rule = redactor().rules().all().iter().find(|rule| *rule.name == *case.kind);
    let summed = rule.is_none_or(|rule| rule.is_summed());
    summed && !["jwt", "entra-client-secret"].contains(&&*case.kind) && !case.text.secret.contains("AAQJJQ")
}
