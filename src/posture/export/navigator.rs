//! On how many endpoints are the techniques of ATT&CK seen, as a layer of the Navigator?
//!
//! Layer format 4.5. A technique's score is the share of endpoints on which a threat that its detectors
//! watch for is covered or firing; one that has never fired counts half. Without endpoints there is no score.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::living::{Living, Sight};
use super::plain::plain;

/// The oldest Navigator that reads the layer.
const NAVIGATOR: &str = "4.9.0";
const LAYER: &str = "4.5";
/// From blind to covered.
const COLORS: [&str; 3] = ["#f4c7c3", "#fbe7b2", "#8fc9a3"];

/// A detector, as far as a layer tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Its id.
    pub detector: String,
    /// The threat that it watches for.
    pub threat: String,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// The version of ATT&CK that they are of, where it is known.
    pub attack: String,
}

/// Returns the layer.
pub(super) fn written(living: &Living, site: Option<u32>, watches: &[Watch]) -> String {
    let threats: BTreeMap<&str, usize> =
        living.threats.all.iter().enumerate().map(|(at, threat)| (threat.id.as_str(), at)).collect();
    let mut of: BTreeMap<&str, (BTreeSet<usize>, Vec<&str>)> = BTreeMap::new();
    for watch in watches {
        for technique in &watch.techniques {
            let (seen_by, detectors) = of.entry(technique).or_default();
            seen_by.extend(threats.get(watch.threat.as_str()));
            detectors.push(&watch.detector);
        }
    }
    let mut counts: BTreeMap<&str, [u64; 4]> = of.keys().map(|technique| (*technique, [0; 4])).collect();
    let mut endpoints = 0_u64;
    for (_, part) in living.endpoints(site) {
        endpoints += 1;
        let sights = part.sights(living.threats.all.len());
        for (technique, (seen_by, _)) in &of {
            let best = seen_by.iter().filter_map(|at| sights.get(*at)).min_by_key(|sight| rank(**sight));
            let sight = best.copied().unwrap_or(Sight::Blind);
            if let Some(count) = counts.get_mut(technique).and_then(|counts| counts.get_mut(sight as usize)) {
                *count += 1;
            }
        }
    }
    let techniques: Vec<Value> = of
        .iter()
        .map(|(id, (_, detectors))| technique(id, detectors, counts.get(id).copied().unwrap_or_default(), endpoints))
        .collect();
    let name = site.and_then(|site| living.part(site)).map(|part| plain(&part.name));
    let mut versions = json!({ "navigator": NAVIGATOR, "layer": LAYER });
    if let Some(attack) = watches.iter().map(|watch| &watch.attack).filter(|version| !version.is_empty()).max() {
        versions["attack"] = json!(attack);
    }
    let layer = json!({
        "name": name.map_or_else(|| "Gatewatch, living".to_owned(), |name| format!("Gatewatch, {name}")),
        "versions": versions,
        "domain": "enterprise-attack",
        "description": format!(
            "On how many of {endpoints} endpoints a technique would be seen: covered and firing count whole, covered but \
             never exercised counts half, blind counts nothing."
        ),
        "sorting": 3,
        "layout": {
            "layout": "side",
            "showID": true,
            "showName": true,
            "showAggregateScores": false,
            "countUnscored": false,
            "aggregateFunction": "average",
            "expandedSubtechniques": "annotated",
        },
        "techniques": techniques,
        "gradient": { "colors": COLORS, "minValue": 0, "maxValue": 100 },
        "legendItems": [
            { "label": "blind on every endpoint", "color": COLORS[0] },
            { "label": "covered on every endpoint", "color": COLORS[2] },
        ],
    });
    format!("{layer:#}\n")
}

const fn rank(sight: Sight) -> u8 {
    match sight {
        Sight::Firing => 0,
        Sight::Covered => 1,
        Sight::Unexercised => 2,
        Sight::Blind => 3,
    }
}

fn technique(id: &str, detectors: &[&str], counts: [u64; 4], endpoints: u64) -> Value {
    let of = |sight: Sight| counts.get(sight as usize).copied().unwrap_or_default();
    let metadata: Vec<Value> =
        Sight::ALL.iter().map(|sight| json!({ "name": sight.name(), "value": of(*sight).to_string() })).collect();
    let mut told = json!({
        "techniqueID": id,
        "comment": format!("Detectors: {}", detectors.join(", ")),
        "enabled": true,
        "metadata": metadata,
    });
    let seen = 2 * (of(Sight::Firing) + of(Sight::Covered)) + of(Sight::Unexercised);
    if let Some(share) = (seen * 50).checked_div(endpoints) {
        told["score"] = json!(share);
    }
    told
}
