//! Where does the value stand of a name that no separator joins to it?
//!
//! In the next member: `{"name":"x-functions-key","value":"…"}`, `{"key":"…","value":{"stringValue":"…"}}`; in brackets,
//! `[name, value]`; behind an option of a command, `--password value`; in a row, `('name', 'value')`. What lies between
//! is at most [`BETWEEN`] bytes and blanks.

use std::ops::Range;

use super::bytes::{NAME, Set, backslashes_before, run_of, starts_with, unit_at};
use super::spaces::{blanks, ends_text, spaces};
use super::value::{self, Place, Quote, opened, quote_at};

/// The longest name or word between a name and its value, bytes.
const BETWEEN: usize = 64;
/// The longest value in brackets.
const LONGEST: usize = 512;
/// What ends a parameter of credentials that is not quoted.
const PARAMETER: Set = Set::of(b"\r\n\t\0\"' ,");
/// The longest list of parameters.
const LIST: usize = 4 << 10;
/// How members are called that hold a value; Easy Auth's claims are `{"typ":"…","val":"…"}`, and a firewall says
/// `"matchVariableName":"PostParamValue:password"`.
const VALUES: [&[u8]; 3] = [b"value", b"val", b"matchVariableValue"];

/// Reads `"value":"` behind `{"name":"x-functions-key",`, or what OpenTelemetry writes there; one other member may stand
/// between, as in what Azure's command line prints of settings: `"slotSetting":false,`.
pub fn paired(text: &[u8], at: usize, quote: Quote) -> Option<Place> {
    let mut at = blanks(text, at);
    at = called(text, at, quote).or_else(|| called(text, behind_member(text, at, quote)?, quote))?;
    at = spaces(text, at);
    typed(text, at, quote).or_else(|| opened(text, at, Some(quote)))
}

/// Returns the place behind the name at `at` of the member that holds a value.
fn called(text: &[u8], at: usize, quote: Quote) -> Option<usize> {
    let (name, len) = quote_at(text, at).filter(|(name, _)| *name == quote)?;
    let inside = |word: &&[u8]| text.get(at + len..).is_some_and(|rest| starts_with(rest, word));
    let ends = VALUES.into_iter().filter(inside).map(|word| at + len + word.len());
    let mut closed =
        ends.filter_map(|end| quote_at(text, end).filter(|(end, _)| *end == name).map(|(_, len)| end + len));
    closed.next()
}

/// Returns the place behind the member at `at` whose value is one word, quoted or not, and the comma behind it.
fn behind_member(text: &[u8], at: usize, quote: Quote) -> Option<usize> {
    let (_, len) = quote_at(text, at).filter(|(name, _)| *name == quote)?;
    let end = at + len + run_of(&text[at + len..], &NAME, BETWEEN);
    let (_, len) = quote_at(text, end).filter(|(name, _)| *name == quote)?;
    let mut at = blanks(text, byte(text, blanks(text, end + len), b':')?);
    let quoted = quote_at(text, at).filter(|(opening, _)| *opening == quote);
    at += quoted.map_or(0, |(_, len)| len);
    at += run_of(&text[at..], &NAME, BETWEEN);
    if quoted.is_some() {
        at += quote_at(text, at).filter(|(closing, _)| *closing == quote)?.1;
    }
    Some(blanks(text, byte(text, blanks(text, at), b',')?))
}

/// Reads what stands behind a name in brackets, which ends at `at`, as .NET writes a pair: `[name, value]`.
pub fn bracketed(text: &[u8], at: usize) -> Option<Place> {
    let value = text.get(at..)?.starts_with(b", ").then_some(at + 2)?;
    let before = text[..at].iter().rev().take(BETWEEN).take_while(|byte| NAME.has(**byte)).count();
    text[..at - before].ends_with(b"[").then_some(())?;
    let ends = |byte: &u8| matches!(byte, b']' | b'"' | b'\n' | b'\\');
    let length = text[value..].iter().take(LONGEST).position(ends)?;
    // `[password, email]` is a list of names.
    let names =
        text[value..value + length].iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b',' | b' '));
    (text[value + length] == b']' && !names).then(|| whole(value, Quote::Element(value + length)))
}

