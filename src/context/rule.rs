//! What is meant for an endpoint, and does an event agree with it?
//!
//! Each question is answered with `None` where nobody has said anything or the record does not tell. An
//! origin counts only if the answer allowed it: that a page asked is nothing that the app did.

use std::collections::HashSet;

use crate::telemetry::{Category, Outcome};

use super::intent::{Act, Shown};
use super::networks::Networks;

/// By which way an endpoint is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Straight.
    Straight,
    /// Through gateways that call from these networks; empty where nobody has said from which.
    Gateways(Networks),
}

/// What is meant for an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The ways of proof, a space between two; empty where nobody has said.
    pub authentication: Box<str>,
    /// Who issues its tokens, without a slash at the end; empty: not said.
    pub issuers: Vec<Box<str>>,
    /// What its tokens are for, in the same way.
    pub audiences: Vec<Box<str>>,
    /// By which way it is to be called.
    pub via: Option<Via>,
    /// Origins from which browsers may call, as they are compared; one of them may be `*`.
    pub origins: Option<HashSet<Box<str>>>,
    /// Networks from which it may be called.
    pub networks: Option<Networks>,
}

impl Rule {
    pub(super) fn authentication(&self) -> Option<&str> {
        Some(&*self.authentication).filter(|ways| !ways.is_empty())
    }

    fn takes(&self, way: &str) -> bool {
        self.authentication.split(' ').any(|one| one == way)
    }

    fn takes_tokens(&self) -> bool {
        self.takes("jwt") || self.takes("easy-auth")
    }

    /// Tells whether proof of a sort that is meant was shown. That none was can be told only where the
    /// record would hold it: API Management names the subscription of every key that it takes.
    pub(super) fn proof(&self, act: &Act<'_>) -> Option<&'static str> {
        let gateway = act.category == Category::GatewayLogs;
        let shown = act.token.is_some() && self.takes_tokens()
            || act.key && self.takes(if gateway { "subscription-key" } else { "function-key" });
        let preflight = act.method.is_some_and(|method| method.eq_ignore_ascii_case("OPTIONS"));
        if shown {
            Some("shown")
        } else if gateway
            && !preflight
            && act.outcome == Outcome::Success
            && &*self.authentication == "subscription-key"
        {
            Some("missing")
        } else {
            None
        }
    }

    /// Tells what of a token is not as it is meant; nothing where other proof is meant than a token.
    pub(super) fn token(&self, token: Shown<'_>) -> Option<&'static str> {
        if !self.takes_tokens() {
            return None;
        }
        let among = |list: &[Box<str>], words: &str| {
            words.split(' ').any(|word| list.iter().any(|one| **one == *word.trim_end_matches('/')))
        };
        let issuer = token.issuer.filter(|_| !self.issuers.is_empty()).map(|one| among(&self.issuers, one));
        let audience = token.audience.filter(|_| !self.audiences.is_empty()).map(|one| among(&self.audiences, one));
        match (issuer, audience) {
            (None, None) => None,
            (Some(false), Some(false)) => Some("issuer audience"),
            (Some(false), _) => Some("issuer"),
            (_, Some(false)) => Some("audience"),
            _ => Some("intended"),
        }
    }

    /// Tells whether the origin that the answer allowed is meant: of `*` the one that asked.
    pub(super) fn origin(&self, act: &Act<'_>) -> Option<bool> {
        let origins = self.origins.as_ref()?;
        let said = |text: Option<&str>| {
            let text = text?.trim().trim_end_matches('/').to_ascii_lowercase();
            Some(text).filter(|text| !text.is_empty())
        };
        let (asked, allowed) = (said(act.origin), said(act.allowed_origin)?);
        let meant = |origin: &str| origins.contains("*") || origins.contains(origin);
        match asked {
            Some(asked) if allowed == "*" => Some(meant(&asked)),
            None if allowed == "*" => None,
            // Whatever it names, the page that asked was not let in.
            Some(asked) if asked != allowed && !meant(&allowed) => None,
            _ => Some(meant(&allowed)),
        }
    }
}
