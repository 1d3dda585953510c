//! Drives the dashboard in Debian's Chromium, through its own driver.
//!
//! The site is `GATEWATCH_URL`, or a `gatewatch demo` that is started from `GATEWATCH_BIN` and
//! stopped at the end; or a daemon that is fed over HTTP and can be killed. Browser and driver come
//! from one package version, so they fit.

mod axe;
mod browser;
mod site;
mod visit;

pub use browser::{Browser, Scheme};
pub use site::Site;
pub use visit::{LOOKS, ROWS, Visit, pictures};
