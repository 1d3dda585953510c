//! Which modifiers stand at a key, and do they go together? What each does to a text.
//!
//! A text goes through the modifiers in the order in which they stand, and may come out as several: with each of its
//! dashes, or at each of three offsets.

use crate::detection::words::How;
use crate::posture::document::unknown;

use super::encode::{Wide, base64, base64_offsets, wide};
use super::pattern::Pattern;
use super::test::{Compare, Part};

/// Ways to write one value, at most.
pub(super) const MOST_WAYS: usize = 3_125;
const KNOWN: [&str; 32] = [
    "contains",
    "startswith",
    "endswith",
    "all",
    "exists",
    "cased",
    "neq",
    "windash",
    "re",
    "i",
    "m",
    "s",
    "base64",
    "base64offset",
    "utf16le",
    "utf16be",
    "utf16",
    "wide",
    "lt",
    "lte",
    "gt",
    "gte",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "cidr",
    "expand",
    "fieldref",
    "ignorecase",
];

/// The modifiers of a key, sorted out.
#[derive(Debug, Default)]
pub(super) struct Mods {
    /// What changes texts, in order.
    pub(super) steps: Vec<Step>,
    pub(super) all: bool,
    pub(super) neq: bool,
    pub(super) cased: bool,
    pub(super) expand: bool,
    pub(super) flags: Vec<char>,
    pub(super) part: Option<Part>,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Open(bool, bool),
    Windash,
    Base64,
    Offset,
    Wide(Wide),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Value,
    Regex,
    Network,
    Exists,
    Field,
    Number(Compare),
}

/// A value on its way through the modifiers.
pub(super) enum Way {
    Text(Pattern),
    Bytes(Vec<u8>),
}

impl Mods {
    pub(super) fn add(&mut self, name: &str) -> Result<(), String> {
        match name {
            "contains" => self.steps.push(Step::Open(true, true)),
            "startswith" => self.steps.push(Step::Open(false, true)),
            "endswith" => self.steps.push(Step::Open(true, false)),
            "windash" => self.steps.push(Step::Windash),
            "base64" => self.steps.push(Step::Base64),
            "base64offset" => self.steps.push(Step::Offset),
            "utf16le" | "wide" => self.steps.push(Step::Wide(Wide::Little)),
            "utf16be" => self.steps.push(Step::Wide(Wide::Big)),
            "utf16" => self.steps.push(Step::Wide(Wide::Marked)),
            "all" => self.all = true,
            "neq" => self.neq = true,
            "cased" => self.cased = true,
            "expand" => self.expand = true,
            "re" => return self.is(Kind::Regex),
            "cidr" => return self.is(Kind::Network),
            "exists" => return self.is(Kind::Exists),
            "fieldref" => return self.is(Kind::Field),
            "lt" => return self.is(Kind::Number(Compare::Less)),
            "lte" => return self.is(Kind::Number(Compare::AtMost)),
            "gt" => return self.is(Kind::Number(Compare::More)),
            "gte" => return self.is(Kind::Number(Compare::AtLeast)),
            "minute" => return self.part(Part::Minute),
            "hour" => return self.part(Part::Hour),
            "day" => return self.part(Part::Day),
            "week" => return self.part(Part::Week),
            "month" => return self.part(Part::Month),
            "year" => return self.part(Part::Year),
            "i" | "ignorecase" | "m" | "s" if self.kind == Kind::Regex => self.flags.extend(name.chars().next()),
            "i" | "m" | "s" => return Err(format!("`{name}` stands behind `re` alone.")),
            other => return Err(unknown(other, "a modifier", KNOWN.into_iter())),
        }
        Ok(())
    }

    fn is(&mut self, kind: Kind) -> Result<(), String> {
        if self.kind != Kind::Value {
            return Err("only one of `re`, `cidr`, `exists`, `fieldref`, `lt`, `lte`, `gt` and `gte` can stand here."
                .to_owned());
        }
        self.kind = kind;
        Ok(())
    }

    fn part(&mut self, part: Part) -> Result<(), String> {
        if self.part.replace(part).is_some() {
            return Err("only one part of a date can be asked for. Write a key for each.".to_owned());
        }
        Ok(())
    }

    /// Tells what does not go together.
    pub(super) fn check(&self) -> Result<(), String> {
        let open = |step: &&Step| matches!(step, Step::Open(..));
        let opens = self.steps.iter().filter(open).count();
        if opens > 1 {
            return Err("only one of `contains`, `startswith` and `endswith` can stand here.".to_owned());
        }
        let ways = self.steps.len() - opens;
        let (texts, numbers) = (ways > 0 || self.expand, self.part.is_some());
        let clash = match self.kind {
            Kind::Value if numbers => texts || opens > 0 || self.cased,
            Kind::Value => false,
            Kind::Field => texts || numbers,
            Kind::Number(_) => texts || opens > 0 || self.cased,
            Kind::Regex | Kind::Network | Kind::Exists => texts || opens > 0 || numbers || self.cased,
        };
        if clash {
            return Err("these modifiers do not go together.".to_owned());
        }
        Ok(())
    }

    /// Returns how a field is to stand to another; `None` is to contain it.
    pub(super) fn affix(&self) -> Option<How> {
        match self.steps.first() {
            Some(Step::Open(true, true)) => None,
            Some(Step::Open(false, true)) => Some(How::Starts),
            Some(Step::Open(true, false)) => Some(How::Ends),
            _ => Some(How::Is),
        }
    }
}

impl Step {
    pub(super) fn apply(self, way: Way) -> Result<Vec<Way>, String> {
        const WILD: &str =
            "a text with wildcards can't be encoded. Escape them, or put the modifier that adds them last.";
        match (self, way) {
            (Self::Open(before, behind), way) => way.text().map(|text| vec![Way::Text(text.open(before, behind))]),
            (Self::Windash, way) => way.text().map(|text| vec![Way::Text(text.vary_dashes())]),
            (step, Way::Text(text)) => {
                let apart = text.dashes_apart(MOST_WAYS).ok_or("there are too many dashes to vary.")?;
                let all: Option<Vec<Vec<Way>>> = apart.iter().map(|one| Some(step.encode(one.as_plain()?))).collect();
                Ok(all.ok_or(WILD)?.into_iter().flatten().collect())
            }
            (Self::Base64, Way::Bytes(bytes)) => Ok(vec![Way::Text(Pattern::plain(base64(&bytes)))]),
            (Self::Offset, Way::Bytes(bytes)) => Ok(offsets(&bytes)),
            (Self::Wide(_), Way::Bytes(_)) => Err("a text is put into two bytes a character once.".to_owned()),
        }
    }

    fn encode(self, text: &str) -> Vec<Way> {
        match self {
            Self::Wide(how) => vec![Way::Bytes(wide(text, how))],
            Self::Offset => offsets(text.as_bytes()),
            _ => vec![Way::Text(Pattern::plain(base64(text.as_bytes())))],
        }
    }
}

fn offsets(bytes: &[u8]) -> Vec<Way> {
    base64_offsets(bytes).into_iter().map(|text| Way::Text(Pattern::plain(text))).collect()
}

impl Way {
    fn text(self) -> Result<Pattern, String> {
        match self {
            Self::Text(pattern) => Ok(pattern),
            Self::Bytes(bytes) => String::from_utf8(bytes).map(Pattern::plain).map_err(|_| {
                "these bytes are no text of a record. Put `base64` or `base64offset` behind it.".to_owned()
            }),
        }
    }
}
