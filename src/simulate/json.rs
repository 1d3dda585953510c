//! How is a record written without allocating for each of its fields?
//!
//! A [`Json`] appends to a `String` that is used again and again; it trusts its caller for order
//! and names, and escapes every value. It allocates nothing itself.

use std::fmt::{Display, Write};

use crate::clock::Timestamp;

/// An object being written.
pub(super) struct Json<'b> {
    out: &'b mut String,
    first: bool,
    /// Write `/` as `\/`, as the encoder on Linux plans does.
    slashes: bool,
}

impl<'b> Json<'b> {
    /// Opens an object at the end of `out`.
    pub(super) fn open(out: &'b mut String) -> Self {
        out.push('{');
        Self { out, first: true, slashes: false }
    }

    /// Writes `/` as `\/` from here on.
    pub(super) fn escaping_slashes(mut self) -> Self {
        self.slashes = true;
        self
    }

    /// Writes a name, and returns where its value goes.
    fn name(&mut self, key: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    /// Writes a text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        let slashes = self.slashes;
        let out = self.name(key);
        out.push('"');
        escape(out, value, slashes);
        out.push('"');
    }

    /// Writes a text that needs no escapes, as its parts print: times, ids, addresses.
    pub(super) fn plain(&mut self, key: &str, value: impl Display) {
        let out = self.name(key);
        let _ = write!(out, "\"{value}\"");
    }

    /// Writes a number, quoted if asked.
    pub(super) fn number(&mut self, key: &str, value: i64, quoted: bool) {
        let out = self.name(key);
        let _ = if quoted { write!(out, "\"{value}\"") } else { write!(out, "{value}") };
    }

    /// Writes JSON as it is given.
    pub(super) fn raw(&mut self, key: &str, json: &str) {
        self.name(key).push_str(json);
    }

    /// Appends to the value just written.
    pub(super) fn append(&mut self, json: &str) {
        self.out.push_str(json);
    }

    /// Opens an object within this one.
    pub(super) fn object(&mut self, key: &str) -> Json<'_> {
        let slashes = self.slashes;
        let mut inner = Json::open(self.name(key));
        inner.slashes = slashes;
        inner
    }

    /// Closes the object.
    pub(super) fn close(self) {
        self.out.push('}');
    }
}

/// Appends `value` with what JSON forbids escaped.
pub(super) fn escape(out: &mut String, value: &str, slashes: bool) {
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if slashes => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
}

/// A time as Azure writes it: RFC 3339 with seven digits of a second.
pub(super) struct Ticks(pub(super) Timestamp);

/// A time as hosts on Linux write it: RFC 3339 to the second.
pub(super) struct Seconds(pub(super) Timestamp);

/// A time as older hosts on Linux write it: month first, without a zone.
pub(super) struct SlashDate(pub(super) Timestamp);

impl Display for Ticks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Civil { year, month, day, hour, minute, second } = civil(self.0);
        let ticks = self.0.nanos().rem_euclid(1_000_000_000) / 100;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ticks:07}Z")
    }
}

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Civil { year, month, day, hour, minute, second } = civil(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Display for SlashDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Civil { year, month, day, hour, minute, second } = civil(self.0);
        write!(f, "{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02}")
    }
}

/// A date and time of the Gregorian calendar, UTC.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

fn civil(at: Timestamp) -> Civil {
    let seconds = at.nanos().div_euclid(1_000_000_000);
    let (days, rest) = (seconds.div_euclid(86_400) + 719_468, seconds.rem_euclid(86_400));
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Civil { year, month, day, hour: rest / 3_600, minute: rest / 60 % 60, second: rest % 60 }
}

/// A GUID in lower case with hyphens.
pub(super) struct Guid(pub(super) u128);

impl Display for Guid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(n) = *self;
        write!(f, "{:08x}-{:04x}-4{:03x}-", n >> 96, (n >> 80) & 0xffff, (n >> 64) & 0x0fff)?;
        write!(f, "{:04x}-{:012x}", ((n >> 48) & 0x3fff) | 0x8000, n & 0xffff_ffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_all_three_of_azures_ways() {
        let at = Timestamp::from_nanos(1_709_164_799_987_654_300);
        assert_eq!(Ticks(at).to_string(), "2024-02-28T23:59:59.9876543Z");
        assert_eq!(Seconds(at).to_string(), "2024-02-28T23:59:59Z");
        assert_eq!(SlashDate(at).to_string(), "02/28/2024 23:59:59");
        assert_eq!(Seconds(Timestamp::from_seconds(-1)).to_string(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn values_are_escaped_and_names_are_not_repeated() {
        let mut out = String::new();
        let mut json = Json::open(&mut out).escaping_slashes();
        json.text("a", "x\"/\\\n");
        json.number("b", 3, true);
        json.object("c").close();
        json.close();
        assert_eq!(out, r#"{"a":"x\"\/\\\n","b":"3","c":{}}"#);
    }
}
