//! Where in our records does a field stand that a Sigma rule names?
//!
//! Rules name fields as W3C's access logs, Log Analytics' tables or the records themselves do. A name leads to
//! our own field where there is one, and to the places in the record where Azure writes it: at the top, in
//! `properties`, and in the columns that end in `_dynamic`. All of them count.

use crate::telemetry::{EntityKind, Field};

use super::logsource::Table;

/// A place where a field's value may stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A field of the event.
    Field(Field),
    /// The names that lead to it in the record.
    Path(Vec<String>),
    /// The path, with the query if there is one.
    Uri,
    /// Host, path and query, behind `https://`.
    Url,
    /// What the path's last dot is followed by.
    Extension,
    /// The provider that an operation begins with, such as `microsoft.web`.
    Provider,
}

/// Whose names a rule's fields are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taxonomy {
    Sigma,
    Ecs,
}

/// Returns the places where what a rule calls `name` may stand.
pub(super) fn places(name: &str, table: Table, taxonomy: Taxonomy) -> Vec<Place> {
    let low = name.to_ascii_lowercase();
    let mut places = Vec::new();
    if taxonomy == Taxonomy::Ecs {
        places.extend(Field::ALL.iter().filter(|field| field.ecs() == low).map(|field| Place::Field(*field)));
    }
    let known = rows(table);
    let here = known.iter().find(|(known, _)| *known == low).map_or(&[][..], |(_, places)| places);
    let common = COMMON.iter().find(|(known, _)| *known == low).map_or(&[][..], |(_, places)| places);
    places.extend(here.iter().chain(common).map(Known::place));
    places.extend(Field::named(&low).filter(|field| !field.of_secret()).map(Place::Field));
    if table != Table::Web || here.is_empty() {
        places.extend(paths(name));
    }
    let mut once = Vec::with_capacity(places.len());
    for place in places {
        if !once.contains(&place) {
            once.push(place);
        }
    }
    once
}

fn rows(table: Table) -> &'static [Row] {
    match table {
        Table::Web => &WEB,
        Table::Activity => &ACTIVITY,
        Table::SignIn => &SIGN_IN,
        Table::Audit => &AUDIT,
        Table::Azure | Table::Own => &[],
    }
}

/// Returns the names, in lower case, that lead to more than a place of that name in the record.
pub(super) fn known_names(table: Table, taxonomy: Taxonomy) -> Vec<&'static str> {
    let ecs = Field::ALL.iter().map(|field| field.ecs()).filter(|name| taxonomy == Taxonomy::Ecs && !name.is_empty());
    let tables = rows(table).iter().chain(&COMMON).map(|(name, _)| *name);
    tables.chain(Field::ALL.iter().map(|field| field.name())).chain(ecs).collect()
}

/// Returns where a record may hold `name` under its own name.
fn paths(name: &str) -> Vec<Place> {
    let steps: Vec<String> = name.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    let Some((first, rest)) = steps.split_first() else { return Vec::new() };
    let mut found = vec![steps.clone()];
    if first.eq_ignore_ascii_case("properties") {
        found.extend((!rest.is_empty()).then(|| rest.to_vec()));
    } else {
        found.push(std::iter::once("properties".to_owned()).chain(steps.iter().cloned()).collect());
    }
    if !rest.is_empty() {
        found.push(vec![name.to_owned()]);
        found.push(std::iter::once(format!("{first}_dynamic")).chain(rest.iter().cloned()).collect());
    }
    found.into_iter().map(Place::Path).collect()
}

/// Returns who an alert of a rule is about: what the first of these says that says anything.
pub(super) fn about(table: Table) -> Vec<(EntityKind, Vec<Place>)> {
    let fields = |kind, fields: &[Field]| (kind, fields.iter().copied().map(Place::Field).collect::<Vec<_>>());
    let who = fields(EntityKind::Identity, &[Field::IdentityId, Field::IdentityName, Field::IdentityApp]);
    let address = fields(EntityKind::Ip, &[Field::SourceIp]);
    let function = fields(EntityKind::Function, &[Field::Function]);
    let app = fields(EntityKind::App, &[Field::App]);
    let gateway = fields(EntityKind::Gateway, &[Field::Gateway]);
    match table {
        Table::Web => vec![address, app, gateway],
        Table::Activity | Table::SignIn | Table::Audit | Table::Azure => {
            let named = ["userid", "serviceprincipalid", "userprincipalname"].iter().flat_map(|name| paths(name));
            vec![who, (EntityKind::Identity, named.collect()), address, app]
        }
        Table::Own => vec![address, who, function, app, gateway],
    }
}

/// Returns what kind of entity a field that alerts are grouped by names, where it names one.
pub(super) fn kind_of(name: &str, places: &[Place]) -> Option<EntityKind> {
    let field = places.iter().find_map(|place| match place {
        Place::Field(field) => crate::detection::scene::entity_kind(*field),
        _ => None,
    });
    let low = name.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| low.contains(word));
    field.or_else(|| {
        if low.ends_with("ip") || says(&["ipaddr", "_ip", "address"]) {
            Some(EntityKind::Ip)
        } else if says(&["user", "principal", "caller", "identity", "actor", "initiatedby", "appid"]) {
            Some(EntityKind::Identity)
        } else {
            None
        }
    })
}

