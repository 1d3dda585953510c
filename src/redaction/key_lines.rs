//! Which lines of a text are the body of a private key in PEM?
//!
//! A key in a file stands over many lines, of which each alone is no more than letters. They begin behind a line that
//! ends with the first of the key's and go on as long as lines hold base64, headers of PEM or nothing.

use super::scan::bytes::{BASE64, run_of};
use super::scan::private_key_title;

/// Reads a text line by line.
#[derive(Debug, Default)]
pub struct KeyLines {
    /// In a key: whether a line of it has come already.
    inside: Option<bool>,
}

/// What a line is of a key's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// None of it.
    Not,
    /// The first line of it.
    First,
    /// A later one.
    Later,
}

impl KeyLines {
    /// Returns what the next line is.
    pub fn read(&mut self, line: &[u8]) -> Body {
        let Some(begun) = self.inside else {
            self.inside = opens(line).then_some(false);
            return Body::Not;
        };
        let line = line.trim_ascii();
        let letters = run_of(line, &BASE64, line.len());
        let padding = line[letters..].iter().all(|sign| *sign == b'=');
        // The checksum of an OpenPGP block is `=` and four letters.
        if !line.is_empty() && (padding || line.starts_with(b"=") && line.len() <= 5) {
            self.inside = Some(true);
            return if begun { Body::Later } else { Body::First };
        }
        if !(line.is_empty() || !begun && line.contains(&b':')) {
            self.inside = opens(line).then_some(false);
        }
        Body::Not
    }
}

/// Tells whether `line` ends with the first line of a private key.
fn opens(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let Some(at) = line.strip_suffix(b"-----").and_then(|line| memchr::memmem::rfind(line, b"-----BEGIN ")) else {
        return false;
    };
    private_key_title(line, at).is_some_and(|body| body == line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Body> {
        let mut lines = KeyLines::default();
        text.lines().map(|line| lines.read(line.as_bytes())).collect()
    }

    #[test]
    fn the_lines_between_the_first_and_the_last_of_a_key_are_its_body() {
        use Body::{First, Later, Not};
        for (text, wanted) in [
            (
                "-----BEGIN PRIVATE KEY-----\nMIIa\nb+/=\n-----END PRIVATE KEY-----\nabc",
                vec![Not, First, Later, Not, Not],
            ),
            (
                "k: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIa\n\n  bbbb\nnext: x",
                vec![Not, Not, First, Not, Later, Not],
            ),
            (
                "A=\"-----BEGIN EC PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,0A\n\nMIIa\nEND\"",
                vec![Not, Not, Not, Not, First, Not],
            ),
            (
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: x\n\nlQOY\n=AbCd\n-----END PGP PRIVATE KEY BLOCK-----",
                vec![Not, Not, Not, First, Later, Not],
            ),
            ("-----BEGIN CERTIFICATE-----\nMIIa", vec![Not, Not]),
            ("-----BEGIN PRIVATE KEY-----MIIa\nMIIb", vec![Not, Not]),
            (
                "-----BEGIN PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\nMIIa\nat a.b(c)\nabc",
                vec![Not, Not, First, Not, Not],
            ),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }
}
