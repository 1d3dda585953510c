//! Alerts for Prometheus' Alertmanager, by its API v2.
//!
//! Alertmanager takes an alert for over once its `endsAt` has passed, so each open one is sent again
//! well before that, and a closed one with the end it had. Its labels are its identity there: when
//! they change (the level rises), the old ones are ended. What is open is kept in memory, told anew at
//! a start, and as many as there are open alerts; posts go one after the other, lest an old one
//! overtake the end of an alert.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::alerts::{Alert, AlertId, AlertState, Transition};
use crate::clock::{Clock, Timestamp};

use super::notice::{News, Notice, in_words};
use super::post::{Poster, Reach};
use super::{RenderedDelivery, SinkError};

/// How long an alert counts as open after it was last told.
const HOLDS: Duration = Duration::from_mins(15);
/// How often the open ones are told again.
const EVERY: Duration = Duration::from_mins(5);
/// Alerts in one post.
const AT_ONCE: usize = 500;

/// How to log in.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Login {
    /// Not at all.
    #[default]
    None,
    /// With a user and a password.
    Basic(String, String),
    /// With a token.
    Bearer(String),
}

/// Posts alerts to one Alertmanager.
pub struct Alertmanager {
    poster: Poster,
    login: Login,
    external_url: Option<String>,
    /// The open alerts as last told. A lock that is held over a post, because no two may overtake
    /// each other.
    firing: Mutex<BTreeMap<AlertId, Value>>,
}

impl std::fmt::Debug for Alertmanager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alertmanager").field("host", &self.poster.host).finish_non_exhaustive()
    }
}

impl Alertmanager {
    /// What only its receiver may know of what goes there.
    pub const SECRET: &'static str = "the login";

    /// Returns the sink for the Alertmanager at `url`, without `/api/v2`; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// Says which setting can't be used, why, and what is expected.
    pub fn new(
        url: &str,
        reach: &Reach,
        login: Login,
        external_url: Option<&str>,
        clock: Clock,
    ) -> Result<Self, String> {
        let url = format!("{}/api/v2/alerts", url.trim().trim_end_matches('/'));
        let (mut poster, external_url) = (Poster::new(&url, reach, clock)?, external_url.map(str::to_owned));
        if login != Login::None {
            poster = poster.carrying(Self::SECRET, reach)?;
        }
        Ok(Self { poster, login, external_url, firing: Mutex::default() })
    }

    /// Returns how often [`Alertmanager::remind`] is to be called.
    pub const fn every(&self) -> Duration {
        EVERY
    }

    /// Returns the alert as Alertmanager knows it, without its end.
    pub fn entry(&self, transition: &Transition) -> String {
        self.as_it_stands(transition.alert()).to_string()
    }

    fn as_it_stands(&self, alert: &Alert) -> Value {
        let notice = Notice::about(alert, News::Opened, self.external_url.as_deref());
        let mut labels = json!({
            "alertname": notice.detector,
            "severity": notice.level.name(),
            "family": notice.family.name(),
            "entity_kind": notice.entity_kind,
            "entity": notice.entity_value,
            "gatewatch_id": notice.alert.to_string(),
        });
        // A label without a value is as if it were not there.
        for (name, value) in [("app", &notice.app), ("owner", &notice.owner)] {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                labels[name] = value.clone().into();
            }
        }
        let mut entry = json!({
            "labels": labels,
            "annotations": {
                "summary": notice.title,
                "description": notice.why,
                "first_step": notice.first_step,
                "count": notice.count.to_string(),
                "state": notice.state.name(),
                "since": in_words(notice.since),
                "last": in_words(notice.last),
            },
            "startsAt": alert.opened_at,
        });
        if let Some(link) = &notice.link {
            entry["generatorURL"] = link.clone().into();
            entry["annotations"]["link"] = link.clone().into();
        }
        entry["over"] = (alert.state == AlertState::Closed).into();
        entry
    }

    /// Takes back what was open before a restart; it is told with the next reminder.
    pub async fn resume(&self, alerts: impl Iterator<Item = Alert> + Send) {
        let mut firing = self.firing.lock().await;
        for alert in alerts.filter(|alert| alert.state != AlertState::Closed) {
            let mut entry = self.as_it_stands(&alert);
            taken(&mut entry, "over");
            firing.entry(alert.id).or_insert(entry);
        }
    }

    /// Tells all open alerts again.
    ///
    /// # Errors
    ///
    /// Says why they could not be told; they are told again the next time.
    pub async fn remind(&self) -> Result<(), SinkError> {
        let firing = self.firing.lock().await;
        let all: Vec<&Value> = firing.values().collect();
        let mut outcome = Ok(());
        for some in all.chunks(AT_ONCE) {
            let until = self.poster.clock.now().plus(HOLDS);
            let body: Vec<Value> = some.iter().map(|entry| ended((*entry).clone(), until)).collect();
            // What is wrong with some must not end the others.
            outcome = outcome.and(self.post(&body).await.map(drop));
        }
        outcome
    }

    /// Sends an alert, once.
    pub(super) async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let other = || SinkError::Reject("the stored alert is not as this version writes it".into());
        let mut entry: Value = serde_json::from_str(delivery.payload).map_err(|_| other())?;
        let over = taken(&mut entry, "over").as_bool().ok_or_else(other)?;
        let id = entry["labels"]["gatewatch_id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(other)?;
        let now = self.poster.clock.now();
        let mut firing = self.firing.lock().await;
        let renamed = firing.get(&id).filter(|before| before["labels"] != entry["labels"]);
        let mut body: Vec<Value> = renamed.map(|before| ended(before.clone(), now)).into_iter().collect();
        body.push(ended(entry.clone(), if over { now } else { now.plus(HOLDS) }));
        let outcome = self.post(&body).await;
        if over && !matches!(outcome, Err(SinkError::Retry { .. })) {
            // Even if its end was not taken: told no more, it ends there by itself.
            firing.remove(&id);
        } else if !over && outcome.is_ok() {
            firing.insert(id, entry);
        }
        outcome
    }

    async fn post(&self, body: &[Value]) -> Result<String, SinkError> {
        let request = self.poster.json(Value::from(body).to_string());
        let request = match &self.login {
            Login::None => request,
            Login::Basic(user, password) => request.basic_auth(user, Some(password)),
            Login::Bearer(token) => request.bearer_auth(token),
        };
        self.poster.send(request).await?.judged("check user and password, or the token")
    }
}

