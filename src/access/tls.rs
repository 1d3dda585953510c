//! Which certificate does the dashboard show?
//!
//! The one in the two files, read again when they change or were refused: both together and only if they belong
//! together, else the old one stays and [`Tls::problem`] says why. A new one holds for connections
//! from then on. TLS 1.2 and 1.3 by rustls, HTTP/1.1.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::expiry::ends;
use super::settings::TlsSettings;
use crate::clock::Timestamp;

/// What tells one version of a file from another.
type Stamp = [Option<[i128; 7]>; 2];

/// What a look at the files found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// They are as they were.
    Same,
    /// They have changed, and what is in them holds from now on.
    Taken,
    /// They have changed and can't be used: the old certificate stays. Says why.
    Refused(String),
}

/// What new connections are served with, and until when it is good.
#[derive(Debug)]
struct Shown {
    config: Arc<ServerConfig>,
    ends: Option<Timestamp>,
}

/// A certificate and its key, as the files have them.
#[derive(Debug)]
pub struct Tls {
    settings: TlsSettings,
    current: ArcSwap<Shown>,
    /// The files that were looked at last, and what was wrong with them. Held while they are read.
    seen: Mutex<(Stamp, Option<String>)>,
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    ///
    /// Says which file is wrong and how to mend it.
    pub fn open(settings: TlsSettings) -> Result<Self, String> {
        let stamp = stamp(&settings);
        let current = ArcSwap::from_pointee(read(&settings)?);
        Ok(Self { settings, current, seen: Mutex::new((stamp, None)) })
    }

    /// Returns what new connections are served with.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load().config.clone()
    }

    /// Returns when the certificate that is shown ends.
    pub fn ends(&self) -> Option<Timestamp> {
        self.current.load().ends
    }

    /// Reads the files again if they have changed, or could not be used the last time.
    pub fn look(&self) -> Looked {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.settings);
        let same = now == seen.0;
        if same && seen.1.is_none() {
            return Looked::Same;
        }
        let (problem, looked) = match read(&self.settings) {
            Ok(shown) => {
                self.current.store(Arc::new(shown));
                (None, Looked::Taken)
            }
            Err(why) if same && seen.1.as_ref() == Some(&why) => (Some(why), Looked::Same),
            Err(why) => (Some(why.clone()), Looked::Refused(why)),
        };
        *seen = (now, problem);
        looked
    }

    /// Says so if others on this machine may read the key.
    pub fn exposed(&self) -> Option<String> {
        let key = &self.settings.key;
        let mode = fs::metadata(key).ok()?.mode();
        (mode & 0o004 != 0)
            .then(|| format!("everybody on this machine may read {0}: run `chmod o-r {0}`", key.display()))
    }

    /// Returns why the files as they are now are not used.
    pub fn problem(&self) -> Option<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

fn stamp(settings: &TlsSettings) -> Stamp {
    [&settings.certificate, &settings.key].map(|path| {
        let meta = fs::metadata(path).ok()?;
        let (made, changed) = ([meta.mtime(), meta.mtime_nsec()], [meta.ctime(), meta.ctime_nsec()]);
        let whole = [meta.ino().into(), meta.len().into(), meta.mode().into()];
        Some([whole[0], whole[1], whole[2], made[0].into(), made[1].into(), changed[0].into(), changed[1].into()])
    })
}

fn read(settings: &TlsSettings) -> Result<Shown, String> {
    let TlsSettings { certificate, key } = settings;
    let chain = chain(certificate)?;
    let ends = chain.first().and_then(|own| ends(own));
    let private = private(key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?;
    let mut config = versions.with_no_client_auth().with_single_cert(chain, private).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "the key in {key} is not that of the certificate in {certificate}: write both files anew, together"
            ),
            error => format!("the certificate in {certificate} with the key in {key} can't be used: {error}"),
        }
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Shown { config: Arc::new(config), ends })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = text(path)?;
    let found: Result<Vec<_>, _> = rustls_pemfile::certs(&mut pem.as_slice()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(format!(
            "{} holds no certificate: it is a PEM file that begins with the dashboard's own",
            path.display()
        )),
    }
}

