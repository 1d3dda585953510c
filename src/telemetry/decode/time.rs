//! When does a record say that it happened?
//!
//! Azure writes the time in a dozen ways: seven or nine digits of a second, with and without a
//! zone (then it is UTC), the American way with the month first, once with spaces in it. What a
//! [`Timestamp`] cannot hold is clamped to its ends.

use crate::clock::Timestamp;

use super::doc::trim;
use super::eight::eight_digits;

/// Returns the point in time that `text` names, `None` if it names none.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    plain(text.as_bytes()).or_else(|| american(text.as_bytes())).or_else(|| otherwise(text))
}

fn otherwise(text: &str) -> Option<Timestamp> {
    let mut reader = Reader { bytes: trim(text).as_bytes() };
    let first = reader.number(4)?;
    let at = if reader.one_of(b"-/")? == b'-' {
        let month = reader.number(2)?;
        reader.one_of(b"-")?;
        let day = reader.number(2)?;
        reader.one_of(b"Tt ")?;
        reader.clock(days(first, month, day)?)?
    } else {
        let day = reader.number(2)?;
        reader.one_of(b"/")?;
        let year = reader.number(4)?;
        reader.one_of(b" ")?;
        reader.clock(days(year, first, day)?)?
    };
    let offset = reader.zone()?;
    let (seconds, nanos) = (at.0 - offset, at.1);
    let early = if seconds < 0 { i64::MIN } else { i64::MAX };
    // Before 1970 the seconds round down, so that the last one is reached without overflow.
    let whole = seconds.checked_add(1).and_then(|next| next.checked_mul(1_000_000_000));
    let all = whole.map_or(early, |whole| whole.saturating_sub(1_000_000_000 - nanos));
    reader.bytes.is_empty().then(|| Timestamp::from_nanos(all))
}

/// Reads what nearly every record has: `2026-03-02T08:00:00.1234567Z` or `2026-03-02T08:00:00Z`, this
/// century. `None` of all else.
fn plain(text: &[u8]) -> Option<Timestamp> {
    let (begin, rest) = text.split_first_chunk::<19>()?;
    let [b'2', b'0', date @ .., b'T', _, _, _, _, _, _, _, _] = begin else { return None };
    let days = threes(*date, *b"00-00-00").and_then(|[year, month, day]| days(2_000 + year, month, day))?;
    at(days, *begin.last_chunk()?, fraction(rest)?)
}

/// Reads `03/02/2026 08:00:00`, this century, as hosts on Linux write the second of March. `None` of all else.
fn american(text: &[u8]) -> Option<Timestamp> {
    let begin = text.first_chunk::<19>().filter(|begin| begin.len() == text.len())?;
    let [date @ .., tens @ b'0'..=b'9', ones @ b'0'..=b'9', b' ', _, _, _, _, _, _, _, _] = begin else { return None };
    let [month, day, 20] = threes(*date, *b"00/00/00")? else { return None };
    let year = 2_000 + i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    at(days(year, month, day)?, *begin.last_chunk()?, 0)
}

/// Returns the time of day `clock` on day `days`, and `nanos`.
fn at(days: i64, clock: [u8; 8], nanos: i64) -> Option<Timestamp> {
    let [hour, minute, second] = threes(clock, *b"00:00:00")?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let sound = hour < 24 && minute < 60 && second <= 60;
    sound.then(|| Timestamp::from_nanos(seconds * 1_000_000_000 + nanos))
}

/// Reads a second's fraction of up to nine digits, if any, and the `Z` behind; returns nanoseconds.
fn fraction(rest: &[u8]) -> Option<i64> {
    if let [b'.', digits @ ..] = rest
        && let Ok(seven) = <[u8; 8]>::try_from(digits)
        && seven[7] == b'Z'
    {
        // With a zero behind they are eight.
        let word = u64::from_le_bytes(seven) ^ u64::from(b'Z' ^ b'0') << 56;
        return eight_digits(word).map(|tens| tens * 10);
    }
    let [b'.', digits @ .., b'Z'] = rest else { return (rest == b"Z").then_some(0) };
    if !digits.iter().all(u8::is_ascii_digit) || !(1..=9).contains(&digits.len()) {
        return None;
    }
    let nanos = digits.iter().fold(0, |nanos, digit| nanos * 10 + i64::from(digit - b'0'));
    Some(nanos * POWERS[9 - digits.len()])
}

