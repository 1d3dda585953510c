//! What stands in a policy that should not, and what is missing in its checks of tokens?
//!
//! Each policy is looked at alone, in all its branches: what a statement says is right or wrong
//! wherever it runs. Values that are computed when a request comes are unknown; what a literal
//! secret says is never told.

use super::super::configured::{Element, Gap, Place, Policy, Statement, is_expression};
use super::context::Context;
use super::evaluate::{Outcome, State};

/// Longest time that a token may be taken after its end, seconds.
const MAX_SKEW: u64 = 300;
/// Names of headers and parameters that hold a credential, lower case.
const CREDENTIALS: [&str; 9] = [
    "authorization",
    "x-functions-key",
    "ocp-apim-subscription-key",
    "api-key",
    "x-api-key",
    "code",
    "apikey",
    "cookie",
    "x-ms-client-secret",
];
/// Parameters of URLs that hold a key, lower case.
const KEY_PARAMETERS: [&str; 7] = ["code", "subscription-key", "key", "api-key", "apikey", "sig", "access_token"];

/// A statement of a policy and where it stands.
struct Found<'m> {
    statement: &'m Statement,
    policy: &'m Policy,
}

impl Found<'_> {
    fn place(&self) -> Place {
        if self.policy.inline { self.policy.at.clone() } else { Place::line(&self.policy.at.file, self.statement.line) }
    }

    fn outcome(&self, state: State, says: &str) -> Outcome {
        let inside =
            if self.policy.inline { format!(" (line {} of the policy)", self.statement.line) } else { String::new() };
        Outcome::new(state, format!("{}: {says}{inside}", self.statement.name), &self.place())
    }
}

/// Returns the statements called by one of `names`, in all forms and branches of a policy.
fn find<'m>(context: &Context<'m>, element: &Element, names: &[&str]) -> Vec<Found<'m>> {
    let Some((_, _, variants)) = context.policy(element) else { return Vec::new() };
    let mut found = Vec::new();
    for policy in variants {
        for section in &policy.sections {
            below(section, policy, names, &mut found);
        }
    }
    found
}

fn below<'m>(list: &'m [Statement], policy: &'m Policy, names: &[&str], found: &mut Vec<Found<'m>>) {
    for statement in list {
        if names.contains(&statement.name.as_str()) {
            found.push(Found { statement, policy });
        }
        below(&statement.children, policy, names, found);
    }
}

/// Tells the state of each statement called by one of `names`.
fn each(
    context: &Context<'_>,
    element: &Element,
    names: &[&str],
    with: impl Fn(&Statement) -> Option<(State, &'static str)>,
) -> Vec<Outcome> {
    let found = find(context, element, names);
    found.iter().filter_map(|one| with(one.statement).map(|(state, says)| one.outcome(state, says))).collect()
}

/// Returns the texts of `inner` statements within `outer`; one that is empty names nothing.
fn listed<'s>(statement: &'s Statement, outer: &str, inner: &'s str) -> Vec<&'s str> {
    let list = statement.child(outer).map(|list| list.named(inner));
    list.into_iter().flatten().map(|one| one.text.trim()).filter(|text| !text.is_empty()).collect()
}

/// Tells whether an attribute says `false`.
pub fn is_false(value: &str) -> bool {
    value.trim().eq_ignore_ascii_case("false")
}

const JWT: &[&str] = &["validate-jwt"];
const ENTRA: &[&str] = &["validate-azure-ad-token"];

/// Signatures are checked.
pub fn jwt_signature(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, JWT, |jwt| {
        let keys = jwt.child("openid-config").is_some() || jwt.child("issuer-signing-keys").is_some();
        Some(match jwt.attribute("require-signed-tokens") {
            Some(value) if is_false(value) => (State::NotConfigured, "it takes tokens without a signature"),
            Some(value) if is_expression(value) => {
                (State::Unknown, "whether it takes tokens without a signature is computed")
            }
            _ if keys => (State::Configured, "it checks signatures"),
            _ => (State::NotConfigured, "it names no keys to check signatures with"),
        })
    })
}

/// Issuers are checked.
pub fn jwt_issuer(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, JWT, |jwt| {
        let issuers = listed(jwt, "issuers", "issuer");
        let urls: Vec<&str> = jwt.named("openid-config").filter_map(|one| one.attribute("url")).collect();
        let any_tenant = |url: &&str| {
            let lower = url.to_ascii_lowercase();
            ["/common/", "/organizations/", "/consumers/"].iter().any(|part| lower.contains(part))
        };
        Some(if !issuers.is_empty() {
            (State::Configured, "it names issuers")
        } else if urls.iter().any(any_tenant) {
            (State::NotConfigured, "it names no issuer, and the keys are those of every tenant")
        } else if urls.is_empty() {
            (State::NotConfigured, "it names no issuer and no configuration that does")
        } else if urls.iter().any(|url| is_expression(url)) {
            (State::Unknown, "it names no issuer, and whose configuration it takes is set elsewhere")
        } else {
            (State::Configured, "the issuer is that of its configuration")
        })
    })
}

