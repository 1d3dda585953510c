//! Drives the dashboard in Debian's Chromium, through its own driver.
//!
//! The site is `GATEWATCH_URL`, or a `gatewatch demo` that is started from `GATEWATCH_BIN` and
//! stopped at the end. Browser and driver come from one package version, so they fit.

mod browser;
mod site;

pub use browser::{Browser, Scheme};
pub use site::Site;
