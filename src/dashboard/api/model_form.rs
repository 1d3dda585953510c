//! In which form does the API tell of the threat model?

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::model::counts;
use crate::clock::Timestamp;
use crate::posture::Level;
use crate::posture::living::{Drift, Evidence, Flow, Living, Part, Seen, Sight, Standing, Stands};

/// Risks and problems in one answer.
const MOST: usize = 1_000;

/// Who has reviewed the model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReviewForm {
    by: String,
    on: Timestamp,
    version: String,
}

/// What was read, and when.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadForm {
    what: String,
    at: Timestamp,
}

/// What makes a risk so large.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReasonForm {
    points: u8,
    level: Level,
    says: String,
}

/// The risk of an app or gateway.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RiskForm {
    app: String,
    owner: Option<String>,
    /// From 0, nothing known against it, to 100.
    score: u8,
    /// The weightiest first.
    reasons: Vec<ReasonForm>,
}

/// How the threat model stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(super) struct ModelForm {
    /// The newest event time that it knows of.
    as_of: Option<Timestamp>,
    /// The version of model.yaml, empty without one.
    version: String,
    reviews: Vec<ReviewForm>,
    /// Configuration that was read.
    read: Vec<ReadForm>,
    /// Parts by their kind.
    parts: BTreeMap<&'static str, u64>,
    flows: u64,
    changes: u64,
    /// Controls on parts by their state.
    controls: BTreeMap<&'static str, u64>,
    /// Ways by their state.
    ways: BTreeMap<&'static str, u64>,
    /// Threats on endpoints by how they are seen.
    coverage: BTreeMap<&'static str, u64>,
    /// The worst first.
    risks: Vec<RiskForm>,
    /// What could not be read of the model or the configuration.
    problems: Vec<String>,
}

impl ModelForm {
    pub(super) fn of(living: &Living) -> Self {
        let mut parts = BTreeMap::new();
        for part in &living.parts {
            *parts.entry(part.kind.name()).or_default() += 1;
        }
        let by_name = |counts: [u64; Stands::ALL.len()]| {
            Stands::ALL.into_iter().map(|stands| (stands.key(), counts[stands as usize])).collect()
        };
        let mut coverage: BTreeMap<&str, u64> = Sight::ALL.into_iter().map(|sight| (sight.key(), 0)).collect();
        for (_, part) in living.endpoints(None) {
            for sight in part.sights(living.threats.all.len()) {
                *coverage.entry(sight.key()).or_default() += 1;
            }
        }
        let standings = living.parts.iter().flat_map(|part| &part.standings).map(|one| &one.stands);
        Self {
            as_of: living.at,
            version: living.version.clone(),
            reviews: living
                .reviews
                .iter()
                .map(|one| ReviewForm { by: one.by.clone(), on: one.on, version: one.version.clone() })
                .collect(),
            read: living.read.iter().map(|(what, at)| ReadForm { what: what.clone(), at: *at }).collect(),
            parts,
            flows: living.flows.len() as u64,
            changes: living.drifts.len() as u64,
            controls: by_name(counts(standings)),
            ways: by_name(counts(living.flows.iter().map(|flow| &flow.stands))),
            coverage,
            risks: living.risks.iter().take(MOST).map(|risk| RiskForm::of(living, risk)).collect(),
            problems: living.problems.iter().take(MOST).cloned().collect(),
        }
    }
}

impl RiskForm {
    fn of(living: &Living, risk: &crate::posture::living::Risk) -> Self {
        let part = living.part(risk.part);
        let reason = |(points, level, says): &(u8, Level, String)| ReasonForm {
            points: *points,
            level: *level,
            says: says.clone(),
        };
        Self {
            app: part.map(|part| part.name.to_string()).unwrap_or_default(),
            owner: part.and_then(|part| part.owner.as_deref()).map(str::to_owned),
            score: risk.score,
            reasons: risk.reasons.iter().map(reason).collect(),
        }
    }
}

/// How much of something was observed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SeenForm {
    events: u64,
    first: Timestamp,
    last: Timestamp,
}

impl SeenForm {
    fn of(seen: &Seen) -> Self {
        Self { events: seen.count, first: seen.first, last: seen.last }
    }
}

/// What events say of a control.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EvidenceForm {
    events: u64,
    first: Timestamp,
    last: Timestamp,
    /// The alert that tells of it.
    alert: Option<String>,
}

impl EvidenceForm {
    fn of(evidence: &Evidence) -> Self {
        let alert = evidence.alert.as_deref().map(str::to_owned);
        Self { events: evidence.count, first: evidence.first, last: evidence.last, alert }
    }
}

/// Where something is configured.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlaceForm {
    file: String,
    line: u32,
    /// A JSON pointer; empty where there is none.
    pointer: String,
}

/// The state of a control on a part.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StandingForm {
    control: String,
    level: Option<Level>,
    /// `held`, `configured-only`, `accepted`, `unknown`, `not-configured` or `contradicted`.
    state: &'static str,
    /// What is there; where unknown, what would tell.
    says: String,
    place: Option<PlaceForm>,
    evidence: Option<EvidenceForm>,
}

impl StandingForm {
    fn of(living: &Living, one: &Standing) -> Self {
        let control = one.control(&living.controls);
        let place = one.place.as_deref().map(|place| PlaceForm {
            file: place.file.to_string(),
            line: place.line,
            pointer: place.pointer.clone(),
        });
        Self {
            control: control.map(|control| control.id.clone()).unwrap_or_default(),
            level: control.map(|control| control.level),
            state: one.stands.key(),
            says: one.says.to_string(),
            place,
            evidence: one.evidence.as_deref().map(EvidenceForm::of),
        }
    }
}

