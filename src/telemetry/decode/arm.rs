//! What does Azure Resource Manager mean by a status or an error's code?
//!
//! It writes HTTP's statuses by number, by .NET's names for them (`NotFound`, `Failed.Forbidden`)
//! and for people (`Forbidden (HTTP Status Code: 403)`). An error's code says more than a status:
//! a policy and a missing role both answer 403.

use crate::telemetry::Reason;

use super::refusal;

/// No name of a status is longer.
const LONGEST: usize = 80;

/// Returns the HTTP status that `text` names, `None` if it names none.
pub(super) fn status(text: &str) -> Option<i64> {
    if text.len() > LONGEST {
        return None;
    }
    let number = text.rsplit_once("HTTP Status Code:").map(|(_, number)| number.trim_end_matches(')'));
    let last = number.unwrap_or_else(|| text.trim_end_matches('.').rsplit('.').next().unwrap_or_default()).trim();
    if let Ok(status) = last.parse() {
        return Some(status).filter(|status| (100..600).contains(status));
    }
    let letters = |name: &str| -> bool {
        let written = last.bytes().filter(|byte| *byte != b' ');
        written.map(|byte| byte.to_ascii_lowercase()).eq(name.bytes().map(|byte| byte.to_ascii_lowercase()))
    };
    NAMES.iter().find(|(name, _)| letters(name)).map(|&(_, status)| status)
}

/// Returns what a status says about why.
pub(super) fn by_status(status: i64) -> Reason {
    if status == 504 { Reason::Timeout } else { refusal::by_status(status) }
}

/// Returns what an error's `code` says about why, `None` if we don't know it.
pub(super) fn by_code(code: &str) -> Option<Reason> {
    CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|&(_, reason)| reason)
}

const NAMES: [(&str, i64); 19] = [
    ("OK", 200),
    ("Created", 201),
    ("Accepted", 202),
    ("NoContent", 204),
    ("BadRequest", 400),
    ("Unauthorized", 401),
    ("Forbidden", 403),
    ("AuthorizationFailed", 403),
    ("NotFound", 404),
    ("MethodNotAllowed", 405),
    ("RequestTimeout", 408),
    ("Conflict", 409),
    ("Gone", 410),
    ("PreconditionFailed", 412),
    ("TooManyRequests", 429),
    ("InternalServerError", 500),
    ("BadGateway", 502),
    ("ServiceUnavailable", 503),
    ("GatewayTimeout", 504),
];

const CODES: [(&str, Reason); 13] = [
    ("AuthorizationFailed", Reason::Forbidden),
    ("LinkedAuthorizationFailed", Reason::Forbidden),
    ("RequestDisallowedByPolicy", Reason::Policy),
    ("ResourceNotFound", Reason::NotFound),
    ("ResourceGroupNotFound", Reason::NotFound),
    ("ParentResourceNotFound", Reason::NotFound),
    ("SubscriptionNotFound", Reason::NotFound),
    ("ExpiredAuthenticationToken", Reason::TokenExpired),
    ("InvalidAuthenticationToken", Reason::TokenMalformed),
    ("InvalidAuthenticationTokenTenant", Reason::Issuer),
    ("QuotaExceeded", Reason::Quota),
    ("TooManyRequests", Reason::Rate),
    ("GatewayTimeout", Reason::Timeout),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_known_by_number_by_name_and_as_people_read_it() {
        for (text, number) in [
            ("403", Some(403)),
            ("Failed.Forbidden", Some(403)),
            ("Forbidden (HTTP Status Code: 403)", Some(403)),
            ("notfound", Some(404)),
            ("Not Found", Some(404)),
            ("Succeeded.Created", Some(201)),
            ("Succeeded.", None),
            ("Started.", None),
            ("", None),
            ("20000", None),
            ("HTTP Status Code:", None),
        ] {
            assert_eq!(status(text), number, "{text}");
        }
    }

    #[test]
    fn an_errors_code_says_more_than_its_status() {
        assert_eq!(by_code("requestdisallowedbypolicy"), Some(Reason::Policy));
        assert_eq!((by_code("Conflict"), by_status(409)), (None, Reason::Unknown));
        assert_eq!((by_status(504), by_status(503)), (Reason::Timeout, Reason::Backend));
    }
}
