//! How does a command reach a running daemon?
//!
//! By the HTTP API of its dashboard, as any program does: at the address that the daemon has left
//! in its data folder, or at the one that is named, with a token where one is asked for. What the
//! daemon refuses is said in its words.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use crate::dashboard::visible;

use super::alert_args::Daemon as Options;
use super::setup;
use super::talk::Failure;

/// How long it may take until somebody answers at all.
const CONNECTING: Duration = Duration::from_secs(10);

/// The variable that holds a token.
pub const TOKEN: &str = "GATEWATCH_TOKEN";

/// A running daemon, as a client sees it.
#[derive(Debug)]
pub struct Daemon {
    base: Url,
    client: Client,
    token: Option<String>,
    /// How long an answer may take.
    timeout: Duration,
}

/// Returns where the daemon is and what may ask there.
pub fn address(data: &Path, url: Option<&str>) -> Result<(Url, ClientBuilder), Failure> {
    let mut client = Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECTING);
    let base = if let Some(url) = url {
        url.to_owned()
    } else {
        // No proxy stands between this machine and itself.
        client = client.no_proxy();
        let there = setup::daemon_address(data).ok_or_else(|| {
            Failure::Io(format!(
                "no daemon has left its address in {}: is one running (gatewatch run)? Name its data folder with \
                 --data, or its dashboard with --url",
                data.display()
            ))
        })?;
        match there.tls {
            None => format!("http://{}", there.address),
            Some((name, certificate)) => {
                client = trusting(client, &certificate)?.resolve(&name, there.address);
                format!("https://{name}:{}", there.address.port())
            }
        }
    };
    let wrong = || Failure::Usage("--url takes a dashboard's address, such as http://127.0.0.1:8321".into());
    let at = Url::parse(&base).map_err(|_| wrong())?;
    if !matches!(at.scheme(), "http" | "https") || at.cannot_be_a_base() {
        return Err(wrong());
    }
    Ok((at, client))
}

/// Has a client also trust what stands in the daemon's own file: it is this machine's, whoever issued it.
fn trusting(client: ClientBuilder, certificate: &Path) -> Result<ClientBuilder, Failure> {
    let read = |error: &dyn std::fmt::Display| {
        Failure::Io(format!(
            "the daemon's certificate in {} can't be read ({error}): name its dashboard with --url",
            certificate.display()
        ))
    };
    let pem = std::fs::read(certificate).map_err(|error| read(&error))?;
    let chain = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| read(&error))?;
    Ok(client.tls_certs_merge(chain))
}

