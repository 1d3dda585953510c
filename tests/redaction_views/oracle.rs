//! What can anybody read out of these bytes? Written apart from the product, slow and plain: every
//! decoding of everything, over and over, so that nothing that is left is missed.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Returns the bytes and all that they decode to, so many times deep.
pub fn views(bytes: &[u8], depth: usize) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::from([bytes.to_vec()]);
    let mut last = all.clone();
    for _ in 0..depth {
        let mut next = BTreeSet::new();
        for text in &last {
            next.extend([percent(text), json(text), entities(text), unfolded(text)]);
            next.extend(base64(text));
        }
        next.retain(|text| !all.contains(text));
        all.extend(next.iter().cloned());
        last = next;
    }
    all
}

/// Returns the part of `secret` that can be read out of `bytes`, if one can.
pub fn left_of(secret: &[u8], bytes: &[u8], depth: usize) -> Option<String> {
    let length = (secret.len() / 2).clamp(6, 12).min(secret.len());
    views(bytes, depth).iter().find_map(|view| {
        let found = secret.windows(length).find(|part| memchr::memmem::find(view, part).is_some())?;
        Some(String::from_utf8_lossy(found).into_owned())
    })
}

fn percent(text: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(text).collect()
}

fn json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        at += 1;
        if byte != b'\\' || at == text.len() {
            out.push(byte);
            continue;
        }
        at += 1;
        match text[at - 1] {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' if text.len() >= at + 4 => {
                let digits = String::from_utf8_lossy(&text[at..at + 4]).into_owned();
                let letter = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
                out.extend(letter.to_string().bytes());
                at += 4;
            }
            other => out.push(other),
        }
    }
    out
}

fn entities(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&#43;", "+").replace("&#x2B;", "+").replace("&apos;", "'").replace("&amp;", "&").into_bytes()
}

fn unfolded(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).replace("\\r\\n", "\n").replace("\\n", "\n");
    text.lines().map(str::trim_start).collect::<String>().into_bytes()
}

/// Every run that could be base64, from each of four places on, in both alphabets, and as UTF-16.
fn base64(text: &[u8]) -> Vec<Vec<u8>> {
    let engines = [GeneralPurpose::new(&STANDARD, LENIENT), GeneralPurpose::new(&URL_SAFE, LENIENT)];
    let mut out = Vec::new();
    for (engine, extra) in engines.iter().zip([b"+/", b"-_"]) {
        let letter = |byte: &u8| byte.is_ascii_alphanumeric() || extra.contains(byte);
        for run in text.split(|byte| !letter(byte)).filter(|run| run.len() >= 16) {
            for from in 0..4 {
                let mut run = &run[from..];
                if run.len() % 4 == 1 {
                    run = &run[..run.len() - 1];
                }
                let Ok(bytes) = engine.decode(run) else { continue };
                let narrow: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
                if narrow.len() * 3 < bytes.len() * 2 {
                    out.push(narrow);
                }
                out.push(bytes);
            }
        }
    }
    out
}

#[test]
fn the_oracle_reads_what_anybody_can() {
    let secret = b"a-secret-of-some-length";
    let packed = data_encoding::BASE64.encode(format!("before {} after", String::from_utf8_lossy(secret)).as_bytes());
    let twice = data_encoding::BASE64.encode(format!("{{\"a\":\"{packed}\"}}").as_bytes());
    for text in [&packed, &twice, &twice.replace('=', "%3D"), &format!("{}\\n{}", &packed[..20], &packed[20..])] {
        assert!(left_of(secret, text.as_bytes(), 3).is_some(), "{text}");
    }
    assert_eq!(left_of(secret, b"nothing of it", 3), None);
}