/// The fewest digits of a number that is hidden: a flag and a length have fewer.
const DIGITS: usize = 4;

/// Reads a number that is the value of a member of JSON, whose name ends at `at`: `"password":12345678`.
pub fn number(text: &[u8], at: usize) -> Option<Place> {
    let (_, len) = quote_at(text, at)?;
    let start = blanks(text, byte(text, blanks(text, at + len), b':')?);
    let length = text[start..].iter().take(LONGEST).take_while(|byte| byte.is_ascii_digit()).count();
    let ends = ends_text(text, blanks(text, start + length));
    (length >= DIGITS && ends).then(|| whole(start, Quote::Element(start + length)))
}

/// Reads the value behind a name that is an option of a command, `--password value`, or stands in a list of its words,
/// `"--password","value"`; or behind one in a row of names and values, `('name', 'value')`.
pub fn follows(text: &[u8], name: &Range<usize>) -> Option<Place> {
    let option = text[name.start] == b'-';
    if let Some((quote, len)) = quote_at(text, name.end) {
        let at = blanks(text, byte(text, name.end + len, b',')?);
        let opening = before_quote(text, name.start, quote)?;
        let (tuple, list) = (text[..opening].ends_with(b"("), text[..opening].ends_with(b"["));
        let (value, len) = quote_at(text, at).filter(|(value, _)| *value == quote)?;
        let place = whole(at + len, value);
        // The name of a member is no value.
        let end = value::end(text, place, &PARAMETER);
        let behind = blanks(text, end + quote_at(text, end).map_or(0, |(_, len)| len));
        // `["x-functions-key","value"]`, and not `["password","email","name"]`.
        let names = text[place.start..end].iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b' '));
        // Nor `["azurerm_storage_account.host.primary_access_key","azurerm_storage_account.host"]`: no header has dots.
        let names = names || text[name.clone()].contains(&b'.');
        let pair = list && !names && text.get(behind) == Some(&b']');
        return (pair || (option || tuple) && text.get(behind) != Some(&b':')).then_some(place);
    }
    let at = name.end + usize::from(text.get(name.end) == Some(&b' '));
    if !option || at == name.end || matches!(text.get(at), None | Some(b' ' | b'-' | b'|' | b'&' | b'(' | b'$')) {
        return None;
    }
    let (quote, len) = quote_at(text, at).unwrap_or((Quote::Bare, 0));
    (!ends_text(text, at + len)).then(|| whole(at + len, quote))
}

/// Returns where parameters end that begin at `at`: names, `=`, values in quotes or not, commas and blanks between, of at
/// most [`LIST`] bytes.
pub fn parameters(text: &[u8], at: usize) -> usize {
    let (mut end, mut next) = (at, at);
    while next - at < LIST {
        let name = blank(text, next);
        let Some(value) = byte(text, name + run_of(&text[name..], &NAME, BETWEEN), b'=') else { return end };
        // The quote that ends the string around it opens nothing.
        let opening = quote_at(text, value).filter(|(_, len)| !ends_text(text, value + len));
        let (quote, len) = opening.unwrap_or((Quote::Bare, 0));
        end = value::end(text, whole(value + len, quote), &PARAMETER);
        match opening {
            Some(opening) if quote_at(text, end) == Some(opening) => end += len,
            Some(_) => return end,
            None => end += words(&text[end..]),
        }
        match byte(text, blank(text, end), b',') {
            Some(behind) => next = behind,
            None => return end,
        }
    }
    end
}

/// Tells whether a parameter begins at `at`.
pub fn begins_parameter(text: &[u8], at: usize) -> bool {
    let length = run_of(&text[at..], &NAME, BETWEEN);
    length > 0 && text.get(at + length) == Some(&b'=')
}

