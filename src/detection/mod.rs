//! Which events, alone or together, mean trouble?
//!
//! A [`Detector`] is compiled from a file in `detectors/`. The [`Matcher`] is stateless and runs
//! beside decoding: it turns an event into small [`Signal`]s, one for each detector and entity it
//! concerns. The [`Engine`] owns all state, in 256 virtual shards, and evaluates the signals of
//! an entity in canonical order (event time, then content hash) once the watermarks have passed
//! them, so the order of arrival can't change an answer.

mod aside;
mod because;
mod blind;
mod case;
mod case_event;
mod case_raw;
pub mod cases;
mod catalogue;
mod check;
mod condition;
pub mod correlation_plan;
mod counting;
mod detector;
pub mod drifting;
mod engine;
pub mod examine;
mod exceptions;
mod explain;
pub mod export;
mod finders;
mod finding;
mod flip;
mod folder;
mod gathered;
mod groups;
pub mod in_words;
mod kinds;
mod lit;
mod matcher;
mod naming;
mod needs;
mod networks;
mod never;
mod offered;
mod placeholders;
pub mod proposal;
mod raw;
mod rule;
mod scene;
mod secret_words;
mod sheet;
mod sieve;
pub mod sigma;
mod signal;
mod signals;
mod spare;
mod spec;
mod stats;
mod tactics;
mod techniques;
mod told_of;
mod tryout;
mod unheard;
mod when;
mod words;

pub use crate::posture::Problem;
pub use because::{Because, Earlier, Limit, Measure};
pub use case::Case;
pub use catalogue::{Catalogue, DetectorFile};
pub use check::check;
pub use detector::{Counting, Detector, Detectors};
pub use engine::{Engine, EngineSettings, ShardDelta};
pub use exceptions::{Exception, Exceptions, Standing};
pub use explain::{describe, fires, summary};
pub use finders::Finders;
pub use finding::{Attack, Evidence, Family, Finding, Level};
pub use flip::Flip;
pub use folder::passed_over;
pub use kinds::{Baselining, Bulk, Measured, Only, Risking, Share, Traveling, Window};
pub use lit::Lit;
pub use matcher::{Matcher, Tried};
pub use rule::Rule;
pub use signal::{Observed, Signal};
pub use signals::{Signals, Told};
pub use spec::{Compiled, DetectorSpec};
pub use tactics::{TACTIC_NAMES, tactic_of_technique};
pub use tryout::{Judged, Tryout};
pub use unheard::Heard;
