//! The dashboard over TLS, on a socket: what is served, what is not, and a certificate that changes.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::routing::get;
use gatewatch::access::{Looked, Networks, Tls, TlsSettings};
use gatewatch::dashboard::serve_with;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls;

struct Served {
    address: SocketAddr,
    tls: Arc<Tls>,
    folder: tempfile::TempDir,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<()>,
}

fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

impl Served {
    async fn new((certificate, key): &(String, String)) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().unwrap();
        let settings = TlsSettings { certificate: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
        std::fs::write(&settings.certificate, certificate).unwrap();
        std::fs::write(&settings.key, key).unwrap();
        let tls = Arc::new(Tls::open(settings).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        let slow = || async {
            tokio::time::sleep(Duration::from_mins(5)).await;
        };
        let router = axum::Router::new().route("/", get(peer)).route("/slow", get(slow));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shown = tls.clone();
        let ended = tokio::spawn(async move {
            let until = async move { drop(stopped.await) };
            serve_with(listener, router, (Some(shown), Networks::default()), until).await.unwrap();
        });
        Self { address, tls, folder, stop: Some(stop), ended }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a client that trusts `certificate` alone gets.
    async fn get(&self, certificate: &str) -> Result<(String, u16), reqwest::Error> {
        let root = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([root]).resolve("localhost", self.address).no_proxy();
        let url = format!("https://localhost:{}/", self.address.port());
        let answer = client.build().unwrap().get(url).send().await?;
        let version = format!("{:?}", answer.version());
        let text = answer.text().await?;
        assert_eq!(text, "127.0.0.1", "a handler sees the connection's other end");
        Ok((version, 200))
    }
}

#[tokio::test]
async fn the_dashboard_is_served_over_tls_and_says_nothing_in_the_clear() {
    let ours = pair();
    let served = Served::new(&ours).await;
    assert_eq!(served.get(&ours.0).await.unwrap(), ("HTTP/1.1".to_owned(), 200));
    assert!(served.get(&pair().0).await.is_err(), "another certificate is not ours");
    let mut clear = TcpStream::connect(served.address).await.unwrap();
    clear.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = clear.read_to_end(&mut answer).await;
    assert!(!answer.windows(4).any(|part| part == b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_http_1_1_is_agreed_upon() {
    let ours = pair();
    let served = Served::new(&ours).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in rustls_pemfile::certs(&mut ours.0.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let mut config = rustls::ClientConfig::builder_with_protocol_versions(&[version])
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(served.address).await.unwrap();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let agreed = stream.get_ref().1;
        assert_eq!(agreed.protocol_version(), Some(version.version));
        assert_eq!(agreed.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_half_a_pair_to_nobody() {
    let (old, new) = (pair(), pair());
    let served = Served::new(&old).await;
    std::fs::write(served.path("c.pem"), format!("{}\n", new.0)).unwrap();
    assert!(matches!(served.tls.look(), Looked::Refused(_)));
    assert!(served.get(&old.0).await.is_ok() && served.get(&new.0).await.is_err());
    std::fs::write(served.path("k.pem"), format!("{}\n", new.1)).unwrap();
    assert_eq!(served.tls.look(), Looked::Taken);
    assert!(served.get(&new.0).await.is_ok() && served.get(&old.0).await.is_err());
}

#[tokio::test]
async fn the_end_does_not_wait_for_who_connects_and_says_nothing() {
    let ours = pair();
    let mut served = Served::new(&ours).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    assert!(served.get(&ours.0).await.is_ok());
    served.stop.take().unwrap().send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), &mut served.ended).await.expect("it ends").unwrap();
}
