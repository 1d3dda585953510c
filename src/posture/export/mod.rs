//! What does the threat model look like to other tools?
//!
//! Pure functions from a [`Living`] to a text, one file a format. Names in it are strangers' to choose:
//! whatever they hold is text in every format, never a formula, markup or a command of a diagram. Formats
//! that a tool draws are cut at what it can draw, and say so.

mod csv;
mod filled;
mod mermaid;
mod navigator;
mod otm;
mod picked;
mod plain;
mod sarif;
mod threat_dragon;

use super::living::{Living, Sight, Stands};

pub use csv::{HEAD, rows};
pub use filled::{HOLE, filled};
pub use navigator::Watch;
pub use plain::{cut, plain};
pub use sarif::{Finding, NotRead, written as sarif_of};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Open Threat Model 0.2.0.
    Otm,
    /// OWASP Threat Dragon, version 2.
    ThreatDragon,
    /// A flowchart of Mermaid.
    Mermaid,
    /// The state of each control on each part, for spreadsheets.
    Csv,
    /// A layer of the ATT&CK Navigator, 4.5.
    Navigator,
    /// What is not as it should be, in SARIF 2.1.0.
    Sarif,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Otm, Self::ThreatDragon, Self::Mermaid, Self::Csv, Self::Navigator, Self::Sarif];

    /// Returns its name, as addresses and commands write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Otm => "otm",
            Self::ThreatDragon => "threat-dragon",
            Self::Mermaid => "mermaid",
            Self::Csv => "csv",
            Self::Navigator => "navigator",
            Self::Sarif => "sarif",
        }
    }

    /// Returns the format called so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Returns what it is called at length.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Otm => "Open Threat Model 0.2.0",
            Self::ThreatDragon => "OWASP Threat Dragon 2",
            Self::Mermaid => "Mermaid flowchart",
            Self::Csv => "CSV, each control on each part",
            Self::Navigator => "ATT&CK Navigator layer 4.5",
            Self::Sarif => "SARIF 2.1.0",
        }
    }

    /// Returns its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Otm | Self::ThreatDragon | Self::Navigator => "application/json",
            Self::Mermaid => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Sarif => "application/sarif+json",
        }
    }

    /// Returns what a file of it is called.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Otm => "threat-model.otm.json",
            Self::ThreatDragon => "threat-model.threat-dragon.json",
            Self::Mermaid => "threat-model.mmd",
            Self::Csv => "threat-model.csv",
            Self::Navigator => "threat-model.navigator.json",
            Self::Sarif => "threat-model.sarif",
        }
    }
}

/// Returns the model, or what of it concerns the app or gateway `site`, in a format.
pub fn written(living: &Living, format: Format, site: Option<u32>, watches: &[Watch]) -> String {
    match format {
        Format::Otm => otm::written(living, site),
        Format::ThreatDragon => threat_dragon::written(living, site),
        Format::Mermaid => mermaid::written(living, site),
        Format::Csv => {
            let mut out = HEAD.to_owned();
            out.push_str(&rows(living, &picked::of_site(living, site)));
            out
        }
        Format::Navigator => navigator::written(living, site, watches),
        Format::Sarif => sarif::of_living(living, site),
    }
}

/// Returns the places of the parts of a site, or of all.
pub fn parts_of(living: &Living, site: Option<u32>) -> Vec<u32> {
    picked::of_site(living, site)
}

/// Tells how far controls in these states work against a threat, as other tools say it.
const fn mitigation(stands: Stands) -> &'static str {
    match stands {
        Stands::Held | Stands::ConfiguredOnly => "implemented",
        Stands::Accepted => "rejected",
        Stands::Unknown => "recommended",
        Stands::NotConfigured | Stands::Contradicted => "required",
    }
}

/// How a threat stands on a part: by its alert, else by the controls against it.
fn exposure(sight: Sight, worst: Stands) -> &'static str {
    match (sight, worst) {
        (Sight::Firing, _) | (_, Stands::NotConfigured | Stands::Contradicted) => "exposed",
        (_, Stands::Unknown) => "partly-mitigated",
        (_, Stands::Accepted) => "accepted",
        _ => "mitigated",
    }
}
