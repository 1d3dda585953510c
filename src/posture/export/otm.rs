//! What is the threat model in the Open Threat Model format, 0.2.0?
//!
//! Trust boundaries are its trust zones, parts its components, ways its data flows, controls its
//! mitigations. The first 5,000 parts are written, what others belong to and the worst before the rest.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::living::{Boundary, Flow, Living, Part, PartKind};
use super::picked::{Picked, drawn, threats};
use super::plain::plain;
use super::{exposure, mitigation};
use crate::posture::{Level, Stride, Threat};

/// Parts in one document.
const MOST: usize = 5_000;

/// Returns the document.
pub(super) fn written(living: &Living, site: Option<u32>) -> String {
    let picked = drawn(living, site, MOST);
    let named = site.and_then(|site| living.part(site)).map(|part| plain(&part.name));
    let name = named.unwrap_or_else(|| "Function apps and gateways".to_owned());
    let components: Vec<Value> =
        picked.parts.iter().filter_map(|at| Some(component(living, &picked, *at, living.part(*at)?))).collect();
    let dataflows: Vec<Value> = picked
        .flows
        .iter()
        .enumerate()
        .filter_map(|(nth, at)| Some(dataflow(living, nth, living.flows.get(*at)?)))
        .collect();
    let mitigations: Vec<Value> = living
        .controls
        .all
        .iter()
        .map(|one| {
            json!({
                "id": one.id,
                "name": one.title,
                "description": format!("{} Mend: {}", one.why, one.mend),
                "riskReduction": weight(one.level),
            })
        })
        .collect();
    let all = json!({
        "otmVersion": "0.2.0",
        "project": {
            "name": name,
            "id": "gatewatch",
            "description": format!("The threat model as Gatewatch holds it: intended, configured and observed.{}", picked.note()),
            "attributes": {
                "version": plain(&living.version),
                "as-of": living.at.map(|at| at.to_string()),
            },
        },
        "trustZones": Boundary::ALL.map(zone),
        "components": components,
        "dataflows": dataflows,
        "threats": living.threats.all.iter().map(threat).collect::<Vec<_>>(),
        "mitigations": mitigations,
    });
    format!("{all:#}\n")
}

fn zone(boundary: Boundary) -> Value {
    let trust = match boundary {
        Boundary::Internet => 1,
        Boundary::Edge => 40,
        Boundary::Apps => 70,
        Boundary::Data => 90,
    };
    json!({ "id": boundary.name(), "name": boundary.name(), "risk": { "trustRating": trust } })
}

fn id(part: u32) -> String {
    format!("part-{part}")
}

const fn kind(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Caller => "generic-client",
        PartKind::Gateway | PartKind::Api | PartKind::Operation => "api-gateway",
        PartKind::App | PartKind::Function => "azure-functions",
        PartKind::Identity => "identity-provider",
        PartKind::Resource => "data-store",
        PartKind::Other => "other",
    }
}

fn component(living: &Living, picked: &Picked, at: u32, part: &Part) -> Value {
    let parent = match part.of.filter(|above| picked.has(*above)) {
        Some(above) => json!({ "component": id(above) }),
        None => json!({ "trustZone": part.boundary.name() }),
    };
    let mut attributes = Map::new();
    attributes.insert("intended".into(), part.intended.into());
    attributes.insert("configured".into(), part.configured.into());
    attributes.insert("observed".into(), part.seen.is_some().into());
    attributes.insert("worst".into(), part.worst().name().into());
    if let Some(owner) = &part.owner {
        attributes.insert("owner".into(), plain(owner).into());
    }
    if part.kind.is_endpoint() {
        let sights = part.sights(living.threats.all.len());
        let seen: BTreeMap<&str, &str> =
            living.threats.all.iter().zip(sights).map(|(threat, sight)| (threat.id.as_str(), sight.name())).collect();
        attributes.insert("coverage".into(), json!(seen));
    }
    let of_threat = |(threat, against): (usize, super::picked::Against)| {
        let mitigations: Vec<Value> = against
            .controls
            .iter()
            .filter_map(|(control, stands)| {
                let control = living.controls.all.get(usize::from(*control))?;
                Some(json!({ "mitigation": control.id, "state": mitigation(*stands) }))
            })
            .collect();
        let threat = &living.threats.all.get(threat)?.id;
        Some(json!({ "threat": threat, "state": exposure(against.sight, against.worst), "mitigations": mitigations }))
    };
    json!({
        "id": id(at),
        "name": plain(&part.name),
        "type": kind(part.kind),
        "parent": parent,
        "tags": [part.kind.name()],
        "threats": threats(living, part).into_iter().filter_map(of_threat).collect::<Vec<Value>>(),
        "attributes": attributes,
    })
}

fn dataflow(living: &Living, nth: usize, flow: &Flow) -> Value {
    let name = |at: u32| living.part(at).map(|part| plain(&part.name)).unwrap_or_default();
    json!({
        "id": format!("flow-{nth}"),
        "name": format!("{} to {}", name(flow.from), name(flow.to)),
        "description": plain(&flow.says),
        "bidirectional": false,
        "source": id(flow.from),
        "destination": id(flow.to),
        "tags": [flow.stands.name(), plain(&flow.by)],
        "attributes": {
            "by": plain(&flow.by),
            "state": flow.stands.name(),
            "intended": flow.intended,
            "events": flow.seen.map(|seen| seen.count),
            "alert": flow.alert.as_deref(),
        },
    })
}

fn threat(threat: &Threat) -> Value {
    let impact = match threat.stride {
        Stride::ElevationOfPrivilege => 100,
        Stride::Spoofing | Stride::Tampering | Stride::InformationDisclosure => 75,
        Stride::DenialOfService | Stride::Repudiation => 50,
    };
    json!({
        "id": threat.id,
        "name": threat.title,
        "description": threat.description,
        "categories": [threat.stride.name()],
        "risk": {
            "likelihood": Value::Null,
            "likelihoodComment": "Not reckoned: see the state of the threat on each component.",
            "impact": impact,
            "impactComment": format!("By its class, {}.", threat.stride),
        },
    })
}

/// Returns how much a control takes from a risk, in percent.
const fn weight(level: Level) -> u8 {
    match level {
        Level::Critical => 90,
        Level::High => 70,
        Level::Medium => 50,
        Level::Low => 30,
        Level::Informational => 10,
    }
}