/// Returns the length of the words that a value without quotes goes on with before a comma.
fn words(rest: &[u8]) -> usize {
    let length = rest.iter().take(BETWEEN).take_while(|byte| NAME.has(**byte) || **byte == b' ').count();
    let goes_on = rest.first() == Some(&b' ') && rest.get(length) == Some(&b',');
    if goes_on { rest[..length].trim_ascii_end().len() } else { 0 }
}

/// Passes blanks and the breaks of lines, written as escapes or not.
fn blank(text: &[u8], mut at: usize) -> usize {
    let from = at;
    while let Some(unit) = unit_at(text, at).filter(|unit| unit.byte.is_ascii_whitespace() && at - from < BETWEEN) {
        at += unit.len;
    }
    at
}

/// Returns where the quote begins that stands right before `at`.
fn before_quote(text: &[u8], at: usize, quote: Quote) -> Option<usize> {
    let from = at.checked_sub(1)?;
    let from = from - backslashes_before(&text[..from]);
    quote_at(text, from).filter(|(opening, len)| *opening == quote && from + len == at).map(|_| from)
}

const fn whole(start: usize, quote: Quote) -> Place {
    Place { start, quote, equals: true, listed: false, typed: false, level: 0 }
}

/// Reads `:{"stringValue":"`, or that of the first of a list: `:{"arrayValue":{"values":[{"stringValue":"`.
fn typed(text: &[u8], at: usize, quote: Quote) -> Option<Place> {
    let mut at = blanks(text, byte(text, at, b':')?);
    at = byte(text, at, b'{')?;
    let mut listed = false;
    if let Some(inside) = member(text, at, quote, b"arrayValue") {
        at = member(text, byte(text, inside, b'{')?, quote, b"values")?;
        at = byte(text, blanks(text, byte(text, at, b'[')?), b'{')?;
        listed = true;
    }
    at = member(text, at, quote, b"stringValue")?;
    let (opening, len) = quote_at(text, at).filter(|(opening, _)| *opening == quote)?;
    Some(Place { start: at + len, quote: opening, equals: false, listed, typed: true, level: 0 })
}

/// Returns where the value of the member `name` begins, if that is the next one.
pub fn member(text: &[u8], at: usize, quote: Quote, name: &[u8]) -> Option<usize> {
    let at = blanks(text, at);
    let (opening, len) = quote_at(text, at)?;
    let end = at + len + name.len();
    if opening != quote || text.get(at + len..end)? != name {
        return None;
    }
    let (closing, len) = quote_at(text, end)?;
    let at = blanks(text, byte(text, blanks(text, end + len), b':')?);
    (closing == quote).then_some(at)
}

/// Returns the place behind a member `"type":"…",` at `at`, of at most 64 letters.
pub fn behind_type(text: &[u8], at: usize, quote: Quote) -> Option<usize> {
    let at = member(text, at, quote, b"type")?;
    let (opening, len) = quote_at(text, at)?;
    let at = at + len + run_of(&text[at + len..], &NAME, 64);
    let (closing, len) = quote_at(text, at)?;
    let behind = byte(text, blanks(text, at + len), b',')?;
    (opening == quote && closing == quote).then_some(behind)
}