/// Audiences are checked.
pub fn jwt_audience(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    let names = [JWT, ENTRA].concat();
    each(context, element, &names, |jwt| {
        let by_claim = jwt
            .child("required-claims")
            .is_some_and(|list| list.named("claim").any(|claim| claim.attribute("name") == Some("aud")));
        let clients = listed(jwt, "client-application-ids", "application-id");
        Some(if !listed(jwt, "audiences", "audience").is_empty() || by_claim {
            (State::Configured, "it names audiences")
        } else if !listed(jwt, "backend-application-ids", "application-id").is_empty() {
            (State::Configured, "it names the application that tokens are for")
        } else if jwt.name == "validate-azure-ad-token" && !clients.is_empty() {
            (State::Unknown, "it names the applications that tokens may come from, not whom they are for")
        } else {
            (State::NotConfigured, "it names no audience: tokens for other APIs are taken")
        })
    })
}

/// Tokens must end.
pub fn jwt_expiry(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, JWT, |jwt| {
        Some(match jwt.attribute("require-expiration-time") {
            Some(value) if is_false(value) => (State::NotConfigured, "it takes tokens that never end"),
            Some(value) if is_expression(value) => {
                (State::Unknown, "whether it takes tokens that never end is computed")
            }
            _ => (State::Configured, "tokens must end"),
        })
    })
}

/// Clock skew is small.
pub fn jwt_clock_skew(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, JWT, |jwt| {
        Some(match jwt.attribute("clock-skew") {
            None => (State::Configured, "no time is let pass after a token's end"),
            Some(value) => match value.trim().parse::<u64>() {
                Ok(seconds) if seconds <= MAX_SKEW => {
                    (State::Configured, "at most five minutes are let pass after a token's end")
                }
                Ok(_) => (State::NotConfigured, "more than five minutes are let pass after a token's end"),
                Err(_) => (State::Unknown, "how much time is let pass after a token's end is computed"),
            },
        })
    })
}

/// Keys come over HTTPS.
pub fn jwt_keys_https(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, &["openid-config"], |config| {
        let url = config.attribute("url")?.trim().to_ascii_lowercase();
        Some(if url.starts_with("https://") {
            (State::Configured, "its keys come over HTTPS")
        } else if is_expression(&url) {
            (State::Unknown, "where its keys come from is set elsewhere")
        } else {
            (State::NotConfigured, "its keys come over plain HTTP")
        })
    })
}

/// Claims decide.
pub fn jwt_claims(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    let names = [JWT, ENTRA].concat();
    each(context, element, &names, |jwt| {
        let claims = jwt.child("required-claims").is_some_and(|list| list.child("claim").is_some());
        let passed_on = jwt.attribute("output-token-variable-name").is_some();
        let clients = jwt.child("client-application-ids").is_some();
        Some(if claims {
            (State::Configured, "it asks for claims")
        } else if passed_on {
            (State::Configured, "the token is kept for a decision by its claims")
        } else if clients {
            (State::Configured, "it lets in the applications that it names")
        } else {
            // The app behind may decide by claims.
            (State::Unknown, "it asks for no claim; the app may decide by claims itself")
        })
    })
}

/// One tenant's tokens are taken.
pub fn jwt_tenant(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, ENTRA, |entra| {
        let tenant = entra.attribute("tenant-id").unwrap_or_default().trim().to_ascii_lowercase();
        Some(match tenant.as_str() {
            "common" | "organizations" | "consumers" => (State::NotConfigured, "it takes tokens of every tenant"),
            "" => (State::NotConfigured, "it names no tenant"),
            value if is_expression(value) => (State::Unknown, "its tenant is set elsewhere"),
            _ => (State::Configured, "it takes tokens of one tenant"),
        })
    })
}

/// Returns the state of a `cors` statement's origins.
fn origins(cors: &Statement) -> State {
    let origins = listed(cors, "allowed-origins", "origin");
    if origins.iter().any(|origin| matches!(origin.trim(), "*" | "null")) {
        State::NotConfigured
    } else if origins.iter().any(|origin| is_expression(origin)) {
        State::Unknown
    } else {
        State::Configured
    }
}

/// Origins are listed.
pub fn cors(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, &["cors"], |cors| {
        let state = origins(cors);
        Some((
            state,
            match state {
                State::NotConfigured => "every origin is allowed",
                State::Unknown => "its origins are computed",
                State::Configured => "its origins are listed",
            },
        ))
    })
}

