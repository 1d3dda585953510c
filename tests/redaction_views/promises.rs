//! What holds of any text with secrets in it, however they are written.

use data_encoding::BASE64;
use gatewatch::redaction::made;
use gatewatch::telemetry::{Privilege, Sighting};
use proptest::prelude::*;
use serde_json::Value;

use crate::oracle::{left_of, views};
use crate::written::{json, percent, utf16};
use crate::{chance, scan};

/// One step of writing a text into another.
#[derive(Clone, Copy, Debug)]
enum Step {
    Percent,
    PercentWhole,
    Json,
    Slashes,
    Units,
    Html,
    Packed,
    PackedUrl,
    PackedInJson,
    Wide,
    Folded,
    Sentence,
}

const STEPS: [Step; 12] = [
    Step::Percent,
    Step::PercentWhole,
    Step::Json,
    Step::Slashes,
    Step::Units,
    Step::Html,
    Step::Packed,
    Step::PackedUrl,
    Step::PackedInJson,
    Step::Wide,
    Step::Folded,
    Step::Sentence,
];

impl Step {
    fn write(self, text: &str) -> String {
        match self {
            Self::Percent => format!("/x?u={}&b=c", percent(text).replace("%2D", "-").replace("%5F", "_")),
            Self::PercentWhole => {
                format!("u={}", text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat())
            }
            Self::Json => format!(r#"{{"m":"{}","n":[1,true]}}"#, json(text)),
            Self::Slashes => format!(r#"{{"m":"{}"}}"#, json(text).replace('/', "\\/")),
            Self::Units => {
                format!(
                    r#"{{"m":"{}"}}"#,
                    json(text).replace('=', "\\u003d").replace('+', "\\u002B").replace('&', "\\u0026")
                )
            }
            Self::Html => format!("<p>{}</p>", text.replace('&', "&amp;").replace('"', "&quot;")),
            Self::Packed => format!("data {} end", BASE64.encode(text.as_bytes())),
            Self::PackedUrl => format!("/d/{}/x", data_encoding::BASE64URL_NOPAD.encode(text.as_bytes())),
            Self::PackedInJson => format!(r#"{{"body":"{}"}}"#, BASE64.encode(text.as_bytes())),
            Self::Wide => format!("-enc {}", utf16(text)),
            Self::Folded => {
                let packed = BASE64.encode(text.as_bytes());
                let lines: Vec<&str> =
                    packed.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
                lines.join("\r\n")
            }
            Self::Sentence => format!("at 12:00 we saw {text} and went on"),
        }
    }
}

/// A secret of some kind, by its number, and the text it stands in.
fn secret(which: usize, seed: u64) -> (String, String) {
    let next = &mut chance(seed);
    let secret = match which {
        0 => made::function_key(next, Privilege::Master),
        1 => made::apim_key(next, Privilege::Gateway),
        2 => made::storage_key(next),
        3 => made::entra_secret(next),
        4 => made::jwt(next, "someone"),
        5 => made::annotated_key(next, "AZDO", "AAAA"),
        6 => ["gh", "p_", &data_encoding::HEXLOWER.encode(&made::bytes(next, 18))].concat(),
        _ => data_encoding::HEXLOWER.encode(&made::bytes(next, 12)),
    };
    let text = if which > 6 { format!("?code={secret}&x=1") } else { format!("key {secret}, so") };
    (secret, text)
}

/// What lies between the hidden spans stands in the original, in this order.
fn rest_is_kept(before: &[u8], after: &[u8], seen: &[Sighting]) -> bool {
    let (mut from, mut place) = (0, 0);
    let mut ends = seen.iter().map(|one| (one.at.start as usize, one.at.end as usize)).collect::<Vec<_>>();
    ends.push((after.len(), after.len()));
    for (start, end) in ends {
        let kept = &after[from..start];
        let Some(at) = memchr::memmem::find(&before[place..], kept) else { return false };
        place += at + kept.len();
        from = end;
    }
    true
}

/// Both are the same tree, but for texts in which something was hidden.
fn same_tree(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.len() == after.len()
                && before.iter().all(|(name, one)| after.get(name).is_some_and(|other| same_tree(one, other)))
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(one, other)| same_tree(one, other))
        }
        (Value::String(before), Value::String(after)) => {
            let hides = |text: &Vec<u8>| memchr::memmem::find(text, b":k1:").is_some();
            before == after || views(after.as_bytes(), 5).iter().any(hides)
        }
        (before, after) => before == after,
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop::sample::select(STEPS.to_vec())
}

/// Fails if anything of a secret can be read out of what became of the text it was planted in, or
/// if anything else was changed.
fn is_hidden(steps: &[Step], which: usize, seed: u64, before: &str, after: &str) -> Result<(), TestCaseError> {
    let (secret, text) = secret(which, seed);
    let text = steps.iter().fold(format!("{before} {text} {after}"), |text, step| step.write(&text));
    let seen = scan(text.as_bytes());
    let left = left_of(secret.as_bytes(), &seen.bytes, steps.len() + 1);
    prop_assert!(left.is_none(), "{steps:?} {text}\nbecame {}\nwhich holds {left:?}", seen.text());
    let kept = rest_is_kept(text.as_bytes(), &seen.bytes, &seen.sightings);
    prop_assert!(kept, "{steps:?} {text}\nbecame {}", seen.text());
    // One fingerprint, however it is written: the one that the secret has where it stands bare.
    let bare = scan(format!("?code={secret}&x").as_bytes()).codes();
    prop_assert!(seen.codes().contains(&bare[0]), "{steps:?} {text}\nbecame {}", seen.text());
    let again = scan(&seen.bytes);
    prop_assert_eq!(again.text(), seen.text(), "a second search, of {:?} {}", steps, text);
    Ok(())
}

proptest! {
    // 256 is what there is unless PROPTEST_CASES says how many.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: match ProptestConfig::default().cases { 256 => 160, told => told }, ..ProptestConfig::default() })]

    #[test]
    fn a_planted_secret_can_be_read_out_of_no_output_and_nothing_else_changes(
        steps in prop::collection::vec(step(), 0..4),
        which in 0_usize..8,
        seed in any::<u64>(),
        before in "[ a-zA-Z0-9{}\\[\\],:;._%/+=&\\\\'\"<>\n-]{0,40}",
        after in "[ a-zA-Z0-9{}\\[\\],:;._%/+=&\\\\'\"<>\n-]{0,40}",
    ) {
        is_hidden(&steps, which, seed, &before, &after)?;
    }

    #[test]
    fn valid_json_is_the_same_tree_but_for_what_was_hidden(
        steps in prop::collection::vec(step(), 0..3),
        which in 0_usize..8,
        seed in any::<u64>(),
        name in "[a-zA-Z-]{1,12}",
        number in any::<i32>(),
    ) {
        let (_, text) = secret(which, seed);
        let text = steps.iter().fold(text, |text, step| step.write(&text));
        let value = serde_json::json!({ name: { "a": [number, null, text], "b": text }, "n": number, "t": "plain" });
        let before = value.to_string();
        let seen = scan(before.as_bytes());
        let after: Result<Value, _> = serde_json::from_slice(&seen.bytes);
        prop_assert!(after.as_ref().is_ok_and(|after| same_tree(&value, after)), "{before}\nbecame {}", seen.text());
    }

    #[test]
    fn base64_decodes_to_what_it_was_but_for_the_secret(
        which in 0_usize..8,
        seed in any::<u64>(),
        before in "[ -!#-&(-~é€]{0,30}",
        after in "[ -!#-&(-~é€]{0,30}",
        url in any::<bool>(),
        padded in any::<bool>(),
    ) {
        let (secret, text) = secret(which, seed);
        let plain = format!("{before} {text} {after}");
        let engine = match (url, padded) {
            (true, true) => data_encoding::BASE64URL,
            (true, false) => data_encoding::BASE64URL_NOPAD,
            (false, true) => BASE64,
            (false, false) => data_encoding::BASE64_NOPAD,
        };
        let packed = engine.encode(plain.as_bytes());
        // Base64 that begins as a token of Adafruit does is hidden whole, in doubt.
        prop_assume!(!packed.starts_with("aio_"));
        let seen = scan(format!(r#"{{"body":"{packed}"}}"#).as_bytes());
        let out: Value = serde_json::from_slice(&seen.bytes).unwrap();
        let decoded = engine.decode(out["body"].as_str().unwrap().as_bytes());
        let decoded = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        prop_assert!(decoded.is_ok(), "{plain} became {}", seen.text());
        let mut want = plain.clone();
        let print = seen.sightings.iter().find(|one| one.secret).unwrap().fingerprint.0.clone();
        want = want.replace(&secret, &print);
        let decoded = decoded.unwrap();
        // Groups are filled up behind the fingerprint.
        let unpadded = (0..3).map(|n| decoded.replacen(&format!("{print}{}", "=".repeat(n)), &print, 1));
        prop_assert!(unpadded.into_iter().any(|text| text == want) || seen.sightings.len() > 1, "{want}\nis {decoded}");
    }

    #[test]
    fn texts_put_together_of_encoded_pieces_settle_and_stay_json(
        pieces in prop::collection::vec((0_usize..8, prop::collection::vec(step(), 0..3), any::<u16>()), 0..5),
        between in "[ ;,&=/.:\\-]{0,2}",
    ) {
        let pieces = pieces.iter().map(|(which, steps, seed)| {
            let (_, text) = secret(*which, (*seed).into());
            steps.iter().fold(text, |text, step| step.write(&text))
        });
        let text = pieces.collect::<Vec<_>>().join(&between);
        let message = serde_json::json!({ "m": text }).to_string();
        let mut bytes = message.clone().into_bytes();
        for _ in 0..4 {
            bytes = scan(&bytes).bytes;
            prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok(), "{message}");
        }
        let again = scan(&bytes);
        prop_assert_eq!(again.text(), String::from_utf8_lossy(&bytes).into_owned(), "of {}", message);
    }
}

/// Escapes in base64 are text from a wrong place on as well, and go on longer from there, for `/d/`
/// is of its letters: that reading alone would hold no secret.
#[test]
fn a_secret_is_found_in_base64_that_is_text_from_several_places_on() {
    let steps = [Step::PercentWhole, Step::PackedUrl, Step::PercentWhole];
    is_hidden(&steps, 0, 12_192_433_427_323_147, ",,],]", "ba").unwrap();
    for seed in 0..200 {
        for before in ["", ",", ",,],]", "[[", "-- "] {
            is_hidden(&steps[..2], (seed % 8) as usize, seed, before, "").unwrap();
        }
    }
}

/// A line of base64 may hold escapes before it is folded, and an escape may be folded in base64.
#[test]
fn a_secret_is_found_where_escapes_and_folds_meet() {
    is_hidden(&[Step::Json, Step::Units, Step::Folded], 7, 0, "_", "").unwrap();
    is_hidden(&[Step::Folded, Step::Units], 3, 0, "}a,}a  a],_]a]_A_, 0 ]]]}", "").unwrap();
    is_hidden(&[Step::PackedInJson, Step::PercentWhole, Step::Folded], 1, 0, "\"\"0\"0aA% a\"\n}0 00", "").unwrap();
    let after = "a+%_}_a\n\n0%A %aAa0+\"0_%+_+aAa%\n_\"";
    is_hidden(&[Step::Sentence, Step::Wide, Step::Folded], 0, 0, "a}A \" Aa_0", after).unwrap();
    // A line ends in the middle of a percent escape of a percent escape.
    is_hidden(&[Step::Percent, Step::PercentWhole, Step::Folded], 7, 0, "%a\n_a:}A:a%a%a_AA", "").unwrap();
    // Its fingerprint ends in `PWD`, and is filled up with `=`.
    is_hidden(&[Step::Packed], 4, 1_313_634_972_013_735_854, "", "").unwrap();
    for shift in 0..40 {
        let before = "?>".repeat(shift);
        for steps in [
            &[Step::Folded, Step::Units][..],
            &[Step::Folded, Step::Slashes],
            &[Step::Folded, Step::Units, Step::Json],
            &[Step::Json, Step::Units, Step::Folded],
            &[Step::Folded, Step::Percent],
        ] {
            for which in 0..8 {
                is_hidden(steps, which, shift as u64, &before, &before).unwrap();
            }
        }
    }
}

/// Some of that has the length of a key: it is none, for it is text, of more than ASCII too.
#[test]
fn base64_of_as_many_letters_as_a_key_has_stays_but_for_the_secret() {
    for before in ["(Aéé", "A €aaa A##00€( ", "€€€", "ab€"] {
        for which in 0..8 {
            let (secret, text) = secret(which, 0);
            for length in 0..40 {
                let plain = format!("{before} {text} €{}", "x".repeat(length));
                let seen = scan(format!(r#"{{"body":"{}"}}"#, BASE64.encode(plain.as_bytes())).as_bytes());
                let out: Value = serde_json::from_slice(&seen.bytes).unwrap();
                let decoded = BASE64.decode(out["body"].as_str().unwrap().as_bytes());
                let decoded = String::from_utf8(decoded.unwrap_or_default()).unwrap();
                assert!(decoded.starts_with(before) && !decoded.contains(&secret), "{plain} became {}", seen.text());
            }
        }
    }
}

/// A form that is decoded has spaces for the `+` of what stood in it.
#[test]
fn a_secret_is_found_in_base64_of_which_a_form_made_spaces() {
    let next = &mut chance(12);
    let mut tried = 0;
    for number in 0..600 {
        // With the sign in it that base64 writes as `+`.
        let secret = made::entra_secret(next).replace("8Q~", "8Q~a~b~")[..40].to_owned();
        let secrets = [made::entra_secret(next), format!("?code={secret}&x")];
        let text = format!("{}{} and so", "<b>~ ".repeat(number % 7), secrets[number % 2]);
        let packed = BASE64.encode(text.as_bytes());
        tried += usize::from(packed.contains('+'));
        for written in [packed.replace('+', " "), packed.replace('+', "%20")] {
            for message in [format!(r#"{{"body":"{written}"}}"#), format!("?p={written}&q=1"), format!("x {written} y")]
            {
                let seen = scan(message.as_bytes());
                let inside = if number % 2 == 0 { &*secrets[0] } else { &secret };
                let read = seen.text().replace("%20", "+").replace(' ', "+");
                let left = left_of(inside.as_bytes(), read.as_bytes(), 2);
                assert!(left.is_none(), "{message} of {text}\nbecame {}\nwhich holds {left:?}", seen.text());
                assert_eq!(scan(&seen.bytes).text(), seen.text(), "a second search of {message}");
                let bare = scan(format!("?code={inside}&x").as_bytes()).codes();
                assert!(seen.codes().contains(&bare[0]), "{message} became {}", seen.text());
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

/// So has a key itself.
#[test]
fn a_key_of_which_a_form_made_spaces_is_hidden_whole_by_its_fingerprint() {
    let next = &mut chance(13);
    for (kind, _, secret) in made::proven(next).into_iter().filter(|(_, _, secret)| secret.contains('+')) {
        let codes = scan(secret.as_bytes()).codes();
        // ` SQL` alone stands in many a log: of that one a name has to tell.
        let skipped = usize::from(kind == "azure-sql-password");
        for space in [" ", "%20"] {
            let spaced = secret.replace('+', space);
            let texts = [
                format!("it was {spaced} then"),
                format!("/x?code={spaced}&b=c"),
                format!("AccountName=a;AccountKey={spaced};EndpointSuffix=b"),
                format!(r#"{{"accountKey":"{spaced}"}}"#),
            ];
            for text in texts.into_iter().skip(skipped) {
                let seen = scan(text.as_bytes());
                assert_eq!(seen.codes(), codes, "{kind}: {text} became {}", seen.text());
                let part = |length: usize| {
                    spaced
                        .as_bytes()
                        .chunks(length)
                        .any(|part| part.len() == length && memchr::memmem::find(&seen.bytes, part).is_some())
                };
                assert!(!part(6), "{kind}: {text} became {}", seen.text());
                assert_eq!(scan(&seen.bytes).text(), seen.text(), "a second search of {text}");
            }
        }
    }
    let sent = made::sas(next).replace("%2B", " ").replace("%2F", "/").replace("%3D", "=");
    let signature = sent.split("sig=").nth(1).unwrap();
    let seen = scan(format!("GET https://a.blob.core.windows.net/b?{sent} HTTP/1.1").as_bytes());
    assert!(!seen.text().contains(&signature[30..]), "{}", seen.text());
}

/// An escape that breaks off is a part of the value it stands in.
#[test]
fn a_value_goes_on_behind_an_escape_that_breaks_off() {
    for rest in ["\\uabc", "\\u", "\\u00", "\\ua\\ub", "\\uabcxyz", "\\x41\\u12"] {
        for text in [
            format!("password=hunter{rest}"),
            format!("x password=hunter{rest} y"),
            format!("{{\"m\":\"a password=hunter\\{rest}\"}}"),
        ] {
            let seen = scan(text.as_bytes());
            assert!(!seen.text().contains('\\') && seen.codes().len() == 1, "{text} became {}", seen.text());
            assert_eq!(scan(&seen.bytes).text(), seen.text(), "a second search of {text}");
            let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_ok();
            assert!(!json(text.as_bytes()) || json(&seen.bytes), "{text} became {}", seen.text());
        }
    }
}

/// What is too deep is not passed on: it is hidden whole, and counted by its kind.
#[test]
fn a_secret_too_deep_to_be_decoded_is_hidden_with_all_around_it() {
    let secret = made::function_key(&mut chance(3), Privilege::Master);
    let mut text = format!("the key is {secret}");
    for depth in 1..12 {
        text = BASE64.encode(format!("it was {text} then").as_bytes());
        let seen = scan(format!("x {text} y").as_bytes());
        assert!(left_of(secret.as_bytes(), &seen.bytes, depth).is_none(), "{depth}");
        assert_eq!(seen.sightings.len(), 1, "{depth}");
        let kind = &*seen.sightings[0].kind;
        assert_eq!(kind, if depth > 6 { "unscanned" } else { "azure-function-key" }, "{depth}");
    }
}

#[test]
fn neighbours_in_one_group_of_base64_are_both_hidden() {
    for shift in 0..6 {
        let plain = format!("{}ann@contoso.com;bob@contoso.com{}", "x".repeat(shift) + ":", ";tail");
        let seen = scan(format!("p={}", BASE64.encode(plain.as_bytes())).as_bytes());
        let kinds: Vec<_> = seen.sightings.iter().map(|one| &*one.kind).collect();
        assert_eq!(kinds, ["email", "email"], "{plain}");
        let decoded = BASE64.decode(seen.text().trim_start_matches("p=").as_bytes()).unwrap();
        let decoded = String::from_utf8(decoded).unwrap().replace('=', "");
        let prints: Vec<String> = seen.sightings.iter().map(|one| one.fingerprint.to_string()).collect();
        assert_eq!(decoded, format!("{}:{};{};tail", "x".repeat(shift), prints[0], prints[1]));
    }
}
