//! Findings against OCSF 1.5.0: class 2004 and the objects in it, as the schema declares them.
//!
//! The table names every attribute that may stand where we write one, its type, and whether it must be
//! there; anything else is an error, as in the schema's own validator.

use std::collections::BTreeMap;

use gatewatch::alerts::{Alert, AlertState, Because, Closing, Limit, Measure, Transition};
use gatewatch::sinks::{Activity, ocsf, sample, sample_streams};
use serde_json::Value;

use crate::made::{acknowledged, closed, hostile, opened};

/// Object, attribute, type; `!` after a type: required. `T[]` is a list, `{N}` an object of this table,
/// `=1,2` one of these numbers.
const SCHEMA: &str = "
finding activity_id =0,1,2,3,99!; finding activity_name string; finding category_uid =2!; finding category_name string
finding class_uid =2004!; finding class_name string; finding type_uid =200400,200401,200402,200403,200499!
finding type_name string; finding severity_id =0,1,2,3,4,5,6,99!; finding severity string
finding status_id =0,1,2,3,4,5,6,99; finding status string; finding time time!; finding start_time time
finding end_time time; finding count int; finding is_alert bool; finding message string; finding metadata {metadata}!
finding finding_info {finding_info}!; finding evidences {evidences}[]; finding resources {resource}[]
finding observables {observable}[]; finding anomaly_analyses {anomaly_analysis}[]; finding unmapped any
metadata version string!; metadata uid string; metadata product {product}!
product name string; product vendor_name string; product version string; product uid string
finding_info uid string!; finding_info title string; finding_info desc string; finding_info types string[]
finding_info created_time time; finding_info modified_time time; finding_info first_seen_time time
finding_info last_seen_time time; finding_info analytic {analytic}; finding_info attacks {attack}[]
finding_info src_url string; finding_info related_analytics {analytic}[]
analytic type_id =0,1,2,3,4,5,6,99!; analytic type string; analytic uid string; analytic name string
analytic category string; analytic version string; analytic desc string
attack version string; attack technique {technique}; attack sub_technique {technique}
technique uid string; technique name string
evidences data any; evidences uid string
resource uid string; resource name string; resource type string
observable name string!; observable type_id =0,1,2,3,4,5,6,7,8,9,10,99!; observable type string; observable value string
anomaly_analysis analysis_target {target}!; anomaly_analysis anomalies {pattern}[]!
anomaly_analysis baselines {pattern}[]
target name string!; target type string
pattern observation_type string; pattern observed_attribute string!; pattern observed_pattern string
pattern observations {observation}[]!
observation value string!; observation count int; observation timespan {timespan}
timespan type_id =0,1,2,3,4,5,6,7,8,9,99; timespan type string; timespan start_time time; timespan end_time time
timespan duration int
";

fn schema() -> BTreeMap<(&'static str, &'static str), &'static str> {
    let entries = SCHEMA.split([';', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let mut words = entry.splitn(3, ' ');
            ((words.next().unwrap(), words.next().unwrap()), words.next().unwrap())
        })
        .collect()
}

/// Says what in `finding` is not as the schema has it.
pub fn conforms(finding: &Value) -> Result<(), String> {
    object("finding", finding, &schema())?;
    let id = |name: &str| finding[name].as_i64().unwrap_or_default();
    if id("type_uid") != id("class_uid") * 100 + id("activity_id") {
        return Err("type_uid is not class and activity".into());
    }
    let version = finding["metadata"]["version"].as_str().unwrap_or_default();
    if finding.get("anomaly_analyses").is_some() && version < "1.5.0" {
        return Err(format!("anomaly_analyses in version {version}"));
    }
    Ok(())
}

fn object(name: &str, value: &Value, schema: &BTreeMap<(&str, &str), &str>) -> Result<(), String> {
    let fields = value.as_object().ok_or_else(|| format!("{name} is no object: {value}"))?;
    for (field, value) in fields {
        let kind = schema.get(&(name, field.as_str())).ok_or_else(|| format!("{name} has no {field}"))?;
        of_kind(kind.trim_end_matches('!'), value, schema).map_err(|says| format!("{name}.{field}: {says}"))?;
    }
    let required = schema.iter().filter(|((object, _), kind)| *object == name && kind.ends_with('!'));
    for ((_, field), _) in required {
        fields.get(*field).ok_or_else(|| format!("{name} lacks {field}"))?;
    }
    Ok(())
}

