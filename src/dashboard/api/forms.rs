//! In which form does the API answer?
//!
//! Every answer is one of these types, and the document's schemas are made from them. An alert's own
//! form is made elsewhere, as sinks send it: see [`super::alert_form`].

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::alert_form::{AlertForm, EntityForm};
use crate::alerts::{Alert, AlertState, Level, Matcher};
use crate::clock::Timestamp;
use crate::store::{ActivityLine, Audited, ChangeLine, Facets};

/// A page of alerts, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertList {
    #[schema(value_type = Vec<AlertForm>)]
    pub(super) alerts: Vec<Value>,
    /// The next page, to be sent as `after`; none behind the last one.
    pub(super) next: Option<String>,
}

/// As much of an alert as tells it from others.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertBrief {
    id: String,
    title: String,
    level: Level,
    state: AlertState,
    entity: EntityForm,
    app: Option<String>,
    last_seen: Timestamp,
}

impl AlertBrief {
    pub(super) fn of(alert: &Alert) -> Self {
        Self {
            id: alert.id.to_string(),
            title: alert.title.to_string(),
            level: alert.level,
            state: alert.state,
            entity: EntityForm::of(&alert.entity),
            app: alert.app.as_deref().map(str::to_owned),
            last_seen: alert.last_seen,
        }
    }
}

/// What became of a deed. With 202 it was accepted and is being recorded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Outcome)]
pub(super) struct Became {
    /// What it was done to.
    id: String,
    outcome: &'static str,
    /// Of a closing as a false positive: where its exception is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
}

impl Became {
    pub(super) fn of(id: String, done: bool) -> Self {
        Self { id, outcome: if done { "done" } else { "accepted, being recorded" }, exception: None }
    }

    /// Says where the alert's exception is offered, if one is.
    pub(super) fn offering(self, offers: bool) -> Self {
        Self { exception: offers.then(|| format!("/api/v1/alerts/{}/exception", self.id)), ..self }
    }
}

/// How an alert stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Standing {
    state: &'static str,
    assignee: Option<String>,
    class: Option<String>,
}

/// One line of what happened to an alert.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Activity {
    at: Timestamp,
    /// The alert's revision after it.
    revision: u32,
    /// Who; nobody for what came of itself.
    who: Option<String>,
    did: String,
    /// In their words.
    says: String,
    /// How it stood before, if that is known.
    from: Option<Standing>,
    to: Standing,
}

impl Activity {
    pub(super) fn of(line: &ActivityLine) -> Self {
        let (state, assignee, class) = line.from.clone();
        let from = state.map(|state| Standing { state, assignee, class });
        let (state, assignee, class) = line.to.clone();
        Self {
            at: line.at,
            revision: line.revision,
            who: line.who.clone(),
            did: line.did.clone(),
            says: line.says.clone(),
            from,
            to: Standing { state, assignee, class },
        }
    }
}

/// What happened to an alert, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActivityList {
    pub(super) id: String,
    pub(super) activity: Vec<Activity>,
}

/// What a change of many alerts would change: with the token exactly that is done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BulkCount {
    pub(super) count: usize,
    /// Good for one change, by whoever asked.
    pub(super) token: String,
    pub(super) expires_at: Timestamp,
    /// The first 20.
    pub(super) sample: Vec<AlertBrief>,
}

/// An alert that was left as it was.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LeftAlone {
    pub(super) id: String,
    pub(super) why: String,
}

/// What a change of many alerts has changed.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct BulkDone {
    /// Names the change, to be undone.
    pub(super) id: String,
    pub(super) outcome: &'static str,
    /// Alerts that match since the count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) joined_since: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changed: Option<usize>,
    /// Alerts that were left as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<usize>,
    /// The first 20 of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_sample: Option<Vec<LeftAlone>>,
}

/// A count, or what was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum BulkAnswer {
    Count(BulkCount),
    Done(BulkDone),
}

/// What a silence would have hidden.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SilencePreview {
    /// How far back was looked.
    pub(super) days: u64,
    /// Whether that was all of them.
    pub(super) complete: bool,
    pub(super) hidden: usize,
    /// The first 20.
    pub(super) hidden_sample: Vec<String>,
    pub(super) true_positives: usize,
    pub(super) otherwise_judged: usize,
    /// The worst that it would have hidden.
    pub(super) worst: Option<Level>,
    /// What is worse than this ends it.
    pub(super) at_most: Level,
    /// Alerts each of which would have ended it.
    pub(super) would_trip: usize,
    pub(super) would_trip_sample: Vec<String>,
    pub(super) most_in_a_day: usize,
}

/// Why a silence is over.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ended {
    /// Its time was over.
    Expired,
    /// Somebody ended it.
    ByPerson { by: String },
    /// What it hid was no longer what it was.
    Tripped { alert: String, why: String },
}

/// Where a silence stands.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SilenceState {
    Planned,
    Active,
    Expired,
    Ended,
    Tripped,
}

