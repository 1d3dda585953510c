//! A site, a browser on it, and what is asked of each of its pages.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use tokio::sync::{Mutex, MutexGuard};

use super::{Browser, Scheme, Site};

/// How pages are looked at: light and dark, desktop and phone.
pub const LOOKS: [(Scheme, u32); 4] =
    [(Scheme::Light, 1280), (Scheme::Dark, 1280), (Scheme::Light, 390), (Scheme::Dark, 390)];
/// A script that finds a row of the list.
pub const ROWS: &str = "document.querySelector('tr[data-alert]')";
/// What came from anywhere but the site itself.
const ELSEWHERE: &str = "return performance.getEntriesByType('resource').map((one) => one.name)\
    .filter((name) => new URL(name).origin !== location.origin).join(' ')";

/// One browser at a time: several would slow each other down until they miss what they wait for.
static TURN: Mutex<()> = Mutex::const_new(());

/// A site and a browser on it.
#[derive(Debug)]
pub struct Visit {
    _turn: MutexGuard<'static, ()>,
    /// The running Gatewatch.
    pub site: Site,
    /// The browser.
    pub browser: Browser,
}

impl Visit {
    /// Begins one on a demo, or on the site that `GATEWATCH_URL` names.
    ///
    /// # Errors
    ///
    /// Says what could not be started.
    pub async fn begin() -> Result<Self> {
        let turn = TURN.lock().await;
        Self::on(turn, Site::open().await?).await
    }

    /// Begins one on a daemon that has nothing to read yet.
    ///
    /// # Errors
    ///
    /// Says what could not be started.
    pub async fn begin_empty() -> Result<Self> {
        let turn = TURN.lock().await;
        Self::on(turn, Site::empty().await?).await
    }

    async fn on(turn: MutexGuard<'static, ()>, site: Site) -> Result<Self> {
        let visit = Self { _turn: turn, site, browser: Browser::start().await? };
        visit.browser.look(Scheme::Light, 1280).await?;
        Ok(visit)
    }

    /// Opens a page of the site.
    ///
    /// # Errors
    ///
    /// Says that it does not open.
    pub async fn open(&self, path: &str) -> Result<()> {
        self.browser.open(&format!("{}{path}", self.site.url)).await
    }

    /// Opens the list and waits for alerts: a demo takes a while to raise its first.
    ///
    /// # Errors
    ///
    /// Says that none has come.
    pub async fn open_list(&self) -> Result<()> {
        for _ in 0..12 {
            self.open("/").await?;
            if self.browser.wait_for("an alert", ROWS).await.is_ok() {
                return Ok(());
            }
        }
        self.browser.wait_for("an alert", ROWS).await
    }

    /// Returns the path of the first alert that is open.
    ///
    /// # Errors
    ///
    /// Says that there is none.
    pub async fn first_alert(&self) -> Result<String> {
        self.open_list().await?;
        self.browser
            .text("return document.querySelector('tr[data-alert].state-open a.title').getAttribute('href')")
            .await
    }

    /// Says what is wrong with the page that is open, if anything is.
    ///
    /// # Errors
    ///
    /// Names the page and what was noticed: in the console, by the policy, from elsewhere, or too wide.
    pub async fn check(&self, name: &str) -> Result<()> {
        let noticed = self.browser.noticed().await?;
        ensure!(noticed.is_empty(), "{name}: {noticed:?}");
        let overflow = self.browser.overflow().await?;
        ensure!(overflow <= 0, "{name} is {overflow} px wider than its window");
        let elsewhere = self.browser.text(ELSEWHERE).await?;
        ensure!(elsewhere.is_empty(), "{name} asks others: {elsewhere}");
        Ok(())
    }

    /// Says what axe finds wrong with the page that is open; [`Visit::check`] comes first, since axe is loaded into it.
    ///
    /// # Errors
    ///
    /// Names the page and each violation.
    pub async fn check_for_everybody(&self, name: &str) -> Result<()> {
        let violations = self.browser.violations().await?;
        ensure!(violations.is_empty(), "{name}:\n{}", violations.join("\n"));
        Ok(())
    }

    /// Looks at a page in light and dark, wide and narrow: it is checked, and its picture kept.
    ///
    /// # Errors
    ///
    /// Names the look and what is wrong with it.
    pub async fn look_at(&self, page: &str, path: &str) -> Result<()> {
        for (scheme, width) in LOOKS {
            self.browser.look(scheme, width).await?;
            let name = format!("{page}-{}-{width}", scheme.name());
            self.open(path).await?;
            self.check(&name).await?;
            self.browser.picture(&pictures()?.join(format!("{name}.png"))).await?;
            self.check_for_everybody(&name).await?;
        }
        Ok(())
    }
}

/// Returns the folder of pictures, which is made where it is not there.
///
/// # Errors
///
/// Says that it can't be made.
pub fn pictures() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.dev/screenshots");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
