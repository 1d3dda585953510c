//! One record, decoded: what happened, to what, from where, by whom, and how it ended.
//!
//! An [`Event`] may still hold personal data, so it can be neither cloned, printed nor
//! serialised; `Redactor::finish` turns it into what the rest of the program sees. Every
//! category fills the same fields, so a detector need not know where an event came from.

use std::net::IpAddr;
use std::ops::Range;

use crate::clock::Timestamp;
use bumpalo::Bump;

use super::{Category, Kind, Known, Outcome, Position, Reason, Sighting, Text, Transport};

/// The program that made a request.
#[derive(Default)]
pub struct Client<'s> {
    /// Its user agent, `+` turned back to spaces where IIS wrote them.
    pub agent: Option<Text<'s>>,
    /// The TLS version, such as `1.2`.
    pub tls: Option<Text<'s>>,
}

/// Who did it, as far as the record says.
#[derive(Default)]
pub struct Identity<'s> {
    /// A person's name: UPN, e-mail or user name.
    pub name: Option<Text<'s>>,
    /// A directory object id.
    pub id: Option<Text<'s>>,
    /// An application's (client) id.
    pub app: Option<Text<'s>>,
    /// The tenant's id.
    pub tenant: Option<Text<'s>>,
    /// What sort of identity it is, such as `user` or `managed-identity`.
    pub kind: Option<IdentityKind>,
    /// Who vouches for it: the sign-in provider, such as `aad`, `github` or `google`, lower case.
    pub provider: Option<Text<'s>>,
    /// The resource that a managed identity belongs to.
    pub resource: Option<Text<'s>>,
    /// The first header in which the client itself said who is signed in, such as `X-MS-CLIENT-PRINCIPAL`, where
    /// headers are logged.
    pub header: Option<Text<'s>>,
}

macro_rules! named {
    ($(#[doc = $about:literal])* $Name:ident { $($Variant:ident $name:literal $doc:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Name {
            $(#[doc = $doc] $Variant,)*
        }

        impl $Name {
            /// Every one of them.
            pub const ALL: [Self; [$(Self::$Variant,)*].len()] = [$(Self::$Variant,)*];

            /// Returns its name as detectors write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)* }
            }

            /// Returns the one that is called `name`.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.name() == name)
            }
        }
    };
}

named! {
    /// What sort of identity it is.
    IdentityKind {
        User "user" "A person.",
        Guest "guest" "A person of another tenant.",
        ServicePrincipal "service-principal" "An application with a secret or certificate of its own.",
        ManagedIdentity "managed-identity" "The identity that Azure gives to a resource.",
        Publishing "publishing" "An app's publishing credentials.",
        AccountKey "account-key" "Whoever holds the account's key.",
        Sas "sas" "Whoever holds a shared access signature.",
        Anonymous "anonymous" "Nobody in particular.",
        Platform "platform" "Azure itself.",
    }
}

named! {
    /// What the layer that wrote the record did with the request.
    Decision {
        Allowed "allowed" "It was let through.",
        Denied "denied" "It was kept out.",
        Matched "matched" "A rule matched and added to a score.",
        Logged "logged" "A rule matched that only logs, or would have kept it out.",
        Challenged "challenged" "The client was given something to prove.",
    }
}

named! {
    /// Which of the records of one operation this is.
    Stage {
        Started "started" "It began.",
        Accepted "accepted" "It goes on by itself.",
        Ended "ended" "It ended: the record that counts.",
    }
}

named! {
    /// Which layer saw the request, where an app or gateway is known to lie behind another.
    Layer {
        Outer "outer" "It came past the gateway it should have come through.",
        Inner "inner" "A gateway saw it before, and there it counts.",
    }
}

/// What Front Door says of a request in headers of its own, where what lies behind it logs them.
/// Whoever comes past Front Door can write the same.
#[derive(Default)]
pub struct FrontDoor<'s> {
    /// `X-Azure-ClientIP`: the caller as the caller itself may claim.
    pub client: Option<Text<'s>>,
    /// `X-Azure-SocketIP`: who was connected to Front Door.
    pub socket: Option<Text<'s>>,
    /// `X-Azure-FDID`: which Front Door it was.
    pub id: Option<Text<'s>>,
}

/// The key a request used.
#[derive(Default)]
pub struct Key<'s> {
    /// An APIM subscription id, the fingerprint of the key in the URL, or the id of an application's
    /// credential.
    pub id: Option<Text<'s>>,
    /// The way it came.
    pub transport: Option<Transport>,
}

/// What was asked for.
#[derive(Default)]
pub struct Request<'s> {
    /// The HTTP method, as sent.
    pub method: Option<Text<'s>>,
    /// The host that was asked.
    pub host: Option<Text<'s>>,
    /// The path, as sent, without query.
    pub path: Option<Text<'s>>,
    /// The query without its `?`, secrets replaced.
    pub query: Option<Text<'s>>,
    /// Bytes received.
    pub size: Option<i64>,
}

/// What was answered.
#[derive(Default)]
pub struct Response<'s> {
    /// The HTTP status.
    pub status: Option<i64>,
    /// IIS's substatus.
    pub substatus: Option<i64>,
    /// Bytes sent.
    pub size: Option<i64>,
    /// How long it took, milliseconds.
    pub duration_ms: Option<i64>,
    /// The answer's `Access-Control-Allow-Origin`, where headers are logged.
    pub allow_origin: Option<Text<'s>>,
}

