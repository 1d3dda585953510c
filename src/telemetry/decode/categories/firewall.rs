//! What did a gateway's firewall do about a request? What both firewalls have in common.
//!
//! In detection mode a firewall still writes `Block`; the request went through, so that counts as
//! logged. Only a request that was kept out has failed: of any other the access log says how it ended.

use crate::telemetry::{Decision, Event, Outcome, Reason};

/// Fills what the firewall did, from its `action` and whether it only `detects`.
pub(super) fn decided(event: &mut Event<'_>, action: &str, detects: bool) {
    event.decision = decision(action).map(|decision| match decision {
        Decision::Denied | Decision::Challenged if detects => Decision::Logged,
        other => other,
    });
    if event.decision == Some(Decision::Denied) {
        (event.outcome, event.reason) = (Outcome::Failure, Reason::Firewall);
    }
}

/// Returns what the word `action` means, `None` if we don't know it.
fn decision(action: &str) -> Option<Decision> {
    let known = ACTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(action));
    known.map(|&(_, decision)| decision).or_else(|| {
        let starts = |word: &str| action.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        (starts("JSChallenge") || starts("JS Challenge") || starts("CAPTCHA")).then_some(Decision::Challenged)
    })
}

const ACTIONS: [(&str, Decision); 18] = [
    ("Block", Decision::Denied),
    ("Blocked", Decision::Denied),
    ("Redirect", Decision::Denied),
    ("Allow", Decision::Allowed),
    ("Allowed", Decision::Allowed),
    ("Log", Decision::Logged),
    ("Detected", Decision::Logged),
    ("Matched", Decision::Matched),
    ("AnomalyScoring", Decision::Matched),
    ("LogAndScore", Decision::Matched),
    // A challenge that was met, and one that was not.
    ("JSChallengePass", Decision::Allowed),
    ("JSChallengeValid", Decision::Allowed),
    ("JSChallengeBlock", Decision::Denied),
    ("CAPTCHAPass", Decision::Allowed),
    ("CAPTCHAValid", Decision::Allowed),
    ("CAPTCHABlock", Decision::Denied),
    ("JSChallengeIssued", Decision::Challenged),
    ("CAPTCHAIssued", Decision::Challenged),
];
