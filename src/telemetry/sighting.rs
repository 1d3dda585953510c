//! What was seen where a secret stood?
//!
//! The secret itself is gone; a [`Sighting`] keeps its kind, what it could do, how sure we are
//! and a keyed [`Fingerprint`] by which the same secret is recognised everywhere.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What stands in a secret's or person's place: `kind:key id:base32`, such as
/// `azure-function-key:k1:7Q2M4KXJ3VBNC5TD`. The same value has the same fingerprint everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub Arc<str>);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a secret lets its holder do, where its format says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// One function or all of an app's: their keys share a checksum seed.
    Function,
    /// All functions of an app.
    Host,
    /// An extension's webhook.
    System,
    /// The runtime itself.
    Master,
    /// A gateway product or API.
    Subscription,
    /// The gateway's own management.
    Gateway,
    /// Sending only.
    Send,
    /// Listening only.
    Listen,
    /// Managing a namespace or account.
    Manage,
    /// Reading only.
    Read,
    /// Reading and writing.
    ReadWrite,
    /// Administering a service: its indexes, its settings, its other keys.
    Admin,
    /// Asking questions of a service.
    Query,
    /// Acting as one device.
    Device,
    /// Enrolling devices.
    Provisioning,
    /// A repository of configuration.
    Git,
    /// One resource of an account.
    Resource,
    /// Encrypting and decrypting.
    Encryption,
}

impl Privilege {
    /// Every privilege.
    pub const ALL: [Self; 18] = [
        Self::Function,
        Self::Host,
        Self::System,
        Self::Master,
        Self::Subscription,
        Self::Gateway,
        Self::Send,
        Self::Listen,
        Self::Manage,
        Self::Read,
        Self::ReadWrite,
        Self::Admin,
        Self::Query,
        Self::Device,
        Self::Provisioning,
        Self::Git,
        Self::Resource,
        Self::Encryption,
    ];

    /// Returns its name as detectors and alerts write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Host => "host",
            Self::System => "system",
            Self::Master => "master",
            Self::Subscription => "subscription",
            Self::Gateway => "gateway",
            Self::Send => "send",
            Self::Listen => "listen",
            Self::Manage => "manage",
            Self::Read => "read",
            Self::ReadWrite => "read-write",
            Self::Admin => "admin",
            Self::Query => "query",
            Self::Device => "device",
            Self::Provisioning => "provisioning",
            Self::Git => "git",
            Self::Resource => "resource",
            Self::Encryption => "encryption",
        }
    }
}

/// How sure we are that this is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// It looks like one: hidden, not alerted.
    Suspected,
    /// The name beside it says so, such as `code=` or `AccountKey=`.
    Context,
    /// A checksum or a strong format proves it.
    Proven,
}

impl Confidence {
    /// Returns its name as detectors and alerts write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Context => "context",
            Self::Proven => "proven",
        }
    }
}

/// A secret or a person's mark that the scanner found and replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The kind's name, such as `azure-function-key` or `jwt`.
    pub kind: Arc<str>,
    /// What it lets its holder do, where that is known.
    pub privilege: Option<Privilege>,
    /// How sure we are.
    pub confidence: Confidence,
    /// A secret (`true`), or personal data such as an e-mail address.
    pub secret: bool,
    /// A dummy (one repeated character, a documentation example): hidden, not alerted.
    pub dummy: bool,
    /// By what it is recognised.
    pub fingerprint: Fingerprint,
    /// Where the replacement stands in the scanned message's bytes.
    pub at: Range<u32>,
    /// What the secret said of itself, where it was decoded.
    pub about: Option<Arc<About>>,
    /// What stood there, where only the decoded record tells whether it may stay. It is kept in
    /// memory until then, and nowhere else.
    #[serde(skip)]
    pub original: Option<Box<Original>>,
}

/// Personal data as it stood in a record. Its Debug hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Original {
    raw: Box<[u8]>,
    quotes: u8,
}

impl Original {
    /// Returns the original `raw`, in whose place stands something with `quotes` bytes of quotes put
    /// around it on each side: it was a number.
    pub fn new(raw: &[u8], quotes: u8) -> Self {
        Self { raw: raw.into(), quotes }
    }

    /// Returns what stood there, unredacted.
    pub fn unredacted(&self) -> &[u8] {
        &self.raw
    }

    /// Returns how many bytes of quotes were put on each side.
    pub fn quotes(&self) -> u32 {
        self.quotes.into()
    }
}

impl fmt::Debug for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Original({} bytes)", self.raw.len())
    }
}

impl Sighting {
    /// What the kinds of hashes end with.
    const HASH: &'static str = "-hash";

    /// Tells whether it is no find of its own, but the hash by which a storage log names the one
    /// before it.
    pub fn is_hash(&self) -> bool {
        !self.secret && self.kind.ends_with(Self::HASH)
    }

    /// Tells whether `kind` names such a hash.
    pub fn names_hash(kind: &str) -> bool {
        kind.ends_with(Self::HASH)
    }
}

/// What a secret says of itself: a token's claims, a signature's parameters, a key's date.
///
/// Only what names nobody is kept in clear; its subject is a fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Who made it.
    pub issuer: Option<Arc<str>>,
    /// What it is for.
    pub audience: Option<Arc<str>>,
    /// The application it was made for, by its id.
    pub app: Option<Arc<str>>,
    /// What it allows, in its issuer's words.
    pub permissions: Option<Arc<str>>,
    /// What it opens, or the resource that a managed identity belongs to.
    pub resource: Option<Arc<str>>,
    /// Whom it stands for.
    pub subject: Option<Fingerprint>,
}

impl About {
    /// Tells whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
