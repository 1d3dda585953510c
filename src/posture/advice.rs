//! By what should callers of an endpoint prove who they are?
//!
//! Who calls decides: a person signs in, a service of one's own has an identity, a consumer outside brings a
//! token; a key names nobody and is what is left where no identity is to be had. Who fits none of these is a
//! reason to look at the model and the ways in again, not to choose a mechanism.

use super::intended::Meant;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who signs in.
    Person,
    /// A service of one's own.
    Service,
    /// A consumer outside: a partner, a customer's program.
    External,
    /// None of these.
    Unknown,
}

/// What matters where that calls, the most urgent first.
const OF_PERSON: &[&str] = &[
    "function.intended-proof",
    "function.anonymous-compensated",
    "auth.required",
    "auth.unauthenticated-action",
    "auth.provider",
    "auth.excluded-paths",
    "auth.audience",
    "app.intended-audiences",
    "auth.https",
    "app.https-only",
    "app.cors-credentials",
    "app.cors-origins",
    "app.intended-origins",
    "function.explicit-level",
];
/// What matters where that calls, the most urgent first.
const OF_SERVICE: &[&str] = &[
    "function.intended-proof",
    "function.anonymous-compensated",
    "auth.required",
    "auth.audience",
    "app.intended-audiences",
    "function.no-admin-level",
    "app.managed-identity",
    "app.host-storage-identity",
    "app.intended-way",
    "app.network-restricted",
    "app.https-only",
    "function.keys-rotated",
    "function.explicit-level",
];
/// What matters where that calls, the most urgent first.
const OF_EXTERNAL: &[&str] = &[
    "function.intended-proof",
    "api.intended-proof",
    "function.behind-gateway",
    "app.gateway-only",
    "app.intended-way",
    "api.authenticated",
    "api.token-checked",
    "api.token-check-kept",
    "jwt.signature",
    "jwt.issuer",
    "jwt.audience",
    "jwt.expiry",
    "jwt.keys-over-https",
    "jwt.claims",
    "api.backend-authenticated",
    "api.rate-limit",
    "api.quota",
    "api.https",
    "app.https-only",
];
/// What matters where that calls, the most urgent first.
const OF_UNKNOWN: &[&str] = &[
    "function.declared",
    "function.intended-proof",
    "function.anonymous-compensated",
    "function.more-than-one-layer",
    "app.intended-way",
    "app.gateway-only",
    "app.network-restricted",
    "app.admin-isolation",
    "app.diagnostics",
];

/// Something to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// What it is and where it goes.
    pub title: String,
    /// The text.
    pub text: String,
}

impl Caller {
    /// Everybody, in the order in which the decision asks.
    pub const ALL: [Self; 4] = [Self::Person, Self::Service, Self::External, Self::Unknown];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
            Self::External => "external",
            Self::Unknown => "unknown",
        }
    }

    /// Returns who that is, for people.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Person => "a person",
            Self::Service => "a service of your own",
            Self::External => "a consumer outside",
            Self::Unknown => "none of these",
        }
    }

    /// Returns what fits, in one line.
    pub const fn fits(self) -> &'static str {
        match self {
            Self::Person => {
                "App Service Authentication; own token checks where issuers or routes need rules of their own"
            }
            Self::Service => {
                "a managed identity, or client credentials from outside Azure; a key only if identity is unavailable"
            }
            Self::External => {
                "tokens, checked at the gateway or in code; a subscription key beside them, never instead"
            }
            Self::Unknown => "no mechanism yet: look at the threat model and the ways in again",
        }
    }

    /// Returns the reasons, a line each.
    pub const fn because(self) -> &'static [&'static str] {
        match self {
            Self::Person => &[
                "Conditional access, a second factor and delegated permissions need to know the person: keys can't.",
                "App Service checks the token before the code runs and hands on the claims (`X-MS-CLIENT-PRINCIPAL`); what they may do, code or policy decides.",
                "Check tokens yourself (code, or `validate-jwt`) where issuers depend on the tenant or routes differ. A machine client brings a bearer token, no session.",
            ],
            Self::Service => &[
                "A managed identity holds no secret that could be copied, and its token names who calls.",
                "Outside Azure: client credentials, better with a certificate or a federated credential than with a secret.",
                "A function key only where the caller can hold no identity: kept in Key Vault, one for each caller, changed on schedule.",
            ],
            Self::External => &[
                "A token carries issuer, audience, lifetime and scopes: all of them must be checked, and in doubt nobody let in.",
                "The gateway is the place for it where there are rates, quotas and products; then the app must be closed to all others.",
                "A subscription key says which product is used, not who calls.",
            ],
            Self::Unknown => &[
                "Who calls, from where and why must stand in the model before anything is opened.",
                "Until then let nobody in: close the public way, and look at who has called so far.",
            ],
        }
    }

    /// Returns the controls that matter then, the most urgent first.
    pub const fn controls(self) -> &'static [&'static str] {
        match self {
            Self::Person => OF_PERSON,
            Self::Service => OF_SERVICE,
            Self::External => OF_EXTERNAL,
            Self::Unknown => OF_UNKNOWN,
        }
    }

    /// Returns what to copy for an endpoint of `app` (`None`: of a gateway), with what is meant filled in.
    pub fn snippets(self, app: Option<&str>, meant: Option<&Meant>) -> Vec<Snippet> {
        let first = |list: Option<&Vec<String>>, or: &str| {
            let first = list.and_then(|list| list.first());
            first.map_or_else(|| or.to_owned(), |text| quotable(text))
        };
        let app = app.map(|app| if is_plain(app) { app } else { "APP" });
        let issuer = first(meant.map(|meant| &meant.issuers), "https://login.microsoftonline.com/TENANT/v2.0");
        let audience = first(meant.map(|meant| &meant.audiences), "api://AUDIENCE");
        match (self, app) {
            (Self::Person, Some(app)) => vec![sign_in(app, &issuer, &audience, None), level("anonymous")],
            (Self::Service, Some(app)) => {
                vec![sign_in(app, &issuer, &audience, Some("CLIENT-ID-OF-THE-CALLER")), identity(), level("anonymous")]
            }
            (Self::External, Some(app)) => vec![policy(self, &issuer, &audience), closed(app), level("function")],
            (Self::Unknown, Some(app)) => vec![shut(app)],
            (Self::Unknown, None) => Vec::new(),
            (_, None) => vec![policy(self, &issuer, &audience)],
        }
    }
}