/// Origins are listed where credentials are let through.
pub fn cors_credentials(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, &["cors"], |cors| {
        let allowed = cors.attribute("allow-credentials").unwrap_or("false").trim().to_ascii_lowercase();
        let state = match (allowed.as_str(), origins(cors)) {
            ("true", state) => state,
            (value, State::NotConfigured) if is_expression(value) => State::Unknown,
            _ => return None,
        };
        Some((
            state,
            match state {
                State::NotConfigured => "every origin is allowed, with credentials",
                State::Unknown => "credentials are allowed, and its origins are computed",
                State::Configured => "credentials are allowed for listed origins",
            },
        ))
    })
}

/// The shortest value of a parameter called `code` that may be a key, bytes: countries and currencies
/// have codes too.
const MIN_CODE: usize = 12;

/// Tells whether the values of a parameter called `code` are written down and too short for a key.
fn is_plain_code(name: &str, values: &[&str]) -> bool {
    let plain = |value: &&str| !is_expression(value) && value.trim().len() < MIN_CODE;
    name == "code" && !values.is_empty() && values.iter().all(plain)
}

/// No secret is written down.
pub fn literal_secret(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    let names = ["set-header", "set-query-parameter", "authentication-basic", "key", "check-header"];
    each(context, element, &names, |statement| {
        let name = statement.attribute("name").unwrap_or_default().to_ascii_lowercase();
        let literal = |text: &str| !text.trim().is_empty() && !is_expression(text);
        let values: Vec<&str> = statement.named("value").map(|value| value.text.as_str()).collect();
        let wrong = match statement.name.as_str() {
            "authentication-basic" => statement.attribute("password").is_some_and(literal),
            // A key that signatures are checked with, in the policy itself.
            "key" => literal(&statement.text) && statement.attribute("n").is_none(),
            _ if !CREDENTIALS.contains(&name.as_str()) || is_plain_code(&name, &values) => return None,
            _ if statement.attribute("exists-action") == Some("delete") => return None,
            _ => values.iter().any(|value| literal(value)),
        };
        Some(if wrong {
            (State::NotConfigured, "a secret is written here")
        } else {
            (State::Configured, "its secret comes from elsewhere")
        })
    })
}

/// Tells whether a URL holds a key.
fn holds_key(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let query = lower.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| {
        pair.split_once('=').is_some_and(|(name, value)| {
            KEY_PARAMETERS.contains(&name) && !value.is_empty() && !is_plain_code(name, &[value])
        })
    })
}

/// No key travels in a URL.
pub fn key_in_url(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    let names = ["set-query-parameter", "rewrite-uri", "set-backend-service", "set-url"];
    each(context, element, &names, |statement| {
        let wrong = match statement.name.as_str() {
            "set-query-parameter" => {
                let name = statement.attribute("name").unwrap_or_default().to_ascii_lowercase();
                let values: Vec<&str> = statement.named("value").map(|value| value.text.as_str()).collect();
                KEY_PARAMETERS.contains(&name.as_str())
                    && !is_plain_code(&name, &values)
                    && statement.attribute("exists-action") != Some("delete")
            }
            "rewrite-uri" => statement.attribute("template").is_some_and(holds_key),
            "set-backend-service" => statement.attribute("base-url").is_some_and(holds_key),
            _ => holds_key(&statement.text),
        };
        wrong.then_some((State::NotConfigured, "a key is put into the URL"))
    })
}

/// Others are called over HTTPS.
pub fn backend_https(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    each(context, element, &["set-backend-service", "set-url"], |statement| {
        let url = match statement.name.as_str() {
            "set-url" => Some(statement.text.as_str()),
            _ => statement.attribute("base-url"),
        };
        let url = url?.trim().to_ascii_lowercase();
        Some(if url.starts_with("http://") {
            (State::NotConfigured, "the address begins with http://")
        } else if is_expression(&url) && !url.starts_with("https://") {
            (State::Unknown, "the address is set elsewhere")
        } else {
            (State::Configured, "the address begins with https://")
        })
    })
}

/// Fragments are there.
pub fn fragments_known(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    let Some((policies, _, variants)) = context.policy(element) else { return Vec::new() };
    let mut gaps: Vec<(Gap, &Place)> = Vec::new();
    for policy in variants {
        for section in super::super::configured::SECTIONS {
            gaps.extend(policies.alone(section, policy).gaps.into_iter().map(|gap| (gap, &policy.at)));
        }
    }
    gaps.sort();
    gaps.dedup();
    gaps.into_iter()
        .map(|(gap, at)| match gap {
            Gap::Missing(name) => Outcome::new(State::Unknown, format!("`{name}` is in no file that was read"), at),
            Gap::TooLarge => Outcome::new(State::Unknown, "it takes too many steps to follow".to_owned(), at),
            Gap::Circle(name) => Outcome::new(
                State::NotConfigured,
                format!("the fragment `{name}` includes itself, by way of others"),
                at,
            ),
        })
        .collect()
}
