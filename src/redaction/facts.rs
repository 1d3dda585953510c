//! What does a secret say of itself, once it is decoded?
//!
//! What is read out of a token or a signature was written by whoever made it, perhaps an attacker:
//! texts are kept only if they are short, printable and hold nothing that would itself be hidden.
//! Whom it stands for is kept as a fingerprint alone.

use std::sync::Arc;

use super::Redactor;
use super::fingerprint::Memo;
use super::kind::Kind;
use crate::clock::Timestamp;
use crate::telemetry::About;

/// The longest text that is kept, bytes.
const LONGEST: usize = 256;

/// What the scanner read out of a secret; its texts are as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Who made it.
    pub issuer: Option<String>,
    /// What it is for.
    pub audience: Option<String>,
    /// The application it was made for.
    pub app: Option<String>,
    /// What it allows.
    pub permissions: Option<String>,
    /// What it opens.
    pub resource: Option<String>,
    /// Whom it stands for, and what kind of name that is.
    pub subject: Option<(Kind, String)>,
}

impl Redactor {
    /// Returns of `facts` what may be kept.
    pub(super) fn about(&self, facts: &Facts, memo: &mut Memo) -> Option<Arc<About>> {
        let texts = [&facts.issuer, &facts.audience, &facts.app, &facts.permissions, &facts.resource];
        let mut texts = texts.map(|text| text.as_deref().filter(|text| is_plain(text)));
        let all = texts.iter().flatten().copied().collect::<Vec<_>>().join("\n");
        if !all.is_empty() && self.holds_secret(&all) {
            for text in &mut texts {
                *text = text.filter(|text| !self.holds_secret(text));
            }
        }
        let [issuer, audience, app, permissions, resource] = texts.map(|text| text.map(Arc::from));
        let subject = facts.subject.as_ref().map(|(kind, name)| self.fingerprints.of(*kind, name.as_bytes(), memo));
        let (created, expires) = (facts.created, facts.expires);
        let about = About { created, expires, issuer, audience, app, permissions, resource, subject };
        (!about.is_empty()).then(|| Arc::new(about))
    }

    fn holds_secret(&self, text: &str) -> bool {
        !self.find(text.as_bytes()).is_empty()
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
