//! A certificate authority of the test's own, and what it signs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// A server's certificate and key for `localhost` and `hooks.example.test`, and who signed it.
pub struct Identity {
    folder: tempfile::TempDir,
    pub config: Arc<ServerConfig>,
}

impl Identity {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = ["localhost", "hooks.example.test"].map(str::to_owned);
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        for (name, text) in [("ca.pem", root.pem()), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .unwrap();
        Self { folder, config: Arc::new(config) }
    }

    /// The authority's certificate, the server's, or the server's key.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn authority(&self) -> PathBuf {
        self.file("ca.pem")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
