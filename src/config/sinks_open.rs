//! How does each table of `[sinks]` become a sink?
//!
//! Secrets are read here, so a file or a variable that is missing is told at the start, all of them
//! at once. Nothing is connected to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;
use crate::sinks::{
    Alertmanager, AnySink, Email, Jsonl, Kafka, Login, MailServer, Outlet, PagerDuty, Reach, Sentinel, SentinelPlace,
    Slack, Teams, Texts, Webhook,
};
use crate::sources::{Secret, producer_properties};

use super::{Sinks, sinks, variable};

/// What every sink may need.
struct Ground<'g> {
    external_url: Option<&'g str>,
    clock: &'g Clock,
    /// Whether they are only tried: what can't be read here is then taken to be sound.
    trial: bool,
}

impl Ground<'_> {
    /// Reads a secret; says which setting names it if that fails.
    fn secret(&self, name: &str, secret: &Secret) -> Result<String, String> {
        match secret.resolve(&variable) {
            Err(_) if self.trial && !matches!(secret, Secret::Literal(_)) => Ok(stand_in(name)),
            read => read.map_err(|says| format!("{name}: {says}")),
        }
    }

    fn may(&self, name: &str, named: Option<&Secret>) -> Result<Option<String>, String> {
        named.map(|named| self.secret(name, named)).transpose()
    }

    fn authority(&self, file: Option<&PathBuf>) -> Option<PathBuf> {
        file.filter(|file| !self.trial || std::fs::File::open(file).is_ok()).cloned()
    }
}

/// Returns what has the form of a secret that is not there.
fn stand_in(name: &str) -> String {
    match name {
        "url" => "https://stand-in.example/".to_owned(),
        "proxy" => "http://stand-in.example:3128".to_owned(),
        "secret" => format!("whsec_{}", "A".repeat(32)),
        _ => "0".repeat(32),
    }
}

impl Sinks {
    /// Opens every sink, or the one called `only`; `external_url` is where people reach the dashboard.
    ///
    /// # Errors
    ///
    /// What is wrong with each of those that can't be opened: `sinks.slack.ops: url: …`.
    pub fn open(
        &self,
        only: Option<&str>,
        external_url: Option<&str>,
        clock: &Clock,
    ) -> Result<Vec<Outlet>, Vec<String>> {
        let ground = Ground { external_url, clock, trial: false };
        let (mut outlets, mut wrong) = (Vec::new(), Vec::new());
        for (kind, name, at_least) in self.named() {
            if only.is_some_and(|only| only != name) {
                continue;
            }
            match self.one(kind, name, &ground) {
                Ok(sink) => outlets.push(Outlet { name: name.to_owned(), sink, at_least }),
                Err(says) => wrong.push(format!("sinks.{kind}.{name}: {says}")),
            }
        }
        if wrong.is_empty() { Ok(outlets) } else { Err(wrong) }
    }

    /// Tries to open every sink but those of Kafka, whose clients connect by themselves; returns path and complaint of
    /// each that would not open. Secrets and authorities that are not here are taken to be sound.
    pub(super) fn unopened(&self, external_url: Option<&str>, clock: &Clock) -> Vec<(String, String)> {
        let ground = Ground { external_url, clock, trial: true };
        let named = self.named();
        let others = named.into_iter().filter(|(kind, ..)| *kind != "kafka");
        others
            .filter_map(|(kind, name, _)| {
                let says = self.one(kind, name, &ground).err()?;
                Some((format!("sinks.{kind}.{name}"), says))
            })
            .collect()
    }

    fn one(&self, kind: &str, name: &str, ground: &Ground<'_>) -> Result<AnySink, String> {
        fn of<'s, S>(table: &'s BTreeMap<String, S>, name: &str) -> Result<&'s S, String> {
            table.get(name).ok_or_else(|| "there is no such sink".to_owned())
        }
        match kind {
            "webhook" => webhook(of(&self.webhook, name)?, ground),
            "jsonl" => Ok(AnySink::Jsonl(Jsonl::new(of(&self.jsonl, name)?.clone()))),
            "slack" => slack(of(&self.slack, name)?, ground),
            "teams" => teams(of(&self.teams, name)?, ground),
            "pagerduty" => pagerduty(of(&self.pagerduty, name)?, ground),
            "alertmanager" => alertmanager(of(&self.alertmanager, name)?, ground),
            "email" => email(of(&self.email, name)?, ground),
            "kafka" => kafka(of(&self.kafka, name)?),
            _ => sentinel(of(&self.sentinel, name)?, ground),
        }
    }
}

fn reach(
    ground: &Ground<'_>,
    ca_file: Option<&PathBuf>,
    proxy: Option<&Secret>,
    (allow_private, allow_plain_http): (bool, bool),
    timeout: Duration,
) -> Result<Reach, String> {
    let proxy = ground.may("proxy", proxy)?;
    Ok(Reach { ca_file: ground.authority(ca_file), proxy, allow_private, allow_plain_http, timeout })
}

fn texts(title: Option<&String>, text: Option<&String>) -> Result<Texts, String> {
    Texts::new(title.map(String::as_str), text.map(String::as_str))
}

