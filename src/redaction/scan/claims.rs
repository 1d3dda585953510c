//! What do a token's claims say?
//!
//! Who made it, for what and for which application, until when, and which resource its managed
//! identity belongs to. Whom it stands for is told by address, object id or subject, and never in
//! clear. A payload of more than [`LONGEST`] bytes is not read.

use serde::Deserialize;
use serde_json::Value;

use super::Kind;
use super::person::is_address;
use crate::clock::Timestamp;
use crate::redaction::facts::Facts;

/// The longest payload that is decoded, bytes of base64.
pub const LONGEST: usize = 16 << 10;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    iss: Value,
    aud: Value,
    appid: Value,
    azp: Value,
    client_id: Value,
    iat: Value,
    nbf: Value,
    exp: Value,
    scp: Value,
    roles: Value,
    xms_mirid: Value,
    upn: Value,
    preferred_username: Value,
    unique_name: Value,
    email: Value,
    oid: Value,
    sub: Value,
}

/// Returns what the claims in `json`, a token's payload, say; nothing if it is not an object.
pub fn read(json: &[u8]) -> Option<Box<Facts>> {
    let claims: Claims = serde_json::from_slice(json).ok()?;
    let names = [&claims.upn, &claims.preferred_username, &claims.unique_name, &claims.email];
    let address = names.into_iter().filter_map(Value::as_str).find(|name| is_address(name.as_bytes()));
    let id = || [&claims.oid, &claims.sub].into_iter().filter_map(Value::as_str).find(|id| !id.is_empty());
    let facts = Facts {
        created: time(&claims.iat).or_else(|| time(&claims.nbf)),
        expires: time(&claims.exp),
        issuer: text(&claims.iss),
        audience: text(&claims.aud),
        app: [&claims.appid, &claims.azp, &claims.client_id].into_iter().find_map(text),
        permissions: text(&claims.scp).or_else(|| text(&claims.roles)),
        resource: text(&claims.xms_mirid),
        subject: address
            .map(|address| (Kind::Email, address.to_owned()))
            .or_else(|| id().map(|id| (Kind::Person, id.to_owned()))),
    };
    (facts != Facts::default()).then(|| Box::new(facts))
}

/// Returns a text, or those of a list with spaces between.
fn text(claim: &Value) -> Option<String> {
    match claim {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

/// Reads seconds since 1970.
fn time(claim: &Value) -> Option<Timestamp> {
    claim.as_i64().or_else(|| claim.as_f64().map(|seconds| seconds as i64)).map(Timestamp::from_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_every_shape_are_read() {
        let facts =
            read(br#"{"aud":["a","b"],"iss":7,"exp":1893456000.5,"azp":"app","roles":["x","y"],"sub":"s","oid":"o"}"#);
        let want = Facts {
            audience: Some("a b".into()),
            expires: Some(Timestamp::from_seconds(1_893_456_000)),
            app: Some("app".into()),
            permissions: Some("x y".into()),
            subject: Some((Kind::Person, "o".into())),
            ..Facts::default()
        };
        assert_eq!(facts, Some(Box::new(want)));
        assert_eq!([read(b"{}"), read(b"[]"), read(b"\xff"), read(b"")], [None, None, None, None]);
    }
}
