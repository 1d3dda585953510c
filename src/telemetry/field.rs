//! The vocabulary: every field of an event by the name that detectors, pages and people use.

use std::net::IpAddr;

macro_rules! fields {
    ($($variant:ident $name:literal $ecs:literal $ocsf:literal $doc:literal,)*) => {
        /// A field of an event. Its name is one vocabulary for detectors, pages and documents.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $(#[doc = $doc] $variant,)*
        }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the field's name, such as `source.ip`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the field of the Elastic Common Schema 9 that holds the same; empty if none does.
            pub const fn ecs(self) -> &'static str {
                match self { $(Self::$variant => $ecs,)* }
            }

            /// Returns the attribute of OCSF 1.6 that holds the same; empty if none does.
            pub const fn ocsf(self) -> &'static str {
                match self { $(Self::$variant => $ocsf,)* }
            }

            /// Returns one sentence on what it holds.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

fields! {
    Kind "kind" "event.type" "class_name" "What kind of thing happened, such as `gateway.request`.",
    Category "category" "event.dataset" "metadata.log_name" "Azure's name for what wrote the record.",
    Resource "resource" "cloud.resource.id" "resources[].uid" "The resource's full id, lower case.",
    App "app" "service.name" "dst_endpoint.svc_name" "The function app's name, lower case.",
    AppKnown "app.known" "" "" "Whether [the inventory](context.md) lists the app: `true` or `false`; nothing where it lists no apps.",
    AppOwner "app.owner" "" "resources[].owner.name" "Who answers for the app, by the inventory.",
    AppEnvironment "app.environment" "service.environment" "" "The app's environment, such as `production`, by the inventory.",
    Function "function" "faas.id" "api.service.name" "The function, as `app/function` in lower case.",
    FunctionKnown "function.known" "" "" "Whether the inventory lists the function among those of its app.",
    Gateway "gateway" "observer.name" "proxy_endpoint.name" "The gateway's name, lower case.",
    Operation "operation" "event.action" "api.operation" "The API operation's id, the route or listener of a gateway, or the control-plane operation in lower case.",
    SourceIp "source.ip" "source.ip" "src_endpoint.ip" "The caller's address.",
    SourcePort "source.port" "source.port" "src_endpoint.port" "The caller's port.",
    SourceForwarded "source.forwarded" "http.request.headers.x-forwarded-for" "http_request.x_forwarded_for" "The addresses a request was forwarded for, as the client and the hops wrote them.",
    SourcePeer "source.peer" "network.forwarded_ip" "proxy_endpoint.ip" "The address of the last hop, where the record names another as the caller's.",
    Layer "layer" "" "" "Which layer saw the request, where [the configuration says](telemetry.md) what lies behind what: `inner` (a gateway saw it before) or `outer` (it came past the gateway).",
    SourceCountry "source.country" "source.geo.country_name" "src_endpoint.location.country" "The caller's country: as the record says it, else the two letters of a place database.",
    SourceCity "source.city" "source.geo.city_name" "src_endpoint.location.city" "The caller's city, by a place database.",
    SourceAsn "source.asn" "source.as.number" "src_endpoint.autonomous_system.number" "The number of the autonomous system that announces the caller's address, by a place database.",
    SourceAsOrg "source.as_org" "source.as.organization.name" "src_endpoint.autonomous_system.name" "The organisation behind that number.",
    SourceLists "source.lists" "threat.feed.name" "enrichments[].value" "The names of [your lists](context.md) that hold the caller's address; a condition holds if it does for one of them.",
    SourceTags "source.tags" "" "enrichments[].value" "The tags of those lists, in the same way.",
    ClientAgent "client.agent" "user_agent.original" "http_request.user_agent" "The user agent.",
    ClientTls "client.tls" "tls.version" "tls.version" "The TLS version.",
    IdentityName "identity.name" "user.name" "actor.user.name" "The person's fingerprint.",
    IdentityId "identity.id" "user.id" "actor.user.uid" "The directory object id.",
    IdentityApp "identity.app" "client.user.id" "actor.app_uid" "The application's id.",
    IdentityTenant "identity.tenant" "cloud.account.id" "actor.user.org.uid" "The tenant's id.",
    IdentityKind "identity.kind" "user.roles" "actor.user.type" "What sort of identity it is, such as `user` or `managed-identity`.",
    IdentityProvider "identity.provider" "" "auth_protocol" "Who vouches for it, such as `aad` or `github`.",
    IdentityResource "identity.resource" "" "actor.user.uid_alt" "The resource a managed identity belongs to.",
    IdentityHeader "identity.header" "" "http_request.http_headers[]" "The first header in which the client itself said who is signed in, such as `X-MS-CLIENT-PRINCIPAL`; where a gateway logs headers.",
    KeyId "key.id" "" "actor.user.credential_uid" "The subscription id, the key's fingerprint, or the id of an application's credential.",
    KeyTransport "key.transport" "" "" "`header` or `query`.",
    KeyKnown "key.known" "" "" "Whether the inventory lists the key: `true` or `false`; nothing where it lists no keys.",
    KeyOwner "key.owner" "" "" "Who answers for the key, by the inventory.",
    KeyExpected "key.expected" "" "" "Whether the key is used from an address and at an app that the inventory expects.",
    KeyOverdueDays "key.overdue_days" "" "" "How many whole days ago the key should have been changed, at the time of the record; less than 0 while it need not yet.",
    RequestMethod "request.method" "http.request.method" "http_request.http_method" "The HTTP method.",
    RequestHost "request.host" "url.domain" "http_request.url.hostname" "The host that was asked.",
    RequestPath "request.path" "url.path" "http_request.url.path" "The path, without query.",
    RequestQuery "request.query" "url.query" "http_request.url.query_string" "The query, secrets replaced.",
    RequestSize "request.size" "http.request.bytes" "http_request.length" "Bytes received.",
    ResponseStatus "response.status" "http.response.status_code" "http_response.code" "The HTTP status.",
    ResponseSubstatus "response.substatus" "" "" "IIS's substatus.",
    ResponseSize "response.size" "http.response.bytes" "http_response.length" "Bytes sent.",
    ResponseDuration "response.duration" "event.duration" "duration" "How long it took, milliseconds.",
    AllowOrigin "response.allow_origin" "" "http_response.http_headers[]" "The answer's `Access-Control-Allow-Origin`.",
    Outcome "outcome" "event.outcome" "status" "`success`, `failure` or `unknown`.",
    Reason "reason" "event.reason" "status_detail" "Why it was refused, such as `key-invalid`.",
    Decision "decision" "event.action" "disposition" "What the layer that wrote the record did: `allowed`, `denied`, `matched`, `logged` or `challenged`.",
    Rule "rule" "rule.name" "firewall_rule.name" "The rule by which it did so.",
    Target "target" "" "resources[].name" "What was acted on: a secret of a vault, a blob, a file, a table, an object of the directory; the host a gateway passed a request to.",
    Stage "stage" "" "activity_name" "Which of the records of one operation it is: `started`, `accepted` or `ended`.",
    Weight "weight" "" "count" "How many there were of these, of which sampling kept one.",
    Origin "origin" "" "http_request.http_headers[]" "The `Origin` header.",
    OriginKnown "origin.known" "" "" "Whether the inventory lists the origin: `true` or `false`; nothing where it lists none.",
    Referrer "referrer" "http.request.referrer" "http_request.referrer" "The `Referer` header.",
    Correlation "correlation" "event.id" "metadata.correlation_uid" "The id that ties records of one request together.",
    Trace "trace" "trace.id" "metadata.trace_uid" "The id by which other layers know the same request.",
    Level "level" "log.level" "severity" "The level a log line was written at.",
    Message "message" "message" "message" "The text of a log line.",
    IntendedAuthentication "intended.authentication" "" "" "The ways of proof that [the endpoint is meant](threat-model.md#what-is-intended) to take, such as `anonymous`, `function-key` or `jwt`; a condition holds if it does for one of them.",
    IntendedProof "intended.proof" "" "" "Whether proof of such a sort was `shown`; `missing` only where the record would hold it: at API Management, where a subscription key alone is meant.",
    IntendedToken "intended.token" "" "" "What of the token shown is not as the endpoint is meant to take it, `issuer` or `audience` (a condition holds if it does for one of them), or `intended`; nothing where headers are not logged.",
    IntendedDeclared "intended.declared" "" "" "Whether the function or operation is declared: `true`, or `false` where its app or gateway is said to have no others.",
    IntendedWay "intended.way" "" "" "By which way a request came: through the `gateway` it should, `past` it, or `straight` where it may.",
    IntendedOrigin "intended.origin" "" "" "Whether the origin that the answer allowed, of `*` the one that asked, is among those meant.",
    IntendedNetwork "intended.network" "" "" "Whether the caller's address lies in a network that is meant; nothing where a gateway called and the record does not say for whom.",
    IntendedReach "intended.reach" "" "" "Whether the app that a managed identity belongs to is meant to reach what it reached.",
    IntendedSensitive "intended.sensitive" "" "" "Whether the app or gateway is marked as sensitive: `true` or `false`.",
    SecretKind "secret.kind" "" "" "The kind of a secret seen in the record.",
    SecretPrivilege "secret.privilege" "" "" "What that secret lets its holder do.",
    SecretConfidence "secret.confidence" "" "" "`suspected`, `context` or `proven`.",
    SecretId "secret.id" "" "" "That secret's fingerprint.",
    SecretWhere "secret.where" "" "" "The field it stood in: `query`, `message`, `referrer`, `header` or `record`.",
    SecretCreated "secret.created" "" "" "When that secret was made, seconds since 1970, where it says so.",
    SecretExpires "secret.expires" "" "" "When it ends, seconds since 1970, where it says so.",
    SecretAgeDays "secret.age_days" "" "" "How many days old it was at the time of the record.",
    SecretDaysLeft "secret.days_left" "" "" "How many whole days it had left at the time of the record; less than 0 once it has ended.",
    SecretIssuer "secret.issuer" "" "" "Who made it: a token's `iss`.",
    SecretAudience "secret.audience" "" "" "What it is for: a token's `aud`.",
    SecretApp "secret.app" "" "" "The application it was made for, by its id.",
    SecretPermissions "secret.permissions" "" "" "What it allows, in its issuer's words: a token's scopes or roles, a signature's `sp`.",
    SecretResource "secret.resource" "" "" "What it opens, or the resource that a managed identity belongs to.",
    SecretHash "secret.hash" "" "" "The fingerprint of the hash by which a storage log would name it: [if chosen](redaction.md#leaked-and-used).",
    SecretSubject "secret.subject" "" "" "The fingerprint of whom it stands for.",
}