/// Returns the place behind `wanted`, if that stands at `at`.
pub fn byte(text: &[u8], at: usize, wanted: u8) -> Option<usize> {
    (text.get(at) == Some(&wanted)).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use crate::redaction::rules::Rules;
    use crate::redaction::scan::Scanner;

    fn hidden(text: &str) -> String {
        let mut found: Vec<Found> = Vec::new();
        Scanner::new(Rules::shipped()).find(text.as_bytes(), &mut found);
        super::super::merge(&mut found);
        let mut out = text.to_owned();
        for one in found.iter().rev() {
            out.replace_range(one.span.clone(), "…");
        }
        out
    }

    #[test]
    fn a_value_is_hidden_that_no_separator_joins_to_its_name() {
        for (text, wanted) in [
            (r#"{"name":"DB_PASSWORD","slotSetting":false,"value":"Xk29fLmQ2pZ7"}"#, "Xk29fLmQ2pZ7"),
            (r#"{"name":"DB_PASSWORD","type":"secureString","value":"Xk29fLmQ2pZ7"}"#, "Xk29fLmQ2pZ7"),
            (r#"{"matchVariableName":"PostParamValue:password","matchVariableValue":"Xk'-- 7"}"#, "Xk'-- 7"),
            ("Headers: [Host, x], [x-functions-key, my-own-Key-0815], [Accept, b]", "my-own-Key-0815"),
            ("[('x-functions-key', 'my-own-Key-0815'), ('a', 'b')]", "my-own-Key-0815"),
            ("az login --service-principal --password Xk29fLmQ2pZ7 --tenant t", "Xk29fLmQ2pZ7"),
            (r#"["login","--password","Xk29fLmQ2pZ7"]"#, "Xk29fLmQ2pZ7"),
            (r#"[["host","a"],["x-functions-key","my-own-Key-0815"]]"#, "my-own-Key-0815"),
            (r#"os.environ["DB_PASSWORD"] = "Xk29fLmQ2pZ7""#, "Xk29fLmQ2pZ7"),
            ("config['DB_PASSWORD']='Xk29fLmQ2pZ7'", "Xk29fLmQ2pZ7"),
            (
                r#"{"m":"user: \u001b[32m'bob'\u001b[39m, password: \u001b[32m'Xk29fLmQ2pZ7'\u001b[39m"}"#,
                "Xk29fLmQ2pZ7",
            ),
            ("password=\x1b[38;5;0045mXk29fLmQ2pZ7\x1b[0m", "Xk29fLmQ2pZ7"),
            (r#"{"m":"Password:\tXk29fLmQ2pZ7"}"#, "Xk29fLmQ2pZ7"),
            ("Headers={x-functions-key=[my-own-Key-0815], Host=[a]}", "my-own-Key-0815"),
            (
                r#"{"sr":"b","sig":"Smc/fQ1Zb2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8U="}"#,
                "Smc/fQ1Zb2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8U=",
            ),
            (r#"{"user":"ann","password":20260302}"#, "20260302"),
            (r#"{"m":"{\"password\" : 20260302, \"a\":1}"}"#, "20260302"),
            (r#"[{"pwd":20260302},{"a":1}]"#, "20260302"),
            ("mytool --client-secret 'Xk29fLmQ2pZ7' -v", "Xk29fLmQ2pZ7"),
            ("user%5Bpassword%5D=Xk29fLmQ2pZ7&commit=Log+in", "Xk29fLmQ2pZ7"),
            ("user[password]=Xk29fLmQ2pZ7&a=b", "Xk29fLmQ2pZ7"),
            ("/api/x?code[]=my-own-Key-0815-of-orders&a=b", "my-own-Key-0815-of-orders"),
            ("/api/x?code%5B%5D=my-own-Key-0815-of-orders&a=b", "my-own-Key-0815-of-orders"),
            ("password => Xk29fLmQ2pZ7, a", "Xk29fLmQ2pZ7"),
            ("password := 'Xk29fLmQ2pZ7'", "Xk29fLmQ2pZ7"),
            ("ALTER LOGIN [bob] WITH PASSWORD=N'Xk29fLmQ2pZ7'", "Xk29fLmQ2pZ7"),
            ("{'password': b'Xk29fLmQ2pZ7'}", "Xk29fLmQ2pZ7"),
            (r#"{"p":"{'message':'got {\\'user\\':\\'bob\\',\\'password\\':\\'Xk29fLmQ2pZ7\\'}'}"}"#, "Xk29fLmQ2pZ7"),
            (r"'{\'password\': \'Xk29fLmQ2pZ7\'}'", "Xk29fLmQ2pZ7"),
            ("Calling partner with API key: FnApiKey9vQ2xL7Rk3Wm8Tz4 now", "FnApiKey9vQ2xL7Rk3Wm8Tz4"),
            ("Access token: 9vQ2xL7Rk3Wm8Tz4", "9vQ2xL7Rk3Wm8Tz4"),
            ("x-functions-key : my-own-Key-0815-of-orders", "my-own-Key-0815-of-orders"),
            ("Password            : Xk29fLmQ2pZ7", "Xk29fLmQ2pZ7"),
            ("Authorization: Token 9944b09199c62bcf9418ad846dd0e4bb", "9944b09199c62bcf9418ad846dd0e4bb"),
            (
                "Authorization: Digest username=ann, realm=My Realm, response=6629fae4",
                "username=ann, realm=My Realm, response=6629fae4",
            ),
            (
                "Authorization: OAuth realm=\"x\" ,\n   oauth_signature=\"y7\"",
                "realm=\"x\" ,\n   oauth_signature=\"y7\"",
            ),
            (
                "Authorization: Digest username=\"ann\", uri=\"/x\", response=\"6629fae4\", a=b",
                "username=\"ann\", uri=\"/x\", response=\"6629fae4\", a=b",
            ),
            ("Pwd={hun;ter2abc};Encrypt=yes", "{hun;ter2abc}"),
            ("IDENTITY_HEADER=0F1E2D3C4B5A69788796A5B4C3D2E1F0", "0F1E2D3C4B5A69788796A5B4C3D2E1F0"),
        ] {
            assert_eq!(hidden(text), text.replacen(wanted, "…", 1), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        for text in [
            "fields: [password, email]",
            r#"{"fields":["password","email"]}"#,
            r#"{"sig":"short","dig":"x"}"#,
            "The primary key: 0b5a7c1e-0000-4000-8000-0123456789ab already exists",
            "(using password: YES)",
            "['password', 'email', 'name']",
            "subscription key: missing",
            "the API key: none was sent",
            "Authorization: token missing",
            "-Password (Read-Host)",
            "--password $DB_PASSWORD",
            "DB_PASSWORD=@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/db/)",
            "bypass: true, compass=n, first_key1=abc",
            "tests pass=12 fail=0; pass: 12, fail: 3; proxy_pass=http://backend:8080",
            r#"{"check":"db","pass":"ok","first_pass":"done"}"#,
            r#"{"pass":20260302,"password":1,"a_password":12.5,"total_tokens":20260302}"#,
            r#"{"a":11,"m":"--password","n":"x"}"#,
            r#"{"name":"DB_PASSWORD","next":["a"],"value":"b"}"#,
        ] {
            assert_eq!(hidden(text), text);
        }
    }

    #[test]
    fn a_reference_to_a_vault_stays_and_what_stands_behind_it_does_not() {
        for behind in ["hunter2x", "a)hunter2Secret"] {
            let text = format!("DB_PASSWORD=@Microsoft.KeyVault({behind}");
            assert_eq!(hidden(&text), "DB_PASSWORD=…", "{text}");
        }
    }

    #[test]
    fn json_stays_json_whatever_credentials_break_off_in() {
        for value in [
            "Digest a=",
            "Digest a='b",
            "Digest a=\\\"b",
            "Digest a=%22b",
            "Digest a=\\u0022b",
            "OAuth a=b,",
            "Token a=",
        ] {
            let text = format!(r#"{{"m":"Authorization: {value}","next":"x"}}"#);
            let hidden = hidden(&text).replace('…', "x");
            let read: serde_json::Value =
                serde_json::from_str(&hidden).unwrap_or_else(|error| panic!("{hidden}: {error}"));
            assert_eq!(read["next"], "x", "{hidden}");
        }
    }
}
