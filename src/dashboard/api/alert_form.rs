//! What stands in an alert, as the API answers and sinks send it?
//!
//! The native form is made by `sinks::native`, which the dashboard is handed; these types describe it
//! for the document, and tests hold real answers against them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::alerts::{self, AlertState, Class, Closing, EntityKind, Family, Level};
use crate::clock::Timestamp;

/// Who or what an alert is about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entity)]
pub(super) struct EntityForm {
    /// What kind of thing it is.
    kind: EntityKind,
    /// Its value; what was secret or personal is a fingerprint.
    value: String,
}

impl EntityForm {
    pub(super) fn of(entity: &alerts::Entity) -> Self {
        Self { kind: entity.kind, value: entity.value.to_string() }
    }
}

/// MITRE ATT&CK.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attack)]
pub(super) struct AttackForm {
    /// The version of ATT&CK.
    version: String,
    /// Ids of techniques.
    techniques: Vec<String>,
}

/// Why a detector fired, in numbers and words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Because)]
pub(super) struct BecauseForm {
    /// What was measured: a name, or `{"percentile": 95}`.
    #[schema(value_type = Value)]
    measure: Value,
    /// What it was when it fired.
    value: f64,
    /// The most it has been since, in one window.
    peak: f64,
    /// What it was held against: `{"at-least": 20}`, `{"more-than": 20}` or `{"band": [3, 42]}`.
    #[schema(value_type = Object)]
    limit: Value,
    /// The window.
    within_seconds: Option<f64>,
    /// The first event.
    from: Timestamp,
    /// When it fired.
    to: Timestamp,
    /// How many events that were.
    events: u64,
    /// The lowest limit, as it may be written, at which it would have stayed quiet.
    quiet_at: Option<f64>,
    /// With half the limit it would have fired so much earlier, at least.
    earlier: Option<EarlierForm>,
    /// How many events fewer (of values: different values) would have been nothing.
    without_events: Option<u64>,
    /// The same as a sentence.
    says: String,
    /// What would have made it stay quiet, a sentence each.
    flips: Vec<String>,
}

/// How much earlier it would have fired with half the limit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Earlier)]
pub(super) struct EarlierForm {
    limit: f64,
    seconds: f64,
}

/// What a detector behind the one in front has seen of the same.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlsoSeen)]
pub(super) struct AlsoForm {
    detector: String,
    family: Family,
    level: Level,
    title: String,
    count: u64,
    first_seen: Timestamp,
    opened_at: Timestamp,
    last_seen: Timestamp,
    app: Option<String>,
    why: String,
    attack: AttackForm,
    threat: String,
}

/// Where a record came from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Position)]
pub(super) struct PositionForm {
    source: Option<String>,
    topic: Option<String>,
    partition: Option<i32>,
    offset: i64,
    /// Which record of its message.
    index: u32,
}

/// An event that an alert rests on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Evidence)]
pub(super) struct EvidenceForm {
    position: PositionForm,
    time: Timestamp,
    /// The category of telemetry.
    category: String,
    /// The redacted record as text.
    record: Option<String>,
}

/// One problem: one entity, from the first event to the last, by one detector or by several that see the same.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(super) struct AlertForm {
    /// 16 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    id: String,
    /// Counts up with each change.
    revision: u32,
    /// What its detectors see together.
    group: Option<String>,
    /// What the detectors behind the first saw, the worst first.
    also: Vec<AlsoForm>,
    /// The detector in front.
    detector: String,
    family: Family,
    /// The worst it had.
    level: Level,
    title: String,
    /// What happened, to whom, how much.
    why: String,
    because: Option<BecauseForm>,
    entity: EntityForm,
    /// Every entity its evidence names, its own first.
    entities: Vec<EntityForm>,
    app: Option<String>,
    /// Who answers for it, by the inventory.
    owner: Option<String>,
    first_seen: Timestamp,
    opened_at: Timestamp,
    last_seen: Timestamp,
    /// Matched events.
    count: u64,
    attack: AttackForm,
    /// The threat's id.
    threat: String,
    state: AlertState,
    assignee: Option<String>,
    /// Why it is closed.
    closing: Option<Closing>,
    /// What it was, by the word of whoever closed it.
    class: Option<Class>,
    /// What held it back from being told of: `silence:…`, `inhibited:…`, `maintenance:…`.
    held_back_by: Vec<String>,
    evidence: Vec<EvidenceForm>,
    /// What to do first.
    triage: String,
    /// Whether it rests on events that came too late.
    late: bool,
}
