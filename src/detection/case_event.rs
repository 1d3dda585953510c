//! From the fields of a case to an event as decoding would have made it.
//!
//! The fields are written into a JSON record in an arena and the event's texts point into it, so
//! that the redactor's last step finds everything where it expects it. Characters that JSON
//! escapes become `'`: a case has no need of them.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bumpalo::Bump;

use crate::clock::Timestamp;
use crate::redaction::{RedactedEvent, Redactor};
use crate::telemetry::{
    About, Category, Confidence, Decision, Event, Field, Fingerprint, IdentityKind, Kind, Known, Layer, Layers,
    Outcome, Position, Privilege, Reason, Sighting, Stage as OperationStage, StreamId, Text, Transport,
};

use super::case::{Group, SecretSeen, fill};
use super::case_raw;

/// Makes redacted events of the groups of a case.
pub(super) struct Stage<'r> {
    redactor: &'r Redactor,
}

impl<'r> Stage<'r> {
    /// Returns a stage with a redactor; its key is of no consequence, as cases name fingerprints
    /// outright.
    pub(super) fn new(redactor: &'r Redactor) -> Self {
        Self { redactor }
    }

    /// Returns event `number` of `group` as detection sees it.
    pub(super) fn event<'a>(&self, group: &Group, number: u32, at: Timestamp, arena: &'a Bump) -> RedactedEvent<'a> {
        let secrets: Vec<_> = group.secrets.iter().map(|secret| (secret, fill(&secret.id, number))).collect();
        let fields = fields(group, number, &secrets);
        let raw = case_raw::filled(&group.raw, number);
        let (scanned, texts) = write_record(&fields, &secrets, &raw, arena);
        let sightings = secrets.iter().map(|(secret, id)| {
            let stands = stands_in(group.kind, secret.place.as_deref()).map(|(field, _)| field);
            let text = texts.iter().find(|(field, _)| Some(*field) == stands);
            sighting(secret, id, place(id, text.map(|(_, text)| *text), scanned), at)
        });
        let sightings = arena.alloc_slice_fill_iter(sightings.collect::<Vec<_>>());
        let mut event = blank(group.kind, at, number, scanned, sightings, arena);
        let mut known = Known::default();
        for (field, text) in texts {
            if !set_who(&mut event, field, text) && !set_known(&mut known, field, text.value) {
                set_what(&mut event, field, text);
            }
        }
        event.known = (known != Known::default()).then(|| &*arena.alloc(known));
        self.redactor.finish(arena.alloc(event))
    }
}

/// Fills in the templates, and puts each secret's fingerprint where it stands.
fn fields(group: &Group, number: u32, secrets: &[(&SecretSeen, String)]) -> Vec<(Field, String)> {
    let mut fields: Vec<_> = group.fields.iter().map(|(field, text)| (*field, fill(text, number))).collect();
    for (secret, id) in secrets {
        let Some((field, lead)) = stands_in(group.kind, secret.place.as_deref()) else { continue };
        match fields.iter_mut().find(|(known, _)| *known == field) {
            Some((_, text)) if text.contains(id.as_str()) => {}
            Some((_, text)) => *text = format!("{text}{lead}{id}"),
            None => fields.push((field, format!("{}{id}", lead.trim_start_matches(['&', ' '])))),
        }
    }
    fields
}

fn stands_in(kind: Kind, place: Option<&str>) -> Option<(Field, &'static str)> {
    match (place, kind) {
        (Some("query"), _) | (None, Kind::HttpRequest | Kind::GatewayRequest) => Some((Field::RequestQuery, "&code=")),
        (Some("message"), _) | (None, Kind::FunctionLog) => Some((Field::Message, " ")),
        (Some("referrer"), _) => Some((Field::Referrer, "&code=")),
        _ => None,
    }
}

/// Writes the record, and returns each field's text with its place in it.
fn write_record<'a>(
    fields: &[(Field, String)],
    secrets: &[(&SecretSeen, String)],
    raw: &str,
    arena: &'a Bump,
) -> (&'a [u8], Vec<(Field, Text<'a>)>) {
    // The raw members come first: of two with one name the first counts.
    let mut record = format!("{{{raw}");
    let mut at = Vec::new();
    for (field, text) in fields {
        let text = text.replace(|c: char| c.is_control() || matches!(c, '"' | '\\'), "'");
        _ = write!(record, "\"{}\":\"", field.name());
        let start = record.len();
        record.push_str(&text);
        at.push((*field, start..record.len()));
        record.push_str("\",");
    }
    let others: Vec<_> = secrets.iter().map(|(_, id)| id.as_str()).filter(|id| !record.contains(id)).collect();
    let others = others.join(" ");
    _ = write!(record, "\"other\":\"{others}\"}}");
    let record: &'a str = arena.alloc_str(&record);
    let texts = at.into_iter().map(|(field, range)| (field, text_at(record, range))).collect();
    (record.as_bytes(), texts)
}

