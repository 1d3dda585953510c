//! One Chromium, and what it noticed.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// What Chromium needs to run as root on a closed network.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Runs in every page before its own scripts: notes all that a person would find in the console.
const WATCH: &str = r"
window.__noticed = [];
const note = (text) => window.__noticed.push(String(text));
addEventListener('securitypolicyviolation', (e) => note(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile || ''}`), true);
addEventListener('error', (e) => note(`error: ${e.message || (e.target && (e.target.src || e.target.href)) || e}`), true);
addEventListener('unhandledrejection', (e) => note(`rejection: ${e.reason}`));
for (const name of ['error', 'warn']) {
  const said = console[name];
  console[name] = (...what) => { note(`console.${name}: ${what.join(' ')}`); said.apply(console, what); };
}
";

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `prefers-color-scheme: light`.
    Light,
    /// `prefers-color-scheme: dark`.
    Dark,
}

impl Scheme {
    /// Returns its name as CSS writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A Chromium with one window. [`Browser::quit`] ends it; dropping ends the driver, which ends it too.
#[derive(Debug)]
pub struct Browser {
    /// The window, for what is not below.
    pub driver: WebDriver,
    _chromedriver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts driver and browser, with a new profile.
    ///
    /// # Errors
    ///
    /// Says which Debian package to install.
    pub async fn start() -> Result<Self> {
        let mut command = Command::new("/usr/bin/chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child =
            command.spawn().context("no chromedriver: install Debian's packages chromium and chromium-driver")?;
        let port = port(&mut child).await?;
        let profile = tempfile::tempdir()?;
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary("/usr/bin/chromium")?;
        for flag in FLAGS {
            wanted.add_arg(flag)?;
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await?;
        let browser = Self { driver, _chromedriver: child, _profile: profile };
        browser.tell("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await?;
        Ok(browser)
    }

    /// Chooses light or dark and the width of the window, a phone's below 500 px.
    pub async fn look(&self, scheme: Scheme, width: u32) -> Result<()> {
        let feature = json!({"features": [{"name": "prefers-color-scheme", "value": scheme.name()}]});
        self.tell("Emulation.setEmulatedMedia", feature).await?;
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
        self.tell("Emulation.setDeviceMetricsOverride", size).await
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.driver.goto(url).await.with_context(|| format!("{url} does not open"))?;
        Ok(())
    }

    /// Returns what the page's reader would find in the console, violations of the policy among it.
    pub async fn noticed(&self) -> Result<Vec<String>> {
        let noticed = self.driver.execute("return window.__noticed || ['the watch did not run']", vec![]).await?;
        Ok(serde_json::from_value(noticed.json().clone())?)
    }

    /// Returns by how many pixels the page is wider than its window.
    pub async fn overflow(&self) -> Result<i64> {
        let script = "const d = document.documentElement; return Math.max(d.scrollWidth, document.body.scrollWidth) - d.clientWidth";
        self.number(script).await
    }

    /// Returns the number that `script` returns.
    pub async fn number(&self, script: &str) -> Result<i64> {
        let value = self.driver.execute(script, vec![]).await?;
        value.json().as_i64().with_context(|| format!("no number: {}", value.json()))
    }

    /// Returns the text that `script` returns.
    pub async fn text(&self, script: &str) -> Result<String> {
        let value = self.driver.execute(script, vec![]).await?;
        Ok(value.json().as_str().unwrap_or_default().to_owned())
    }

    /// Waits until `script` returns something true.
    ///
    /// # Errors
    ///
    /// Names `what` if it has not come after twenty seconds.
    pub async fn wait_for(&self, what: &str, script: &str) -> Result<()> {
        if self.comes_within(Duration::from_secs(20), script).await {
            return Ok(());
        }
        bail!("{what} has not come: {script}")
    }

    /// Tells whether `script` returns something true within `limit`, more or less.
    pub async fn comes_within(&self, limit: Duration, script: &str) -> bool {
        const STEP: Duration = Duration::from_millis(100);
        for _ in 0..limit.as_millis() / STEP.as_millis() {
            // While a page is being left, scripts may fail.
            if let Ok(value) = self.driver.execute(&format!("return Boolean({script})"), vec![]).await
                && value.json().as_bool() == Some(true)
            {
                return true;
            }
            tokio::time::sleep(STEP).await;
        }
        false
    }

    /// Saves what the window shows, the whole page of it.
    pub async fn picture(&self, to: &Path) -> Result<()> {
        self.capture(to, true).await
    }

    /// Saves what the window shows, as much as fits.
    pub async fn window(&self, to: &Path) -> Result<()> {
        self.capture(to, false).await
    }

    async fn capture(&self, to: &Path, beyond: bool) -> Result<()> {
        let asked = json!({"captureBeyondViewport": beyond, "format": "png"});
        let answer = self.driver.cdp().send_raw("Page.captureScreenshot", asked).await?;
        let picture = answer["data"].as_str().context("no picture")?;
        std::fs::write(to, data_encoding::BASE64.decode(picture.as_bytes())?)?;
        Ok(())
    }

    /// Presses a key as a person would, wherever the focus is.
    pub async fn press(&self, key: &str) -> Result<()> {
        self.driver.action_chain().send_keys(key).perform().await?;
        Ok(())
    }

    /// Ends the browser.
    pub async fn quit(self) -> Result<()> {
        self.driver.quit().await?;
        Ok(())
    }

    async fn tell(&self, command: &str, with: serde_json::Value) -> Result<()> {
        self.driver.cdp().send_raw(command, with).await.with_context(|| command.to_owned())?;
        Ok(())
    }
}

async fn port(child: &mut Child) -> Result<u16> {
    let out = child.stdout.take().context("chromedriver has no output")?;
    let mut lines = BufReader::new(out).lines();
    let port = tokio::time::timeout(Duration::from_secs(30), async {
        while let Ok(Some(line)) = lines.next_line().await {
            let port = line.strip_prefix("ChromeDriver was started successfully on port ");
            if let Some(port) = port.and_then(|port| port.trim_end_matches('.').parse().ok()) {
                return Some(port);
            }
        }
        None
    });
    let port = port.await.ok().flatten().context("chromedriver named no port")?;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(port)
}
