//! Why did Entra refuse a sign-in? By its error code.
//!
//! Microsoft's list of the codes (`AADSTS50126` and its like) has some four hundred; here are those
//! that tell of an attack, of a policy or of an ordinary failure. Some are no refusal: the sign-in
//! only stops to ask something, and how it ended stands in another record.

use crate::telemetry::{Outcome, Reason};

/// Returns how a sign-in ended that has the error `code`, and why.
pub(super) fn ended(code: i64) -> (Outcome, Reason) {
    if code == 0 {
        return (Outcome::Success, Reason::Unknown);
    }
    if GOES_ON.binary_search(&code).is_ok() {
        return (Outcome::Unknown, Reason::Unknown);
    }
    let found = REASONS.iter().find(|(_, codes)| codes.binary_search(&code).is_ok());
    (Outcome::Failure, found.map_or(Reason::Unknown, |&(reason, _)| reason))
}

/// The sign-in goes on: who it is, on which device, whether to stay signed in.
const GOES_ON: &[i64] = &[
    16_001, 16_002, 50_058, 50_097, 50_125, 50_127, 50_129, 50_140, 50_143, 50_168, 50_199, 51_005, 51_006, 70_016,
    1_000_002,
];

/// Each reason with its codes, in order.
const REASONS: &[(Reason, &[i64])] = &[
    (
        // A wrong or expired password, secret or certificate.
        Reason::Credentials,
        &[
            50_012, 50_017, 50_055, 50_056, 50_064, 50_126, 50_144, 70_002, 81_004, 81_010, 120_000, 130_005, 700_030,
            7_000_215, 7_000_218, 7_000_222,
        ],
    ),
    // It was asked for, or failed.
    (Reason::SecondFactor, &[50_072, 50_074, 50_076, 50_078, 50_079, 50_158, 50_161, 500_121]),
    (
        // Conditional access, security defaults, risk, tenant restrictions, hours.
        Reason::Policy,
        &[
            50_002, 50_005, 50_131, 50_135, 50_155, 50_187, 53_000, 53_001, 53_002, 53_003, 53_004, 53_010, 53_011,
            54_000, 80_012, 90_084, 500_021, 500_022, 500_212, 500_213, 530_032, 530_034, 530_035, 1_000_104,
        ],
    ),
    (
        // Locked, disabled, or not known in this tenant: a person, an application or a device.
        Reason::Locked,
        &[
            16_000, 16_003, 50_014, 50_020, 50_034, 50_053, 50_057, 51_004, 70_001, 90_072, 130_007, 135_011, 700_011,
            700_016, 7_000_112,
        ],
    ),
    (Reason::Consent, &[52_004, 65_001, 65_002, 65_004, 65_005, 90_008, 90_094, 90_095, 90_099, 650_056, 650_057]),
    (
        // A session, grant, code or assertion that is too old, or was revoked.
        Reason::TokenExpired,
        &[
            50_085, 50_089, 50_132, 50_133, 50_173, 70_008, 70_019, 70_043, 76_026, 90_086, 500_133, 700_024, 700_082,
            700_084,
        ],
    ),
    (Reason::TokenMalformed, &[50_008, 50_013, 50_027, 50_120, 70_000, 140_001]),
    (Reason::TokenSignature, &[50_006, 50_099, 700_027, 900_384]),
    (Reason::SigningKeyUnknown, &[50_003, 50_146]),
    (Reason::Issuer, &[50_048, 700_005]),
    (Reason::Audience, &[50_010]),
    // No federated credential fits the subject of the token that was shown.
    (Reason::Claim, &[70_021, 90_016, 240_002, 700_213]),
    // Not assigned to the application.
    (Reason::Forbidden, &[50_105, 90_093, 90_123]),
    // The resource asked for, or the tenant.
    (Reason::NotFound, &[50_001, 50_059, 50_128, 90_002, 500_011, 650_052, 650_054]),
    (Reason::BadRequest, &[50_050, 70_011, 90_004, 90_013, 90_014, 90_023, 90_100, 900_144, 9_002_313]),
    // A code redeemed twice, another's redirect, a broken challenge.
    (Reason::Protocol, &[50_011, 50_147, 54_005, 70_003, 70_004, 75_005, 75_008, 501_481, 501_491, 700_025, 900_561]),
    (Reason::Rate, &[50_088, 50_166, 50_196, 90_055]),
    (
        Reason::Backend,
        &[
            50_000, 50_033, 50_087, 80_001, 80_005, 80_007, 80_010, 80_013, 90_006, 90_024, 90_033, 90_036, 90_090,
            90_091,
        ],
    ),
    (Reason::Timeout, &[80_002, 80_014, 90_012]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_and_in_order() {
        let lists = REASONS.iter().map(|&(_, codes)| codes).chain([GOES_ON]);
        assert!(lists.clone().all(|codes| codes.is_sorted_by(|a, b| a < b)));
        let mut all: Vec<i64> = lists.flatten().copied().collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|two| two[0] != two[1]), "{all:?}");
    }

    #[test]
    fn a_code_tells_how_a_sign_in_ended_and_why() {
        for (code, outcome, reason) in [
            (0, Outcome::Success, Reason::Unknown),
            (50_126, Outcome::Failure, Reason::Credentials),
            (7_000_222, Outcome::Failure, Reason::Credentials),
            (500_121, Outcome::Failure, Reason::SecondFactor),
            (53_003, Outcome::Failure, Reason::Policy),
            (50_034, Outcome::Failure, Reason::Locked),
            (700_016, Outcome::Failure, Reason::Locked),
            (65_001, Outcome::Failure, Reason::Consent),
            (70_043, Outcome::Failure, Reason::TokenExpired),
            (500_011, Outcome::Failure, Reason::NotFound),
            (50_140, Outcome::Unknown, Reason::Unknown),
            (99_999, Outcome::Failure, Reason::Unknown),
            (-1, Outcome::Failure, Reason::Unknown),
        ] {
            assert_eq!(ended(code), (outcome, reason), "{code}");
        }
    }
}
