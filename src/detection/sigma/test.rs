//! Does a value fulfil what a Sigma rule asks of it? A [`Test`] is compiled once and looks at texts as they stand.
//!
//! Texts are compared without regard to case unless a rule asks for it. A number in a rule is the
//! same number however an event writes it. Expressions are those of the `regex` crate, linear in the
//! text. A test on a field holds if it holds for one of the field's values.

use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use chrono::{Datelike, Timelike};
use ipnet::IpNet;
use regex::Regex;

use crate::detection::examine::{any_of, expression, of_words};
use crate::detection::words::{Case, How, Sought, Words};

/// A test on the values of a field.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// The field is there, be it empty or null.
    Exists,
    /// It is not there, or null.
    Null,
    /// It is there and empty; of a field that can't be empty, not there.
    Empty,
    /// It is there and not null.
    Anything,
    /// One of these words.
    Words(Words),
    /// Contains one of these words.
    Sought(Sought),
    /// Contains one of these words, in their case.
    Cased(Vec<String>, AhoCorasick),
    /// The expression finds something.
    Pattern(Regex),
    /// A number that stands so to this one.
    Number(Compare, f64),
    /// An address in one of these networks.
    Network(Vec<IpNet>),
    /// A date of which a part stands so to this number.
    Date(Part, Compare, f64),
}

/// How a number stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// The same.
    Equal,
    /// Another.
    Other,
    /// Less.
    Less,
    /// Less or the same.
    AtMost,
    /// More.
    More,
    /// More or the same.
    AtLeast,
}

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'e> {
    /// What it says; empty for null.
    pub(super) text: &'e str,
    /// Whether it is null.
    pub(super) null: bool,
}

impl Compare {
    /// Tells whether `one` stands so to `other`.
    pub fn holds(self, one: f64, other: f64) -> bool {
        match self {
            Self::Equal => one.total_cmp(&other).is_eq() || (one - other).abs() < f64::EPSILON,
            Self::Other => !Self::Equal.holds(one, other),
            Self::Less => one < other,
            Self::AtMost => one <= other,
            Self::More => one > other,
            Self::AtLeast => one >= other,
        }
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    fn of(self, text: &str) -> Option<f64> {
        let at = moment(text.trim())?;
        Some(f64::from(match self {
            Self::Minute => at.minute(),
            Self::Hour => at.hour(),
            Self::Day => at.day(),
            Self::Week => at.iso_week().week(),
            Self::Month => at.month(),
            Self::Year => return Some(f64::from(at.year())),
        }))
    }
}

/// How dates are written, beside RFC 3339.
const FORMS: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S%.f"];

/// Returns the moment that `text` says, in the time zone in which it says it.
fn moment(text: &str) -> Option<chrono::NaiveDateTime> {
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(at.naive_local());
    }
    FORMS.iter().find_map(|form| chrono::NaiveDateTime::parse_from_str(text, form).ok())
}

