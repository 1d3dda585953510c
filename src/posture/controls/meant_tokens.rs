//! Does a gateway take the tokens that are meant, and no others?
//!
//! Each statement that checks tokens is looked at, wherever it runs: what it lets in is held against the
//! issuers and audiences of the model, those of the gateway and its operations, or where nobody has said any
//! there, of the apps behind. A check that names none is told by a control of its own.

use super::super::configured::{Element, Place, PolicyScope, Run, Sort, Statement, is_expression};
use super::super::intended::{Meant, Site};
use super::context::{Context, TOKEN_CHECKS, names};
use super::evaluate::{Outcome, State, cut};

/// Hosts of Entra, whose issuers are named by their tenant.
const ENTRA: [&str; 3] =
    ["https://login.microsoftonline.com/", "https://sts.windows.net/", "https://login.windows.net/"];
const CONFIGURATION: &str = "/.well-known/openid-configuration";

/// What a statement names.
enum Named {
    /// Just this.
    This(String),
    /// The issuer whose configuration lies at an address, as far as the address tells.
    Of(String),
    /// Whose keys are taken beside issuers that are listed, as far as an address tells.
    KeysOf(String),
    /// The tenant that this issuer is of, in whatever form.
    Tenant(String),
    /// An application, as its id or as an address of it.
    Application(String),
    /// What is known at deployment only.
    Computed,
}

/// Whether it is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fits {
    Yes,
    No,
    Untold,
}

/// Tokens come from the issuers that are meant alone.
pub fn issuers(context: &Context<'_>, api: &Element) -> Vec<Outcome> {
    held(context, api, |meant| &meant.issuers, issuers_of, "issuer")
}

/// Tokens are for the audiences that are meant alone.
pub fn audiences(context: &Context<'_>, api: &Element) -> Vec<Outcome> {
    held(context, api, |meant| &meant.audiences, audiences_of, "audience")
}

fn held(
    context: &Context<'_>,
    api: &Element,
    of: fn(&Meant) -> &[String],
    named: fn(&Statement) -> Vec<Named>,
    what: &str,
) -> Vec<Outcome> {
    let meant: Vec<String> = meant(context, api, of).iter().map(|one| plain(one)).collect();
    if meant.is_empty() {
        return Vec::new();
    }
    let of = |run: &Run<'_>| {
        let all = named(run.statement);
        let of = |fits: Fits| -> Vec<&str> {
            all.iter().filter(|one| one.fits(&meant) == fits).filter_map(Named::text).collect()
        };
        let (other, untold) = (of(Fits::No), of(Fits::Untold));
        let (state, says) = if !other.is_empty() {
            (State::NotConfigured, format!("{what} not meant: `{}`", cut(&other.join(", "))))
        } else if all.iter().any(|one| matches!(one, Named::Computed)) {
            (State::Unknown, format!("which {what} it takes is known at deployment only"))
        } else if !untold.is_empty() {
            (
                State::Unknown,
                format!("whether this is an {what} that is meant is not known: `{}`", cut(&untold.join(", "))),
            )
        } else if all.is_empty() {
            return None;
        } else {
            (State::Configured, format!("each {what} is one that is meant"))
        };
        let place = if run.policy.inline {
            run.policy.at.clone()
        } else {
            Place::line(&run.policy.at.file, run.statement.line)
        };
        Some(Outcome::new(state, format!("{}: {says}", run.statement.name), &place))
    };
    checks(context, api).iter().filter_map(of).collect()
}

/// Returns what is meant for the tokens of an API.
fn meant<'m>(context: &Context<'m>, api: &Element, of: fn(&Meant) -> &[String]) -> Vec<&'m str> {
    let Some(index) = &context.meant else { return Vec::new() };
    let mut all: Vec<&str> = Vec::new();
    let own = index.site(true, names(api).0);
    all.extend(own.into_iter().flat_map(|site| of(&site.meant)).map(String::as_str));
    let operations = context.model.children(Sort::Operation, &api.name);
    let declared = operations.filter_map(|one| index.operation(&one.name));
    all.extend(declared.flat_map(|one| of(&one.meant)).map(String::as_str));
    if all.is_empty() {
        let behind: Vec<&'m Site> =
            context.behind(&api.name).into_iter().filter_map(|app| index.site(false, app)).collect();
        let endpoints = behind.iter().flat_map(|site| site.endpoints.iter().map(|one| &one.meant));
        let apps = behind.iter().map(|site| &site.meant);
        all.extend(apps.chain(endpoints).flat_map(of).map(String::as_str));
    }
    all
}

/// Returns the statements that check tokens of an API, or of one of its operations.
fn checks<'m>(context: &Context<'m>, api: &Element) -> Vec<Run<'m>> {
    let (gateway, own) = names(api);
    let policies = context.model.gateways.of(gateway);
    let mut runs: Vec<Run<'m>> = context.inbound(api).iter().flat_map(|one| one.runs.iter().cloned()).collect();
    for operation in policies.operations_of(&own) {
        let scope = PolicyScope::Operation(own.clone(), operation.to_owned());
        let alone = policies.of(&scope).iter().flat_map(|policy| policies.alone("inbound", policy).runs);
        runs.extend(alone);
    }
    runs.retain(|run| TOKEN_CHECKS.contains(&run.statement.name.as_str()));
    // The same statement runs for each way in.
    let mut known: Vec<*const Statement> = Vec::new();
    runs.retain(|run| {
        let at = std::ptr::from_ref(run.statement);
        let new = !known.contains(&at);
        known.push(at);
        new
    });
    runs
}

