//! Which controls need code to tell whether they are configured?
//!
//! Those that look at more than one setting, at other elements, or into policies. The data names
//! them; here is the one place where a name becomes code.

use super::super::configured::Element;
use super::context::Context;
use super::evaluate::Outcome;
use super::{apis, endpoints, meant, meant_tokens, network, policies};

/// Makes the enum, its list and its names from one table.
macro_rules! checks {
    ($($(#[doc = $doc:expr])+ $variant:ident = $name:literal => $with:path,)+) => {
        /// A control in code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Check {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Check {
            /// Every check.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns its name, as controls write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Tells whether it is about what an owner means, and silent without that.
            pub const fn is_meant(self) -> bool {
                matches!(
                    self,
                    Self::MeantProof
                        | Self::MeantDeclared
                        | Self::MeantWay
                        | Self::MeantOrigins
                        | Self::MeantAudiences
                        | Self::MeantApiProof
                        | Self::MeantApiIssuers
                        | Self::MeantApiAudiences
                )
            }

            /// Tells the state on an element; nothing where the control is not about it.
            pub fn run(self, context: &Context<'_>, element: &Element) -> Vec<Outcome> {
                match self {
                    $(Self::$variant => $with(context, element),)+
                }
            }
        }
    };
}

checks! {
    /// An anonymous function has something else that guards it.
    AnonymousCompensated = "anonymous-compensated" => endpoints::anonymous_compensated,
    /// More than one of key, token and network guards a function.
    MoreThanOneLayer = "more-than-one-layer" => endpoints::more_than_one_layer,
    /// A token is checked in front of a function.
    TokenChecked = "token-checked" => endpoints::token_checked,
    /// A gateway's API leads to a function.
    BehindGateway = "behind-gateway" => endpoints::behind_gateway,
    /// A function asks for the proof that is meant.
    MeantProof = "meant-proof" => meant::proof,
    /// A function is declared.
    MeantDeclared = "meant-declared" => meant::declared,
    /// An app is closed to all but the way that is meant.
    MeantWay = "meant-way" => meant::way,
    /// An app's origins are those that are meant.
    MeantOrigins = "meant-origins" => meant::origins,
    /// An app's audiences are those that are meant.
    MeantAudiences = "meant-audiences" => meant::audiences,
    /// An API asks for the proof that is meant.
    MeantApiProof = "meant-api-proof" => meant::api_proof,
    /// An API takes tokens of the issuers that are meant alone.
    MeantApiIssuers = "meant-api-issuers" => meant_tokens::issuers,
    /// An API takes tokens for the audiences that are meant alone.
    MeantApiAudiences = "meant-api-audiences" => meant_tokens::audiences,
    /// Only telemetry can tell, of endpoints with keys.
    TelemetryWithKeys = "telemetry-with-keys" => endpoints::telemetry_with_keys,
    /// Only telemetry can tell.
    TelemetryWithLogs = "telemetry-with-logs" => endpoints::telemetry,
    /// An app behind a gateway takes calls from it alone.
    GatewayOnly = "gateway-only" => network::gateway_only,
    /// An app is not open to every address.
    NetworkRestricted = "network-restricted" => network::network_restricted,
    /// The deployment site is as closed as the app.
    ScmRestricted = "scm-restricted" => network::scm_restricted,
    /// A gateway is in a network.
    GatewayNetwork = "gateway-network" => network::gateway_network,
    /// A storage account is not open to every network.
    StorageNetwork = "storage-network" => network::storage_network,
    /// A role does not reach further than one resource.
    LeastPrivilege = "least-privilege" => network::least_privilege,
    /// The extension bundle is maintained.
    ExtensionBundle = "extension-bundle" => endpoints::extension_bundle,
    /// App Service Authentication has a provider.
    AuthProvider = "auth-provider" => endpoints::auth_provider,
    /// App Service Authentication excludes no path.
    AuthExcluded = "auth-excluded" => endpoints::auth_excluded,
    /// No secret stands in a file.
    SecretsInFile = "secrets-in-file" => endpoints::secrets_in_file,
    /// A gateway speaks no weak protocols.
    WeakProtocols = "weak-protocols" => network::weak_protocols,
    /// A backend's address is HTTPS.
    BackendHttps = "backend-https" => apis::backend_https,
    /// An API needs a key or token.
    ApiAuthenticated = "api-authenticated" => apis::authenticated,
    /// An API checks a token.
    ApiToken = "api-token" => apis::token,
    /// A policy does not drop an outer token check.
    TokenCheckKept = "token-check-kept" => apis::token_check_kept,
    /// Calls are limited.
    RateLimit = "rate-limit" => apis::rate_limit,
    /// Consumers have a quota.
    Quota = "quota" => apis::quota,
    /// The gateway authenticates to the backend.
    BackendAuthenticated = "backend-authenticated" => apis::backend_authenticated,
    /// Signatures are checked.
    JwtSignature = "jwt-signature" => policies::jwt_signature,
    /// Issuers are checked.
    JwtIssuer = "jwt-issuer" => policies::jwt_issuer,
    /// Audiences are checked.
    JwtAudience = "jwt-audience" => policies::jwt_audience,
    /// Tokens must end.
    JwtExpiry = "jwt-expiry" => policies::jwt_expiry,
    /// Clock skew is small.
    JwtClockSkew = "jwt-clock-skew" => policies::jwt_clock_skew,
    /// Keys come over HTTPS.
    JwtKeysHttps = "jwt-keys-https" => policies::jwt_keys_https,
    /// Claims decide.
    JwtClaims = "jwt-claims" => policies::jwt_claims,
    /// One tenant's tokens are taken.
    JwtTenant = "jwt-tenant" => policies::jwt_tenant,
    /// A policy's origins are listed.
    PolicyCors = "policy-cors" => policies::cors,
    /// A policy's origins are listed where credentials are let through.
    PolicyCorsCredentials = "policy-cors-credentials" => policies::cors_credentials,
    /// A policy holds no secret.
    PolicySecret = "policy-secret" => policies::literal_secret,
    /// A policy puts no key into a URL.
    PolicyKeyInUrl = "policy-key-in-url" => policies::key_in_url,
    /// A policy calls others over HTTPS.
    PolicyBackendHttps = "policy-backend-https" => policies::backend_https,
    /// A policy's fragments are there.
    FragmentsKnown = "fragments-known" => policies::fragments_known,
}
