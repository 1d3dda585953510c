//! What does a condition look at? An event, and one of the secrets that were seen in it.
//!
//! Texts are compared without regard to ASCII case and without allocation, because
//! Azure writes the same name in several cases. Values that an entity is made of are normalised
//! here, and in `gathered` where they are hashed: what is written alike there hashes alike here.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::clock::Timestamp;
use crate::redaction::RedactedEvent;
use crate::telemetry::{About, EntityKind, Field, Sighting, Value};

use super::words::Gated;

/// An event, with the secret that is being looked at where a condition speaks of secrets.
#[derive(Clone, Copy)]
pub(super) struct Scene<'e, 's> {
    pub(super) event: &'e RedactedEvent<'s>,
    pub(super) secret: Option<&'e Sighting>,
    /// Which gates have said that nothing in it is sought.
    pub(super) calm: Gated,
}

impl<'e, 's> Scene<'e, 's> {
    /// Returns an event, perhaps with a secret, that no gate has looked at.
    pub(super) const fn new(event: &'e RedactedEvent<'s>, secret: Option<&'e Sighting>) -> Self {
        Self { event, secret, calm: Gated::NONE }
    }

    /// Returns a field's value; an empty text is no value.
    #[inline]
    pub(super) fn get(&self, field: Field) -> Option<Value<'e>> {
        let value = if field.of_secret() { self.of_secret(field) } else { self.event.get(field) };
        value.filter(|value| !matches!(value, Value::Text("")))
    }

    fn of_secret(&self, field: Field) -> Option<Value<'e>> {
        let secret = self.secret?;
        let text = match field {
            Field::SecretHash if secret.is_hash() => &secret.fingerprint.0,
            Field::SecretHash => return None,
            Field::SecretKind => &secret.kind,
            Field::SecretPrivilege => secret.privilege?.name(),
            Field::SecretConfidence => secret.confidence.name(),
            Field::SecretId => &secret.fingerprint.0,
            Field::SecretWhere => self.event.place_of(secret),
            _ => return about(secret.about.as_deref()?, field, self.event.time()),
        };
        Some(Value::Text(text))
    }
}

/// Returns what a secret says of itself, its days counted at `now`, the time of the record.
fn about(about: &About, field: Field, now: Timestamp) -> Option<Value<'_>> {
    let seconds = |at: Timestamp| at.millis().div_euclid(1_000);
    let days = |from: Timestamp, to: Timestamp| (seconds(to) - seconds(from)).div_euclid(86_400);
    let number = |number: Option<i64>| number.map(Value::Number);
    let text = match field {
        Field::SecretCreated => return number(about.created.map(seconds)),
        Field::SecretExpires => return number(about.expires.map(seconds)),
        Field::SecretAgeDays => return number(about.created.map(|made| days(made, now))),
        Field::SecretDaysLeft => return number(about.expires.map(|end| days(now, end))),
        Field::SecretIssuer => about.issuer.as_deref(),
        Field::SecretAudience => about.audience.as_deref(),
        Field::SecretApp => about.app.as_deref(),
        Field::SecretPermissions => about.permissions.as_deref(),
        Field::SecretResource => about.resource.as_deref(),
        Field::SecretSubject => about.subject.as_ref().map(|subject| &*subject.0),
        _ => None,
    };
    text.map(Value::Text)
}

/// Returns the kind of entity that a field names, if it names one.
pub(super) const fn entity_kind(field: Field) -> Option<EntityKind> {
    Some(match field {
        Field::SourceIp => EntityKind::Ip,
        Field::KeyId | Field::SecretHash => EntityKind::Key,
        Field::App => EntityKind::App,
        Field::Function => EntityKind::Function,
        Field::IdentityName | Field::IdentityId | Field::IdentityApp => EntityKind::Identity,
        Field::Origin => EntityKind::Origin,
        Field::SecretId => EntityKind::Secret,
        Field::Gateway => EntityKind::Gateway,
        _ => return None,
    })
}

/// Writes the value as alerts do: addresses as RFC 5952 does, names in lower case, fingerprints
/// as they are.
pub(super) fn write(value: Value<'_>, out: &mut String) {
    let canonical = match value {
        Value::Ip(ip) => ip.to_canonical(),
        Value::Text(text) => {
            let start = out.len();
            out.push_str(text);
            let upper = text.bytes().fold(false, |upper, byte| upper | byte.is_ascii_uppercase());
            if upper && !is_fingerprint(text) {
                out[start..].make_ascii_lowercase();
            }
            return;
        }
        Value::Number(number) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{number}");
            return;
        }
    };
    match canonical {
        IpAddr::V4(ip) => {
            let (mut digits, mut end) = ([b'.'; 20], 0);
            for octet in ip.octets() {
                for unit in [100, 10, 1] {
                    if octet >= unit || unit == 1 {
                        digits[end] = b'0' + octet / unit % 10;
                        end += 1;
                    }
                }
                digits[end] = b'.';
                end += 1;
            }
            out.push_str(std::str::from_utf8(&digits[..end - 1]).unwrap_or_default());
        }
        IpAddr::V6(ip) => {
            let _ = write!(out, "{ip}");
        }
    }
}

/// Tells whether `text` is a fingerprint, `kind:key id:base32`, whose case carries meaning.
fn is_fingerprint(text: &str) -> bool {
    let mut parts = text.split(':');
    let (Some(kind), Some(key), Some(body), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    !kind.is_empty()
        && !key.is_empty()
        && body.len() >= 8
        && body.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7'))
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher as _;

    use siphasher::sip::SipHasher13;

    use super::*;
    use crate::detection::gathered::Gathered;

    fn shown(value: Value<'_>) -> String {
        let mut out = String::new();
        write(value, &mut out);
        out
    }

    fn hash(value: Value<'_>) -> u64 {
        let mut gathered = Gathered::new(SipHasher13::new());
        gathered.feed(value);
        gathered.into_hasher().finish()
    }

    #[test]
    fn case_neither_splits_an_entity_nor_shows() {
        assert_eq!(hash(Value::Text("Orders-App")), hash(Value::Text("orders-app")));
        assert_eq!(shown(Value::Text("Orders-App")), "orders-app");
    }

    #[test]
    fn a_long_text_hashes_by_all_its_bytes() {
        let (a, b) = ("x".repeat(200), format!("{}y", "x".repeat(199)));
        assert_ne!(hash(Value::Text(&a)), hash(Value::Text(&b)));
    }

    #[test]
    fn a_fingerprint_keeps_its_case() {
        let token = "azure-function-key:k1:7Q2M4KXJ3VBNC5TD";
        assert_eq!(shown(Value::Text(token)), token);
        assert_eq!(shown(Value::Text("https://A.example:443")), "https://a.example:443");
    }

    #[test]
    fn an_address_has_one_form() {
        let mapped: IpAddr = "::ffff:203.0.113.7".parse().unwrap();
        let plain: IpAddr = "203.0.113.7".parse().unwrap();
        assert_eq!(hash(Value::Ip(mapped)), hash(Value::Ip(plain)));
        assert_eq!(shown(Value::Ip(mapped)), "203.0.113.7");
        assert_eq!(shown(Value::Ip("2001:DB8:0:0::1".parse().unwrap())), "2001:db8::1");
        for octet in 0..=u8::MAX {
            let ip = std::net::Ipv4Addr::new(octet, 0, 255, octet);
            assert_eq!(shown(Value::Ip(ip.into())), ip.to_string());
        }
    }
}
