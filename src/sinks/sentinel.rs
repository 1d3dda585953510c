//! Alerts in a table of Microsoft Sentinel, by the Logs Ingestion API.
//!
//! A data collection rule takes rows of a stream and writes them to a table; `docs/notifications.md`
//! has both. Who we are is proved with a token of Entra's (client credentials), which is kept until
//! five minutes before its end, and thrown away when it is not taken. Neither token nor client secret
//! is ever shown, nor what Entra says beyond its error's code.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::alerts::Transition;
use crate::clock::Clock;
use crate::telemetry::Streams;

use super::escape::cut;
use super::ocsf::Activity;
use super::post::{Poster, Reach};
use super::{RenderedDelivery, Sink, SinkError, link};

/// A token is not used in its last minutes.
const MARGIN: Duration = Duration::from_mins(5);
/// However long it is said to hold, it is used no longer than this.
const LONGEST: Duration = Duration::from_hours(24);
/// Characters of one column at most; the service takes 64 KB.
const COLUMN: usize = 8_000;

/// Where alerts go, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentinelPlace {
    /// The ingestion endpoint of the collection rule or of a data collection endpoint.
    pub endpoint: String,
    /// The rule's immutable id, `dcr-…`.
    pub rule: String,
    /// The stream, `Custom-…`.
    pub stream: String,
    /// The tenant's id.
    pub tenant: String,
    /// The application's id.
    pub client: String,
    /// Where tokens come from, `https://login.microsoftonline.com`.
    pub authority: String,
    /// What a token is asked for, `https://monitor.azure.com/.default`.
    pub scope: String,
}

/// Sends rows to one stream.
pub struct Sentinel {
    rows: Poster,
    tokens: Poster,
    client: String,
    secret: String,
    scope: String,
    external_url: Option<String>,
    /// The token, and until when it is used by the monotonic clock. A lock, so that one delivery
    /// fetches it and the others wait.
    token: Mutex<Option<(String, Duration)>>,
}

impl std::fmt::Debug for Sentinel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sentinel").field("host", &self.rows.host).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

impl Sentinel {
    /// Returns the sink; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// Says which setting can't be used, why, and what is expected.
    pub fn new(
        place: &SentinelPlace,
        secret: &str,
        reach: &Reach,
        external_url: Option<&str>,
        clock: Clock,
    ) -> Result<Self, String> {
        let named = |name: &str, value: &str, expected: &str| {
            let sound = !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if sound { Ok(()) } else { Err(format!("{name}: expected {expected}")) }
        };
        named("rule", &place.rule, "the immutable id of a data collection rule, dcr-…")?;
        named("stream", &place.stream, "the stream's name, such as Custom-Gatewatch_CL")?;
        named("tenant", &place.tenant, "the tenant's id")?;
        let rows = format!(
            "{}/dataCollectionRules/{}/streams/{}?api-version=2023-01-01",
            place.endpoint.trim_end_matches('/'),
            place.rule,
            place.stream
        );
        let tokens = format!("{}/{}/oauth2/v2.0/token", place.authority.trim_end_matches('/'), place.tenant);
        let of = |name: &'static str| move |says: String| says.replacen("url:", &format!("{name}:"), 1);
        Ok(Self {
            rows: Poster::new(&rows, reach, clock.clone())
                .and_then(|poster| poster.carrying("a token", reach))
                .map_err(of("endpoint"))?,
            tokens: Poster::new(&tokens, reach, clock)
                .and_then(|poster| poster.carrying("the client secret", reach))
                .map_err(of("authority"))?,
            client: place.client.clone(),
            secret: secret.to_owned(),
            scope: place.scope.clone(),
            external_url: external_url.map(str::to_owned),
            token: Mutex::default(),
        })
    }

