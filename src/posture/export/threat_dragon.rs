//! What is the threat model for OWASP Threat Dragon, version 2?
//!
//! A diagram for each app and gateway with what ways lead to and from it, laid in columns by trust boundary,
//! at most 100 diagrams of 150 parts. A control that is not held is an open threat of its part, one that is
//! held a mitigated one.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::living::{Boundary, Flow, Living, Part, PartKind, Sight, Stands};
use super::exposure;
use super::picked::{drawn, threats};
use super::plain::{cut, plain};
use crate::posture::{Level, Stride};

/// The version of Threat Dragon that reads it.
const VERSION: &str = "2.3.0";
const MOST_DIAGRAMS: usize = 100;
const MOST_PARTS: usize = 150;
const THUMBNAIL: &str = "./public/content/images/thumbnail.stride.jpg";
const WIDE: u32 = 160;
const HIGH: u32 = 80;

/// Returns the document.
pub(super) fn written(living: &Living, site: Option<u32>) -> String {
    let mut sites: Vec<u32> = match site {
        Some(site) => vec![site],
        None => living.placed().filter(|(_, part)| part.kind.is_site()).map(|(at, _)| at).collect(),
    };
    let left_out = sites.len().saturating_sub(MOST_DIAGRAMS);
    if left_out > 0 {
        let score = |at: &u32| living.risks.iter().find(|risk| risk.part == *at).map_or(0, |risk| risk.score);
        sites.sort_by_cached_key(|at| (std::cmp::Reverse(score(at)), *at));
        sites.truncate(MOST_DIAGRAMS);
    }
    let mut number = 0;
    let diagrams: Vec<Value> =
        sites.iter().enumerate().map(|(nth, site)| diagram(living, nth, *site, &mut number)).collect();
    let review = living.reviews.last();
    let note = match left_out {
        0 => String::new(),
        n => format!(" {n} apps and gateways of the least risk are left out."),
    };
    let all = json!({
        "version": VERSION,
        "summary": {
            "title": "Function apps and gateways",
            "owner": "",
            "description": format!("The threat model as Gatewatch holds it, version {}.{note}", plain(&living.version)),
            "id": 0,
        },
        "detail": {
            "contributors": living.reviews.iter().map(|review| json!({ "name": plain(&review.by) })).collect::<Vec<_>>(),
            "diagrams": diagrams,
            "diagramTop": sites.len(),
            "reviewer": review.map(|review| plain(&review.by)).unwrap_or_default(),
            "threatTop": number,
        },
    });
    format!("{all:#}\n")
}

fn diagram(living: &Living, nth: usize, site: u32, number: &mut u32) -> Value {
    let picked = drawn(living, Some(site), MOST_PARTS);
    let mut cells = Vec::new();
    let mut rows = [0_u32; Boundary::ALL.len()];
    for &at in &picked.parts {
        let Some(part) = living.part(at) else { continue };
        let column = part.boundary as usize;
        let row = rows.get(column).copied().unwrap_or_default();
        if let Some(rows) = rows.get_mut(column) {
            *rows += 1;
        }
        cells.push(node(living, (nth, at), part, (column, row), number));
    }
    for (column, boundary) in Boundary::ALL.iter().enumerate() {
        if let Some(rows) = rows.get(column).filter(|rows| **rows > 0) {
            cells.push(zone(nth, *boundary, column, *rows));
        }
    }
    cells.extend(picked.flows.iter().filter_map(|at| Some(way(nth, *at, living.flows.get(*at)?))));
    let title = living.part(site).map(|part| cut(&plain(&part.name), 200)).unwrap_or_default();
    json!({
        "id": nth,
        "title": title,
        "diagramType": "STRIDE",
        "placeholder": "An app or gateway with its endpoints, and what leads there",
        "thumbnail": THUMBNAIL,
        "version": VERSION,
        "description": picked.note().trim_start(),
        "cells": cells,
    })
}