fn text_at(record: &str, range: Range<usize>) -> Text<'_> {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Text {
        start: place(range.start),
        end: place(range.end),
        value: record.get(range).unwrap_or_default(),
        layers: Layers(1),
    }
}

/// Returns where a fingerprint stands in the record: in `text`, or anywhere.
fn place(id: &str, text: Option<Text<'_>>, scanned: &[u8]) -> Range<u32> {
    let in_text = text.and_then(|text| Some(text.start as usize + text.value.find(id)?));
    let start = in_text.or_else(|| memchr::memmem::rfind(scanned, id.as_bytes())).unwrap_or_default();
    u32::try_from(start).unwrap_or_default()..u32::try_from(start + id.len()).unwrap_or_default()
}

fn sighting(secret: &SecretSeen, id: &str, at: Range<u32>, time: Timestamp) -> Sighting {
    let privilege = |name: &str| Privilege::ALL.into_iter().find(|privilege| privilege.name() == name);
    Sighting {
        kind: secret.kind.as_str().into(),
        privilege: secret.privilege.as_deref().and_then(privilege),
        confidence: match secret.confidence.as_deref() {
            Some("suspected") => Confidence::Suspected,
            Some("context") => Confidence::Context,
            _ => Confidence::Proven,
        },
        secret: !Sighting::names_hash(&secret.kind),
        dummy: secret.dummy,
        fingerprint: Fingerprint(Arc::from(id)),
        at,
        about: (!secret.said.is_empty()).then(|| Arc::new(about(&secret.said, time))),
        original: None,
    }
}

/// Returns what a secret says of itself, its days counted from `time`.
fn about(said: &[(Field, String)], time: Timestamp) -> About {
    let mut about = About::default();
    for (field, text) in said {
        let days = |sign: i64| {
            let seconds = sign * text.parse::<i32>().map_or(0, i64::from) * 86_400;
            Some(Timestamp::from_nanos(time.nanos().saturating_add(Timestamp::from_seconds(seconds).nanos())))
        };
        let text = || Some(Arc::from(text.as_str()));
        match field {
            Field::SecretAgeDays => about.created = days(-1),
            Field::SecretDaysLeft => about.expires = days(1),
            Field::SecretIssuer => about.issuer = text(),
            Field::SecretAudience => about.audience = text(),
            Field::SecretApp => about.app = text(),
            Field::SecretPermissions => about.permissions = text(),
            Field::SecretResource => about.resource = text(),
            _ => {}
        }
    }
    about
}

fn blank<'a>(
    kind: Kind,
    time: Timestamp,
    number: u32,
    scanned: &'a [u8],
    sightings: &'a [Sighting],
    arena: &'a Bump,
) -> Event<'a> {
    let position = Position { stream: StreamId(0), offset: i64::from(number), index: 0 };
    let mut event = Event::blank(position, scanned, 0..u32::try_from(scanned.len()).unwrap_or(u32::MAX), arena);
    event.category = kind.categories().next().unwrap_or(Category::Other);
    event.kind = kind;
    (event.time, event.timed) = (time, true);
    event.sightings = sightings;
    event
}