    async fn token(&self) -> Result<String, SinkError> {
        let mut kept = self.token.lock().await;
        let now = self.tokens.clock.elapsed();
        if let Some((token, _)) = kept.as_ref().filter(|(_, until)| now < *until) {
            return Ok(token.clone());
        }
        let form = [
            ("client_id", self.client.as_str()),
            ("client_secret", &self.secret),
            ("scope", &self.scope),
            ("grant_type", "client_credentials"),
        ];
        let answer = self.tokens.send(self.tokens.form(&form)).await?;
        if matches!(answer.status.as_u16(), 400 | 401) {
            let code = serde_json::from_slice::<Denied>(&answer.body).map(|denied| denied.error).unwrap_or_default();
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            let code = if code.chars().all(plain) { cut(code, 40) } else { String::new() };
            return Err(SinkError::retry(format!(
                "{} gives no token ({} {code}): check tenant, client and secret",
                self.tokens.host, answer.status
            )));
        }
        answer.judged("check tenant, client and secret")?;
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_| SinkError::retry(format!("{} gave no token that can be read", self.tokens.host)))?;
        let until = used_until(now, granted.expires_in);
        *kept = Some((granted.access_token.clone(), until));
        Ok(granted.access_token)
    }
}

impl Sink for Sentinel {
    fn render(&self, transition: &Transition, _: &Streams) -> Option<String> {
        Some(Value::from(vec![row(transition, self.external_url.as_deref())]).to_string())
    }

    async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let token = self.token().await?;
        let request = self.rows.json(delivery.payload.to_owned()).bearer_auth(&token);
        let answer = self.rows.send(request).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            // A role that was given takes half an hour to count; a token that is not taken is of no use.
            self.token.lock().await.take_if(|(kept, _)| *kept == token);
            return Err(SinkError::retry(format!(
                "{} answered {}: give the application the role Monitoring Metrics Publisher on the data collection rule",
                self.rows.host, answer.status
            )));
        }
        answer.judged("check the application's role")
    }
}

/// Returns until when a token is used that was given at `now` for as many seconds.
fn used_until(now: Duration, expires_in: u64) -> Duration {
    now.saturating_add(Duration::from_secs(expires_in).min(LONGEST).saturating_sub(MARGIN))
}

/// Returns a row of the table; times are event times.
fn row(transition: &Transition, external_url: Option<&str>) -> Value {
    let alert = transition.alert();
    let text = |text: &str| cut(text.to_owned(), COLUMN);
    let at = if matches!(transition, Transition::Opened(_)) { alert.opened_at } else { alert.last_seen };
    let entity = |entity: &crate::telemetry::Entity| json!({"kind": entity.kind.name(), "value": &*entity.value});
    json!({
        "TimeGenerated": at,
        "AlertId": alert.id.to_string(),
        "Revision": alert.revision,
        "Activity": Activity::of(transition).name(),
        "State": alert.state.name(),
        "Level": alert.level.name(),
        "Family": alert.family.name(),
        "Detector": text(&alert.detector),
        "Title": text(&alert.title),
        "Why": text(&alert.why),
        "EntityKind": alert.entity.kind.name(),
        "Entity": text(&alert.entity.value),
        "Entities": alert.entities.iter().map(entity).collect::<Vec<_>>(),
        "App": alert.app.as_deref().map(text),
        "Owner": alert.owner.as_deref().map(text),
        "FirstSeen": alert.first_seen,
        "OpenedAt": alert.opened_at,
        "LastSeen": alert.last_seen,
        "EventCount": alert.count,
        "Techniques": alert.attack.techniques,
        "Threat": text(&alert.threat),
        "Triage": text(&alert.triage),
        "Assignee": alert.assignee.as_deref().map(text),
        "Late": alert.late,
        "Link": link(external_url, alert.id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_used_until_shortly_before_its_end_and_a_day_at_most() {
        let now = Duration::from_mins(1);
        assert_eq!(used_until(now, 3_600), Duration::from_mins(56));
        assert_eq!(used_until(now, 10), now);
        assert_eq!(used_until(now, u64::MAX), now + Duration::from_hours(24).saturating_sub(MARGIN));
    }
}
