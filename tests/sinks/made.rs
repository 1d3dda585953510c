//! Alerts and sinks to test with.

use std::time::Duration;

use gatewatch::alerts::{Alert, AlertId, AlertState, Change, Closing, Transition};
use gatewatch::sinks::{AnySink, Outlet, Reach, Texts, sample};

/// An alert of this id, at its first revision.
pub fn alert(id: u64) -> Alert {
    Alert { id: AlertId(id), revision: 1, ..sample() }
}

/// What an attacker would like to be read as something else.
pub const HOSTILE: &str = "<!channel> *x* [y](https://evil.example) {{DATE(2020,SHORT)}} <b>b</b>\r\nBcc: z@evil.example\u{202e} =1+1 & \"q\"";

/// An alert whose every text an attacker has written.
pub fn hostile(id: u64) -> Alert {
    Alert {
        title: HOSTILE.into(),
        why: HOSTILE.into(),
        app: Some(HOSTILE.into()),
        owner: Some(HOSTILE.into()),
        triage: HOSTILE.into(),
        entity: gatewatch::alerts::Entity::new(gatewatch::alerts::EntityKind::Ip, HOSTILE),
        ..alert(id)
    }
}

pub fn opened(id: u64) -> Transition {
    Transition::Opened(alert(id))
}

pub fn acknowledged(id: u64) -> Transition {
    let taken = Alert { revision: 2, state: AlertState::Acknowledged, assignee: Some("dana".into()), ..alert(id) };
    Transition::Updated(taken, Change::Acknowledged { by: "dana".into() })
}

pub fn closed(id: u64) -> Transition {
    let over = Alert { revision: 3, state: AlertState::Closed, closing: Some(Closing::Quiet), ..alert(id) };
    Transition::Closed(over, Closing::Quiet)
}

/// What may be reached in these tests, and for how long.
pub fn inside() -> Reach {
    Reach { timeout: Duration::from_secs(20), allow_private: true, ..Reach::default() }
}

pub fn texts() -> Texts {
    Texts::new(None, None).unwrap()
}

pub fn outlet(sink: AnySink) -> Outlet {
    Outlet { name: "ops".into(), sink, at_least: None }
}