/// Returns an id that stays the same from export to export.
fn uuid(of: &str) -> String {
    let hex = data_encoding::HEXLOWER.encode(&Sha256::digest(of.as_bytes())[..16]);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn part_id(diagram: usize, part: u32) -> String {
    uuid(&format!("diagram {diagram} part {part}"))
}

fn node(
    living: &Living,
    (diagram, at): (usize, u32),
    part: &Part,
    (column, row): (usize, u32),
    number: &mut u32,
) -> Value {
    let (shape, kind) = match part.kind {
        PartKind::Caller => ("actor", "tm.Actor"),
        PartKind::Resource => ("store", "tm.Store"),
        _ => ("process", "tm.Process"),
    };
    let told = told_threats(living, part, number);
    let open = told.iter().any(|threat| threat["status"] == "Open");
    let name = plain(&part.name);
    json!({
        "id": part_id(diagram, at),
        "shape": shape,
        "zIndex": 10,
        "visible": true,
        "position": { "x": 60 + column * 340, "y": 80 + row * 140 },
        "size": { "width": WIDE, "height": HIGH },
        "attrs": {
            "text": { "text": cut(&name, 60) },
            "body": { "stroke": if open { "red" } else { "#333333" }, "strokeWidth": 1.5, "strokeDasharray": "" },
        },
        "data": {
            "type": kind,
            "name": name,
            "description": format!("{}: {}", part.kind.name(), part.worst().name()),
            "outOfScope": false,
            "reasonOutOfScope": "",
            "hasOpenThreats": open,
            "threats": told,
        },
    })
}

fn told_threats(living: &Living, part: &Part, number: &mut u32) -> Vec<Value> {
    let mut told = Vec::new();
    for (at, against) in threats(living, part) {
        let Some(threat) = living.threats.all.get(at) else { continue };
        *number += 1;
        let named = |(control, stands): &(u16, Stands)| {
            let control = living.controls.all.get(usize::from(*control))?;
            Some(format!("{} {}: {}", stands.sign(), stands.name(), control.title))
        };
        let lines: Vec<String> = against.controls.iter().filter_map(named).collect();
        let status = match exposure(against.sight, against.worst) {
            "mitigated" => "Mitigated",
            "accepted" => "NA",
            _ => "Open",
        };
        told.push(json!({
            "id": uuid(&format!("{} {}", part.name, threat.id)),
            "number": *number,
            "title": threat.title,
            "type": stride(threat.stride),
            "modelType": "STRIDE",
            "status": status,
            "severity": severity(living, &against.controls, against.sight),
            "score": "",
            "description": format!("{} Seen here: {}.", threat.description, against.sight.name()),
            "mitigation": lines.join("\n"),
        }));
    }
    told
}

/// Returns the level of the worst control that is not held.
fn severity(living: &Living, controls: &[(u16, Stands)], sight: Sight) -> &'static str {
    let weak = controls.iter().filter(|(_, stands)| *stands > Stands::Accepted);
    let worst = weak.filter_map(|(at, _)| living.controls.all.get(usize::from(*at))).map(|one| one.level).max();
    match worst {
        _ if sight == Sight::Firing => "High",
        Some(Level::Critical | Level::High) => "High",
        Some(Level::Medium) => "Medium",
        _ => "Low",
    }
}

fn zone(diagram: usize, boundary: Boundary, column: usize, rows: u32) -> Value {
    json!({
        "id": uuid(&format!("diagram {diagram} boundary {}", boundary.name())),
        "shape": "trust-boundary-box",
        "zIndex": -1,
        "visible": true,
        "position": { "x": 30 + column * 340, "y": 30 },
        "size": { "width": WIDE + 60, "height": 60 + rows * 140 },
        "attrs": { "label": { "text": boundary.name() } },
        "data": {
            "type": "tm.BoundaryBox",
            "name": boundary.name(),
            "description": "",
            "isTrustBoundary": true,
            "hasOpenThreats": false,
        },
    })
}

fn way(diagram: usize, at: usize, flow: &Flow) -> Value {
    let weak = flow.stands > Stands::Unknown;
    let dashes = if flow.stands == Stands::Unknown { "2 4" } else { "" };
    json!({
        "id": uuid(&format!("diagram {diagram} way {at}")),
        "shape": "flow",
        "zIndex": 10,
        "connector": "smooth",
        "source": { "cell": part_id(diagram, flow.from) },
        "target": { "cell": part_id(diagram, flow.to) },
        "vertices": [],
        "labels": [format!("{} {}", flow.stands.sign(), plain(&flow.by))],
        "attrs": { "line": {
            "stroke": if weak { "red" } else { "#333333" },
            "strokeDasharray": dashes,
            "sourceMarker": { "name": "" },
            "targetMarker": { "name": "block" },
        } },
        "data": {
            "type": "tm.Flow",
            "name": format!("{} {}", flow.stands.sign(), plain(&flow.by)),
            "description": format!("{}: {}", flow.stands.name(), plain(&flow.says)),
            "outOfScope": false,
            "reasonOutOfScope": "",
            "protocol": "",
            "isBidirectional": false,
            "hasOpenThreats": false,
            "threats": [],
        },
    })
}

const fn stride(class: Stride) -> &'static str {
    match class {
        Stride::Spoofing => "Spoofing",
        Stride::Tampering => "Tampering",
        Stride::Repudiation => "Repudiation",
        Stride::InformationDisclosure => "Information disclosure",
        Stride::DenialOfService => "Denial of service",
        Stride::ElevationOfPrivilege => "Elevation of privilege",
    }
}