/// A layer of an endpoint's baseline.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LayerForm {
    layer: &'static str,
    state: &'static str,
    says: String,
}

/// How a threat is seen on an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SightForm {
    threat: String,
    /// `firing`, `covered`, `never-exercised` or `blind`.
    state: &'static str,
    /// The alert, where one is open.
    alert: Option<String>,
}

/// A part of the fleet.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartForm {
    kind: &'static str,
    name: String,
    /// What it belongs to.
    of: Option<String>,
    boundary: &'static str,
    owner: Option<String>,
    /// Whether model.yaml declares it.
    intended: bool,
    /// Whether configuration that was read has it.
    configured: bool,
    seen: Option<SeenForm>,
    /// The worst first.
    controls: Vec<StandingForm>,
    /// Of a function that is called over HTTP.
    layers: Vec<LayerForm>,
    /// Of an endpoint, every threat of the catalogue.
    threats: Vec<SightForm>,
}

impl PartForm {
    fn of(living: &Living, part: &Part) -> Self {
        let named = |at: u32| living.part(at).map(|part| part.name.to_string());
        let sights = if part.kind.is_endpoint() { part.sights(living.threats.all.len()) } else { Vec::new() };
        let sight = |(at, sight): (usize, Sight)| {
            let threat = living.threats.all.get(at)?.id.clone();
            Some(SightForm { threat, state: sight.key(), alert: part.alert(at).map(ToString::to_string) })
        };
        let layer = |one: &crate::posture::controls::LayerState| LayerForm {
            layer: one.layer.name(),
            state: one.state.name(),
            says: one.says.clone(),
        };
        Self {
            kind: part.kind.name(),
            name: part.name.to_string(),
            of: part.of.and_then(named),
            boundary: part.boundary.name(),
            owner: part.owner.as_deref().map(str::to_owned),
            intended: part.intended,
            configured: part.configured,
            seen: part.seen.as_ref().map(SeenForm::of),
            controls: part.standings.iter().map(|one| StandingForm::of(living, one)).collect(),
            layers: part.layers.iter().map(layer).collect(),
            threats: sights.into_iter().enumerate().filter_map(sight).collect(),
        }
    }
}

/// Some of the parts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartList {
    parts: Vec<PartForm>,
    /// To be sent as `after`; none behind the last one.
    next: Option<usize>,
}

impl PartList {
    pub(super) fn of(living: &Living, found: &[(u32, &Part)], next: Option<usize>) -> Self {
        Self { parts: found.iter().map(|(_, part)| PartForm::of(living, part)).collect(), next }
    }
}

/// A way from one part to another.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FlowForm {
    from: String,
    to: String,
    /// By what the caller proves who it is.
    by: String,
    /// `held`, `configured-only`, `accepted`, `unknown`, `not-configured` or `contradicted`.
    state: &'static str,
    says: String,
    /// Whether model.yaml declares it.
    intended: bool,
    seen: Option<SeenForm>,
    since: Option<Timestamp>,
    alert: Option<String>,
}

/// Some of the ways.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FlowList {
    flows: Vec<FlowForm>,
    /// To be sent as `after`; none behind the last one.
    next: Option<usize>,
}

impl FlowList {
    pub(super) fn of(living: &Living, found: &[&Flow], next: Option<usize>) -> Self {
        let named = |at: u32| living.part(at).map(|part| part.name.to_string()).unwrap_or_default();
        let form = |flow: &&Flow| FlowForm {
            from: named(flow.from),
            to: named(flow.to),
            by: flow.by.to_string(),
            state: flow.stands.key(),
            says: flow.says.to_string(),
            intended: flow.intended,
            seen: flow.seen.as_ref().map(SeenForm::of),
            since: flow.since,
            alert: flow.alert.as_deref().map(str::to_owned),
        };
        Self { flows: found.iter().map(form).collect(), next }
    }
}

/// One change of the model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DriftForm {
    at: Timestamp,
    /// `weaker`, `stronger`, `came`, `went` or `written`.
    kind: &'static str,
    part: String,
    /// Empty for a part that came or went and a write.
    control: String,
    before: Option<&'static str>,
    after: Option<&'static str>,
    says: String,
    /// Who did it, where the Activity log told.
    by: Option<String>,
    /// The address that it was done from.
    from: Option<String>,
    alert: Option<String>,
}

/// Some of the changes, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeList {
    changes: Vec<DriftForm>,
    /// To be sent as `after`; none behind the last one.
    next: Option<usize>,
}

impl ChangeList {
    pub(super) fn of(found: &[&Drift], next: Option<usize>) -> Self {
        let form = |drift: &&Drift| DriftForm {
            at: drift.at,
            kind: drift.kind.name(),
            part: drift.part.to_string(),
            control: drift.control.to_string(),
            before: drift.states.map(|(before, _)| before.key()),
            after: drift.states.map(|(_, after)| after.key()),
            says: drift.says.to_string(),
            by: drift.by.as_ref().map(|(who, _)| who.to_string()),
            from: drift.by.as_ref().map(|(_, whence)| whence.to_string()),
            alert: drift.alert.as_deref().map(str::to_owned),
        };
        Self { changes: found.iter().map(form).collect(), next }
    }
}
