//! What does a text look like once somebody has encoded it? For `base64`, `base64offset`, `utf16` and their like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An encoding of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wide {
    /// Two bytes each, the lower first.
    Little,
    /// Two bytes each, the higher first.
    Big,
    /// As [`Wide::Little`], behind a byte order mark.
    Marked,
}

/// Returns `text` in two bytes for each unit.
pub(super) fn wide(text: &str, how: Wide) -> Vec<u8> {
    let mut bytes = if how == Wide::Marked { vec![0xff, 0xfe] } else { Vec::new() };
    for unit in text.encode_utf16() {
        bytes.extend(if how == Wide::Big { unit.to_be_bytes() } else { unit.to_le_bytes() });
    }
    bytes
}

/// Returns `bytes` in Base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Returns what is sure to stand in the Base64 of any text that contains `bytes`: one text for each of the
/// three places at which they may begin, without the characters that depend on their neighbours.
pub(super) fn base64_offsets(bytes: &[u8]) -> [String; 3] {
    [0, 1, 2].map(|before: usize| {
        let mut shifted = vec![b' '; before];
        shifted.extend_from_slice(bytes);
        let text = STANDARD.encode(&shifted);
        let start = [0, 2, 3][before];
        let end = text.len() - [0, 3, 2][shifted.len() % 3].min(text.len());
        text.get(start..end.max(start)).unwrap_or_default().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_specifications_examples_come_out() {
        assert_eq!(wide("cmd", Wide::Little), b"c\0m\0d\0");
        assert_eq!(wide("cmd", Wide::Big), b"\0c\0m\0d");
        assert_eq!(wide("cmd", Wide::Marked), b"\xff\xfec\0m\0d\0");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64_offsets(b"foobar"), ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
    }

    proptest! {
        #[test]
        fn the_text_is_found_wherever_it_begins(before in "[ -~]{0,9}", text in "[ -~]{3,12}", behind in "[ -~]{0,9}") {
            let whole = base64(format!("{before}{text}{behind}").as_bytes());
            let part = &base64_offsets(text.as_bytes())[before.len() % 3];
            prop_assert!(whole.contains(part.as_str()), "{} {}", whole, part);
        }
    }
}