fn webhook(table: &sinks::Webhook, ground: &Ground<'_>) -> Result<AnySink, String> {
    let reach = reach(
        ground,
        table.ca_file.as_ref(),
        table.proxy.as_ref(),
        (table.allow_private, table.allow_plain_http),
        table.timeout,
    )?;
    let (url, signed) = (ground.secret("url", &table.url)?, ground.may("secret", table.secret.as_ref())?);
    let clock = ground.clock.clone();
    let sink = Webhook::new(&url, &reach, table.at_least, signed.as_deref(), ground.external_url, clock)?;
    Ok(AnySink::Webhook(Box::new(sink)))
}

fn slack(table: &sinks::Slack, ground: &Ground<'_>) -> Result<AnySink, String> {
    let reach = reach(
        ground,
        table.ca_file.as_ref(),
        table.proxy.as_ref(),
        (table.allow_private, table.allow_plain_http),
        table.timeout,
    )?;
    let texts = texts(table.title.as_ref(), table.text.as_ref())?;
    let sink = Slack::new(&ground.secret("url", &table.url)?, &reach, texts, ground.clock.clone())?;
    Ok(AnySink::Slack(Box::new(sink)))
}

fn teams(table: &sinks::Teams, ground: &Ground<'_>) -> Result<AnySink, String> {
    let reach = reach(
        ground,
        table.ca_file.as_ref(),
        table.proxy.as_ref(),
        (table.allow_private, table.allow_plain_http),
        table.timeout,
    )?;
    let texts = texts(table.title.as_ref(), table.text.as_ref())?;
    let sink = Teams::new(&ground.secret("url", &table.url)?, &reach, texts, ground.clock.clone())?;
    Ok(AnySink::Teams(Box::new(sink)))
}

fn pagerduty(table: &sinks::PagerDuty, ground: &Ground<'_>) -> Result<AnySink, String> {
    let reach = reach(
        ground,
        table.ca_file.as_ref(),
        table.proxy.as_ref(),
        (table.allow_private, table.allow_plain_http),
        table.timeout,
    )?;
    let texts = texts(table.title.as_ref(), table.text.as_ref())?;
    let url = ground.may("url", table.url.as_ref())?.unwrap_or_else(|| PagerDuty::URL.to_owned());
    let key = ground.secret("routing_key", &table.routing_key)?;
    let sink = PagerDuty::new(&url, &key, &reach, (texts, ground.external_url), ground.clock.clone())?;
    Ok(AnySink::PagerDuty(Box::new(sink)))
}

fn alertmanager(table: &sinks::Alertmanager, ground: &Ground<'_>) -> Result<AnySink, String> {
    let reach = reach(
        ground,
        table.ca_file.as_ref(),
        table.proxy.as_ref(),
        (table.allow_private, table.allow_plain_http),
        table.timeout,
    )?;
    let login = match (&table.username, &table.password, &table.token) {
        (None, None, None) => Login::None,
        (Some(user), Some(password), None) => Login::Basic(user.clone(), ground.secret("password", password)?),
        (None, None, Some(token)) => Login::Bearer(ground.secret("token", token)?),
        _ => return Err("username: expected username and password, or token, or none of them".into()),
    };
    let url = ground.secret("url", &table.url)?;
    let sink = Alertmanager::new(&url, &reach, login, ground.external_url, ground.clock.clone())?;
    Ok(AnySink::Alertmanager(Box::new(sink)))
}

fn email(table: &sinks::Email, ground: &Ground<'_>) -> Result<AnySink, String> {
    let login = match (&table.username, &table.password) {
        (None, None) => None,
        (Some(user), Some(password)) => Some((user.clone(), ground.secret("password", password)?)),
        _ => return Err("username: expected username and password, or neither".into()),
    };
    let server = MailServer {
        host: table.host.clone(),
        port: table.port,
        tls: table.tls,
        login,
        ca_file: ground.authority(table.ca_file.as_ref()),
        allow_private: table.allow_private,
        timeout: table.timeout,
        from: table.from.clone(),
        to: table.to.clone(),
    };
    let texts = texts(table.title.as_ref(), table.text.as_ref())?;
    Ok(AnySink::Email(Box::new(Email::new(server, texts, ground.clock.clone())?)))
}

fn kafka(table: &sinks::Kafka) -> Result<AnySink, String> {
    let properties = producer_properties(&table.cluster(), &variable)?;
    Ok(AnySink::Kafka(Kafka::new(&properties, &table.topic, table.format)?))
}

fn sentinel(table: &sinks::Sentinel, ground: &Ground<'_>) -> Result<AnySink, String> {
    let reach = reach(
        ground,
        table.ca_file.as_ref(),
        table.proxy.as_ref(),
        (table.allow_private, table.allow_plain_http),
        table.timeout,
    )?;
    let place = SentinelPlace {
        endpoint: table.endpoint.clone(),
        rule: table.rule.clone(),
        stream: table.stream.clone(),
        tenant: table.tenant.clone(),
        client: table.client.clone(),
        authority: table.authority.clone(),
        scope: table.scope.clone(),
    };
    let password = ground.secret("secret", &table.secret)?;
    let sink = Sentinel::new(&place, &password, &reach, ground.external_url, ground.clock.clone())?;
    Ok(AnySink::Sentinel(Box::new(sink)))
}
