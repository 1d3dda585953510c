//! Which ATT&CK techniques do detectors watch for, as a layer of the Navigator?
//!
//! Layer format 4.5. A technique's score is the number of its detectors, and its comment names them. A
//! layer is of one version of ATT&CK: the newest that a detector names; numbers of an older one are told in
//! the technique's metadata.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::detection::{Detector, Detectors};

/// The oldest Navigator that reads the layer.
const NAVIGATOR: &str = "4.9.0";
const LAYER: &str = "4.5";
/// From one detector to many.
const COLORS: [&str; 3] = ["#d6e6f4", "#6baed6", "#08519c"];

/// Returns the layer of `detectors`.
pub fn navigator(detectors: &Detectors) -> Value {
    let mut of: BTreeMap<&str, Vec<&Detector>> = BTreeMap::new();
    for detector in &detectors.all {
        for technique in &detector.attack.techniques {
            of.entry(technique).or_default().push(detector);
        }
    }
    let with_techniques = detectors.all.iter().filter(|detector| !detector.attack.techniques.is_empty());
    let newest = with_techniques.clone().map(|detector| detector.attack.version.as_str()).max_by_key(|name| age(name));
    let newest = newest.unwrap_or_default();
    let most = of.values().map(Vec::len).max().unwrap_or_default().max(2);
    let techniques: Vec<Value> = of.iter().map(|(id, detectors)| technique(id, detectors, newest)).collect();
    json!({
        "name": "Gatewatch",
        "versions": { "attack": newest, "navigator": NAVIGATOR, "layer": LAYER },
        "domain": "enterprise-attack",
        "description": format!(
            "What the detectors of Gatewatch watch for: {} techniques, {} of {} detectors. The score is the number of detectors.",
            of.len(),
            with_techniques.count(),
            detectors.all.len()
        ),
        "sorting": 3,
        "layout": {
            "layout": "side",
            "showID": true,
            "showName": true,
            "showAggregateScores": true,
            "countUnscored": false,
            "aggregateFunction": "sum",
            "expandedSubtechniques": "annotated",
        },
        "techniques": techniques,
        "gradient": { "colors": COLORS, "minValue": 1, "maxValue": most },
        "legendItems": [
            { "label": "one detector", "color": COLORS[0] },
            { "label": format!("{most} detectors"), "color": COLORS[2] },
        ],
    })
}

fn technique(id: &str, detectors: &[&Detector], newest: &str) -> Value {
    let named = |detector: &&Detector| format!("{} ({}): {}", detector.id, detector.level, detector.title);
    let mut technique = json!({
        "techniqueID": id,
        "score": detectors.len(),
        "comment": detectors.iter().map(named).collect::<Vec<_>>().join("\n"),
        "enabled": true,
    });
    let older = detectors.iter().filter(|detector| detector.attack.version != newest);
    let older: Vec<Value> = older
        .map(|detector| json!({ "name": format!("{}, ATT&CK", detector.id), "value": detector.attack.version }))
        .collect();
    if !older.is_empty() {
        technique["metadata"] = older.into();
    }
    technique
}

/// Versions are numbers such as `17.1`; what is none is the oldest.
fn age(version: &str) -> (u32, u32) {
    let (main, minor) = version.split_once('.').unwrap_or((version, "0"));
    (main.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Catalogue;

    #[test]
    fn every_technique_of_a_detector_is_in_the_layer_once_and_scored_by_its_detectors() {
        let catalogue = Catalogue::shipped().unwrap();
        let layer = navigator(&catalogue.detectors);
        let mut named = BTreeMap::<&str, usize>::new();
        for technique in catalogue.detectors.all.iter().flat_map(|detector| &detector.attack.techniques) {
            *named.entry(technique).or_default() += 1;
        }
        let techniques = layer["techniques"].as_array().unwrap();
        let scored: BTreeMap<&str, usize> = techniques
            .iter()
            .map(|one| (one["techniqueID"].as_str().unwrap(), one["score"].as_u64().unwrap() as usize))
            .collect();
        assert_eq!(scored, named);
        assert_eq!(techniques.len(), named.len());
        for one in techniques {
            assert_eq!(
                one["comment"].as_str().unwrap().lines().count() as u64,
                one["score"].as_u64().unwrap(),
                "{one}"
            );
        }
        assert_eq!(layer["versions"], json!({ "attack": "18", "navigator": "4.9.0", "layer": "4.5" }));
        assert!(layer["gradient"]["maxValue"].as_u64() > layer["gradient"]["minValue"].as_u64());
    }

    #[test]
    fn the_newest_version_is_the_layers_and_older_numbers_are_told() {
        assert!(age("18") > age("9") && age("17.1") > age("17") && age("") == age("x"));
        let catalogue = Catalogue::shipped().unwrap();
        let mut old = (*catalogue.detectors.all[0]).clone();
        old.attack.version = "9".to_owned();
        old.attack.techniques = vec!["T1110".to_owned()];
        let told = technique("T1110", &[&old], "18");
        assert_eq!(told["metadata"][0]["value"], "9");
    }
}
