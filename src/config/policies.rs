//! Which policies about personal data can't be meant?
//!
//! One that asks of a kind what can't be done to it, and one that never counts because an earlier one
//! speaks of the same everywhere: the first that fits counts, so order matters.

use crate::redaction::{Action, Kind, KindName, MOST_POLICIES, Policy, personal_kinds};

/// Tells `wrong` of each: where, what, and how to mend it.
pub fn check(policies: &[Policy], wrong: &mut impl FnMut(&str, &str, &str)) {
    if policies.len() > MOST_POLICIES {
        wrong(
            "redaction.policy",
            &format!("{} policies are more than {MOST_POLICIES}", policies.len()),
            "name several kinds, fields or paths in one policy",
        );
    }
    for (n, policy) in policies.iter().enumerate().take(MOST_POLICIES) {
        let at = format!("redaction.policy[{n}]");
        for (place, what) in unsuited(policy) {
            let path = place.map_or_else(|| format!("{at}.action"), |place| format!("{at}.kinds[{place}]"));
            let action = policy.action.name();
            wrong(&path, &format!("`{action}` can't be done to {what}"), &mend(policy.action));
        }
        if let Some(earlier) = policies[..n].iter().position(|earlier| covers(earlier, policy)) {
            wrong(
                &at,
                &format!(
                    "this policy never counts: policy {} speaks of the same kinds everywhere, and the first counts",
                    earlier + 1
                ),
                "put this one before that one, or leave it out",
            );
        }
    }
}

/// Returns the kinds to which the policy's action can't be done, and which of its names says so.
fn unsuited(policy: &Policy) -> Vec<(Option<usize>, String)> {
    let cant = |name: &KindName| name.all().any(|kind| !policy.action.suits(kind));
    if policy.kinds.is_empty() {
        let general = matches!(policy.action, Action::Keep | Action::Fingerprint | Action::Mask | Action::Remove);
        return if general { Vec::new() } else { vec![(None, "all kinds".to_owned())] };
    }
    let named = policy.kinds.iter().enumerate().filter(|(_, name)| cant(name));
    named.map(|(n, name)| (Some(n), format!("`{}`", name.name()))).collect()
}

fn mend(action: Action) -> String {
    let suits = personal_kinds().filter(|kind| action.suits(*kind)).filter_map(Kind::name);
    let suits: Vec<String> = suits.map(|name| format!("\"{name}\"")).collect();
    format!("it is for {}; write action = \"fingerprint\" for others", suits.join(", "))
}

/// Tells whether `earlier` decides everywhere about all that `later` speaks of.
fn covers(earlier: &Policy, later: &Policy) -> bool {
    let everywhere = earlier.categories.is_empty() && earlier.fields.is_empty() && earlier.paths.is_empty();
    everywhere && personal_kinds().filter(|kind| later.concerns(*kind)).all(|kind| earlier.concerns(kind))
}

#[cfg(test)]
mod tests {
    use crate::config::{load, render};

    #[test]
    fn policies_read_as_they_are_written() {
        let text = r#"
[redaction]
addresses = "prefix"
[[redaction.policy]]
kinds = ["email", "person"]
categories = ["SignInLogs", "ApiManagementGatewayLogs"]
fields = ["identity.name"]
paths = ["properties.initiatedBy.user.userPrincipalName", "claims[\"http://schemas.example/name\"]"]
action = "keep"
[[redaction.policy]]
kinds = ["national-ids", "national-id-de"]
action = "mask"
"#;
        let config = load("gatewatch.toml", text).unwrap_or_else(|problems| panic!("{problems:?}"));
        let shown = toml::to_string(&config).unwrap();
        assert!(shown.contains("GatewayLogs") && shown.contains("national-ids") && shown.contains("schemas.example"));
        let again = load("gatewatch.toml", &shown).unwrap();
        assert_eq!(config.redaction, again.redaction);
    }

    #[test]
    fn every_problem_is_told_at_once_with_its_place_and_a_mend() {
        let text = r#"
[[redaction.policy]]
kinds = ["emial", "azure-function-key"]
action = "mask"
[[redaction.policy]]
kinds = ["email"]
categories = ["SignInLog"]
fields = ["identity.nam", "secret.id"]
paths = ["a..b"]
action = "maks"
"#;
        let problems = load("gatewatch.toml", text).expect_err("it has problems");
        let shown = render(&problems, text, false);
        for part in [
            "did you mean `email`?",
            "a secret always goes",
            "did you mean `SignInLogs`?",
            "did you mean `identity.name`?",
            "is no place in a record",
            "a name is missing",
            "did you mean `mask`?",
            "gatewatch.toml:3:",
            "gatewatch.toml:10:",
            "^^^^^^",
        ] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
        assert!(problems.len() >= 7, "{shown}");
    }

    #[test]
    fn what_can_not_be_done_and_what_never_counts_is_told() {
        let text = r#"
[[redaction.policy]]
kinds = ["person", "email"]
action = "partial"
[[redaction.policy]]
action = "prefix"
[[redaction.policy]]
action = "mask"
[[redaction.policy]]
kinds = ["email"]
categories = ["AuditLogs"]
action = "keep"
[[redaction.policy]]
kinds = ["national-id-de"]
action = "mask"
"#;
        let problems = load("gatewatch.toml", text).expect_err("it has problems");
        let shown = render(&problems, text, false);
        let places: Vec<_> = problems.iter().map(|problem| problem.at.clone().map(|at| &text[at])).collect();
        assert_eq!(problems.len(), 4, "{shown}");
        assert_eq!(places[..2], [Some("\"person\""), Some("\"prefix\"")], "{shown}");
        assert!(
            shown.contains("`partial` can't be done to `person`") && shown.contains("it is for \"email\""),
            "{shown}"
        );
        assert!(shown.contains("never counts: policy 1") && shown.contains("put this one before"), "{shown}");
    }
}