/// Returns the token to show: the one that is named, else the environment's.
pub fn token(named: Option<&str>) -> Option<String> {
    let token = named.map(str::to_owned).or_else(|| crate::config::variable(TOKEN));
    token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// Names where the daemon is, in a message.
pub fn host(at: &Url) -> String {
    at.origin().ascii_serialization()
}

/// Says that nobody answers.
pub fn nobody(at: &Url, error: reqwest::Error) -> Failure {
    let why = error.without_url();
    let why = std::error::Error::source(&why).map_or_else(|| why.to_string(), ToString::to_string);
    Failure::Io(format!(
        "no daemon answers at {} ({why}): is one running (gatewatch run)? Name its data folder with --data, or its \
         dashboard with --url",
        host(at)
    ))
}

/// Says which token is wanted, if that is what an answer is about.
pub fn unknown(at: &Url, status: StatusCode, shown: bool, role: &str) -> Option<Failure> {
    let says = match (status, shown) {
        (StatusCode::UNAUTHORIZED, true) => {
            format!("the daemon at {} does not know this token: see gatewatch token list --data DIR", host(at))
        }
        (StatusCode::UNAUTHORIZED, false) => format!(
            "the daemon at {} asks for a token: set {TOKEN}, or give --token. `gatewatch token create NAME --role \
             {role} --data DIR` makes one in its data folder",
            host(at)
        ),
        _ => return None,
    };
    Some(Failure::Io(says))
}

impl Daemon {
    /// Returns the daemon that the options name; asks it nothing yet.
    pub fn find(options: &Options) -> Result<Self, Failure> {
        // A provider that is there already is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (base, client) = address(&options.data, options.url.as_deref())?;
        // What is read as it comes has no end; it shows a sign of life more often than that.
        let client = client.read_timeout(options.timeout);
        let client = client.build().map_err(|error| Failure::Io(format!("no connection can be made: {error}")))?;
        Ok(Self { base, client, token: token(options.token.as_deref()), timeout: options.timeout })
    }

    fn request(&self, method: Method, path: &str, pairs: &[(&str, &str)]) -> RequestBuilder {
        let mut at = self.base.clone();
        at.set_path(path);
        at.set_query(None);
        at.set_fragment(None);
        for (name, value) in pairs {
            at.query_pairs_mut().append_pair(name, value);
        }
        let request = self.client.request(method, at);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Opens what goes on: an answer that is read as it comes.
    pub async fn open(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Response, Failure> {
        let sent = self.request(Method::GET, path, pairs).send().await;
        self.admitted(sent.map_err(|error| nobody(&self.base, error))?, "viewer").await
    }

    /// Opens what goes on again, after the event `last`; `None` while nobody answers who can.
    pub async fn reopen(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        last: Option<&str>,
    ) -> Result<Option<Response>, Failure> {
        let mut request = self.request(Method::GET, path, pairs);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        match request.send().await {
            Ok(answer) if !answer.status().is_server_error() => self.admitted(answer, "viewer").await.map(Some),
            _ => Ok(None),
        }
    }

    /// Asks for something.
    pub async fn get(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Value, Failure> {
        let sent = self.request(Method::GET, path, pairs).timeout(self.timeout).send().await;
        self.read(self.admitted(sent.map_err(|error| nobody(&self.base, error))?, "viewer").await?).await
    }

    /// Asks for something to be done.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.request(Method::POST, path, &[]).header("content-type", "application/json");
        let sent = request.body(body.to_string()).timeout(self.timeout).send().await;
        self.read(self.admitted(sent.map_err(|error| nobody(&self.base, error))?, "operator").await?).await
    }

    /// Reads the next part of what is read as it comes; `None` at its end.
    pub async fn chunk(&self, answer: &mut Response) -> Result<Option<Vec<u8>>, Failure> {
        let chunk = answer.chunk().await.map_err(|error| {
            let says =
                format!("the answer of {} broke off ({}): it is not whole", host(&self.base), error.without_url());
            Failure::Io(says)
        })?;
        Ok(chunk.map(|chunk| chunk.to_vec()))
    }

    async fn admitted(&self, answer: Response, role: &str) -> Result<Response, Failure> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if let Some(failure) = unknown(&self.base, status, self.token.is_some(), role) {
            return Err(failure);
        }
        let body = answer.bytes().await.unwrap_or_default();
        let said: Option<Value> = serde_json::from_slice(&body).ok();
        let said = said.as_ref().and_then(|said| said["detail"].as_str().or_else(|| said["error"].as_str()));
        Err(match said {
            // What was asked for can't be had, wherever it is asked.
            Some(said) if status == StatusCode::BAD_REQUEST => Failure::Usage(visible(said)),
            Some(said) => Failure::Io(visible(said)),
            None => {
                Failure::Io(format!("what answers at {} is not this version of gatewatch ({status})", host(&self.base)))
            }
        })
    }

    async fn read(&self, answer: Response) -> Result<Value, Failure> {
        let body = answer.bytes().await.map_err(|error| nobody(&self.base, error))?;
        serde_json::from_slice(&body)
            .map_err(|_| Failure::Io(format!("what answers at {} is not gatewatch", host(&self.base))))
    }
}

/// Runs what asks a daemon, until it is done or Ctrl-C is pressed.
pub fn run(work: impl Future<Output = Result<(), Failure>>) -> Result<std::process::ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Io(format!("no connection can be made: {error}")))?;
    runtime.block_on(async {
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })?;
    Ok(std::process::ExitCode::SUCCESS)
}
