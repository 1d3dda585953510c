//! A running Gatewatch to look at.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Demo prints its address within this time.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Gatewatch; one that we started ends with it.
#[derive(Debug)]
pub struct Site {
    /// Its address, without a slash at the end.
    pub url: String,
    _demo: Option<Child>,
}

impl Site {
    /// Uses the running one that `GATEWATCH_URL` names, or starts `gatewatch demo`.
    ///
    /// # Errors
    ///
    /// Says which variable to set when there is no binary, and what demo said when it gave no address.
    pub async fn open() -> Result<Self> {
        if let Some(url) = variable("GATEWATCH_URL") {
            return Ok(Self { url: url.trim_end_matches('/').to_owned(), _demo: None });
        }
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/gatewatch");
        let binary = variable("GATEWATCH_BIN").map_or(built, PathBuf::from);
        if !binary.exists() {
            bail!("there is no {}: run `cargo build`, or set GATEWATCH_BIN or GATEWATCH_URL", binary.display());
        }
        Self::demo(&binary).await
    }

    async fn demo(binary: &Path) -> Result<Self> {
        let mut command = Command::new(binary);
        command.arg("demo").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{} does not start", binary.display()))?;
        let (lines, mut said) = mpsc::channel(1_000);
        read(child.stdout.take(), lines.clone());
        read(child.stderr.take(), lines);
        let mut heard = Vec::new();
        let url = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = said.recv().await {
                if let Some(url) = address(&line) {
                    return Some(url);
                }
                heard.push(line);
            }
            None
        });
        let Ok(Some(url)) = url.await else { bail!("gatewatch demo gave no address; it said:\n{}", heard.join("\n")) };
        // What it says later is read and dropped, so that it never waits for us.
        tokio::spawn(async move { while said.recv().await.is_some() {} });
        Ok(Self { url, _demo: Some(child) })
    }
}

fn read(from: Option<impl AsyncRead + Unpin + Send + 'static>, to: mpsc::Sender<String>) {
    let Some(from) = from else { return };
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if to.send(line).await.is_err() {
                return;
            }
        }
    });
}

/// Returns the address in a line, such as `http://127.0.0.1:41234`.
fn address(line: &str) -> Option<String> {
    let at = line.find("http://127.0.0.1:")?;
    let rest = &line[at..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ":/.".contains(c))).unwrap_or(rest.len());
    let url = rest[..end].trim_end_matches(['/', '.']);
    Some(url.to_owned()).filter(|url| url.len() > "http://127.0.0.1:".len())
}

#[expect(clippy::disallowed_methods, reason = "a test is told by its environment what to look at")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_address_is_found_in_what_demo_says() {
        assert_eq!(address("open http://127.0.0.1:4123/ in a browser").as_deref(), Some("http://127.0.0.1:4123"));
        assert_eq!(address("\u{1b}[1mhttp://127.0.0.1:4123\u{1b}[0m.").as_deref(), Some("http://127.0.0.1:4123"));
        assert_eq!(address("listening"), None);
    }
}
