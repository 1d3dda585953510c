//! Why was a request refused?
//!
//! API Management names a reason; elsewhere the status is all there is. A status alone never
//! says more than it means: a 401 and a 403 share no reason.

use crate::telemetry::{Outcome, Reason};

/// Returns how a request ended that was answered with `status`.
pub(super) fn outcome(status: i64) -> Outcome {
    match status {
        100..400 => Outcome::Success,
        400..1000 => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Returns what `status` alone says about why.
pub(super) fn by_status(status: i64) -> Reason {
    match status {
        400 => Reason::BadRequest,
        401 => Reason::AuthenticationRequired,
        403 => Reason::Forbidden,
        404 => Reason::NotFound,
        405 => Reason::MethodNotAllowed,
        408 => Reason::Timeout,
        429 => Reason::Rate,
        499 => Reason::ClientGone,
        500..600 => Reason::Backend,
        _ => Reason::Unknown,
    }
}

/// Returns what API Management means by the error reason `text`, `None` if we don't know it.
pub(super) fn by_apim(text: &str) -> Option<Reason> {
    let known = APIM.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|&(_, reason)| reason);
    // `validate-azure-ad-token` writes a sentence.
    known.or_else(|| {
        let text = text.get(..200).unwrap_or(text).to_ascii_lowercase();
        SENTENCES.iter().find(|(part, _)| text.contains(part)).map(|&(_, reason)| reason)
    })
}

const APIM: [(&str, Reason); 27] = [
    ("OperationNotFound", Reason::NotFound),
    ("SubscriptionKeyNotFound", Reason::KeyMissing),
    ("SubscriptionKeyInvalid", Reason::KeyInvalid),
    ("ClientConnectionFailure", Reason::ClientGone),
    ("BackendConnectionFailure", Reason::Backend),
    ("ExpressionValueEvaluationFailure", Reason::Backend),
    ("ExpressionValueValidationFailure", Reason::Backend),
    ("Timeout", Reason::Timeout),
    ("RateLimitExceeded", Reason::Rate),
    ("QuotaExceeded", Reason::Quota),
    ("CallbackParameterInvalid", Reason::BadRequest),
    ("FailedToParseCallerIP", Reason::AddressNotAllowed),
    ("CallerIpNotAllowed", Reason::AddressNotAllowed),
    ("CallerIpBlocked", Reason::AddressNotAllowed),
    ("HeaderNotFound", Reason::Header),
    ("HeaderValueNotAllowed", Reason::Header),
    ("TokenNotPresent", Reason::TokenMissing),
    ("TokenNotFound", Reason::TokenMissing),
    ("TokenSignatureInvalid", Reason::TokenSignature),
    ("TokenAudienceNotAllowed", Reason::Audience),
    ("TokenIssuerNotAllowed", Reason::Issuer),
    ("TokenExpired", Reason::TokenExpired),
    ("TokenNotYetValid", Reason::TokenNotYetValid),
    ("TokenSignatureKeyNotFound", Reason::SigningKeyUnknown),
    ("TokenClaimNotFound", Reason::Claim),
    ("TokenClaimValueNotAllowed", Reason::Claim),
    ("JwtInvalid", Reason::TokenMalformed),
];

const SENTENCES: [(&str, Reason); 7] = [
    ("token is expired", Reason::TokenExpired),
    ("not present", Reason::TokenMissing),
    ("audience", Reason::Audience),
    ("issuer", Reason::Issuer),
    ("signature", Reason::TokenSignature),
    ("claim", Reason::Claim),
    ("invalid jwt", Reason::TokenMalformed),
];

/// Returns what Front Door means by the error `text`, `None` if we don't know it.
pub(super) fn by_front_door(text: &str) -> Option<Reason> {
    let starts = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    FRONT_DOOR.iter().find(|(word, _)| starts(word)).map(|&(_, reason)| reason)
}

/// By how Front Door's errors begin, the longer first.
const FRONT_DOOR: [(&str, Reason); 13] = [
    ("ClientDisconnected", Reason::ClientGone),
    ("ClientGeoBlocked", Reason::AddressNotAllowed),
    ("RestrictedIP", Reason::AddressNotAllowed),
    ("InvalidRequest", Reason::BadRequest),
    ("UnspecifiedClientError", Reason::BadRequest),
    ("SSLMismatchedSNI", Reason::Protocol),
    ("OriginTimeout", Reason::Timeout),
    ("DNSTimeout", Reason::Timeout),
    ("Origin", Reason::Backend),
    ("DNS", Reason::Backend),
    ("SSL", Reason::Backend),
    ("Certificate", Reason::Backend),
    ("ResponseHeaderTooBig", Reason::Backend),
];

/// Returns what Application Gateway means by the error `text`, `None` if we don't know it.
pub(super) fn by_application_gateway(text: &str) -> Option<Reason> {
    let error = text.strip_prefix("ERRORINFO_")?;
    GATEWAY.iter().find(|(word, _)| error.starts_with(word)).map(|&(_, reason)| reason)
}

/// By how Application Gateway's errors begin, the longer first.
const GATEWAY: [(&str, Reason); 11] = [
    ("UPSTREAM_TIMED_OUT", Reason::Timeout),
    ("UPSTREAM", Reason::Backend),
    ("CLIENT_CLOSED", Reason::ClientGone),
    ("CLIENT_TIMED_OUT", Reason::Timeout),
    ("HTTP_TO_HTTPS", Reason::Protocol),
    ("HTTPS", Reason::Protocol),
    ("INVALID_VERSION", Reason::Protocol),
    ("INVALID_09_METHOD", Reason::Protocol),
    ("INVALID_METHOD", Reason::MethodNotAllowed),
    ("INVALID", Reason::BadRequest),
    ("REQUEST", Reason::BadRequest),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apim_names_the_reason() {
        assert_eq!(by_apim("TokenSignatureKeyNotFound"), Some(Reason::SigningKeyUnknown));
        assert_eq!(by_apim("calleripnotallowed"), Some(Reason::AddressNotAllowed));
        assert_eq!(by_apim("Invalid JWT token. Token is expired."), Some(Reason::TokenExpired));
        assert_eq!(by_apim("SomethingNew"), None);
    }

    #[test]
    fn a_401_and_a_403_never_share_a_reason() {
        assert_eq!(by_status(401), Reason::AuthenticationRequired);
        assert_eq!(by_status(403), Reason::Forbidden);
    }

    #[test]
    fn a_status_outside_http_says_nothing() {
        for status in [i64::MIN, -1, 0, 99, 1000, i64::MAX] {
            assert_eq!((outcome(status), by_status(status)), (Outcome::Unknown, Reason::Unknown));
        }
    }
}
