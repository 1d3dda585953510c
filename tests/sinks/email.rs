//! Mail, through a real SMTP server with TLS and a login, as another program reads it.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use gatewatch::alerts::Transition;
use gatewatch::clock::Clock;
use gatewatch::sinks::{AnySink, Email, Encryption, MailServer};
use serde_json::Value;

use crate::identity::Identity;
use crate::made::{HOSTILE, acknowledged, closed, hostile, opened, outlet, texts};
use crate::outbox::{Outbox, outcomes};

/// Debian's, which has aiosmtpd from `python3-aiosmtpd`.
const PYTHON: &str = "/usr/bin/python3";

/// A running server; ends with the test.
struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    fn start(identity: &Identity, mode: &str, codes: &str) -> Option<Self> {
        let there = Command::new(PYTHON).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
            eprintln!("skipped, there is no SMTP server: apt-get install python3-aiosmtpd");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sinks/smtpd.py");
        let mut child = Command::new(PYTHON)
            .arg(script)
            .args([identity.file("cert.pem"), identity.file("key.pem")])
            .args([mode, codes])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().expect("it does not start").unwrap().parse().unwrap();
        Some(Self { child, lines, port })
    }

    /// The next mail that it took.
    fn mail(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("no mail came").unwrap()).unwrap()
    }
}

fn settings(port: u16, tls: Encryption, identity: &Identity) -> MailServer {
    MailServer {
        host: "localhost".into(),
        port: Some(port),
        tls,
        login: Some(("gatewatch".into(), "made-up".into())),
        ca_file: Some(identity.authority()),
        allow_private: true,
        timeout: Duration::from_secs(20),
        from: "Gatewatch <gatewatch@example.com>".into(),
        to: vec!["soc@example.com".into(), "dana@example.net".into()],
    }
}

fn sink(server: MailServer) -> AnySink {
    AnySink::Email(Box::new(Email::new(server, texts(), Clock::system()).unwrap()))
}

fn header<'m>(mail: &'m Value, name: &str) -> Vec<&'m str> {
    let all = mail["headers"].as_array().unwrap().iter();
    all.filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name))
        .map(|pair| pair[1].as_str().unwrap())
        .collect()
}

#[test]
fn mails_about_an_alert_are_one_thread_and_one_that_failed_comes_once() {
    let identity = Identity::new();
    let Some(mut server) = Server::start(&identity, "starttls", "451,421") else { return };
    let mut outbox =
        Outbox::new(vec![outlet(sink(settings(server.port, Encryption::StartTls, &identity)))], Vec::new());
    for transition in [opened(1), acknowledged(1), closed(1)] {
        outbox.tell(&[transition]);
    }
    let settled = outbox.deliver();
    let words: Vec<_> = outcomes(&settled).iter().map(|(_, word)| *word).collect();
    assert_eq!(words, ["retried", "retried", "delivered", "delivered", "delivered"], "{settled:?}");
    let mails = [server.mail(), server.mail(), server.mail()];
    let mut ids: Vec<&str> = mails.iter().flat_map(|mail| header(mail, "message-id")).collect();
    for mail in &mails {
        assert_eq!(mail["to"], serde_json::json!(["soc@example.com", "dana@example.net"]));
        assert_eq!((&mail["from"], &mail["tls"]), (&"gatewatch@example.com".into(), &true.into()));
        assert_eq!(header(mail, "references"), ["<0000000000000001@example.com>"]);
        assert_eq!(header(mail, "in-reply-to"), ["<0000000000000001@example.com>"]);
        assert_eq!(header(mail, "auto-submitted"), ["auto-generated"]);
        assert_eq!(header(mail, "date").len(), 1);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!(header(&mails[0], "subject"), ["[high] New: One key used from many addresses, key k-1"]);
    assert!(header(&mails[1], "subject")[0].contains("Acknowledged by dana"));
    let (text, html) = (mails[0]["text"].as_str().unwrap(), mails[0]["html"].as_str().unwrap());
    for part in ["Key k-1 was used from 30 addresses", "Ask its owner.", "https://watch.example.com/a/0000000000000001"]
    {
        assert!(text.contains(part) && html.contains(part), "{part}: {text}\n{html}");
    }
}

#[test]
fn an_attacker_adds_no_header_and_no_tag() {
    let identity = Identity::new();
    let Some(mut server) = Server::start(&identity, "tls", "-") else { return };
    let mut outbox = Outbox::new(vec![outlet(sink(settings(server.port, Encryption::Tls, &identity)))], Vec::new());
    outbox.tell(&[Transition::Opened(hostile(1))]);
    let settled = outbox.deliver();
    assert!(settled[0].failure.is_none(), "{settled:?}");
    let mail = server.mail();
    assert_eq!((header(&mail, "bcc").len(), header(&mail, "subject").len()), (0, 1));
    assert!(
        HOSTILE.contains("\r\nBcc:") && header(&mail, "subject")[0].contains("Bcc: z@evil[.]example"),
        "no link comes of it"
    );
    let html = mail["html"].as_str().unwrap();
    assert!(!html.contains("<b>b</b>") && html.contains("&lt;b&gt;b&lt;/b&gt;"), "{html}");
    assert!(!mail.to_string().contains("\\u202e"), "{mail}");
}

#[test]
fn a_server_that_is_not_who_it_says_gets_no_password_and_no_mail() {
    let (identity, stranger) = (Identity::new(), Identity::new());
    let Some(server) = Server::start(&identity, "starttls", "-") else { return };
    let sound = settings(server.port, Encryption::StartTls, &identity);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let letter = sink(sound.clone()).compose(&[], 0, "k:1").unwrap();
    let deliver = |server: MailServer| {
        let delivery = gatewatch::sinks::RenderedDelivery { key: "k:1", payload: &letter };
        let sink = sink(server);
        assert!(!format!("{sink:?}").contains("made-up"));
        runtime.block_on(sink.deliver(&delivery)).unwrap_err().to_string()
    };
    let unknown = deliver(MailServer { ca_file: Some(stranger.authority()), ..sound.clone() });
    assert!(unknown.contains("TLS fails: invalid peer certificate") && unknown.contains("ca_file"), "{unknown}");
    let inner = deliver(MailServer { allow_private: false, ..sound.clone() });
    assert!(inner.contains("loopback") && inner.contains("allow_private"), "{inner}");
    let wrong = deliver(MailServer { login: Some(("gatewatch".into(), "wrong".into())), ..sound.clone() });
    assert!(wrong.contains("535") && wrong.contains("check user and password"), "{wrong}");
    let other = deliver(MailServer { tls: Encryption::Tls, timeout: Duration::from_secs(1), ..sound.clone() });
    assert!(other.contains("tls"), "{other}");
    let nobody = deliver(MailServer { port: Some(1), ..sound });
    assert!(nobody.contains("can't be reached"), "{nobody}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time_and_tried_again() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let identity = Identity::new();
    let server = settings(silent.local_addr().unwrap().port(), Encryption::StartTls, &identity);
    let mut outbox =
        Outbox::new(vec![outlet(sink(MailServer { timeout: Duration::from_secs(1), ..server }))], Vec::new());
    outbox.tell(&[opened(1)]);
    let settled = outbox.attempt();
    assert_eq!(outcomes(std::slice::from_ref(&settled))[0].1, "retried", "{settled:?}");
    assert!(settled.took < Duration::from_secs(20), "{settled:?}");
}
