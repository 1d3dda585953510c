//! What is written into a text so that it decodes to a fingerprint?
//!
//! A secret that was found in a decoded text is hidden in the bytes the text was read from. Base64
//! is written in groups of four characters for three bytes: those that hold the secret are written
//! anew, with the fingerprint in its place and `=` behind it until groups are full again, so that
//! all before and behind them stays as it was. At most [`PADDING`] are tried; what does not come
//! out even then is replaced by the fingerprint as it is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::Found;
use crate::redaction::fingerprint::PADDING;
use crate::redaction::people::quote;

/// A secret in a text that was read out of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The secret.
    pub value: Vec<u8>,
    /// What is put on both sides of what stands for it, so that JSON stays valid; none if nothing fits.
    quote: Option<&'static str>,
    /// How it was read, the last step first.
    layers: Vec<Layer>,
}

/// One step of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Escapes were undone, of percent this often.
    Escaped(u8),
    /// Base64.
    Packed(Packed),
}

/// How the last two of base64's characters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// `+` and `/`.
    Standard,
    /// `-` and `_`.
    UrlSafe,
    /// ` ` and `/`: that of a form, decoded as such.
    Form,
}

/// Some groups of base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// What stands in them before the secret.
    pub head: Vec<u8>,
    /// What stands in them behind it.
    pub tail: Vec<u8>,
    /// How many bytes of a group are left over at their end.
    pub over: usize,
    /// The alphabet they are in.
    pub alphabet: Alphabet,
    /// Whether a character takes two bytes, and whether the last one has its second.
    pub wide: Option<bool>,
}

impl Inside {
    /// Returns `one`, which was found in `text`.
    fn of(one: &Found, text: &[u8]) -> Self {
        let quote = if one.kind.secret() { Some("") } else { quote(text, &one.span) };
        Self { value: text[one.value.clone()].to_vec(), quote, layers: Vec::new() }
    }

    /// Tells whether any step of reading it was base64.
    pub fn is_packed(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer, Layer::Packed(_)))
    }

    /// Takes the last step of reading back: what was read then is replaced whole.
    pub fn forget(&mut self) {
        self.quote = Some("");
        self.layers.clear();
    }

    /// Returns the groups of its last step of reading.
    pub fn packed(&mut self) -> Option<&mut Packed> {
        match self.layers.last_mut()? {
            Layer::Packed(packed) => Some(packed),
            Layer::Escaped(_) => None,
        }
    }

    /// Returns what takes the place of the secret's bytes, so that they decode to `fingerprint`.
    pub fn written(&self, fingerprint: &str) -> Vec<u8> {
        if !self.is_packed() {
            return self.filled(fingerprint, 0);
        }
        let padded = (0..=PADDING).find_map(|padding| self.padded(fingerprint, padding));
        padded.unwrap_or_else(|| fingerprint.as_bytes().to_vec())
    }

    /// Returns `fingerprint` in its quotes, with so much more; where no quotes fit, a number.
    fn filled(&self, fingerprint: &str, padding: usize) -> Vec<u8> {
        match self.quote {
            Some(quote) => [quote, fingerprint, &"=".repeat(padding), quote].concat().into_bytes(),
            None => format!("0{}", " ".repeat(padding)).into_bytes(),
        }
    }

    fn padded(&self, fingerprint: &str, padding: usize) -> Option<Vec<u8>> {
        let mut text = self.filled(fingerprint, padding);
        let mut spaces = false;
        for layer in &self.layers {
            match layer {
                Layer::Escaped(times) => text = escaped(&text, *times, spaces),
                Layer::Packed(packed) => {
                    text = packed.encoded(&text)?;
                    spaces = packed.alphabet == Alphabet::Form;
                }
            }
        }
        Some(text)
    }
}

impl Packed {
    fn encoded(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = self.head.clone();
        match self.wide {
            None => bytes.extend_from_slice(text),
            Some(whole) => {
                bytes.extend(text.iter().flat_map(|byte| [*byte, 0]));
                bytes.truncate(bytes.len() - usize::from(!whole));
            }
        }
        bytes.extend_from_slice(&self.tail);
        let even = bytes.len() % 3 == self.over;
        even.then(|| match self.alphabet {
            Alphabet::Standard => STANDARD_NO_PAD.encode(bytes),
            Alphabet::UrlSafe => URL_SAFE_NO_PAD.encode(bytes),
            Alphabet::Form => STANDARD_NO_PAD.encode(bytes).replace('+', " "),
        })
        .map(String::into_bytes)
    }
}

/// Writes `+` and `/` of base64, and its spaces, as percent escapes, so many times over.
fn escaped(text: &[u8], times: u8, spaces: bool) -> Vec<u8> {
    let escape = |byte: &u8| -> &'static [u8] {
        match (byte, times) {
            (b' ', 1) if spaces => b"%20",
            (b' ', 2..) if spaces => b"%2520",
            (b'+', 1) => b"%2B",
            (b'/', 1) => b"%2F",
            (b'+', 2..) => b"%252B",
            (b'/', 2..) => b"%252F",
            _ => b"",
        }
    };
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match escape(byte) {
            b"" => out.push(*byte),
            written => out.extend_from_slice(written),
        }
    }
    out
}

/// Returns `one`, found in the view `read`, where it stands in the text that was read: each of the
/// view's bytes was read at its place in `places`.
pub fn mapped(mut one: Found, read: &[u8], places: &[u32], layer: Option<Layer>) -> Found {
    let mut inside = one.inside.take().unwrap_or_else(|| Box::new(Inside::of(&one, read)));
    // A quote would have to be escaped as all around it is.
    if layer.is_some() && inside.quote.is_some_and(|quote| !quote.is_empty()) {
        inside.quote = None;
    }
    inside.layers.extend(layer);
    one.inside = Some(inside);
    one.span = places[one.span.start] as usize..places[one.span.end] as usize;
    one
}

/// Adds `packed` to the steps by which `one` was read from the view `read`.
pub fn pack(one: &mut Found, read: &[u8], packed: Packed) {
    let mut inside = one.inside.take().unwrap_or_else(|| Box::new(Inside::of(one, read)));
    inside.layers.push(Layer::Packed(packed));
    one.inside = Some(inside);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: &str = "azure-function-key:k1:ABCDEFGHIJKLMNOP";

    #[test]
    fn groups_around_a_fingerprint_come_out_even_at_any_depth() {
        for length in 0..9 {
            let packed = |over| {
                let (head, tail) = (vec![b'h'; length % 3], vec![b't'; length / 3]);
                Layer::Packed(Packed {
                    head,
                    tail,
                    over,
                    alphabet: Alphabet::Standard,
                    wide: (length > 6).then_some(length > 7),
                })
            };
            for layers in [vec![packed(0)], vec![packed(1), packed(2)], vec![packed(2), Layer::Escaped(1), packed(0)]] {
                let inside = Inside { value: Vec::new(), quote: Some(""), layers };
                let written = inside.written(PRINT);
                assert!(!written.starts_with(PRINT.as_bytes()), "{inside:?}");
            }
        }
    }

    #[test]
    fn what_is_only_escaped_is_written_as_it_is() {
        let inside = Inside { value: Vec::new(), quote: Some(""), layers: vec![Layer::Escaped(2)] };
        assert_eq!(inside.written(PRINT), PRINT.as_bytes());
        assert_eq!(escaped(b"a+b/ =", 1, false), b"a%2Bb%2F =");
        assert_eq!(escaped(b"a+b/ =", 2, true), b"a%252Bb%252F%2520=");
        assert_eq!(escaped(b"a+b/ =", 0, true), b"a+b/ =");
    }
}