impl Field {
    /// Returns the field that [`Field::name`] calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// Tells whether the field may have several values: words with a space between two.
    pub const fn has_many(self) -> bool {
        matches!(self, Self::SourceLists | Self::SourceTags | Self::IntendedAuthentication | Self::IntendedToken)
    }

    /// Tells whether the field is looked up by the caller's address.
    pub const fn of_address(self) -> bool {
        matches!(
            self,
            Self::SourceCountry
                | Self::SourceCity
                | Self::SourceAsn
                | Self::SourceAsOrg
                | Self::SourceLists
                | Self::SourceTags
        )
    }

    /// Tells whether the field is what the inventory says.
    pub const fn of_inventory(self) -> bool {
        matches!(
            self,
            Self::AppKnown
                | Self::AppOwner
                | Self::AppEnvironment
                | Self::FunctionKnown
                | Self::OriginKnown
                | Self::KeyKnown
                | Self::KeyOwner
                | Self::KeyExpected
                | Self::KeyOverdueDays
        )
    }

    /// Tells whether the field is what an owner has meant.
    pub const fn of_intent(self) -> bool {
        matches!(
            self,
            Self::IntendedAuthentication
                | Self::IntendedProof
                | Self::IntendedToken
                | Self::IntendedDeclared
                | Self::IntendedWay
                | Self::IntendedOrigin
                | Self::IntendedNetwork
                | Self::IntendedReach
                | Self::IntendedSensitive
        )
    }

    /// Tells whether no record says the field: somebody must have looked it up.
    pub const fn is_looked_up(self) -> bool {
        self.of_inventory() || self.of_intent() || self.of_address() && !matches!(self, Self::SourceCountry)
    }

    /// Tells whether the field speaks of a secret seen in the record: there may be several. They
    /// stand last.
    pub const fn of_secret(self) -> bool {
        self as u8 >= Self::SecretKind as u8
    }
}

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// An address.
    Ip(IpAddr),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_secret_are_those_named_so() {
        for field in Field::ALL {
            assert_eq!(field.of_secret(), field.name().starts_with("secret."), "{}", field.name());
        }
    }
}
