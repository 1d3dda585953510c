//! Alerts by e-mail: text and HTML, over SMTP with TLS.
//!
//! Every mail about an alert refers to one id made of the alert's, so that mail programs show them as
//! one thread; a mail's own id is made of the idempotency key, so that one that comes twice is seen to
//! be the same. The server's name is resolved here and inner addresses are refused unless allowed,
//! in the very resolution that is connected to. What the server says is not shown, only its code.

use std::error::Error as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Timestamp};

use super::address::not_public;
use super::escape::plain;
use super::letter::{self, Letter};
use super::notice::Notice;
use super::post::{authorities, no_authorities};
use super::template::Texts;
use super::{RenderedDelivery, SinkError};

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// By STARTTLS, which the server must offer; port 587.
    #[default]
    StartTls,
    /// From the first byte; port 465.
    Tls,
    /// Not at all, for a relay on the same machine; port 25. Nobody logs in over it.
    None,
}

impl Encryption {
    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// The server that takes mail, and who writes to whom.
#[derive(Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port, if it is not the usual one.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: Encryption,
    /// User and password.
    pub login: Option<(String, String)>,
    /// A file of PEM certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether it may have a private, link-local or loopback address.
    pub allow_private: bool,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// Who writes.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// Sends mail by one server.
pub struct Email {
    server: MailServer,
    from: Mailbox,
    to: Vec<Mailbox>,
    tls: Tls,
    texts: Texts,
    clock: Clock,
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Email").field("host", &self.server.host).finish_non_exhaustive()
    }
}