/// Sets a field that says who or where; tells whether it is one.
fn set_who<'a>(event: &mut Event<'a>, field: Field, text: Text<'a>) -> bool {
    match field {
        Field::Resource => event.resource = Some(text),
        Field::App => event.app = Some(text),
        Field::Function => event.function = Some(text),
        Field::Gateway => event.gateway = Some(text),
        Field::Operation => event.operation = Some(text),
        Field::SourceIp => {
            event.source_ip = text.value.parse::<IpAddr>().ok();
            event.source_text = Some(text);
        }
        Field::SourcePort => event.source_port = text.value.parse().ok(),
        Field::SourceForwarded => event.forwarded = Some(text),
        Field::SourcePeer => event.peer = Some(text),
        Field::Layer => event.layer = Layer::named(text.value),
        Field::SourceCountry => event.country = Some(text),
        Field::ClientAgent => event.client.agent = Some(text),
        Field::ClientTls => event.client.tls = Some(text),
        Field::IdentityName => event.identity.name = Some(text),
        Field::IdentityId => event.identity.id = Some(text),
        Field::IdentityApp => event.identity.app = Some(text),
        Field::IdentityTenant => event.identity.tenant = Some(text),
        Field::IdentityKind => event.identity.kind = IdentityKind::named(text.value),
        Field::IdentityProvider => event.identity.provider = Some(text),
        Field::IdentityResource => event.identity.resource = Some(text),
        Field::IdentityHeader => event.identity.header = Some(text),
        Field::KeyId => event.key.id = Some(text),
        Field::KeyTransport => {
            event.key.transport = [Transport::Header, Transport::Query].into_iter().find(|by| by.name() == text.value);
        }
        _ => return false,
    }
    true
}

/// Sets a field that is looked up; tells whether it is one.
fn set_known<'a>(known: &mut Known<'a>, field: Field, text: &'a str) -> bool {
    let (place, inventory, intent) = (&mut known.place, &mut known.inventory, &mut known.intent);
    let truth = match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    match field {
        Field::SourceCity => place.city = Some(text),
        Field::SourceAsn => place.asn = text.parse().ok(),
        Field::SourceAsOrg => place.organisation = Some(text),
        Field::SourceLists => known.lists = Some(text),
        Field::SourceTags => known.tags = Some(text),
        Field::AppKnown => inventory.app = truth,
        Field::AppOwner => inventory.app_owner = Some(text),
        Field::AppEnvironment => inventory.environment = Some(text),
        Field::FunctionKnown => inventory.function = truth,
        Field::OriginKnown => inventory.origin = truth,
        Field::KeyKnown => inventory.key = truth,
        Field::KeyOwner => inventory.key_owner = Some(text),
        Field::KeyExpected => inventory.key_expected = truth,
        Field::KeyOverdueDays => inventory.key_overdue_days = text.parse().ok(),
        Field::IntendedAuthentication => intent.authentication = Some(text),
        Field::IntendedProof => intent.proof = Some(text),
        Field::IntendedToken => intent.token = Some(text),
        Field::IntendedDeclared => intent.declared = truth,
        Field::IntendedWay => intent.way = Some(text),
        Field::IntendedOrigin => intent.origin = truth,
        Field::IntendedNetwork => intent.network = truth,
        Field::IntendedReach => intent.reach = truth,
        Field::IntendedSensitive => intent.sensitive = truth,
        _ => return false,
    }
    true
}

/// Sets a field that says what was asked and how it ended.
fn set_what<'a>(event: &mut Event<'a>, field: Field, text: Text<'a>) {
    let number = text.value.parse().ok();
    match field {
        Field::RequestMethod => event.request.method = Some(text),
        Field::RequestHost => event.request.host = Some(text),
        Field::RequestPath => event.request.path = Some(text),
        Field::RequestQuery => event.request.query = Some(text),
        Field::RequestSize => event.request.size = number,
        Field::ResponseStatus => event.response.status = number,
        Field::ResponseSubstatus => event.response.substatus = number,
        Field::ResponseSize => event.response.size = number,
        Field::ResponseDuration => event.response.duration_ms = number,
        Field::AllowOrigin => event.response.allow_origin = Some(text),
        Field::Outcome => {
            let all = [Outcome::Success, Outcome::Failure];
            event.outcome = all.into_iter().find(|outcome| outcome.name() == text.value).unwrap_or_default();
        }
        Field::Reason => {
            event.reason = Reason::ALL.into_iter().find(|reason| reason.name() == text.value).unwrap_or_default();
        }
        Field::Decision => event.decision = Decision::named(text.value),
        Field::Rule => event.rule = Some(text),
        Field::Target => event.target = Some(text),
        Field::Stage => event.stage = OperationStage::named(text.value),
        Field::Weight => event.weight = text.value.parse().unwrap_or(1),
        Field::Origin => event.origin = Some(text),
        Field::Referrer => event.referrer = Some(text),
        Field::Correlation => event.correlation = Some(text),
        Field::Trace => event.trace = Some(text),
        Field::Level => event.level = Some(text),
        Field::Message => event.message = Some(text),
        _ => {}
    }
}