/// Tells whether a name can stand in a command or a template as it is.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns a text without what would end a quoted text of Bicep or an attribute of XML, or be more than text in it.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !"'\"<>&\\$`".contains(*c)).collect()
}

fn sign_in(app: &str, issuer: &str, audience: &str, caller: Option<&str>) -> Snippet {
    let only = caller
        .map(|id| format!("\n          defaultAuthorizationPolicy: {{ allowedApplications: ['{id}'] }}"))
        .unwrap_or_default();
    Snippet {
        title: "Bicep: App Service Authentication (`RedirectToLoginPage` in place of `Return401` for pages). It takes \
                the place of all that is set so far: `excludedPaths` that must stay have to be named in it, and each is open to anybody"
            .to_owned(),
        text: format!(
            "resource signIn 'Microsoft.Web/sites/config@2023-12-01' = {{
  name: '{app}/authsettingsV2'
  properties: {{
    platform: {{ enabled: true }}
    globalValidation: {{ requireAuthentication: true, unauthenticatedClientAction: 'Return401' }}
    identityProviders: {{
      azureActiveDirectory: {{
        enabled: true
        registration: {{ clientId: 'CLIENT-ID-OF-THE-APP', openIdIssuer: '{issuer}' }}
        validation: {{
          allowedAudiences: ['{audience}']{only}
        }}
      }}
    }}
    httpSettings: {{ requireHttps: true }}
    login: {{ tokenStore: {{ enabled: false }} }}
  }}
}}
"
        ),
    }
}

fn identity() -> Snippet {
    Snippet {
        title: "Bicep: the caller's identity (then it asks for a token for the audience above). User-assigned identities \
                that it has must be named too, or they are taken from it"
            .to_owned(),
        text: "identity: { type: 'SystemAssigned' } // or: { type: 'SystemAssigned, UserAssigned', userAssignedIdentities: { … } }\n"
            .to_owned(),
    }
}

fn level(level: &str) -> Snippet {
    let why = if level == "anonymous" {
        "the level, written down: App Service asks for the token before the code runs"
    } else {
        "the level, written down: the gateway sends the key from a named value in Key Vault (`x-functions-key`)"
    };
    Snippet { title: format!("function.json: {why}"), text: format!("\"authLevel\": \"{level}\"\n") }
}

fn policy(caller: Caller, issuer: &str, audience: &str) -> Snippet {
    // A program has roles; scopes are what a person has lent to one.
    let (claim, value, other) = if caller == Caller::Person {
        ("scp", "SCOPE", "for programs without a person: claim `roles`, value ROLE")
    } else {
        ("roles", "ROLE", "where a person has signed in: claim `scp`, value SCOPE")
    };
    let keys = issuer.trim_end_matches('/');
    Snippet {
        title: format!("API Management: the inbound section of the API's policy ({other})"),
        text: format!(
            "<inbound>
  <base />
  <validate-jwt header-name=\"Authorization\" require-scheme=\"Bearer\" failed-validation-httpcode=\"401\">
    <openid-config url=\"{keys}/.well-known/openid-configuration\" />
    <audiences><audience>{audience}</audience></audiences>
    <issuers><issuer>{issuer}</issuer></issuers>
    <required-claims><claim name=\"{claim}\" match=\"any\" separator=\" \"><value>{value}</value></claim></required-claims>
  </validate-jwt>
  <rate-limit-by-key calls=\"100\" renewal-period=\"60\" counter-key=\"@(context.Request.IpAddress)\" />
</inbound>
"
        ),
    }
}

