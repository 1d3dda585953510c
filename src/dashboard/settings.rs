//! What was the daemon told to do, by whom, and what has been written since?
//!
//! Worked out on the side of the command line, which reads configurations; the page asks for it. As many settings
//! as the configuration has; secrets are none of them.

use std::fmt;
use std::sync::Arc;

/// A setting as it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingSeen {
    /// Its section, such as `detection`.
    pub section: String,
    /// Its name in that section, such as `lateness`.
    pub name: String,
    /// Its value, secrets and what may hold one hidden.
    pub value: String,
    /// `gatewatch.toml:12`, `--data`, or `default`.
    pub from: String,
    /// Whether nobody has set it.
    pub default: bool,
    /// What it is, in a sentence; empty where nothing says so.
    pub says: String,
}

/// The configuration as it was loaded, and what has become of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsSeen {
    /// The file it was loaded from; none where there was none.
    pub file: Option<String>,
    /// Every setting, in the order of their sections.
    pub all: Vec<SettingSeen>,
    /// What to know of them, a sentence each.
    pub notes: Vec<String>,
    /// What the file says by now that the daemon has not taken, a line each.
    pub pending: Vec<String>,
    /// What is wrong with the file as it is by now, a line each.
    pub problems: Vec<String>,
}

/// Tells of the configuration.
#[derive(Clone)]
pub struct Settings(Arc<dyn Fn() -> SettingsSeen + Send + Sync>);

impl Settings {
    /// Returns what asks `tell`, which may read a file.
    pub fn new(tell: impl Fn() -> SettingsSeen + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Returns the configuration as it was loaded, and what has become of its file.
    pub(super) fn seen(&self) -> SettingsSeen {
        (self.0)()
    }
}

impl Default for Settings {
    /// Returns what knows of none.
    fn default() -> Self {
        Self::new(SettingsSeen::default)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings")
    }
}