impl Named {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Computed => None,
            Self::This(text) | Self::Of(text) | Self::KeysOf(text) | Self::Tenant(text) | Self::Application(text) => {
                Some(text)
            }
        }
    }

    /// Tells whether it is one of those that are meant. Only what is written out, and another tenant's id, is
    /// surely another: a tenant has names beside its id, and an address need not be called as its issuer is.
    fn fits(&self, meant: &[String]) -> Fits {
        let surely = |is_meant: bool| if is_meant { Fits::Yes } else { Fits::No };
        let perhaps = |is_meant: bool| if is_meant { Fits::Yes } else { Fits::Untold };
        match self {
            Self::Computed => Fits::Untold,
            Self::This(text) => surely(meant.contains(&plain(text))),
            Self::Of(text) => perhaps(meant.contains(&plain(text))),
            Self::KeysOf(text) => {
                let own = plain(text);
                perhaps(host_of(&own).is_some() && meant.iter().any(|one| host_of(one) == host_of(&own)))
            }
            Self::Tenant(text) => {
                let own = plain(text);
                let tenant = tenant_of(&own).unwrap_or_default();
                let tenants: Vec<&str> = meant.iter().filter_map(|one| tenant_of(one)).collect();
                let by_id = is_any(tenant) || is_id(tenant) && tenants.iter().all(|one| is_id(one));
                match tenants.contains(&tenant) {
                    false if by_id && !tenants.is_empty() => Fits::No,
                    is_meant => perhaps(is_meant),
                }
            }
            Self::Application(text) => {
                let id = plain(text);
                surely(meant.iter().any(|one| *one == id || one.strip_prefix("api://") == Some(&id)))
            }
        }
    }
}

fn issuers_of(check: &Statement) -> Vec<Named> {
    if check.name == "validate-azure-ad-token" {
        let tenant = check.attribute("tenant-id").unwrap_or_default().trim();
        return match tenant.to_ascii_lowercase().as_str() {
            any if any.is_empty() || is_any(any) => Vec::new(),
            _ if is_expression(tenant) => vec![Named::Computed],
            _ => vec![Named::Tenant(format!("{}{tenant}/v2.0", ENTRA[0]))],
        };
    }
    let listed = texts(check, "issuers", "issuer");
    let is_listed = !listed.is_empty();
    let configurations = check.named("openid-config").filter_map(|one| one.attribute("url"));
    let of = configurations.filter_map(|url| issuer_of(url, is_listed));
    listed.into_iter().map(this).chain(of).collect()
}

/// Returns the issuer whose configuration this is. That of all tenants is bounded by issuers that are listed.
fn issuer_of(url: &str, is_listed: bool) -> Option<Named> {
    let address = url.split('?').next().unwrap_or_default().trim().trim_end_matches('/');
    let issuer = address.strip_suffix(CONFIGURATION).unwrap_or(address);
    Some(match this(issuer) {
        Named::This(issuer) => match tenant_of(&plain(&issuer)) {
            Some(any) if is_listed && is_any(any) => return None,
            Some(_) => Named::Tenant(issuer),
            None if is_listed => Named::KeysOf(issuer),
            None => Named::Of(issuer),
        },
        other => other,
    })
}

fn audiences_of(check: &Statement) -> Vec<Named> {
    let claims = check.child("required-claims").into_iter().flat_map(|list| list.named("claim"));
    let by_claim = claims.filter(|claim| claim.attribute("name") == Some("aud")).flat_map(|claim| claim.named("value"));
    let listed = texts(check, "audiences", "audience").into_iter().chain(by_claim.map(|value| value.text.as_str()));
    let applications = texts(check, "backend-application-ids", "application-id").into_iter().map(|id| match this(id) {
        Named::This(id) => Named::Application(id),
        other => other,
    });
    listed.map(this).chain(applications).collect()
}

fn texts<'s>(check: &'s Statement, outer: &str, inner: &'s str) -> Vec<&'s str> {
    check.child(outer).map(|list| list.named(inner).map(|one| one.text.as_str()).collect()).unwrap_or_default()
}

fn this(text: &str) -> Named {
    if is_expression(text) { Named::Computed } else { Named::This(text.trim().to_owned()) }
}

/// Returns the tenant of an issuer of Entra, lower case.
fn tenant_of(issuer: &str) -> Option<&str> {
    let rest = ENTRA.iter().find_map(|host| issuer.strip_prefix(host))?;
    rest.split('/').next().filter(|tenant| !tenant.is_empty())
}

/// Tells whether this stands for more than one tenant.
fn is_any(tenant: &str) -> bool {
    matches!(tenant, "common" | "organizations" | "consumers")
}

/// Tells whether a tenant is named by its id, not by a domain of it.
fn is_id(tenant: &str) -> bool {
    let digits = |part: &str, long: usize| part.len() == long && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut parts = tenant.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|long| parts.next().is_some_and(|part| digits(part, long)))
        && parts.next().is_none()
}

fn host_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    rest.split(['/', ':']).next().filter(|host| !host.is_empty())
}

fn plain(text: &str) -> String {
    text.trim().trim_end_matches('/').to_ascii_lowercase()
}
