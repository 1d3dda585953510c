//! A running Gatewatch to look at.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// It prints its address within this time.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Gatewatch; one that we started ends with it.
#[derive(Debug)]
pub struct Site {
    /// Its address, without a slash at the end.
    pub url: String,
    child: Option<Child>,
    fed: Option<Fed>,
    /// What the demo writes; gone with the site.
    _demo: Option<tempfile::TempDir>,
}

/// A daemon that is fed over HTTP.
#[derive(Debug)]
struct Fed {
    binary: PathBuf,
    folder: tempfile::TempDir,
    ingest: u16,
    token: String,
}

impl Site {
    /// Uses the running one that `GATEWATCH_URL` names, or starts `gatewatch demo`.
    ///
    /// # Errors
    ///
    /// Says which variable to set when there is no binary, and what demo said when it gave no address.
    pub async fn open() -> Result<Self> {
        if let Some(url) = variable("GATEWATCH_URL") {
            return Ok(Self { url: url.trim_end_matches('/').to_owned(), child: None, fed: None, _demo: None });
        }
        let (mut command, folder) = (Command::new(binary()?), tempfile::tempdir()?);
        // Whoever looks at a demo of their own has the usual port.
        command.args(["demo", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
        let (child, url) = started(command).await?;
        Ok(Self { url, child: Some(child), fed: None, _demo: Some(folder) })
    }

    /// Starts a daemon that has nothing to read but what [`Site::send`] sends it.
    ///
    /// # Errors
    ///
    /// Says what could not be made or started.
    pub async fn empty() -> Result<Self> {
        let (binary, folder) = (binary()?, tempfile::tempdir()?);
        let (pages, ingest) = (free_port().await?, free_port().await?);
        let config = format!(
            "[sources.http.push]\nlisten = '127.0.0.1:{ingest}'\n\
             [detection]\nsilence = '1s'\nlateness = '1s'\n[dashboard]\nlisten = '127.0.0.1:{pages}'\n"
        );
        std::fs::write(folder.path().join("gatewatch.toml"), config)?;
        let token = token(&binary, folder.path(), "ingest").await?;
        let mut site =
            Self { url: String::new(), child: None, fed: Some(Fed { binary, folder, ingest, token }), _demo: None };
        site.start_again().await?;
        Ok(site)
    }

    /// Makes a token with the role called so; from then on people must show one.
    ///
    /// # Errors
    ///
    /// Says why it could not be made.
    pub async fn token(&self, role: &str) -> Result<String> {
        let fed = self.fed.as_ref().context("only a daemon of our own takes a token")?;
        token(&fed.binary, fed.folder.path(), role).await
    }

    /// Kills the daemon as a power cut would.
    ///
    /// # Errors
    ///
    /// Says that it could not be.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Starts the daemon on the same folder and at the same address.
    ///
    /// # Errors
    ///
    /// Says what it said when it did not start.
    pub async fn start_again(&mut self) -> Result<()> {
        let fed = self.fed.as_ref().context("only a daemon of our own is started again")?;
        let mut command = Command::new(&fed.binary);
        command.arg("run").arg("--config").arg(fed.folder.path().join("gatewatch.toml"));
        command.arg("--data").arg(fed.folder.path().join("data"));
        let (child, url) = started(command).await?;
        (self.child, self.url) = (Some(child), url);
        Ok(())
    }

    /// Sends records to the daemon, one a line.
    ///
    /// # Errors
    ///
    /// Says what it answered if it did not take them.
    pub async fn send(&self, lines: &[Vec<u8>]) -> Result<()> {
        let fed = self.fed.as_ref().context("only a daemon of our own is fed")?;
        let body = lines.join(&b'\n');
        let head = format!(
            "POST /v1/ingest HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            fed.ingest,
            fed.token,
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", fed.ingest)).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body).await?;
        let answer = said(stream).await?;
        ensure!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        Ok(())
    }

    /// Returns what the site answers to `GET path`, its head among it.
    ///
    /// # Errors
    ///
    /// Says that it can't be reached.
    pub async fn get(&self, path: &str) -> Result<String> {
        self.ask("GET", path).await
    }

    /// Returns what the site answers to an empty `POST path`, its head among it.
    ///
    /// # Errors
    ///
    /// Says that it can't be reached.
    pub async fn post(&self, path: &str) -> Result<String> {
        self.ask("POST", path).await
    }

    async fn ask(&self, method: &str, path: &str) -> Result<String> {
        let at = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(at).await?;
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {at}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        said(stream).await
    }
}

async fn token(binary: &Path, folder: &Path, role: &str) -> Result<String> {
    let mut token = Command::new(binary);
    token.args(["token", "create", role, "--new", "--role", role, "--data"]).arg(folder.join("data"));
    let made = token.output().await?;
    ensure!(made.status.success(), "no token: {}", String::from_utf8_lossy(&made.stderr));
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}

async fn said(mut stream: TcpStream) -> Result<String> {
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.context("no answer")??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

fn binary() -> Result<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/gatewatch");
    let binary = variable("GATEWATCH_BIN").map_or(built, PathBuf::from);
    if !binary.exists() {
        bail!("there is no {}: run `cargo build`, or set GATEWATCH_BIN or GATEWATCH_URL", binary.display());
    }
    Ok(binary)
}

/// Starts it; returns it with its address once it has said so.
async fn started(mut command: Command) -> Result<(Child, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
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
    let Ok(Some(url)) = url.await else { bail!("gatewatch gave no address; it said:\n{}", heard.join("\n")) };
    // What it says later is read and dropped, so that it never waits for us.
    tokio::spawn(async move { while said.recv().await.is_some() {} });
    Ok((child, url))
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
pub(crate) fn variable(name: &str) -> Option<String> {
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
