//! Whatever becomes of a record on its way, it is an event or has a reason.

use proptest::prelude::*;

use super::*;

const FIXTURES: [&str; 9] = [
    ACTIVITY,
    include_str!("../fixtures/decode/activity_api.json"),
    include_str!("../fixtures/decode/activity_row.json"),
    include_str!("../fixtures/decode/app_exception.json"),
    include_str!("../fixtures/decode/app_request.json"),
    include_str!("../fixtures/decode/directory.json"),
    include_str!("../fixtures/decode/managed_identity.json"),
    include_str!("../fixtures/decode/sign_in.json"),
    include_str!("../fixtures/decode/sign_in_row.json"),
];

/// Texts that take the place of others: nothing, wrong shapes, quotes, brackets, what is no ASCII.
const STRANGE: [&str; 12] =
    ["", "null", "\"\"", "{", "[", "]", "}", "\\\"", "'", "é€", "[{}]", "\"{\\\"error\\\":[1]}\""];

proptest! {
    // 256 is what there is unless PROPTEST_CASES says how many.
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 2_000, told => told }, ..ProptestConfig::default() })]

    #[test]
    fn a_mangled_record_is_an_event_or_has_a_reason(
        which in 0..FIXTURES.len(), edits in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, 0..STRANGE.len()), 1..6)
    ) {
        let mut bytes = FIXTURES[which].as_bytes().to_vec();
        for (at, length, with) in edits {
            let from = at.index(bytes.len() + 1);
            let to = (from + length).min(bytes.len());
            bytes.splice(from..to, STRANGE[with].bytes());
        }
        decoded(&bytes, |all| {
            for event in all.iter().flatten() {
                assert!(texts(event).all(|text| event.record.start <= text.start && text.end <= event.record.end));
            }
        });
    }

    #[test]
    fn a_value_of_any_shape_takes_no_record_down(which in 0..FIXTURES.len(), member in any::<prop::sample::Index>(), with in 0..STRANGE.len()) {
        let mut json: serde_json::Value = serde_json::from_str(FIXTURES[which]).unwrap();
        let (all, strange) = (places(&mut json).len(), STRANGE[with]);
        *places(&mut json).swap_remove(member.index(all)) =
            serde_json::from_str(strange).unwrap_or_else(|_| serde_json::Value::from(strange));
        one_or_more(&json.to_string());
    }
}

/// Every value in `json` that is no record and holds none.
fn places(json: &mut serde_json::Value) -> Vec<&mut serde_json::Value> {
    let mut record = json;
    while record.is_array() || record.get("records").is_some() {
        record = if record.is_array() { &mut record[0] } else { &mut record["records"] };
    }
    let mut all = Vec::new();
    for (name, value) in record.as_object_mut().unwrap().iter_mut() {
        if value.is_object() && name.eq_ignore_ascii_case("properties") {
            all.extend(value.as_object_mut().unwrap().values_mut());
        } else {
            all.push(value);
        }
    }
    all
}

fn one_or_more(json: &str) {
    decoded(json.as_bytes(), |all| {
        assert_eq!(all.len(), 1, "{json}");
        assert!(all[0].is_ok(), "{json}");
    });
}

/// Every one of these would take hours if each element were searched for among the others.
#[test]
fn long_lists_within_a_record_cost_what_they_are_long() {
    const TIMES: usize = 100_000;
    for (category, name, element) in [
        ("AuditLogs", "targetResources", r#"{"id":"1","modifiedProperties":[{"displayName":"Mail","newValue":"a"}]}"#),
        ("AuditLogs", "additionalDetails", r#"{"key":"User-Agent","value":"x"}"#),
        ("SignInLogs", "appliedConditionalAccessPolicies", r#"{"displayName":"x","result":"success"}"#),
    ] {
        let list = vec![element; TIMES].join(",");
        one_or_more(&format!(r#"{{"category":"{category}","resultType":"53003","properties":{{"{name}":[{list}]}}}}"#));
    }
}
