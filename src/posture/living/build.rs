//! How do the sources become one model?
//!
//! Parts first, then the controls on each, then the ways between them, coverage and risk: each step reads
//! the ones before. The same sources give the same model.

use std::sync::Arc;

use super::covered::Coverage;
use super::drafts::{Drafts, boundary};
use super::part::{Part, Seen};
use super::sources::Sources;
use super::weigh::Scales;
use super::{Living, flows, risk};
use crate::posture::observed::Fact;

/// Makes the model of its sources.
pub fn build(sources: &Sources) -> Living {
    let drafts = Drafts::of(sources);
    let scales = Scales::new(sources, &drafts);
    let coverage = Coverage::of(sources, &drafts, &scales);
    let parts: Vec<Part> = (0_u32..)
        .zip(&drafts.all)
        .map(|(place, draft)| {
            let site = drafts.site_of(place);
            let alerts = scales.alerts_of(draft);
            let owner = site.and_then(|site| drafts.all[site as usize].site?.owner.as_deref());
            Part {
                kind: draft.kind,
                name: draft.name.clone(),
                of: draft.of,
                boundary: boundary(draft.kind),
                owner: owner.map(Arc::from),
                intended: draft.intended,
                configured: draft.configured.is_some(),
                seen: draft.facts.of(Fact::Asked).map(|tally| Seen {
                    count: tally.count,
                    first: tally.first,
                    last: tally.last,
                }),
                standings: scales.standings(place),
                layers: draft.configured.map(|one| one.layers.clone()).unwrap_or_default(),
                firing: coverage.firing(&alerts),
                covered: coverage.on(site),
            }
        })
        .collect();
    let flows = flows::flows(sources, &drafts, &parts, &scales);
    let risks = risk::risks(sources, &drafts, &parts, &scales);
    Living {
        at: sources.at,
        version: sources.intended.version.clone(),
        reviews: sources.intended.reviews.clone(),
        controls: sources.configured.controls.clone(),
        threats: sources.threats.clone(),
        parts,
        flows,
        drifts: sources.drifts.clone(),
        risks,
        problems: sources.configured.problems.clone(),
        read: sources.configured.read.clone(),
    }
}
