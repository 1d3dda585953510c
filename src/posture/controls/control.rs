//! What is a control, as data?
//!
//! Something that should be configured on elements of one sort: why, how bad it is where it is not,
//! which threats it works against, what others call it, and how it is mended. At most 1,000.

use super::super::configured::{Setting, Sort};
use super::super::level::Level;
use super::super::living::Proof;
use super::check::Check;

/// The file of the controls.
pub const FILE: &str = "controls.yaml";

/// Other catalogues that controls refer to, and what people call them.
pub const REFERENCES: [(&str, &str); 5] = [
    ("azure-policy", "Azure Policy"),
    ("psrule", "PSRule"),
    ("checkov", "checkov"),
    ("prowler", "Prowler"),
    ("trivy", "Trivy"),
];

/// What it means that nobody wrote a setting down, on an element that was defined as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Azure's default is right.
    Configured,
    /// Azure's default is wrong.
    NotConfigured,
    /// Azure's default is not certain.
    Unknown,
}

/// What becomes of a control where its `only_when` is no more so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WhenOff {
    /// It is about the element no more: what was weak is mended by that.
    #[default]
    LetGo,
    /// What was weak stays weak: what it guarded is guarded by less than before.
    Kept,
    /// What was right got weaker by that, where a file says that it is off.
    Weaker,
}

/// What a value should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// On or off.
    Is(bool),
    /// One of these, in any case.
    OneOf(Vec<String>),
    /// None of these, in any case; of a list no item.
    NoneOf(Vec<String>),
    /// This version or date, or a newer one.
    AtLeast(String),
    /// A list with all of these.
    Has(Vec<String>),
}

/// How it is told whether a control is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// By the value of a setting.
    Setting(Setting, Want, Absent),
    /// By code.
    Check(Check),
}

/// Something that should be configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// What it is called, such as `app.https-only`.
    pub id: String,
    /// What should be so, for people.
    pub title: String,
    /// How bad it is where it is not.
    pub level: Level,
    /// What it is about.
    pub applies_to: Sort,
    /// The threats that it works against.
    pub threats: Vec<String>,
    /// The items of the field's checklist that it is.
    pub checklist: Vec<String>,
    /// What other catalogues call it: the catalogue, and the ids there.
    pub references: Vec<(String, Vec<String>)>,
    /// Why it matters.
    pub why: String,
    /// How it is mended, with the setting to write.
    pub mend: String,
    /// What would tell where it is unknown.
    pub would_tell: String,
    /// It is about elements only of which this is known; `any` is any value.
    pub only_when: Vec<(Setting, String)>,
    /// What becomes of it where that is no more so.
    pub when_off: WhenOff,
    /// How it is told.
    pub test: Test,
    /// The detectors whose alerts prove the contrary.
    pub contradicted_by: Vec<String>,
    /// Those that name its app or gateway prove it of this, too.
    pub of_site: bool,
    /// Whether they tell of an app, too, that only lies behind the gateway whose record tells it.
    pub behind: bool,
    /// What events prove of it, told by code.
    pub observed: Option<Proof>,
    /// Its line in the file.
    pub line: usize,
}

/// All controls, in the order of their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// The controls.
    pub all: Vec<Control>,
}

impl Controls {
    /// Returns the control called `id`.
    pub fn named(&self, id: &str) -> Option<&Control> {
        self.all.iter().find(|control| control.id == id)
    }
}
