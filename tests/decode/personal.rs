//! Names of people in what Azure writes are gone once a record is redacted; ids stay.

use gatewatch::redaction::{KeyRing, RedactedEvent, Redactor, Settings};
use gatewatch::telemetry::{Field, Value};

use super::*;

const KEY: &str = "k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NAMES: [&str; 6] = ["Ada", "Lovelace", "ADAS-LAPTOP", "corp.example", "lovelace-household", "Ada of Corp"];

fn redacted<R>(json: &str, check: impl FnOnce(&RedactedEvent<'_>, &str) -> R) -> R {
    let redactor = Redactor::new(&KeyRing::from_text(KEY).unwrap(), &Settings::default()).unwrap();
    let (batch, arena) = (batch(json.as_bytes()), Bump::new());
    let scanned = redactor.scan(&batch);
    let mut all = Vec::new();
    decode(&scanned, 0, &arena, |one| all.push(redactor.finish(one.unwrap_or_else(|bad| panic!("{bad:?}")))));
    assert_eq!(all.len(), 1);
    check(&all[0], std::str::from_utf8(&all[0].record()).unwrap())
}

#[test]
fn no_name_of_a_person_is_left_in_any_field_or_in_the_record() {
    for json in [
        include_str!("../fixtures/decode/app_request.json"),
        include_str!("../fixtures/decode/sign_in.json"),
        include_str!("../fixtures/decode/sign_in_row.json"),
        include_str!("../fixtures/decode/directory.json"),
        include_str!("../fixtures/decode/activity_api.json"),
        include_str!("../fixtures/decode/activity_row.json"),
    ] {
        redacted(json, |event, record| {
            for name in NAMES {
                assert!(!record.contains(name), "{name} in {record}");
                for &field in Field::ALL {
                    let Some(Value::Text(text)) = event.get(field) else { continue };
                    assert!(!text.contains(name), "{name} in {}: {text}", field.name());
                }
            }
            serde_json::from_str::<serde_json::Value>(record).unwrap();
            let Some(Value::Text(name)) = event.get(Field::IdentityName) else { panic!("no name: {record}") };
            assert!(name.contains(":k1:"), "{name}");
            assert_eq!(json.contains("95fdefa0"), record.contains("95fdefa0"), "{record}");
        });
    }
}