fn closed(app: &str) -> Snippet {
    Snippet {
        title: "Bicep: only the gateway's subnet comes in (the deployment site keeps rules of its own: close it to all but what deploys)"
            .to_owned(),
        text: format!(
            "resource ingress 'Microsoft.Web/sites/config@2023-12-01' = {{
  name: '{app}/web'
  properties: {{
    ipSecurityRestrictionsDefaultAction: 'Deny'
    ipSecurityRestrictions: [
      {{ name: 'gateway', priority: 100, action: 'Allow', vnetSubnetResourceId: gatewaySubnetId }}
    ]
  }}
}}
"
        ),
    }
}

fn shut(app: &str) -> Snippet {
    Snippet {
        title: "Azure CLI: nobody comes in from outside until it is known who should, deployments from outside neither"
            .to_owned(),
        text: format!("az functionapp update -g GROUP -n {app} --set publicNetworkAccess=Disabled\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posture::controls::shipped;

    #[test]
    fn every_control_that_advice_looks_at_is_one() {
        let controls = shipped().unwrap();
        for caller in Caller::ALL {
            for id in caller.controls() {
                assert!(controls.named(id).is_some(), "{}: {id}", caller.name());
            }
        }
    }

    #[test]
    fn what_is_meant_is_filled_in_and_can_not_leave_its_quotes() {
        let meant = Meant {
            issuers: vec!["https://id.example/'\"<x>".to_owned()],
            audiences: vec!["api://orders".to_owned()],
            ..Meant::default()
        };
        let all = Caller::External.snippets(Some("func-a"), Some(&meant));
        assert!(all[0].text.contains("<issuer>https://id.example/x</issuer>"), "{}", all[0].text);
        assert!(all[0].text.contains("<audience>api://orders</audience>"), "{}", all[0].text);
        assert!(roxmltree::Document::parse(&all[0].text).is_ok());
        assert!(Caller::Person.snippets(Some("func-a"), None)[0].text.contains("'func-a/authsettingsV2'"));
        assert_eq!(Caller::Unknown.snippets(None, None), []);
    }

    #[test]
    fn no_name_is_more_than_a_name_in_a_shell_or_a_template() {
        let meant = Meant { audiences: vec!["api://a${b}\\\u{7}`c`".to_owned()], ..Meant::default() };
        for evil in ["a; rm -rf x", "$(id)", "a'b", "${x}", "a b", ""] {
            assert_eq!(
                Caller::Unknown.snippets(Some(evil), None)[0].text,
                "az functionapp update -g GROUP -n APP --set publicNetworkAccess=Disabled\n"
            );
            let text = &Caller::Person.snippets(Some(evil), Some(&meant))[0].text;
            assert!(text.contains("name: 'APP/authsettingsV2'"), "{text}");
            assert!(text.contains("allowedAudiences: ['api://a{b}c']"), "{text}");
        }
    }

    #[test]
    fn programs_are_asked_for_roles_and_people_for_scopes() {
        let meant = Meant { issuers: vec!["https://id.example/t/".to_owned()], ..Meant::default() };
        let of = |caller: Caller| caller.snippets(None, Some(&meant))[0].text.clone();
        for (caller, claim) in [(Caller::Person, "scp"), (Caller::Service, "roles"), (Caller::External, "roles")] {
            assert!(of(caller).contains(&format!("<claim name=\"{claim}\"")), "{}", of(caller));
        }
        let text = of(Caller::External);
        assert!(text.contains("url=\"https://id.example/t/.well-known/"), "{text}");
        assert!(
            text.contains("<issuer>https://id.example/t/</issuer>"),
            "the token's issuer is compared as it is: {text}"
        );
        let closed = &Caller::External.snippets(Some("a"), None)[1];
        assert!(!closed.text.contains("scmIp") && closed.title.contains("deployment site"), "{closed:?}");
        assert!(Caller::Service.snippets(Some("a"), None)[1].text.contains("'SystemAssigned, UserAssigned'"));
        assert!(Caller::Person.snippets(Some("a"), None)[0].title.contains("`excludedPaths`"));
    }
}