fn taken(entry: &mut Value, name: &str) -> Value {
    entry.as_object_mut().and_then(|fields| fields.remove(name)).unwrap_or_default()
}

/// Returns the alert with its end, which is never before its beginning.
fn ended(mut entry: Value, at: Timestamp) -> Value {
    let starts = entry["startsAt"].as_str().and_then(Timestamp::parse_rfc3339).unwrap_or(at);
    entry["endsAt"] = at.max(starts).to_string().into();
    entry
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::http::StatusCode;

    use super::super::sample;
    use super::*;
    use crate::alerts::Closing;

    type Seen = Arc<Mutex<Vec<String>>>;

    /// An Alertmanager that answers with `statuses`, one after the other, and then with 200; and the
    /// bodies that came.
    async fn answering(statuses: &'static [u16]) -> (Alertmanager, Seen) {
        let (seen, came) = (Seen::default(), Arc::new(AtomicUsize::new(0)));
        let into = Arc::clone(&seen);
        let answer = move |body: String| {
            into.lock().unwrap().push(body);
            let status = statuses.get(came.fetch_add(1, Ordering::Relaxed)).copied().unwrap_or(200);
            std::future::ready(StatusCode::from_u16(status).unwrap())
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        let reach = Reach { allow_private: true, ..Reach::default() };
        let clock = Clock::fixed(Timestamp::from_seconds(1_000));
        (Alertmanager::new(&url, &reach, Login::None, None, clock).unwrap(), seen)
    }

    async fn deliver(sink: &Alertmanager, transition: &Transition) -> Result<String, SinkError> {
        sink.deliver(&RenderedDelivery { key: "3f9a:2", payload: &sink.entry(transition) }).await
    }

    #[tokio::test]
    async fn an_alert_that_is_over_is_told_no_more_even_if_its_end_was_refused() {
        let over = Transition::Closed(Alert { state: AlertState::Closed, ..sample() }, Closing::Quiet);
        for (statuses, posts) in [(&[200, 400], 2), (&[200, 503], 3)] {
            let (sink, seen) = answering(statuses).await;
            deliver(&sink, &Transition::Opened(sample())).await.unwrap();
            deliver(&sink, &over).await.unwrap_err();
            sink.remind().await.unwrap();
            // An end that may yet be taken is told again, and so the alert is open until then.
            assert_eq!(seen.lock().unwrap().len(), posts, "{statuses:?}");
        }
    }

    #[tokio::test]
    async fn open_alerts_are_told_again_though_others_were_refused() {
        let (sink, seen) = answering(&[400]).await;
        let many = AT_ONCE as u64 + 1;
        sink.resume((1..=many).map(|id| Alert { id: AlertId(id), ..sample() })).await;
        assert!(matches!(sink.remind().await, Err(SinkError::Reject(_))));
        assert!(seen.lock().unwrap().last().unwrap().contains(&AlertId(many).to_string()));
        assert_eq!(seen.lock().unwrap().len(), 2);
    }
}
