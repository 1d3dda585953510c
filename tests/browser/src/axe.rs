//! Does a page keep to WCAG 2.2 AA and to what is good practice, as far as axe can tell?
//!
//! axe-core is a tool of these tests alone, under MPL-2.0: `./dev test` brings one exact version, and
//! `GATEWATCH_AXE` names its file. Where it is not there nothing is asked of it, and a line says so.

use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context, Result, ensure};

use super::Browser;
use super::site::variable;

/// Asks for violations alone; nothing is fetched again, which the pages' policy would refuse.
const RUN: &str = r"
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ['violations'], preload: false })
  .then(({ violations }) => done(violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id}: ${target.join(' ')}: ${(failureSummary || '').replace(/\s+/g, ' ')}`))))
  .catch((error) => done([`axe itself failed: ${error}`]));
";
/// Where `./dev test` puts it.
const FETCHED: &str = "../../.dev/axe/axe.min.js";

static SAID: Once = Once::new();

fn file() -> PathBuf {
    variable("GATEWATCH_AXE").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(FETCHED), PathBuf::from)
}

#[expect(clippy::disallowed_macros, reason = "what is skipped is said")]
fn source() -> Result<Option<String>> {
    let file = file();
    if !file.exists() {
        SAID.call_once(|| {
            eprintln!("SKIPPED: axe-core is not there, so no page is asked whether everybody can use it");
        });
        return Ok(None);
    }
    std::fs::read_to_string(&file).map(Some).with_context(|| file.display().to_string())
}

impl Browser {
    /// Tells whether axe is there.
    pub fn has_axe(&self) -> bool {
        file().exists()
    }

    /// Returns what axe finds wrong with the page that is open; nothing where there is no axe.
    ///
    /// # Errors
    ///
    /// Says that axe could not be run.
    pub async fn violations(&self) -> Result<Vec<String>> {
        let Some(source) = source()? else { return Ok(Vec::new()) };
        let ran = self.driver.execute(&format!("{source}\nreturn typeof axe"), vec![]).await?;
        ensure!(ran.json().as_str() == Some("object"), "axe did not load: {}", ran.json());
        let found = self.driver.execute_async(RUN, vec![]).await?;
        Ok(serde_json::from_value(found.json().clone())?)
    }
}
