//! When does a certificate end?
//!
//! Only that: the one date in its DER (RFC 5280, `validity`), read by walking past what stands before
//! it, for one warning does not need a whole X.509 library. What can't be read has no date, and rustls
//! has judged the rest. Nothing is kept.

use crate::clock::Timestamp;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Returns when the certificate `der` ends.
pub(super) fn ends(der: &[u8]) -> Option<Timestamp> {
    let (tag, certificate, _) = element(der)?;
    let (inner, to_be_signed, _) = element(certificate)?;
    if (tag, inner) != (SEQUENCE, SEQUENCE) {
        return None;
    }
    let mut rest = to_be_signed;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    // Serial number, algorithm and issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (SEQUENCE, validity, _) = element(rest)? else { return None };
    let (tag, text, _) = element(element(validity)?.2)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

/// Returns the first element's tag and content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // The length has bytes of its own: no certificate needs more than four.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0_usize, |length, &digit| length << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Reads `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let text = match tag {
        // Two digits of a year: 1950 to 2049.
        UTC_TIME => format!("{}{text}", if text < "5" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to);
    let date = format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let clock = format!("{}:{}:{}Z", part(8, 10)?, part(10, 12)?, part(12, 14)?);
    (text.len() == 15).then(|| Timestamp::parse_rfc3339(&format!("{date}T{clock}")))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(year: i32) -> Vec<u8> {
        let mut wanted = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        wanted.not_before = rcgen::date_time_ymd(1999, 1, 2);
        wanted.not_after = rcgen::date_time_ymd(year, 3, 4);
        let key = rcgen::KeyPair::generate().unwrap();
        wanted.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_end_is_read_in_both_ways_that_it_is_written() {
        for (year, says) in
            [(2027, "2027-03-04T00:00:00Z"), (1998, "1998-03-04T00:00:00Z"), (2051, "2051-03-04T00:00:00Z")]
        {
            assert_eq!(ends(&certificate(year)), Timestamp::parse_rfc3339(says), "{year}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end_however_it_is_cut_or_bent() {
        let whole = certificate(2027);
        for cut in 0..whole.len().min(200) {
            assert_eq!(ends(&whole[..cut]), None, "{cut}");
        }
        for at in 0..whole.len().min(400) {
            let mut bent = whole.clone();
            bent[at] ^= 0xff;
            let _ = ends(&bent);
        }
        assert_eq!(ends(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