const POWERS: [i64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Returns the three numbers of two digits that `text` holds, written as `zeros` are: eight bytes at once.
fn threes(text: [u8; 8], zeros: [u8; 8]) -> Option<[i64; 3]> {
    /// What brings a byte that is no digit, or no separator, to 128.
    const SOUND: u64 = u64::from_le_bytes([0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76]);
    let digits = u64::from_le_bytes(text) ^ u64::from_le_bytes(zeros);
    let wrong = digits | (digits & !HIGH).wrapping_add(SOUND);
    if wrong & HIGH != 0 {
        return None;
    }
    // In each pair's first byte ten times it and the second: no byte exceeds 99.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    Some([pairs, pairs >> 24, pairs >> 48].map(|pair| (pair & 0xff) as i64))
}

const HIGH: u64 = 0x8080_8080_8080_8080;

struct Reader<'t> {
    bytes: &'t [u8],
}

impl Reader<'_> {
    /// Reads one to `most` digits.
    fn number(&mut self, most: usize) -> Option<i64> {
        let (mut number, mut count) = (0, 0);
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(count).filter(|_| count < most) {
            number = number * 10 + i64::from(digit - b'0');
            count += 1;
        }
        self.bytes = &self.bytes[count..];
        (count > 0).then_some(number)
    }

    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let (&byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        wanted.contains(&byte).then_some(byte)
    }

    fn spaces(&mut self) {
        self.bytes = self.bytes.trim_ascii_start();
    }

    /// Reads `h:mm:ss[.f…] [AM|PM]`; returns it as seconds, with `days` added, and nanoseconds.
    fn clock(&mut self, days: i64) -> Option<(i64, i64)> {
        self.spaces();
        let mut hour = self.number(2)?;
        let minute = self.after_colon()?;
        let second = self.after_colon()?;
        let mut nanos = 0;
        if let Some((b'.' | b',', rest)) = self.bytes.split_first() {
            self.bytes = rest;
            nanos = self.number(9)?;
            let read = rest.len() - self.bytes.len();
            nanos *= 10_i64.pow(9 - read as u32);
            while let Some((b'0'..=b'9', rest)) = self.bytes.split_first() {
                self.bytes = rest;
            }
        }
        self.spaces();
        if let [half @ (b'A' | b'a' | b'P' | b'p'), b'M' | b'm', rest @ ..] = self.bytes {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if half.eq_ignore_ascii_case(&b'P') { 12 } else { 0 };
            self.bytes = rest;
        }
        let sound = hour < 24 && minute < 60 && second <= 60;
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
        sound.then_some((seconds, nanos))
    }

    fn after_colon(&mut self) -> Option<i64> {
        self.one_of(b":")?;
        self.spaces();
        self.number(2)
    }

    /// Reads nothing, `Z`, or an offset such as `+02:00`; returns it as seconds.
    fn zone(&mut self) -> Option<i64> {
        self.spaces();
        let sign = match self.bytes.split_first() {
            None => return Some(0),
            Some((b'Z' | b'z', rest)) => {
                self.bytes = rest;
                return Some(0);
            }
            Some((b'+', _)) => 1,
            Some((b'-', _)) => -1,
            Some(_) => return None,
        };
        self.bytes = self.bytes.get(1..)?;
        let hours = self.number(2)?;
        if self.bytes.first() == Some(&b':') {
            self.bytes = self.bytes.get(1..)?;
        }
        let minutes = self.number(2).unwrap_or(0);
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
    }
}