impl Email {
    /// Returns the sink; connects to nothing yet, but reads the CA file.
    ///
    /// # Errors
    ///
    /// Says which setting can't be used, why, and what is expected.
    pub fn new(server: MailServer, texts: Texts, clock: Clock) -> Result<Self, String> {
        let mailbox = |name: &str, text: &str| -> Result<Mailbox, String> {
            text.parse().map_err(|_| format!("{name}: expected an address such as soc@example.com"))
        };
        let from = mailbox("from", &server.from)?;
        let to = server.to.iter().map(|to| mailbox("to", to)).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err("to: nobody is named".into());
        }
        if server.tls == Encryption::None && server.login.is_some() {
            return Err("password: nobody logs in without TLS; write tls = \"starttls\" or \"tls\"".into());
        }
        if server.host.trim().is_empty() {
            return Err("host: expected the name of a mail server".into());
        }
        // Err: somebody has installed a provider before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = tls(&server)?;
        Ok(Self { server, from, to, tls, texts, clock })
    }

    /// Returns the mail about `notices`, and about `more` that are only counted.
    pub fn compose(&self, notices: &[Notice], more: u64, key: &str) -> String {
        letter::compose(&self.texts, notices, more, (key, self.from.email.domain()), self.clock.now())
    }

    /// Sends a mail, once.
    pub(super) async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let letter: Letter = serde_json::from_str(delivery.payload)
            .map_err(|_| SinkError::Reject("the stored mail is not as this version writes it".into()))?;
        let message = self.message(&letter)?;
        let mut failed = None;
        for address in self.addresses().await? {
            let sent = tokio::time::timeout(self.server.timeout, self.transport(address).send(message.clone())).await;
            match sent {
                Ok(Ok(answer)) => return Ok(answer.code().to_string()),
                // Nobody there: another of its addresses may do.
                Ok(Err(error)) if error.status().is_none() && tls_problem(&error).is_none() => {
                    failed = Some(self.explain(&error));
                }
                Ok(Err(error)) => return Err(self.explain(&error)),
                Err(_) => return Err(self.slow()),
            }
        }
        Err(failed.unwrap_or_else(|| self.slow()))
    }

    fn message(&self, letter: &Letter) -> Result<Message, SinkError> {
        let other = |_| SinkError::Reject("the mail can't be put together: check from and to".into());
        let date = Timestamp::from_millis(letter.date).to_chrono();
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(&*letter.subject)
            .date(date.into())
            .message_id(Some(letter.id.clone()))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
        for to in &self.to {
            message = message.to(to.clone());
        }
        if let Some(thread) = letter.references.first() {
            message = message.in_reply_to(thread.clone()).references(letter.references.join(" "));
        }
        let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(letter.text.clone());
        let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(letter.html.clone());
        message.multipart(MultiPart::alternative().singlepart(text).singlepart(html)).map_err(other)
    }

    /// Resolves the server's name; to public addresses, unless others are allowed.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, SinkError> {
        let host = &self.server.host;
        let port = self.server.port.unwrap_or_else(|| self.server.tls.port());
        let none = || SinkError::retry(format!("{host} has no address: check the name"));
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host((host.as_str(), port)).await.map_err(|_| none())?.collect();
        let first = found.first().copied().ok_or_else(none)?;
        let fine = |at: &SocketAddr| self.server.allow_private || not_public(at.ip()).is_none();
        let fine: Vec<SocketAddr> = found.into_iter().filter(fine).collect();
        if fine.is_empty() {
            return Err(SinkError::retry(format!(
                "{host} leads to {}, which is {}: set allow_private = true if this is meant",
                first.ip(),
                not_public(first.ip()).unwrap_or("not public")
            )));
        }
        Ok(fine)
    }

    fn transport(&self, address: SocketAddr) -> AsyncSmtpTransport<Tokio1Executor> {
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
            .port(address.port())
            .tls(self.tls.clone())
            .hello_name(hello)
            .timeout(Some(self.server.timeout));
        if let Some((user, password)) = &self.server.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        builder.build()
    }

    fn slow(&self) -> SinkError {
        SinkError::retry(format!(
            "{} did not answer in time: it is slow, timeout is too small, or tls does not fit the port",
            self.server.host
        ))
    }

    fn explain(&self, error: &lettre::transport::smtp::Error) -> SinkError {
        let host = &self.server.host;
        if error.is_timeout() {
            return self.slow();
        }
        let Some(code) = error.status() else {
            let what = match tls_problem(error) {
                Some(says) => format!("TLS fails: {says}"),
                None if error.is_tls() => "TLS fails".to_owned(),
                None => "the connection fails".to_owned(),
            };
            return SinkError::retry(format!(
                "{host} can't be reached ({what}): check name, port, tls and ca_file; over plain SMTP nothing is sent \
                 unless tls = \"none\""
            ));
        };
        match u16::from(code) {
            530 | 534 | 535 | 538 => SinkError::retry(format!("{host} answered {code}: check user and password")),
            code if error.is_permanent() => {
                SinkError::Reject(format!("{host} answered {code}: it does not take this mail"))
            }
            code => SinkError::retry(format!("{host} answered {code}: it is overloaded or down")),
        }
    }
}

/// Returns what rustls says is wrong, if that is why.
fn tls_problem(error: &lettre::transport::smtp::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let inner = deeper.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let ours = inner.and_then(|inner| inner.downcast_ref()).or_else(|| deeper.downcast_ref::<rustls::Error>());
        if let Some(ours) = ours {
            return Some(plain(&ours.to_string(), 200));
        }
        cause = deeper.source();
    }
    None
}

fn tls(server: &MailServer) -> Result<Tls, String> {
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(path) = &server.ca_file {
        let pem = authorities(path)?;
        let found: Vec<_> = rustls_pemfile::certs(&mut pem.as_slice()).collect::<Result<_, _>>().unwrap_or_default();
        if found.is_empty() {
            return Err(no_authorities(path, "holds no certificate"));
        }
        for der in found {
            let certificate = Certificate::from_der(der.to_vec()).map_err(|_| no_authorities(path, "is unusable"))?;
            parameters = parameters.add_root_certificate(certificate);
        }
    }
    let unusable = |_| "host: TLS can't be set up for it: the system's certificates are missing, or the name is none";
    Ok(match server.tls {
        Encryption::StartTls => Tls::Required(parameters.build_rustls().map_err(unusable)?),
        Encryption::Tls => Tls::Wrapper(parameters.build_rustls().map_err(unusable)?),
        Encryption::None => Tls::None,
    })
}
