//! What do detectors look like to other tools and to readers?
//!
//! A layer for the ATT&CK Navigator, Sigma documents for those that Sigma can say, and a page. Each is made of
//! what was compiled, so none can say what does not run; what Sigma can't say is named with the reason,
//! never exported by half.

mod markdown;
mod navigator;
mod selection;
mod sigma;
mod yaml;

pub use markdown::markdown;
pub use navigator::navigator;
pub use sigma::{Unsaid, sigma};
