//! What is to be looked up about an event, as the rooms that know it want it?
//!
//! It must be asked before addresses are hidden. Of a secret only what it says of itself is handed on, and
//! only of the one that stands in the `Authorization` header: that one was shown as a credential, others
//! may be anybody's.

use crate::context::{Act, Asked, Memo, Named, Shown};
use crate::telemetry::{Event, Known, address};

use super::Stage;

impl Stage {
    /// Looks up what is asked, as long as the address is the caller's own.
    pub(super) fn look<'c>(&'c self, event: &Event<'_>, asked: Asked, memo: &mut Memo<'c>) -> Option<Known<'c>> {
        let named = Named {
            app: event.app.map(|text| text.value),
            function: event.function.map(|text| text.value),
            origin: event.origin.map(|text| text.value),
            key: event.key.id.map(|text| text.value),
            ip: event.source_ip,
            time: event.time,
        };
        let act = asked.intent.then(|| act(event));
        self.context.look(asked, &named, act.as_ref(), memo)
    }
}

/// Returns what an event says that intent is held against.
fn act<'e>(event: &'e Event<'_>) -> Act<'e> {
    Act {
        kind: event.kind,
        category: event.category,
        outcome: event.outcome,
        resource: event.resource.map(|text| text.value),
        app: event.app.map(|text| text.value),
        function: event.function.map(|text| text.value),
        gateway: event.gateway.map(|text| text.value),
        operation: event.operation.map(|text| text.value),
        method: event.request.method.map(|text| text.value),
        host: event.request.host.map(|text| text.value),
        path: event.request.path.map(|text| text.value),
        ip: event.source_ip,
        peer: event.peer.and_then(|text| address(text.value)).map(|read| read.ip),
        layer: event.layer,
        origin: event.origin.map(|text| text.value),
        allowed_origin: event.response.allow_origin.map(|text| text.value),
        key: event.key.id.is_some(),
        token: shown(event),
        identity: event.identity.resource.map(|text| text.value),
    }
}

/// Returns what the token in the `Authorization` header says of itself.
fn shown<'e>(event: &'e Event<'_>) -> Option<Shown<'e>> {
    let header = event.authorization?;
    let inside = |at: &std::ops::Range<u32>| header.start <= at.start && at.end <= header.end;
    let token = event.sightings.iter().find(|seen| &*seen.kind == "jwt" && !seen.dummy && inside(&seen.at))?;
    let about = token.about.as_deref();
    Some(Shown {
        issuer: about.and_then(|about| about.issuer.as_deref()),
        audience: about.and_then(|about| about.audience.as_deref()),
    })
}