/// Nobody is told of alerts that it means, while it lasts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Silence {
    pub(super) id: String,
    pub(super) state: SilenceState,
    pub(super) matcher: Matcher,
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) made_at: Timestamp,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    /// How many alerts it has hidden.
    pub(super) hidden: u64,
    pub(super) most_in_a_day: usize,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) ended: Option<Ended>,
    /// What it would have hidden; when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preview: Option<SilencePreview>,
}

/// Silences.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SilenceList {
    pub(super) silences: Vec<Silence>,
}

/// Alerts that belong together.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Incident {
    /// That of its first alert.
    pub(super) id: String,
    /// `open` while one of its alerts is not closed.
    pub(super) state: &'static str,
    pub(super) level: Level,
    pub(super) first_seen: Timestamp,
    pub(super) last_seen: Timestamp,
    /// Ids of its alerts.
    pub(super) alerts: Vec<String>,
    /// What several of them share.
    pub(super) shared: Vec<EntityForm>,
}

/// Incidents, those that were active last first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IncidentList {
    pub(super) incidents: Vec<Incident>,
    /// How many there are in all.
    pub(super) count: usize,
    /// Whether all alerts of the question were looked at.
    pub(super) complete: bool,
}

/// How many alerts have one value.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FacetValue {
    /// None: they have none.
    value: Option<String>,
    count: u64,
}

/// How many alerts there are of each value; the 100 most frequent are named.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Facet)]
pub(super) struct FacetForm {
    values: Vec<FacetValue>,
    /// Further values.
    more: usize,
}

/// How many alerts a question finds, in all and of each kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Facets)]
pub(super) struct FacetsForm {
    count: u64,
    /// Whether all alerts of the question were counted.
    complete: bool,
    level: FacetForm,
    state: FacetForm,
    family: FacetForm,
    detector: FacetForm,
    app: FacetForm,
    /// Closed as what.
    class: FacetForm,
}

impl From<Facets> for FacetsForm {
    fn from(facets: Facets) -> Self {
        let Facets { count, complete, by } = facets;
        let [level, state, family, detector, app, class] = by.map(|counts| FacetForm {
            values: counts.values.into_iter().map(|(value, count)| FacetValue { value, count }).collect(),
            more: counts.more,
        });
        Self { count, complete, level, state, family, detector, app, class }
    }
}

/// What an event of the kind `change` has as its data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change)]
pub(super) struct ChangeForm {
    /// The alert's id.
    alert: String,
    /// Its revision after the change.
    revision: u32,
    /// When it was recorded.
    at: Timestamp,
    /// What: `opened`, `events` (more of the same), `raised`, `joined`, `acknowledged`, `closed`, …
    did: String,
    /// Who; nobody for what came of itself.
    who: Option<String>,
    /// The same in words.
    says: String,
    /// The alert as it stands now.
    now: AlertBrief,
}

impl ChangeForm {
    pub(super) fn of(line: &ChangeLine) -> Self {
        Self {
            alert: line.alert.id.to_string(),
            revision: line.revision,
            at: line.at,
            did: line.did.clone(),
            who: line.who.clone(),
            says: line.says.clone(),
            now: AlertBrief::of(&line.alert),
        }
    }
}

/// All alerts of a question, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertExport {
    #[schema(value_type = Vec<AlertForm>)]
    alerts: Vec<Value>,
}

/// The audit, oldest line first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditList {
    pub(super) lines: Vec<Audited>,
    /// What to send as `after` for those that follow.
    pub(super) next: Option<i64>,
}

/// An exception that would have kept an alert from being.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::dashboard) struct ExceptionOffer {
    pub(in crate::dashboard) id: String,
    /// What the file of exceptions takes.
    pub(in crate::dashboard) exception: String,
    /// What `gatewatch detectors test --cases` takes, where the evidence makes a case.
    pub(in crate::dashboard) case: Option<String>,
    /// What whoever takes it should know.
    pub(in crate::dashboard) notes: Vec<String>,
    pub(in crate::dashboard) backtest: ExceptionBacktest,
}

/// What an exception would have hidden of the alerts of the time before.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::dashboard) struct ExceptionBacktest {
    /// How many days were looked at.
    pub(in crate::dashboard) days: u64,
    /// Whether every alert of that time was looked at.
    pub(in crate::dashboard) complete: bool,
    /// Alerts that would not have been.
    pub(in crate::dashboard) hidden: usize,
    /// Some of them.
    pub(in crate::dashboard) hidden_sample: Vec<String>,
    /// How many of them were true positives.
    pub(in crate::dashboard) true_positives: usize,
    /// How many were closed as anything else by a person.
    pub(in crate::dashboard) otherwise_judged: usize,
    /// The worst of them.
    pub(in crate::dashboard) worst: Option<Level>,
    /// Alerts that would have counted fewer events.
    pub(in crate::dashboard) thinned: usize,
    /// Some of those.
    pub(in crate::dashboard) thinned_sample: Vec<String>,
    /// How many of those were true positives.
    pub(in crate::dashboard) thinned_true_positives: usize,
    /// Alerts about the same of which it covers nothing.
    pub(in crate::dashboard) kept: usize,
    /// All of this in a sentence or two.
    pub(in crate::dashboard) says: String,
}
