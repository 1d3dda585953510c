//! What may `[sinks]` not say although it reads well?
//!
//! Two sinks of one name, texts that are no templates, addresses that are none. What a file or a
//! variable holds is not looked at: that is read when a sink is opened.

use std::collections::BTreeMap;

use crate::sinks::{Encryption, Template};
use crate::sources::Secret;

use super::Sinks;

/// Tells `wrong` of what can't be meant: where, what, and how to mend it.
pub(super) fn check(sinks: &Sinks, wrong: &mut impl FnMut(&str, &str, &str)) {
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    for (kind, name, _) in sinks.named() {
        if let Some(other) = kinds.insert(name, kind) {
            wrong(
                &format!("sinks.{kind}.{name}"),
                &format!("{name} is the name of two sinks, a {other} and a {kind}: one would never hear of anything"),
                "give each sink a name of its own",
            );
        }
    }
    for [kind, name, which, text] in sinks.texts() {
        if let Err(problem) = Template::parse(text) {
            wrong(&format!("sinks.{kind}.{name}.{which}"), &problem.says, &problem.help);
        }
    }
    let urls = sinks.webhook.iter().map(|(name, sink)| ("webhook", name, "url", &sink.url));
    let urls = urls.chain(sinks.slack.iter().map(|(name, sink)| ("slack", name, "url", &sink.url)));
    let urls = urls.chain(sinks.teams.iter().map(|(name, sink)| ("teams", name, "url", &sink.url)));
    let pagers = sinks.pagerduty.iter().filter_map(|(name, sink)| Some(("pagerduty", name, "url", sink.url.as_ref()?)));
    let urls = urls.chain(pagers);
    let urls = urls.chain(sinks.alertmanager.iter().map(|(name, sink)| ("alertmanager", name, "url", &sink.url)));
    for (kind, name, which, url) in urls {
        let Secret::Literal(url) = url else { continue };
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            wrong(
                &format!("sinks.{kind}.{name}.{which}"),
                "the address of a sink begins with https:// or http://",
                "write the whole address, or name where it is: { env = \"NAME\" } or { file = \"/path\" }",
            );
        }
    }
    mail(sinks, wrong);
}

fn mail(sinks: &Sinks, wrong: &mut impl FnMut(&str, &str, &str)) {
    for (name, email) in &sinks.email {
        let path = format!("sinks.email.{name}");
        if email.to.is_empty() {
            wrong(&format!("{path}.to"), "nobody is named", "write to = [\"soc@example.com\"]");
        }
        if email.host.contains(['/', ':', ' ']) || email.host.is_empty() {
            wrong(
                &format!("{path}.host"),
                "this is no name of a mail server",
                "write the name alone, and port beside it",
            );
        }
        if email.tls == Encryption::None && email.password.is_some() {
            wrong(
                &format!("{path}.password"),
                "a password would be sent without TLS",
                "write tls = \"starttls\" or \"tls\", or leave it out",
            );
        }
    }
}