/// Tells whether a field holds a person's name, so that the redacted record has a fingerprint there.
pub(super) fn is_personal(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "userprincipalname",
        "username",
        "cs-username",
        "userdisplayname",
        "caller",
        "initiatedby",
        "target",
        "user",
        "alternatesigninname",
        "signinidentifier",
        "identity.name",
        "upn",
    ];
    let low = name.to_ascii_lowercase();
    let last = low.rsplit('.').next().unwrap_or_default();
    NAMES.contains(&low.as_str()) || NAMES.contains(&last) && last != "user" && last != "target"
}

/// A place as the tables below write it.
#[derive(Clone, Copy)]
enum Known {
    F(Field),
    P(&'static str),
    Uri,
    Url,
    Extension,
    Provider,
}

impl Known {
    fn place(&self) -> Place {
        match self {
            Self::F(field) => Place::Field(*field),
            Self::P(path) => Place::Path(path.split('.').map(str::to_owned).collect()),
            Self::Uri => Place::Uri,
            Self::Url => Place::Url,
            Self::Extension => Place::Extension,
            Self::Provider => Place::Provider,
        }
    }
}

use Known::{F, P};

type Row = (&'static str, &'static [Known]);

/// Names that mean the same in every log source.
const COMMON: [Row; 8] = [
    ("ipaddress", &[F(Field::SourceIp)]),
    ("calleripaddress", &[F(Field::SourceIp)]),
    ("clientip", &[F(Field::SourceIp)]),
    ("c-ip", &[F(Field::SourceIp)]),
    ("src_ip", &[F(Field::SourceIp)]),
    ("sourceip", &[F(Field::SourceIp)]),
    ("useragent", &[F(Field::ClientAgent)]),
    ("c-useragent", &[F(Field::ClientAgent)]),
];

/// W3C's names, and those that rules made of them. Rules look for paths in the query.
const WEB: [Row; 30] = [
    ("cs-method", &[F(Field::RequestMethod)]),
    ("c-method", &[F(Field::RequestMethod)]),
    ("cs-uri-stem", &[F(Field::RequestPath)]),
    ("c-uri-stem", &[F(Field::RequestPath)]),
    ("cs-uri-query", &[F(Field::RequestQuery), Known::Uri]),
    ("c-uri-query", &[F(Field::RequestQuery), Known::Uri]),
    ("cs-uri", &[Known::Uri, Known::Url, P("properties.url"), P("properties.requestUri")]),
    ("c-uri", &[Known::Uri, Known::Url, P("properties.url"), P("properties.requestUri")]),
    ("c-uri-extension", &[Known::Extension]),
    ("cs-uri-extension", &[Known::Extension]),
    ("cs-host", &[F(Field::RequestHost)]),
    ("cs-hostname", &[F(Field::RequestHost)]),
    ("r-dns", &[F(Field::RequestHost)]),
    ("cs-user-agent", &[F(Field::ClientAgent)]),
    ("c-useragent", &[F(Field::ClientAgent)]),
    ("cs-useragent", &[F(Field::ClientAgent)]),
    ("cs(user-agent)", &[F(Field::ClientAgent)]),
    ("cs-referer", &[F(Field::Referrer)]),
    ("cs-referrer", &[F(Field::Referrer)]),
    ("cs(referer)", &[F(Field::Referrer)]),
    ("cs-username", &[F(Field::IdentityName), P("properties.CsUsername")]),
    ("cs-cookie", &[P("properties.Cookie"), P("Cookie")]),
    ("cs-content-type", &[P("properties.requestHeaders.Content-Type")]),
    ("sc-status", &[F(Field::ResponseStatus)]),
    ("sc-substatus", &[F(Field::ResponseSubstatus)]),
    ("cs-bytes", &[F(Field::RequestSize)]),
    ("sc-bytes", &[F(Field::ResponseSize)]),
    ("time-taken", &[F(Field::ResponseDuration)]),
    ("c-ip", &[F(Field::SourceIp)]),
    ("s-ip", &[P("properties.SIp"), P("SIp")]),
];

const ACTIVITY: [Row; 13] = [
    ("operationname", &[F(Field::Operation), P("operationName.value")]),
    ("operationnamevalue", &[F(Field::Operation), P("operationName.value"), P("operationName")]),
    ("categoryvalue", &[P("category"), P("category.value"), P("properties.eventCategory")]),
    ("category", &[P("category.value"), P("CategoryValue"), P("properties.eventCategory")]),
    ("resourceprovidervalue", &[P("resourceProviderName.value"), P("resourceProviderName"), Known::Provider]),
    ("resourceid", &[F(Field::Resource), P("_ResourceId"), P("resourceUri")]),
    ("activitystatusvalue", &[P("resultType"), P("status.value"), P("ActivityStatus"), P("status")]),
    ("activitysubstatusvalue", &[P("resultSignature"), P("subStatus.value"), P("ActivitySubstatus")]),
    ("status", &[F(Field::Outcome), P("resultType"), P("status.value"), P("ActivityStatusValue")]),
    ("resulttype", &[P("ActivityStatusValue"), P("status.value")]),
    ("caller", &[F(Field::IdentityName), F(Field::IdentityId)]),
    ("properties.message", &[F(Field::Operation), F(Field::Message), P("operationName.localizedValue")]),
    ("level", &[F(Field::Level)]),
];

const SIGN_IN: [Row; 15] = [
    ("resulttype", &[P("properties.status.errorCode"), P("Status.errorCode"), P("Status_dynamic.errorCode")]),
    (
        "resultdescription",
        &[P("properties.status.failureReason"), P("Status.failureReason"), F(Field::Message), F(Field::Outcome)],
    ),
    ("status", &[F(Field::Outcome)]),
    ("userprincipalname", &[F(Field::IdentityName)]),
    ("username", &[F(Field::IdentityName)]),
    ("user", &[F(Field::IdentityName)]),
    ("userid", &[F(Field::IdentityId)]),
    ("appid", &[F(Field::IdentityApp)]),
    ("clientapp", &[P("properties.clientAppUsed"), P("ClientAppUsed")]),
    ("location", &[F(Field::SourceCountry)]),
    ("resourcedisplayname", &[F(Field::Target)]),
    ("riskstate", &[P("properties.riskState")]),
    ("activitydetails", &[F(Field::Operation)]),
    ("operationname", &[F(Field::Operation)]),
    ("properties.message", &[P("properties.authenticationProtocol"), P("AuthenticationProtocol"), F(Field::Message)]),
];

const AUDIT: [Row; 16] = [
    ("operationname", &[F(Field::Operation), P("properties.activityDisplayName"), P("ActivityDisplayName")]),
    ("activitydisplayname", &[F(Field::Operation), P("operationName")]),
    ("activitytype", &[F(Field::Operation), P("properties.activityDisplayName")]),
    ("activity", &[F(Field::Operation)]),
    ("properties.message", &[F(Field::Operation), P("properties.activityDisplayName"), F(Field::Message)]),
    ("status", &[F(Field::Outcome), P("properties.result"), P("Result")]),
    ("result", &[F(Field::Outcome)]),
    ("resultdescription", &[P("properties.resultReason"), P("ResultReason"), F(Field::Message)]),
    ("failure_status_reason", &[P("properties.resultReason"), P("ResultReason"), F(Field::Message)]),
    ("initiatedby", &[F(Field::IdentityName), F(Field::IdentityId)]),
    ("target", &[F(Field::Target), P("properties.targetResources"), P("TargetResources")]),
    ("userprincipalname", &[F(Field::IdentityName)]),
    ("user", &[F(Field::IdentityName)]),
    ("userid", &[F(Field::IdentityId)]),
    ("appid", &[F(Field::IdentityApp)]),
    ("targetresources.modifiedproperties.newvalue", &[P("TargetResources.modifiedProperties.newValue")]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Place {
        Place::Path(text.split('/').map(str::to_owned).collect())
    }

    #[test]
    fn a_name_leads_to_our_field_and_to_where_azure_writes_it() {
        for (name, table, found) in [
            ("cs-method", Table::Web, vec![Place::Field(Field::RequestMethod)]),
            ("cs-uri-query", Table::Web, vec![Place::Field(Field::RequestQuery), Place::Uri]),
            ("RiskLevel", Table::SignIn, vec![path("RiskLevel"), path("properties/RiskLevel")]),
            (
                "DeviceDetail.trusttype",
                Table::SignIn,
                vec![
                    path("DeviceDetail/trusttype"),
                    path("properties/DeviceDetail/trusttype"),
                    path("DeviceDetail.trusttype"),
                    path("DeviceDetail_dynamic/trusttype"),
                ],
            ),
            (
                "properties.x",
                Table::Azure,
                vec![path("properties/x"), path("x"), path("properties.x"), path("properties_dynamic/x")],
            ),
            (
                "source.ip",
                Table::Web,
                vec![
                    Place::Field(Field::SourceIp),
                    path("source/ip"),
                    path("properties/source/ip"),
                    path("source.ip"),
                    path("source_dynamic/ip"),
                ],
            ),
        ] {
            assert_eq!(places(name, table, Taxonomy::Sigma), found, "{name}");
        }
        let ecs = places("http.request.method", Table::Own, Taxonomy::Ecs);
        assert_eq!(ecs.first(), Some(&Place::Field(Field::RequestMethod)));
    }

    #[test]
    fn what_alerts_are_grouped_by_is_an_address_or_somebody_where_its_name_says_so() {
        for (name, kind) in [
            ("IPAddress", Some(EntityKind::Ip)),
            ("DestinationIp", Some(EntityKind::Ip)),
            ("TargetUserName", Some(EntityKind::Identity)),
            ("Caller", Some(EntityKind::Identity)),
            ("ComputerName", None),
        ] {
            assert_eq!(kind_of(name, &places(name, Table::Activity, Taxonomy::Sigma)), kind, "{name}");
        }
    }
}
