//! What does the name of a field, header or parameter say about its value?
//!
//! Names are compared by their ends, in lower case and without `-`, `_` and `.`: `DB_Password`,
//! `x-functions-key` and `clientSecret` are known without being listed. Of a name the last 64
//! bytes count.

use super::Kind;
use super::bytes::Set;
use super::value::{ASSIGNED, CONNECTION, WORD};
use crate::telemetry::Confidence::{self, Context, Suspected};

/// What is done with the value behind a name.
#[derive(Clone, Copy)]
pub struct Rule {
    /// What it is.
    pub kind: Kind,
    /// How sure the name makes us.
    pub confidence: Confidence,
    /// From how many bytes on; what is shorter is suspected only.
    pub least: usize,
    /// What ends it, if it is not quoted.
    pub stop: &'static Set,
    /// Whether it is a header, so that `Name: value` without quotes says as much as `name=value`.
    pub header: bool,
    /// Whether it gives way to what is found inside it.
    pub yields: bool,
    /// Whether a value that is shorter than `least`, or not quoted, is left alone.
    pub strict: bool,
    /// Whether a value of letters alone is left as it is: it names a provider, and nobody.
    pub words: bool,
}

const BASE: Rule = Rule {
    kind: Kind::ApiKey,
    confidence: Context,
    least: 6,
    stop: &ASSIGNED,
    header: false,
    yields: false,
    strict: false,
    words: false,
};

const fn key(kind: Kind) -> Rule {
    Rule { kind, header: true, ..BASE }
}

const fn word(kind: Kind) -> Rule {
    Rule { kind, header: true, least: 1, stop: &WORD, ..BASE }
}

/// Ends of names and what they say; the first that fits counts.
const RULES: [(&[u8], Rule); 74] = [
    (b"functionskey", key(Kind::FunctionKey)),
    (b"functionkey", key(Kind::FunctionKey)),
    (b"hostkey", key(Kind::FunctionKey)),
    (b"masterkey", key(Kind::FunctionKey)),
    (b"systemkey", key(Kind::FunctionKey)),
    (b"subscriptionkey", key(Kind::SubscriptionKey)),
    (b"storagekey", key(Kind::StorageKey)),
    (b"sharedaccesskey", key(Kind::SharedAccessKey)),
    (b"accountkey", key(Kind::StorageKey)),
    (b"primarymasterkey", key(Kind::StorageKey)),
    (b"primarykey", Rule { least: 16, ..BASE }),
    (b"secondarykey", Rule { least: 16, ..BASE }),
    (b"apikey", Rule { least: 16, header: true, ..BASE }),
    (b"accesskey", Rule { least: 16, ..BASE }),
    (b"secretkey", Rule { least: 16, ..BASE }),
    (b"signingkey", Rule { least: 16, ..BASE }),
    (b"encryptionkey", Rule { least: 16, ..BASE }),
    (b"decryptionkey", Rule { least: 16, ..BASE }),
    (b"validationkey", Rule { least: 16, ..BASE }),
    (b"sharedkey", Rule { least: 16, ..BASE }),
    (b"authkey", Rule { least: 16, ..BASE }),
    (b"appkey", Rule { least: 16, strict: true, ..BASE }),
    (b"applicationkey", Rule { least: 16, strict: true, ..BASE }),
    (b"aegsaskey", key(Kind::EventGridKey)),
    // What a managed identity's endpoint asks for.
    (b"identityheader", Rule { least: 16, header: true, ..BASE }),
    (b"jwtkey", Rule { least: 16, ..BASE }),
    (b"instrumentationkey", Rule { kind: Kind::InstrumentationKey, confidence: Suspected, least: 32, ..BASE }),
    (b"privatekey", Rule { kind: Kind::PrivateKey, least: 16, ..BASE }),
    (b"userpwd", Rule { kind: Kind::PublishingPassword, ..PASSWORD }),
    (b"publishingpassword", Rule { kind: Kind::PublishingPassword, ..PASSWORD }),
    (b"password", PASSWORD),
    (b"passwordconfirmation", PASSWORD),
    (b"passwordconfirm", PASSWORD),
    (b"passwordrepeat", PASSWORD),
    (b"password1", PASSWORD),
    (b"password2", PASSWORD),
    (b"passwort", PASSWORD),
    (b"kennwort", PASSWORD),
    (b"passphrase", PASSWORD),
    (b"passcode", PASSWORD),
    (b"passwd", PASSWORD),
    (b"pwd", PASSWORD),
    (b"clientsecret", Rule { kind: Kind::ClientSecret, ..BASE }),
    (b"appsecret", Rule { kind: Kind::ClientSecret, ..BASE }),
    (b"secret", Rule { kind: Kind::ClientSecret, confidence: Suspected, ..BASE }),
    (b"connectionstring", CONNECTION_STRING),
    (b"accesstoken", word(Kind::BearerToken)),
    (b"refreshtoken", word(Kind::BearerToken)),
    (b"idtoken", word(Kind::BearerToken)),
    (b"bearertoken", word(Kind::BearerToken)),
    (b"authtoken", word(Kind::BearerToken)),
    (b"apitoken", word(Kind::BearerToken)),
    (b"acrtoken", word(Kind::BearerToken)),
    (b"registrationtoken", word(Kind::BearerToken)),
    (b"deploytoken", word(Kind::BearerToken)),
    (b"sessiontoken", word(Kind::BearerToken)),
    (b"vaulttoken", word(Kind::BearerToken)),
    (b"privatetoken", word(Kind::BearerToken)),
    (b"resettoken", word(Kind::BearerToken)),
    (b"resetpasswordtoken", word(Kind::BearerToken)),
    (b"passwordresettoken", word(Kind::BearerToken)),
    // Of a form against forgery too: it opens nothing.
    (b"verificationtoken", DOUBTFUL_TOKEN),
    (b"confirmationtoken", DOUBTFUL_TOKEN),
    (b"invitationtoken", DOUBTFUL_TOKEN),
    (b"sitetoken", word(Kind::BearerToken)),
    (b"restrictedtoken", word(Kind::BearerToken)),
    (b"tokensecret", word(Kind::BearerToken)),
    // Its parameters are joined by `&`.
    (b"sastoken", Rule { yields: true, stop: &WORD, ..key(Kind::Sas) }),
    (b"clientprincipal", word(Kind::ClientPrincipal)),
    (b"clientprincipalname", Rule { stop: &super::value::LINE, ..word(Kind::Person) }),
    (b"clientprincipalid", word(Kind::Person)),
    (b"clientprincipalidp", Rule { words: true, ..word(Kind::ClientPrincipal) }),
    (b"serviceprincipalkey", Rule { kind: Kind::ClientSecret, ..BASE }),
    (b"clientassertion", word(Kind::BearerToken)),
];

