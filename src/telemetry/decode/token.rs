//! Why was a token refused, by the sentence that says so?
//!
//! The codes are those of Microsoft's token library (`IDX…`) and of Key Vault (`AKV…`); the words
//! are for what has no code. Only the first 512 bytes of a text count.

use memchr::memmem;

use crate::telemetry::Reason;

const HEAD: usize = 512;

/// Lower-case parts of sentences, the surest first.
const SAYS: [(&str, Reason); 33] = [
    ("idx10223", Reason::TokenExpired),
    ("idx10222", Reason::TokenNotYetValid),
    ("idx10214", Reason::Audience),
    ("idx10206", Reason::Audience),
    ("idx10205", Reason::Issuer),
    ("idx10204", Reason::Issuer),
    ("idx10500", Reason::SigningKeyUnknown),
    ("idx10501", Reason::SigningKeyUnknown),
    ("idx105", Reason::TokenSignature),
    ("idx127", Reason::TokenMalformed),
    ("idx141", Reason::TokenMalformed),
    ("akv10000", Reason::TokenMissing),
    ("akv10022", Reason::Audience),
    ("akv10032", Reason::Issuer),
    ("akv10046", Reason::SigningKeyUnknown),
    ("audience", Reason::Audience),
    ("issuer", Reason::Issuer),
    ("not yet valid", Reason::TokenNotYetValid),
    ("not valid yet", Reason::TokenNotYetValid),
    ("expired", Reason::TokenExpired),
    ("lifetime", Reason::TokenExpired),
    ("signing key", Reason::SigningKeyUnknown),
    ("match key", Reason::SigningKeyUnknown),
    ("key used for signature", Reason::SigningKeyUnknown),
    ("signature", Reason::TokenSignature),
    ("missing a bearer", Reason::TokenMissing),
    ("token is missing", Reason::TokenMissing),
    ("no token", Reason::TokenMissing),
    ("not present", Reason::TokenMissing),
    ("malformed", Reason::TokenMalformed),
    ("not well formed", Reason::TokenMalformed),
    ("nonce", Reason::Protocol),
    ("claim", Reason::Claim),
];

/// Returns why a token was refused, `None` if `text` does not say.
pub(super) fn reason(text: &str) -> Option<Reason> {
    let mut head = [0; HEAD];
    let said = &text.as_bytes()[..text.len().min(HEAD)];
    let head = &mut head[..said.len()];
    head.copy_from_slice(said);
    head.make_ascii_lowercase();
    SAYS.iter().find(|(part, _)| memmem::find(head, part.as_bytes()).is_some()).map(|&(_, reason)| reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_why_a_token_was_refused() {
        for (text, expected) in [
            ("JWT validation failed: Audience validation failure.", Some(Reason::Audience)),
            ("JWT validation failed: IDX10223: Lifetime validation failed.", Some(Reason::TokenExpired)),
            ("IDX10501: Signature validation failed. Unable to match key: 'k'", Some(Reason::SigningKeyUnknown)),
            ("IDX10511: Signature validation failed. Keys tried", Some(Reason::TokenSignature)),
            ("AKV10032: Invalid issuer.", Some(Reason::Issuer)),
            ("something else", None),
            ("", None),
        ] {
            assert_eq!(reason(text), expected, "{text}");
        }
    }

    #[test]
    fn only_the_beginning_of_a_text_is_read() {
        assert_eq!(reason(&format!("{}audience", "é".repeat(300))), None);
    }
}
