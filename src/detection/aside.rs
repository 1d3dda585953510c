//! Which events say again what another says, and who counts them all the same?
//!
//! What an inner layer saw of a request, and that an operation began, is told again: by the outer
//! layer, and by the operation's end. Counting both would count once too often, so a detector passes
//! them over, unless its `when` names `layer` or `stage`, it looks at secrets (one in an inner log has
//! leaked too), it waits for silence, it is offered no gateway's requests, or it asks what an outer
//! layer can't know: an access log of Front Door knows no key, no token's flaw and no app.

use crate::redaction::RedactedEvent;
use crate::telemetry::{Field, Kind, Layer, Reason, Stage};

use super::condition::Condition;
use super::rule::Term;
use super::words::How;

/// Seen by an inner layer.
const INNER: u8 = 1;
/// Not the end of its operation.
const EARLY: u8 = 2;

/// In which ways an event says again what another says; none for nearly all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Aside(u8);

impl Aside {
    /// Returns in which ways `event` does.
    #[inline]
    pub(super) fn of(event: &RedactedEvent<'_>) -> Self {
        let inner = if event.layer() == Some(Layer::Inner) { INNER } else { 0 };
        let early = if matches!(event.stage(), Some(Stage::Started | Stage::Accepted)) { EARLY } else { 0 };
        Self(inner | early)
    }

    /// Tells whether a rule that counts the events of `self` passes over one of `event`.
    #[inline]
    pub(super) const fn passes_over(self, event: Self) -> bool {
        event.0 & !self.0 != 0
    }

    /// Tells whether a rule that counts the events of `self` counts what an inner layer saw.
    pub(super) const fn counts_inner(self) -> bool {
        self.0 & INNER != 0
    }

    /// Tells whether a rule that counts the events of `self` counts that an operation began.
    pub(super) const fn counts_early(self) -> bool {
        self.0 & EARLY != 0
    }

    /// Returns the events that a rule counts all the same: one of these conditions and kinds, that keeps
    /// its state `by` these terms and counts those; `all` if it counts them in any case.
    pub(super) fn counted(steps: &[Condition], kinds: &[Kind], (by, value): (&[Term], &[Term]), all: bool) -> Self {
        if all {
            return Self(INNER | EARLY);
        }
        let names = |field: Field| steps.iter().any(|step| step.mentions(&|named| named == field));
        let deep = by.iter().chain(value).any(|term| !term.fields().any(outer_knows)) || steps.iter().any(asks_inner);
        // Of a rule that is offered no gateway's records, the outer layer has none to count.
        let alone = !kinds.contains(&Kind::GatewayRequest);
        let inner = if names(Field::Layer) || deep || alone { INNER } else { 0 };
        let early = if names(Field::Stage) { EARLY } else { 0 };
        Self(inner | early)
    }
}

/// Tells whether the condition can hold of what an inner layer alone knows, and of nothing else.
fn asks_inner(condition: &Condition) -> bool {
    match condition {
        Condition::All(inner) => inner.iter().any(asks_inner),
        Condition::Any(inner) => inner.iter().all(asks_inner),
        Condition::Always | Condition::Not(_) => false,
        // A path is of one layer's records.
        Condition::Raw(_) => true,
        Condition::Text(Field::Reason, words) if words.how() == How::Is => {
            let told_by_status = |word: &str| STATUS.iter().any(|reason| reason.name().eq_ignore_ascii_case(word));
            !words.iter().any(told_by_status)
        }
        Condition::Exists(field)
        | Condition::Text(field, ..)
        | Condition::Contains(field, _)
        | Condition::Pattern(field, _)
        | Condition::Number(field, _)
        | Condition::Range(field, ..)
        | Condition::Network(field, _) => !outer_knows(*field),
    }
}

/// What an access log knows of why a request was refused: what the status says.
const STATUS: [Reason; 10] = [
    Reason::Unknown,
    Reason::BadRequest,
    Reason::AuthenticationRequired,
    Reason::Forbidden,
    Reason::NotFound,
    Reason::MethodNotAllowed,
    Reason::Timeout,
    Reason::Rate,
    Reason::ClientGone,
    Reason::Backend,
];

/// Tells whether the access log of every gateway says the field.
const fn outer_knows(field: Field) -> bool {
    matches!(
        field,
        Field::Kind
            | Field::Category
            | Field::Resource
            | Field::Gateway
            | Field::SourceIp
            | Field::SourcePort
            | Field::SourceForwarded
            | Field::SourcePeer
            | Field::SourceCountry
            | Field::SourceCity
            | Field::SourceAsn
            | Field::SourceAsOrg
            | Field::SourceLists
            | Field::SourceTags
            | Field::Layer
            | Field::ClientAgent
            | Field::ClientTls
            | Field::RequestMethod
            | Field::RequestHost
            | Field::RequestPath
            | Field::RequestQuery
            | Field::RequestSize
            | Field::ResponseStatus
            | Field::ResponseSize
            | Field::ResponseDuration
            | Field::Outcome
            | Field::Reason
            | Field::Referrer
            | Field::Correlation
            | Field::Trace
            | Field::Stage
            | Field::Weight
    )
}