/// Returns the days from 1970-01-01 to that day, `None` if there is none such.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // The year begins in March here, so that the leap day is its last.
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_most_records_have_is_read_as_all_else_is(
            text in "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?Z",
            other in "[01][0-9]/[0-3][0-9]/20[0-9]{2} [0-2][0-9]:[0-6][0-9]:[0-6][0-9]",
        ) {
            prop_assert_eq!(plain(text.as_bytes()), otherwise(&text));
            prop_assert_eq!(american(other.as_bytes()), otherwise(&other));
        }

        #[test]
        fn of_all_else_it_reads_nothing(at in 0..28_usize, byte in any::<u8>()) {
            for whole in ["2026-03-02T08:10:20.1234567Z", "2026-03-02T08:10:20Z", "03/02/2026 08:10:20"] {
                let mut text = whole.as_bytes().to_vec();
                let at = at % text.len();
                let digit = text[at].is_ascii_digit();
                text[at] = byte;
                let read = plain(&text).or_else(|| american(&text));
                prop_assert!(read.is_none() || byte == whole.as_bytes()[at] || digit && byte.is_ascii_digit());
            }
        }
    }

    fn reads(text: &str, rfc3339: &str) {
        assert_eq!(time(text).map(|at| at.to_string()).as_deref(), Some(rfc3339), "{text}");
    }

    #[test]
    fn seven_and_nine_digits_of_a_second_lose_nothing() {
        reads("2025-04-15T10:16:32.9873441Z", "2025-04-15T10:16:32.987344100Z");
        reads("2024-04-24T12:06:00.535404056Z", "2024-04-24T12:06:00.535404056Z");
        reads("2024-04-24T12:06:00.5354040569Z", "2024-04-24T12:06:00.535404056Z");
        reads("2018-03-07T14:23:51.991Z", "2018-03-07T14:23:51.991Z");
        reads("2023-05-23T20:11:59Z", "2023-05-23T20:11:59Z");
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        reads("2022-05-08T20:14:15.0000000", "2022-05-08T20:14:15Z");
        reads("2022-05-08 20:14:15", "2022-05-08T20:14:15Z");
    }

    #[test]
    fn offsets_are_applied() {
        reads("2023-01-20T21:25:55+00:00", "2023-01-20T21:25:55Z");
        reads("2023-01-20T21:25:55+02:00", "2023-01-20T19:25:55Z");
        reads("2023-01-20T21:25:55.5-0530", "2023-01-21T02:55:55.500Z");
    }

    #[test]
    fn slash_dates_are_month_first() {
        reads("10/07/2025 18:07:56", "2025-10-07T18:07:56Z");
        reads("01/09/2007 09:41:00", "2007-01-09T09:41:00Z");
        reads("06/22/2022 01:02:03", "2022-06-22T01:02:03Z");
        assert_eq!(time("22/06/2022 01:02:03"), None);
    }

    #[test]
    fn american_half_days_are_understood() {
        reads("1/9/2007 9:41:00 AM", "2007-01-09T09:41:00Z");
        reads("1/9/2007 10:41:00 AM +01:00", "2007-01-09T09:41:00Z");
        reads("11/3/2020 9:06:42 AM +00:00", "2020-11-03T09:06:42Z");
        reads("11/3/2020 9:06:42 PM", "2020-11-03T21:06:42Z");
        reads("11/3/2020 12:06:42 AM", "2020-11-03T00:06:42Z");
        reads("11/3/2020 12:06:42 PM", "2020-11-03T12:06:42Z");
        assert_eq!(time("11/3/2020 13:06:42 PM"), None);
    }

    #[test]
    fn spaces_after_colons_are_passed_over() {
        reads("2021-02-04T07: 45: 44.5864815Z", "2021-02-04T07:45:44.586481500Z");
        reads("2021-02-04T07: 45: 44Z", "2021-02-04T07:45:44Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "-",
            "now",
            "2020-10-14T17:xx:xx.xx",
            "2020-10-14",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:60:00Z",
            "2023-01-01T00:00:00Q",
            "2023-01-01T00:00:00ZZ",
            "2023-01-01T00:00:00.Z",
            "2023-01-01T00:00:00+",
            "/SUBSCRIPTIONS/",
            "20230-01-01T00:00:00Z",
            "2023-01-01T00:00:00+99:00",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn what_lies_outside_a_timestamp_is_clamped() {
        assert_eq!(time("9999-12-31T23:59:59Z"), Some(Timestamp::MAX));
        assert_eq!(time("0001-01-01T00:00:00Z"), Some(Timestamp::MIN));
    }

    proptest! {
        #[test]
        fn what_a_timestamp_prints_is_read_back(nanos in any::<i64>()) {
            let at = Timestamp::from_nanos(nanos);
            prop_assert_eq!(time(&at.to_string()), Some(at));
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:/. +APM-]{0,40}|.{0,40}") {
            let _ = time(&text);
        }
    }
}