fn private(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let pem = text(path)?;
    match rustls_pemfile::private_key(&mut pem.as_slice()) {
        Ok(Some(key)) => Ok(key),
        _ => Err(format!("{} holds no private key: it is a PEM file, without a pass phrase", path.display())),
    }
}

fn text(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        format!("{} can't be read ({error}): it must exist and be readable by this user", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    struct Files {
        _folder: tempfile::TempDir,
        settings: TlsSettings,
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    impl Files {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
            let files = Self { _folder: folder, settings: TlsSettings { certificate, key } };
            files.write(&pair());
            files
        }

        fn write(&self, (certificate, key): &(String, String)) {
            fs::write(&self.settings.certificate, certificate).unwrap();
            fs::write(&self.settings.key, key).unwrap();
        }
    }

    #[test]
    fn files_that_change_together_are_taken_and_those_that_do_not_belong_together_are_not() {
        let files = Files::new();
        let tls = Tls::open(files.settings.clone()).unwrap();
        let first = tls.current();
        assert_eq!(tls.look(), Looked::Same);

        let next = pair();
        fs::write(&files.settings.certificate, format!("{}\n", next.0)).unwrap();
        let Looked::Refused(why) = tls.look() else { panic!("a half-changed pair was taken") };
        assert!(why.contains("is not that of the certificate") && why.contains("together"), "{why}");
        assert_eq!(tls.problem(), Some(why));
        assert_eq!(tls.look(), Looked::Same);
        assert!(Arc::ptr_eq(&first, &tls.current()));

        fs::write(&files.settings.key, format!("{}\n", next.1)).unwrap();
        assert_eq!(tls.look(), Looked::Taken);
        assert_eq!(tls.problem(), None);
        assert!(!Arc::ptr_eq(&first, &tls.current()));

        fs::remove_file(&files.settings.key).unwrap();
        assert!(matches!(tls.look(), Looked::Refused(why) if why.contains("can't be read")));
    }

    #[test]
    fn what_was_mended_without_a_trace_in_time_or_length_is_taken() {
        let files = Files::new();
        let tls = Tls::open(files.settings.clone()).unwrap();
        let (key, at) = (&files.settings.key, std::time::SystemTime::UNIX_EPOCH);
        let good = fs::read(key).unwrap();
        let written = |text: &[u8]| {
            fs::write(key, text).unwrap();
            File::options().write(true).open(key).unwrap().set_modified(at).unwrap();
        };
        written(&vec![b'x'; good.len()]);
        assert!(matches!(tls.look(), Looked::Refused(_)));
        written(&good);
        assert_eq!((tls.look(), tls.problem()), (Looked::Taken, None));
    }

    #[test]
    fn a_key_that_everybody_may_read_is_told_of() {
        use std::os::unix::fs::PermissionsExt;
        let files = Files::new();
        let tls = Tls::open(files.settings.clone()).unwrap();
        for (mode, exposed) in [(0o644, true), (0o640, false), (0o600, false)] {
            fs::set_permissions(&files.settings.key, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(tls.exposed().is_some_and(|says| says.contains("chmod")), exposed, "{mode:o}");
        }
    }

    #[test]
    fn a_file_that_holds_something_else_is_named_with_the_mend() {
        let files = Files::new();
        fs::write(&files.settings.key, "x").unwrap();
        let says = Tls::open(files.settings.clone()).unwrap_err();
        assert!(says.contains("key.pem holds no private key"), "{says}");
        fs::write(&files.settings.certificate, "").unwrap();
        let says = Tls::open(files.settings.clone()).unwrap_err();
        assert!(says.contains("certificate.pem holds no certificate"), "{says}");
    }
}
