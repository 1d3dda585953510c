//! What does the configuration say about files?

use serde::{Deserialize, Serialize};

use crate::sources::Start;

/// Files to read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// The files: paths, or patterns with `*`, `?`, `[…]` and `**`; `-` alone is standard input. A
    /// pattern should match what is written, not the copies that a rotation makes or compresses: those are other files, and
    /// would be read again. (A file that is only renamed is the same, whether or not its new name matches.)
    pub paths: Vec<String>,
    /// Whether to wait for what is appended, through rotations, and for new files.
    #[serde(default = "yes")]
    pub follow: bool,
    /// Where to begin the files that are there at the very first start, before anything of the source was read; later
    /// ones are read whole, those too that came while Gatewatch was away.
    #[serde(default = "earliest")]
    pub start: Start,
}

impl FileSettings {
    /// Returns settings that read `paths` once, from their beginnings.
    pub fn once(paths: &[&str]) -> Self {
        Self { paths: paths.iter().map(|&path| path.to_owned()).collect(), follow: false, start: Start::Earliest }
    }
}

fn yes() -> bool {
    true
}

fn earliest() -> Start {
    Start::Earliest
}
