//! In which ways is a secret written?

use data_encoding::{BASE64, BASE64_MIME, BASE64URL_NOPAD};

/// A text with a secret in it, and where it stands there.
#[derive(Clone, Debug)]
pub struct Text {
    pub before: String,
    pub secret: String,
    pub after: String,
}

impl Text {
    pub fn bare(secret: &str) -> Self {
        Self { before: String::new(), secret: secret.to_owned(), after: String::new() }
    }

    pub fn whole(&self) -> String {
        [&*self.before, &self.secret, &self.after].concat()
    }
}

pub fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What a URL needs: the signs that mean something there.
fn some_percent(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '%' | '+' | '/' | '=' | '&' | '#' | '?' | ' ' | '"' | '\'' | '<' | '>' | ':' | ';' | '\n' => {
                out.push_str(&percent(&letter.to_string()));
            }
            other => out.push(other),
        }
    }
    out
}

pub fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

/// What a serializer of .NET makes of a text unless it is told not to.
fn dotnet(text: &str) -> String {
    let escaped = json(text).replace("\\\"", "\\u0022").replace('\'', "\\u0027");
    format!(r#"{{"message":"{}","level":4}}"#, escaped.replace('+', "\\u002B").replace('&', "\\u0026"))
}

pub fn utf16(text: &str) -> String {
    BASE64.encode(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
}

fn utf16_big(text: &str) -> String {
    BASE64.encode(&text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>())
}

fn folded(text: &str, columns: usize, with: &str) -> String {
    text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join(with)
}

/// Every way of writing the whole text, by its name.
pub fn forms(text: &Text) -> Vec<(&'static str, String)> {
    let whole = text.whole();
    let packed = |text: &str| BASE64.encode(text.as_bytes());
    let escaped = json(&whole).replace('/', "\\/").replace('+', "\\u002B").replace('=', "\\u003d");
    let message = format!(r#"{{"level":2,"message":{},"app":"orders"}}"#, serde_json::to_string(&whole).unwrap());
    vec![
        ("in a sentence", format!("it was {whole} then")),
        ("percent-encoded", format!("https://a.invalid/x?u={}&b=c", some_percent(&whole))),
        ("percent-encoded whole", format!("u={}&b=c", percent(&whole))),
        ("percent-encoded twice", format!("https://a.invalid/x?u={}&b=c", some_percent(&some_percent(&whole)))),
        ("percent-encoded whole, twice", format!("u={}&b=c", percent(&percent(&whole)))),
        ("JSON", format!(r#"{{"m":"{}","n":1}}"#, json(&whole))),
        ("JSON-escaped", format!(r#"{{"m":"x {escaped} y"}}"#)),
        ("JSON in JSON", format!(r#"{{"properties":"{}"}}"#, json(&format!(r#"{{"message":"{escaped}"}}"#)))),
        ("JSON in JSON in JSON", format!(r#"{{"a":"{}"}}"#, json(&format!(r#"{{"b":"{}"}}"#, json(&message))))),
        ("JSON in JSON, as .NET escapes it", format!(r#"{{"properties":"{}"}}"#, json(&dotnet(&whole)))),
        ("JSON of every letter escaped", format!(r#"{{"m":"{}"}}"#, letters(&whole))),
        ("an entity of HTML", format!("<a href=\"x\">{}</a>", whole.replace('&', "&amp;").replace('"', "&quot;"))),
        (
            "Linux's single quotes",
            format!(r#"{{"properties":"{{'message':'{}','level':2}}"}}"#, json(&whole).replace('\'', "")),
        ),
        ("base64", format!("payload {} end", packed(&whole))),
        ("base64 of JSON", format!(r#"{{"body":"{}"}}"#, packed(&message))),
        ("base64url", format!("/api/{}/x", BASE64URL_NOPAD.encode(message.as_bytes()))),
        ("base64 of base64", format!(r#"{{"body":"{}"}}"#, packed(&format!("{{\"data\":\"{}\"}}", packed(&message))))),
        ("base64, percent-encoded", format!("https://a.invalid/x?p={}&b=c", percent(&packed(&message)))),
        ("base64, escaped", format!(r#"{{"p":"{}"}}"#, packed(&message).replace('/', "\\/").replace('+', "\\u002b"))),
        ("base64 of percent-encoded", format!("p={}", packed(&format!("GET /x?u={} HTTP/1.1", percent(&whole))))),
        ("base64, folded", format!("body:\r\n{}\r\nend", BASE64_MIME.encode(message.repeat(2).as_bytes()))),
        ("base64, folded and escaped", format!(r#"{{"p":"{}"}}"#, folded(&packed(&message.repeat(2)), 64, "\\n"))),
        ("UTF-16 in base64", format!("powershell -enc {}", utf16(&format!("Invoke-It -Key '{whole}' -Now")))),
        ("UTF-16, big end first, in base64", format!("enc {}", utf16_big(&format!("Invoke-It -Key '{whole}' -Now")))),
        ("lines of their own", format!("first\n{whole}\nlast")),
        ("lines of their own, escaped", format!(r#"{{"m":"first\n{}\r\nlast"}}"#, json(&whole))),
    ]
}

/// Every way of writing the secret alone where a name says what it is.
pub fn named(secret: &str) -> Vec<(&'static str, String)> {
    let packed = |text: &str| BASE64.encode(text.as_bytes());
    let query = format!("https://a.azurewebsites.net/api/x?code={}&b=c", some_percent(secret));
    vec![
        ("?code=", query.clone()),
        ("?code=, percent-encoded", format!("u={}&v=1", some_percent(&query))),
        ("?code=, percent-encoded twice", format!("u={}&v=1", some_percent(&some_percent(&query)))),
        ("?code=, in HTML", query.replace("?code", "?a=b&amp;code").replace("&b", "&amp;b")),
        ("?code=, in base64", packed(&format!("GET {query} HTTP/1.1"))),
        ("?code=, in base64 of UTF-16", utf16(&format!("GET {query} HTTP/1.1"))),
        ("a header", format!("Host: a\r\nx-functions-key: {secret}\r\nAccept: b")),
        ("a header in JSON", format!(r#"{{"requestHeaders":{{"x-functions-key":"{}"}}}}"#, json(secret))),
        (
            "a connection string",
            format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={secret};EndpointSuffix=b"),
        ),
        ("a connection string in base64", packed(&format!("AccountName=a;AccountKey={secret};EndpointSuffix=b"))),
        ("a cookie", format!("Set-Cookie: AppServiceAuthSession={secret}; path=/")),
        ("a cookie in JSON", format!(r#"{{"Cookie":"AppServiceAuthSession={}"}}"#, json(secret))),
        (
            "Linux's single quotes",
            format!(r#"{{"properties":"{{'message':'GET /x?code={}&b=c','level':2}}"}}"#, some_percent(secret)),
        ),
    ]
}

/// Every way in which the text goes over several lines, its secret cut in two.
pub fn over_lines(text: &Text) -> Vec<(&'static str, String)> {
    // Of few characters nobody can tell whether they are a part of a key.
    let length = text.secret.len();
    let half = length.div_ceil(2).max(16);
    let columns = if length - half.min(length) < 6 { length } else { half };
    let cut = |with: &str| [&text.before, &*folded(&text.secret, columns, with), &text.after].concat();
    vec![
        ("folded", format!("it was\n{}\nthen", cut("\n"))),
        ("folded behind a line of one long word", format!("it-was-a-long-word\n{}\nthen", cut("\n"))),
        ("folded by CR LF and an indent", format!("it was {} then", cut("\r\n  "))),
        (
            "folded and escaped",
            format!(
                r#"{{"m":"it was {}"}}"#,
                [json(&text.before), folded(&text.secret, columns, "\\n"), json(&text.after)].concat()
            ),
        ),
    ]
}

fn letters(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
}
