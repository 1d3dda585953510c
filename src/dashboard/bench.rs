//! What do detectors' files say of an alert, and what would a changed one make of what is stored?
//!
//! Both are worked out on the pipeline's side, which knows detectors and how records are read; pages ask here.
//! Nothing is changed or kept: whoever likes what a change does copies it into its file.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::alerts::Alert;
use crate::posture::Problem;

/// Which lines of its detector's file the events of an alert fulfil.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LitLines {
    /// Lines of conditions that held, from 1.
    pub matched: BTreeSet<usize>,
    /// The first and the last line of what is counted, and held against its limit.
    pub counting: (usize, usize),
    /// How many of the kept events could be read again.
    pub events: usize,
}

/// What a changed detector makes of one alert, as far as what was kept tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Events that were kept and tell something.
    pub asked: u64,
    /// How many of them it matches.
    pub matches: u64,
    /// Whether what was measured passes its limit; `None` where that can't be told.
    pub fires: Option<bool>,
}

/// Tells what a changed detector makes of an alert.
pub type TryAlert = Arc<dyn Fn(&Alert) -> Tried + Send + Sync>;

/// A changed detector that compiles.
#[derive(Clone)]
pub struct Trial {
    /// What its cases show, and what went wrong with each that did not come out.
    pub cases: Vec<(String, Option<String>)>,
    /// Whether some of the cases were left out, for they took too long.
    pub cut: bool,
    /// Holds it against an alert.
    pub of: TryAlert,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").field("cases", &self.cases).finish_non_exhaustive()
    }
}

type Light = dyn Fn(&Alert) -> Option<LitLines> + Send + Sync;
type Try = dyn Fn(&str, &str) -> Result<Trial, Vec<Problem>> + Send + Sync;

/// Answers what pages ask of detectors' files.
#[derive(Clone)]
pub struct Bench {
    light: Arc<Light>,
    attempt: Arc<Try>,
}

impl Bench {
    /// Returns what lights lines by `light`, and tries the text of a detector, by its id, by `attempt`.
    pub fn new(
        light: impl Fn(&Alert) -> Option<LitLines> + Send + Sync + 'static,
        attempt: impl Fn(&str, &str) -> Result<Trial, Vec<Problem>> + Send + Sync + 'static,
    ) -> Self {
        Self { light: Arc::new(light), attempt: Arc::new(attempt) }
    }

    /// Returns the lines that the events of `alert` fulfil; `None` where its detector has no file of ours.
    pub(super) fn light(&self, alert: &Alert) -> Option<LitLines> {
        (self.light)(alert)
    }

    /// Compiles `text` in place of the detector called `id`, and runs its cases.
    ///
    /// # Errors
    ///
    /// Returns every problem of the text.
    pub(super) fn attempt(&self, id: &str, text: &str) -> Result<Trial, Vec<Problem>> {
        (self.attempt)(id, text)
    }
}

impl Default for Bench {
    /// Returns one that knows no file.
    fn default() -> Self {
        Self::new(|_| None, |_, _| Err(Vec::new()))
    }
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bench")
    }
}