/// Returns the number that `text` is.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let begins = text.bytes().next().is_some_and(|first| first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.'));
    if !begins {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

impl Compare {
    /// Says how a number must stand to `limit`.
    pub(super) fn says(self, limit: f64) -> String {
        match self {
            Self::Equal => format!("is {limit}"),
            Self::Other => format!("is not {limit}"),
            Self::Less => format!("is less than {limit}"),
            Self::AtMost => format!("is {limit} or less"),
            Self::More => format!("is more than {limit}"),
            Self::AtLeast => format!("is {limit} or more"),
        }
    }
}

impl Test {
    /// Says what it asks of a field.
    pub(super) fn asks(&self) -> String {
        let cased = |case: Case| if case == Case::Kept { ", in this case" } else { "" };
        match self {
            Self::Exists => "is there".to_owned(),
            Self::Null => "is not there, or null".to_owned(),
            Self::Empty => "is empty".to_owned(),
            Self::Anything => "is there and not null".to_owned(),
            Self::Words(words) => format!("{}{}", of_words(words), cased(words.case())),
            Self::Sought(words) => format!("contains {}", any_of(words.iter())),
            Self::Cased(words, _) => {
                format!("contains {}{}", any_of(words.iter().map(String::as_str)), cased(Case::Kept))
            }
            Self::Pattern(pattern) => format!("matches `{}`", expression(pattern.as_str())),
            Self::Number(how, limit) => how.says(*limit),
            Self::Network(networks) => {
                let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
                format!("is in {}", any_of(networks.iter().map(String::as_str)))
            }
            Self::Date(part, how, limit) => format!("is a date whose {} {}", part.name(), how.says(*limit)),
        }
    }

    /// Tells whether it compares what a field says with a text of the rule.
    pub(super) fn compares(&self) -> bool {
        matches!(self, Self::Words(_) | Self::Sought(_) | Self::Cased(..) | Self::Pattern(_))
    }

    /// Tells whether one of `values` fulfils it. `bare` says that the field knows no empty text: then
    /// an empty one is none.
    pub(super) fn holds(&self, values: &[Said<'_>], bare: bool) -> bool {
        let any = |holds: &dyn Fn(&str) -> bool| values.iter().any(|value| !value.null && holds(value.text));
        match self {
            Self::Exists => !values.is_empty(),
            Self::Null => values.iter().all(|value| value.null),
            Self::Empty if bare => values.iter().all(|value| value.null || value.text.is_empty()),
            Self::Empty => any(&str::is_empty),
            Self::Anything => values.iter().any(|value| !value.null),
            Self::Words(words) => any(&|text| words.hold(text)),
            Self::Sought(words) => any(&|text| words.hold(text)),
            Self::Cased(_, words) => any(&|text| words.is_match(text)),
            Self::Pattern(pattern) => any(&|text| pattern.is_match(text)),
            Self::Number(how, limit) => any(&|text| number(text).is_some_and(|number| how.holds(number, *limit))),
            Self::Network(networks) => {
                any(&|text| address(text).is_some_and(|ip| networks.iter().any(|net| net.contains(&ip))))
            }
            Self::Date(part, how, limit) => any(&|text| part.of(text).is_some_and(|number| how.holds(number, *limit))),
        }
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// Tells whether `one` stands so to `other`, both of one event.
pub(super) fn compare(one: &str, how: Option<How>, other: &str, case: Case) -> bool {
    let same = |one: &[u8], other: &[u8]| match case {
        Case::Kept => one == other,
        Case::Ignored => one.eq_ignore_ascii_case(other),
    };
    let (one, other) = (one.as_bytes(), other.as_bytes());
    match how {
        Some(How::Is) => same(one, other),
        Some(How::Starts) => one.get(..other.len()).is_some_and(|part| same(part, other)),
        Some(How::Ends) => one.len().checked_sub(other.len()).is_some_and(|from| same(&one[from..], other)),
        None if case == Case::Kept => memchr::memmem::find(one, other).is_some(),
        None => memchr::memmem::find(&one.to_ascii_lowercase(), &other.to_ascii_lowercase()).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(test: &Test, values: &[Option<&str>]) -> bool {
        let said: Vec<_> =
            values.iter().map(|value| Said { text: value.unwrap_or_default(), null: value.is_none() }).collect();
        test.holds(&said, false)
    }

    #[test]
    fn null_is_absent_or_null_and_empty_is_there() {
        for (values, exists, null, empty) in [
            (&[][..], false, true, false),
            (&[None], true, true, false),
            (&[Some("")], true, false, true),
            (&[Some("x")], true, false, false),
        ] {
            let said = [&Test::Exists, &Test::Null, &Test::Empty].map(|test| holds(test, values));
            assert_eq!(said, [exists, null, empty], "{values:?}");
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        let equal = Test::Number(Compare::Equal, 4625.0);
        for (text, is) in [
            ("4625", true),
            ("4625.0", true),
            (" 4625 ", true),
            ("46250", false),
            ("x", false),
            ("inf", false),
            ("", false),
        ] {
            assert_eq!(holds(&equal, &[Some(text)]), is, "{text}");
        }
        assert!(holds(&Test::Number(Compare::AtMost, 5.0), &[Some("5")]));
        assert!(!holds(&Test::Number(Compare::Less, 5.0), &[Some("5")]));
    }

    #[test]
    fn a_part_of_a_date_is_a_number() {
        let date = Some("2026-03-02T23:10:36.1234567Z");
        for (part, number) in [
            (Part::Minute, 10.0),
            (Part::Hour, 23.0),
            (Part::Day, 2.0),
            (Part::Week, 10.0),
            (Part::Month, 3.0),
            (Part::Year, 2026.0),
        ] {
            assert!(holds(&Test::Date(part, Compare::Equal, number), &[date]), "{part:?}");
        }
        assert!(holds(&Test::Date(Part::Hour, Compare::AtLeast, 22.0), &[Some("3/2/2026 11:10:36 PM")]));
        assert!(!holds(&Test::Date(Part::Hour, Compare::AtLeast, 0.0), &[Some("tomorrow")]));
    }

    #[test]
    fn fields_are_compared_with_one_another() {
        for (one, how, other, case, is) in [
            ("A", Some(How::Is), "a", Case::Ignored, true),
            ("A", Some(How::Is), "a", Case::Kept, false),
            ("abc", Some(How::Starts), "AB", Case::Ignored, true),
            ("abc", Some(How::Ends), "BC", Case::Ignored, true),
            ("bc", Some(How::Ends), "abc", Case::Ignored, false),
            ("abcd", None, "BC", Case::Ignored, true),
            ("abcd", None, "BC", Case::Kept, false),
        ] {
            assert_eq!(compare(one, how, other, case), is, "{one} {how:?} {other}");
        }
    }
}
