//! Secrets that nobody owns: real formats and checksums, made fresh from a seed.

use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD};

use crate::clock::Timestamp;
use crate::telemetry::Privilege;
use crate::telemetry::marvin::{FUNCTIONS, Family, SERVICE_BUS, STORAGE};

use super::fleet::TENANT;
use super::json::Seconds;
use super::rng::Rng;

/// Returns a key of `family`; empty if the family has none of this privilege.
fn made(family: &Family, privilege: Privilege, rng: &mut Rng) -> String {
    let mut bytes = vec![0; family.bytes];
    rng.fill(&mut bytes);
    family.make(&bytes, privilege).unwrap_or_default()
}

/// Returns a Functions key of an extension's webhook.
pub(super) fn system_key(rng: &mut Rng) -> String {
    made(&FUNCTIONS, Privilege::System, rng)
}

/// Returns a Functions key of a function.
pub(super) fn function_key(rng: &mut Rng) -> String {
    made(&FUNCTIONS, Privilege::Function, rng)
}

/// Returns a Functions key of the runtime itself.
pub(super) fn master_key(rng: &mut Rng) -> String {
    made(&FUNCTIONS, Privilege::Master, rng)
}

/// Returns an APIM subscription key in its older and still usual form, 32 hexadecimal digits.
pub(super) fn subscription_key(rng: &mut Rng) -> String {
    format!("{:032x}", rng.guid())
}

/// Returns a storage account's connection string.
pub(super) fn storage_connection(rng: &mut Rng) -> String {
    let key = made(&STORAGE, Privilege::Manage, rng);
    format!("DefaultEndpointsProtocol=https;AccountName=stcontoso;AccountKey={key};EndpointSuffix=core.windows.net")
}

/// Returns a Service Bus namespace's connection string.
pub(super) fn service_bus_connection(rng: &mut Rng) -> String {
    let key = made(&SERVICE_BUS, Privilege::Manage, rng);
    format!(
        "Endpoint=sb://sb-contoso.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey={key}"
    )
}

/// Returns the query of a storage SAS that holds for a day from `at`.
pub(super) fn shared_access_signature(at: Timestamp, rng: &mut Rng) -> String {
    let mut signature = [0; 32];
    rng.fill(&mut signature);
    let signature = BASE64.encode(&signature).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let until = Seconds(at.plus(Duration::from_hours(24))).to_string().replace(':', "%3A");
    format!("sv=2024-11-04&ss=b&srt=co&sp=rl&se={until}&spr=https&sig={signature}")
}

/// Returns a token that holds for an hour from `at`; its signature is noise.
pub(super) fn token(at: Timestamp, rng: &mut Rng) -> String {
    let now = at.nanos() / 1_000_000_000;
    let header = r#"{"typ":"JWT","alg":"RS256","kid":"simulated-1"}"#;
    let payload = format!(
        r#"{{"aud":"api://contoso.example/orders","iss":"https://login.microsoftonline.com/{TENANT}/v2.0","iat":{now},"nbf":{now},"exp":{},"azp":"9f0e1d2c-3b4a-4958-8776-655443322110","ver":"2.0"}}"#,
        now + 3_600
    );
    let mut signature = [0; 256];
    rng.fill(&mut signature);
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    format!("{}.{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()), encode(&signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privilege(family: &Family, key: &str) -> Option<Privilege> {
        let standard = key.replace('-', "+").replace('_', "/");
        family.privilege(&BASE64.decode(standard.as_bytes()).unwrap())
    }

    #[test]
    fn every_functions_key_has_the_checksum_of_its_privilege() {
        let mut rng = Rng::new(1, 9);
        assert_eq!(privilege(&FUNCTIONS, &function_key(&mut rng)), Some(Privilege::Function));
        assert_eq!(privilege(&FUNCTIONS, &system_key(&mut rng)), Some(Privilege::System));
        assert_eq!(privilege(&FUNCTIONS, &master_key(&mut rng)), Some(Privilege::Master));
    }

    #[test]
    fn connection_strings_hold_a_proven_key() {
        let mut rng = Rng::new(1, 9);
        let text = storage_connection(&mut rng);
        let key = text.split("AccountKey=").nth(1).unwrap().split(';').next().unwrap();
        assert!(privilege(&STORAGE, key).is_some());
        let text = service_bus_connection(&mut rng);
        let key = text.split("SharedAccessKey=").nth(1).unwrap();
        assert_eq!(privilege(&SERVICE_BUS, key), Some(Privilege::Manage));
    }
}
