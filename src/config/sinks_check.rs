//! What may `[sinks]` not say although it reads well?
//!
//! Two sinks of one name, texts that are no templates, addresses that are none. What a file or a
//! variable holds is not looked at: that is read when a sink is opened.

use std::collections::BTreeMap;

use crate::sinks::{Alertmanager, Encryption, PagerDuty, Slack, Teams, Template, Webhook, holds_secret, in_the_clear};
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
    plain(sinks, wrong);
    mail(sinks, wrong);
}

/// A secret goes by TLS, or stays on this machine, unless its owner says otherwise.
fn plain(sinks: &Sinks, wrong: &mut impl FnMut(&str, &str, &str)) {
    let mut tell = |path: String, (url, what): (&str, &str), allowed: bool| {
        if let Some((says, mend)) = in_the_clear(url, what).filter(|_| !allowed) {
            wrong(&path, &says, mend);
        }
    };
    let literal = |url: &Secret| match url {
        Secret::Literal(url) => url.clone(),
        _ => String::new(),
    };
    for (name, sink) in &sinks.webhook {
        let url = Some(literal(&sink.url)).filter(|url| holds_secret(url)).unwrap_or_default();
        tell(format!("sinks.webhook.{name}.url"), (&url, Webhook::SECRET), sink.allow_plain_http);
    }
    for (name, sink) in &sinks.slack {
        tell(format!("sinks.slack.{name}.url"), (&literal(&sink.url), Slack::SECRET), sink.allow_plain_http);
    }
    for (name, sink) in &sinks.teams {
        tell(format!("sinks.teams.{name}.url"), (&literal(&sink.url), Teams::SECRET), sink.allow_plain_http);
    }
    for (name, sink) in &sinks.pagerduty {
        let url = sink.url.as_ref().map(literal).unwrap_or_default();
        tell(format!("sinks.pagerduty.{name}.url"), (&url, PagerDuty::SECRET), sink.allow_plain_http);
    }
    for (name, sink) in sinks.alertmanager.iter().filter(|(_, sink)| sink.password.is_some() || sink.token.is_some()) {
        let url = literal(&sink.url);
        tell(format!("sinks.alertmanager.{name}.url"), (&url, Alertmanager::SECRET), sink.allow_plain_http);
    }
    for (name, sink) in &sinks.sentinel {
        tell(format!("sinks.sentinel.{name}.endpoint"), (&sink.endpoint, "a token"), sink.allow_plain_http);
        tell(format!("sinks.sentinel.{name}.authority"), (&sink.authority, "the client secret"), sink.allow_plain_http);
    }
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