const PASSWORD: Rule = Rule { kind: Kind::Password, least: 1, stop: &ASSIGNED, ..BASE };

/// `pass` alone says how a test or a check ended as well: short values, and those behind a colon, are left alone.
const PASS: Rule = Rule { least: 6, strict: true, ..PASSWORD };

const DOUBTFUL_TOKEN: Rule = Rule { confidence: Suspected, least: 16, ..word(Kind::BearerToken) };

/// Both keys of an account of Azure's AI services, as they are listed.
const NUMBERED: Rule = Rule { least: 32, strict: true, ..BASE };

/// Its parts are found by themselves; what holds none of them is hidden all the same.
const CONNECTION_STRING: Rule =
    Rule { kind: Kind::ConnectionString, confidence: Suspected, stop: &CONNECTION, yields: true, strict: true, ..BASE };

/// `token=…` alone, in a query: often no secret.
pub const TOKEN: Rule = Rule { kind: Kind::BearerToken, confidence: Suspected, least: 16, strict: true, ..BASE };

/// Returns the rule for `name`.
pub fn rule(name: &[u8]) -> Option<&'static Rule> {
    let mut buffer = [0; 64];
    let mut length = 0;
    for byte in &name[name.len().saturating_sub(64)..] {
        if !matches!(byte, b'-' | b'_' | b'.') {
            buffer[length] = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    if is_pass(name) {
        return Some(&PASS);
    }
    let name = &buffer[..length];
    match name {
        b"token" => return Some(&TOKEN),
        b"key1" | b"key2" => return Some(&NUMBERED),
        _ => {}
    }
    RULES.iter().find(|(end, _)| name.ends_with(end)).map(|(_, rule)| rule)
}

/// Tells whether the last word of `name` is `pass`: that of `bypass` and `compass` is not.
fn is_pass(name: &[u8]) -> bool {
    if ["proxy_pass", "first_pass", "second_pass"].iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes())) {
        return false;
    }
    let Some((before, word)) = name.split_last_chunk::<4>() else { return false };
    let camel = word == b"Pass" && before.last().is_some_and(u8::is_ascii_lowercase);
    word.eq_ignore_ascii_case(b"pass") && (camel || before.last().is_none_or(|last| matches!(last, b'_' | b'-' | b'.')))
}

/// Returns the rule for a name of two words with a blank between them, of which `last` is the second: `API key`.
pub fn spoken(first: &[u8], last: &[u8]) -> Option<&'static Rule> {
    const FIRST: [&[u8]; 17] = [
        b"api",
        b"subscription",
        b"function",
        b"functions",
        b"host",
        b"master",
        b"system",
        b"storage",
        b"account",
        b"access",
        b"primary",
        b"secondary",
        b"refresh",
        b"bearer",
        b"auth",
        b"session",
        b"shared",
    ];
    let known = FIRST.iter().any(|word| word.eq_ignore_ascii_case(first));
    let two = known && (last.eq_ignore_ascii_case(b"key") || last.eq_ignore_ascii_case(b"token"));
    two.then(|| rule(&[first, last].concat())).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_by_their_ends() {
        let kinds = [
            ("x-functions-key", Kind::FunctionKey),
            ("Ocp-Apim-Subscription-Key", Kind::SubscriptionKey),
            ("DB_PASSWORD", Kind::Password),
            ("clientSecret", Kind::ClientSecret),
            ("X-MS-TOKEN-AAD-ACCESS-TOKEN", Kind::BearerToken),
            ("X-MS-CLIENT-PRINCIPAL-NAME", Kind::Person),
            ("WEBSITE_AUTH_ENCRYPTION_KEY", Kind::ApiKey),
            ("decryptionKey", Kind::ApiKey),
            ("API_TOKEN", Kind::BearerToken),
            ("SMTP_PASS", Kind::Password),
            ("dbPass", Kind::Password),
            ("pass", Kind::Password),
            ("password_confirmation", Kind::Password),
            ("X-IDENTITY-HEADER", Kind::ApiKey),
        ];
        for (name, kind) in kinds {
            assert_eq!(rule(name.as_bytes()).map(|rule| rule.kind), Some(kind), "{name}");
        }
    }

    #[test]
    fn names_of_things_that_are_no_secrets_are_not_known() {
        let names = [
            "apimSubscriptionId",
            "SharedAccessKeyName",
            "PublicKeyToken",
            "continuationToken",
            "cancellationToken",
            "X-MS-TOKEN-AAD-EXPIRES-ON",
            "keyId",
            "passwordless",
            "bypass",
            "Compass",
            "first_key1",
            "servicePrincipal",
        ];
        for name in names {
            assert!(rule(name.as_bytes()).is_none(), "{name}");
        }
    }
}