fn of_kind(kind: &str, value: &Value, schema: &BTreeMap<(&str, &str), &str>) -> Result<(), String> {
    if let Some(inner) = kind.strip_suffix("[]") {
        let list = value.as_array().ok_or_else(|| format!("no list: {value}"))?;
        return list.iter().try_for_each(|one| of_kind(inner, one, schema));
    }
    if let Some(name) = kind.strip_prefix('{').and_then(|kind| kind.strip_suffix('}')) {
        return object(name, value, schema);
    }
    let fine = match kind.strip_prefix('=') {
        Some(numbers) => numbers.split(',').any(|number| value.as_i64() == number.parse().ok()),
        None => match kind {
            "string" => value.is_string(),
            "bool" => value.is_boolean(),
            "int" => value.as_u64().is_some_and(|n| i32::try_from(n).is_ok()),
            "time" => value.is_i64() || value.is_u64(),
            _ => true,
        },
    };
    if fine { Ok(()) } else { Err(format!("no {kind}: {value}")) }
}

fn finding(transition: &Transition) -> Value {
    ocsf(transition.alert(), Activity::of(transition), &sample_streams())
}

#[test]
fn every_finding_is_as_the_schema_has_it() {
    let bare = Alert { app: None, because: None, evidence: Vec::new(), entities: Vec::new(), ..sample() };
    let over = Alert { state: AlertState::Closed, ..hostile(3) };
    for transition in [
        opened(1),
        acknowledged(1),
        closed(1),
        Transition::Opened(bare),
        Transition::Opened(hostile(2)),
        Transition::Closed(over, Closing::Resumed),
    ] {
        let finding = finding(&transition);
        conforms(&finding).unwrap_or_else(|says| panic!("{says}\n{finding:#}"));
    }
}

#[test]
fn a_finding_that_rests_on_a_baseline_says_what_was_usual_and_what_came() {
    let mut alert = sample();
    let because = alert.because.take().unwrap();
    let usual = Because { measure: Measure::Usual, value: 90.0, peak: 120.0, limit: Limit::Band(3.0, 42.0), ..because };
    alert.because = Some(usual.clone());
    let above = finding(&Transition::Opened(alert.clone()));
    conforms(&above).unwrap_or_else(|says| panic!("{says}\n{above:#}"));
    let analysis = &above["anomaly_analyses"][0];
    assert_eq!(
        (&analysis["analysis_target"]["name"], &analysis["analysis_target"]["type"]),
        (&"k-1".into(), &"key".into())
    );
    let (anomaly, baseline) = (&analysis["anomalies"][0], &analysis["baselines"][0]);
    assert_eq!(
        (&anomaly["observed_pattern"], &anomaly["observations"][0]["value"]),
        (&"ABOVE_USUAL".into(), &"120".into())
    );
    assert_eq!(baseline["observations"][0]["value"], "3 to 42");
    assert_eq!(anomaly["observations"][0]["timespan"]["start_time"], 100_000);
    assert_eq!(above["finding_info"]["analytic"]["type"], "Statistical");
    alert.because = Some(Because { value: 0.0, peak: 0.0, ..usual });
    let below = finding(&Transition::Opened(alert));
    assert_eq!(below["anomaly_analyses"][0]["anomalies"][0]["observed_pattern"], "BELOW_USUAL");
    assert!(finding(&opened(1)).get("anomaly_analyses").is_none());
}

#[test]
fn the_check_itself_refuses_what_the_schema_does() {
    let sound = finding(&opened(1));
    for (path, value, says) in [
        ("/severity_id", Value::from(7), "severity_id"),
        ("/time", Value::from("now"), "time"),
        ("/count", Value::from(5_000_000_000_u64), "count"),
        ("/finding_info/uid", Value::Null, "uid"),
        ("/metadata", serde_json::json!({"version": "1.5.0"}), "lacks product"),
        ("/observables/0", serde_json::json!({"name": "ip", "type_id": 2, "colour": "red"}), "no colour"),
        ("/type_uid", Value::from(200_402), "type_uid"),
    ] {
        let mut wrong = sound.clone();
        *wrong.pointer_mut(path).unwrap() = value;
        assert!(conforms(&wrong).unwrap_err().contains(says), "{path}: {:?}", conforms(&wrong));
    }
}
