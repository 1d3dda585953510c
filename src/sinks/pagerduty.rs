//! Alerts as incidents of PagerDuty, by its Events API v2.
//!
//! An alert is one incident: its id is the `dedup_key`, so that what is sent twice is one, what is
//! acknowledged or closed here is acknowledged or resolved there, and an alert that comes back opens
//! it anew. The routing key is put in when an event is sent, so that no store or preview holds it.

use serde_json::{Value, json};

use crate::alerts::{AlertState, Level, Transition};
use crate::clock::Clock;

use super::escape::{plain, unlinked};
use super::letter::told;
use super::notice::{News, Notice};
use super::post::{Poster, Reach};
use super::template::Texts;
use super::{RenderedDelivery, SinkError};

/// Characters of a summary at most.
const SUMMARY: usize = 1_024;

/// Sends events to one service.
pub struct PagerDuty {
    poster: Poster,
    routing_key: String,
    texts: Texts,
    external_url: Option<String>,
}

impl std::fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PagerDuty").field("host", &self.poster.host).finish_non_exhaustive()
    }
}

impl PagerDuty {
    /// What only its receiver may know of what goes there.
    pub const SECRET: &'static str = "the routing key";

    /// Where events go unless told otherwise; `https://events.eu.pagerduty.com/v2/enqueue` in the EU.
    pub const URL: &'static str = "https://events.pagerduty.com/v2/enqueue";

    /// Returns the sink; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// Says which setting can't be used, why, and what is expected.
    pub fn new(
        url: &str,
        routing_key: &str,
        reach: &Reach,
        (texts, external_url): (Texts, Option<&str>),
        clock: Clock,
    ) -> Result<Self, String> {
        let sound = routing_key.len() == 32 && routing_key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !sound {
            return Err("routing_key: expected the 32 letters and digits of an Events API v2 integration".into());
        }
        let external_url = external_url.map(str::to_owned);
        let poster = Poster::new(url, reach, clock)?.carrying(Self::SECRET, reach)?;
        Ok(Self { poster, routing_key: routing_key.to_owned(), texts, external_url })
    }

    /// Returns the event about `transition`, told as `news`, without the routing key; `None` for what
    /// changes no incident there, such as whom an alert was given to.
    pub fn event(&self, transition: &Transition, news: News) -> Option<String> {
        let alert = transition.alert();
        let notice = Notice { news, ..Notice::of(transition, self.external_url.as_deref()) };
        let action = match news {
            News::Acknowledged => "acknowledge",
            News::Restored if alert.state == AlertState::Acknowledged => "acknowledge",
            News::Closed => "resolve",
            News::Assigned | News::Unassigned | News::Noted | News::Restored | News::Unsilenced => return None,
            News::Opened | News::Reopened | News::Worse | News::Still | News::Events => "trigger",
        };
        let mut event = json!({ "event_action": action, "dedup_key": notice.alert.to_string() });
        if action == "trigger" {
            event["payload"] = json!({
                "summary": plain(&self.texts.title.fill(&notice, unlinked), SUMMARY),
                "source": notice.entity_value,
                "severity": severity(notice.level),
                "timestamp": alert.opened_at,
                "group": notice.family.name(),
                "class": notice.detector,
                "custom_details": details(&notice, &self.texts.text.fill(&notice, unlinked)),
            });
            if let Some(app) = &notice.app {
                event["payload"]["component"] = app.clone().into();
            }
            event["client"] = "Gatewatch".into();
            if let Some(link) = &notice.link {
                event["client_url"] = link.clone().into();
                event["links"] = json!([{ "href": link, "text": "Open the alert" }]);
            }
        }
        Some(event.to_string())
    }

    /// Sends an event, once.
    pub(super) async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let mut event: Value = serde_json::from_str(delivery.payload)
            .map_err(|_| SinkError::Reject("the stored event is not JSON: it was made by another version".into()))?;
        event["routing_key"] = self.routing_key.clone().into();
        let answer = self.poster.send(self.poster.json(event.to_string())).await?;
        answer.judged("check the routing key")
    }
}

/// Returns a level in PagerDuty's words.
const fn severity(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::High => "error",
        Level::Medium => "warning",
        Level::Low | Level::Informational => "info",
    }
}

fn details(notice: &Notice, text: &str) -> Value {
    let facts = notice.facts().into_iter().map(|(label, text)| (label.to_owned(), told(label, text).into()));
    let mut details: serde_json::Map<String, Value> = facts.collect();
    details.insert("What".into(), text.into());
    details.insert("First".into(), notice.first_step.clone().into());
    details.into()
}