/// One decoded record. Borrows from the scanned message and the arena.
pub struct Event<'s> {
    /// Where the record lies.
    pub position: Position,
    /// The category that wrote it.
    pub category: Category,
    /// What kind of thing happened.
    pub kind: Kind,
    /// When it happened; the message's time of receipt where the record does not say.
    pub time: Timestamp,
    /// Whether `time` is the record's own (`false`: of receipt, or 1970 where that is missing too).
    pub timed: bool,
    /// The resource's full id, lower case.
    pub resource: Option<Text<'s>>,
    /// Its number among those that its batch has shown, where it has one: of two events of one
    /// [`Scanned`](super::Scanned) with one number the ids are the same.
    pub resource_number: Option<u8>,
    /// The function app's (site's) name, lower case.
    pub app: Option<Text<'s>>,
    /// The function's name, without `Functions.`, lower case.
    pub function: Option<Text<'s>>,
    /// The gateway's name, lower case.
    pub gateway: Option<Text<'s>>,
    /// The API operation's id, the route or listener of a gateway, or the control-plane operation's
    /// name in lower case.
    pub operation: Option<Text<'s>>,
    /// Where the request came from.
    pub source_ip: Option<IpAddr>,
    /// The address as written, with its place, so that a policy can hide it.
    pub source_text: Option<Text<'s>>,
    /// The caller's port.
    pub source_port: Option<u16>,
    /// The addresses a request was forwarded for, as the client and the hops wrote them.
    pub forwarded: Option<Text<'s>>,
    /// The address of the last hop, where the record names another as the caller's.
    pub peer: Option<Text<'s>>,
    /// What Front Door says of where it came from.
    pub front_door: FrontDoor<'s>,
    /// Which layer saw it, where an app or gateway is known to lie behind another.
    pub layer: Option<Layer>,
    /// The caller's country, where the record says it.
    pub country: Option<Text<'s>>,
    /// What was looked up about it before anything was hidden; `None` where nobody has looked.
    pub known: Option<&'s Known<'s>>,
    /// The program that asked.
    pub client: Client<'s>,
    /// Who asked.
    pub identity: Identity<'s>,
    /// The key used.
    pub key: Key<'s>,
    /// What was asked for.
    pub request: Request<'s>,
    /// What was answered.
    pub response: Response<'s>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was refused.
    pub reason: Reason,
    /// What the layer that wrote the record did.
    pub decision: Option<Decision>,
    /// The rule by which it did so.
    pub rule: Option<Text<'s>>,
    /// What was acted on: a secret of a vault, a blob, a file, a table, an object of the directory;
    /// the host a gateway passed a request to.
    pub target: Option<Text<'s>>,
    /// Which of the records of one operation this is.
    pub stage: Option<Stage>,
    /// How many there were of these, of which one was kept: sampling. At least 1.
    pub weight: u32,
    /// The `Origin` header.
    pub origin: Option<Text<'s>>,
    /// The `Referer` header.
    pub referrer: Option<Text<'s>>,
    /// The `Authorization` header, where headers are logged: nobody reads it but to tell which secret
    /// was shown as a credential.
    pub authorization: Option<Text<'s>>,
    /// The API of a gateway's operation, without a revision: nobody reads it but to tell which operation
    /// of the model it is.
    pub api: Option<Text<'s>>,
    /// Cookies, as logged.
    pub cookie: Option<Text<'s>>,
    /// The id that ties records of one request or operation together.
    pub correlation: Option<Text<'s>>,
    /// The id by which other layers know the same request: W3C trace id, tracking reference.
    pub trace: Option<Text<'s>>,
    /// The level a log line was written at.
    pub level: Option<Text<'s>>,
    /// The text of a log line.
    pub message: Option<Text<'s>>,
    /// Texts that hold personal data by their field's meaning and are no field above
    /// (claims' names, display names): the redactor hides them whole.
    pub personal: bumpalo::collections::Vec<'s, Text<'s>>,
    /// The id by which Azure's second delivery of this record is known, where its category has one.
    pub own_id: Option<Text<'s>>,
    /// The scanned message that holds the record.
    pub scanned: &'s [u8],
    /// Which of its bytes are the record.
    pub record: Range<u32>,
    /// What the scan saw in this record.
    pub sightings: &'s [Sighting],
    /// Where texts that had to be unescaped live, and what redaction puts in their place.
    pub arena: &'s Bump,
}

impl<'s> Event<'s> {
    /// Returns an event of which nothing is known but where its `record` lies in `scanned`.
    #[expect(clippy::inline_always, reason = "an event is a kilobyte, and is made where it stays")]
    #[inline(always)]
    pub fn blank(position: Position, scanned: &'s [u8], record: Range<u32>, arena: &'s Bump) -> Self {
        Self {
            position,
            category: Category::Other,
            kind: Kind::Other,
            time: Timestamp::default(),
            timed: false,
            resource: None,
            resource_number: None,
            app: None,
            function: None,
            gateway: None,
            operation: None,
            source_ip: None,
            source_text: None,
            source_port: None,
            forwarded: None,
            peer: None,
            front_door: FrontDoor::default(),
            layer: None,
            country: None,
            known: None,
            client: Client::default(),
            identity: Identity::default(),
            key: Key::default(),
            request: Request::default(),
            response: Response::default(),
            outcome: Outcome::Unknown,
            reason: Reason::Unknown,
            decision: None,
            rule: None,
            target: None,
            stage: None,
            weight: 1,
            origin: None,
            referrer: None,
            authorization: None,
            api: None,
            cookie: None,
            correlation: None,
            trace: None,
            level: None,
            message: None,
            personal: bumpalo::collections::Vec::new_in(arena),
            own_id: None,
            scanned,
            record,
            sightings: &[],
            arena,
        }
    }
}
