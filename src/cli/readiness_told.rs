//! How is it told whether a key may be revoked?
//!
//! To people the verdict comes first, then whom to speak to before, then what can't be known; to programs it is
//! one JSON object, whose times are RFC 3339. Of those who use it fifty are named, of the quiet twenty; JSON has all.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json as object};

use crate::clock::{Timestamp, duration};
use crate::dashboard::visible;
use crate::telemetry::{Entity, EntityKind, sayable};

use super::readiness::{Caller, Readiness, Verdict, within};

/// Callers that are told of those who use it, or are refused.
const MOST: usize = 50;
/// Callers that are quiet and told.
const MOST_QUIET: usize = 20;
/// Changes of keys that are told.
const MOST_CHANGES: usize = 10;

/// Returns the answer for people.
pub fn text(known: &Readiness) -> String {
    let mut out = String::new();
    let name = called(&known.key);
    // Writing to a string can't fail.
    _ = writeln!(out, "{}", headline(known, &name));
    if name != known.key {
        _ = writeln!(out, "  {}", visible(&known.key));
    }
    for linked in &known.linked {
        _ = writeln!(out, "  {} (under another key of the installation)", visible(linked));
    }
    let newest = known.reach.map_or(Timestamp::MIN, |reach| reach.newest);
    let refused = |caller: &&Caller| !caller.still && is_refused(caller, newest, known.quiet);
    let still: Vec<&Caller> = known.callers.iter().filter(|caller| caller.still).collect();
    let turned: Vec<&Caller> = known.callers.iter().filter(refused).collect();
    let gone: Vec<&Caller> = known.callers.iter().filter(|caller| !caller.still && !refused(caller)).collect();
    let span = duration::format(known.quiet);
    section(&mut out, &format!("Still using it, within {span}: move these first"), &still, known, newest);
    section(
        &mut out,
        &format!("Refused with it within {span}: they need another key, or do not know"),
        &turned,
        known,
        newest,
    );
    section(&mut out, "Quiet", &gone, known, newest);
    if !known.changes.is_empty() {
        _ = writeln!(out, "\nKeys changed there");
        for change in known.changes.iter().take(MOST_CHANGES) {
            let by = Entity::new(EntityKind::Identity, &*change.by).sayable();
            let told = format!("{} {} by {by}: {}", change.place, change.what, change.operation);
            _ = writeln!(out, "  {}  {}", second(change.at), visible(&told));
        }
    }
    if !known.doubts.is_empty() {
        _ = writeln!(out, "\nWhy silence says nothing yet");
        known.doubts.iter().for_each(|doubt| _ = writeln!(out, "  {}", visible(doubt)));
    }
    _ = writeln!(out, "\nWhat no log shows\n  {}", blind(&known.key));
    out
}

fn headline(known: &Readiness, name: &str) -> String {
    let name = visible(name);
    let still = known.callers.iter().filter(|caller| caller.still).count();
    let since = known.last_accepted().map_or_else(|| "ever".to_owned(), |last| format!("since {}", second(last)));
    match known.verdict() {
        Verdict::Safe => format!("Safe to revoke: nobody has used {name} {since}."),
        Verdict::NotYet if still == 1 => format!("Not yet: one caller still uses {name}."),
        Verdict::NotYet if still > 1 => format!("Not yet: {still} callers still use {name}."),
        Verdict::NotYet => format!("Not yet: nobody was seen to use {name} {since}, but that need not mean anything."),
        Verdict::Unknown => match known.reach {
            Some(reach) => format!(
                "Not known: no key called {name} has opened anything since {}. Is the name right? \
                 `gatewatch keys fingerprint` says what a key is called that you hold.",
                second(reach.since)
            ),
            None => "Not known: nothing has been read yet. Let the daemon run first.".to_owned(),
        },
    }
}

fn section(out: &mut String, title: &str, callers: &[&Caller], known: &Readiness, newest: Timestamp) {
    if callers.is_empty() {
        return;
    }
    _ = writeln!(out, "\n{title}");
    let most = if title == "Quiet" { MOST_QUIET } else { MOST };
    for caller in callers.iter().take(most) {
        let (used, refused) = within(&caller.days, newest, known.quiet);
        let mut line = format!("  {} at {}: ", caller.address, caller.place);
        match caller.last_accepted {
            Some(last) => _ = write!(line, "last used {}", second(last)),
            None => _ = write!(line, "never let in, last tried {}", second(caller.last_seen)),
        }
        if used > 0 {
            let many = caller.days.len();
            let days = if many == 1 { "one day only".to_owned() } else { format!("{many} days") };
            _ = write!(line, ", {used} times in {}, seen on {days}", duration::format(known.quiet));
        }
        if refused > 0 {
            _ = write!(line, ", refused {refused} times, the last {}", second(caller.last_seen));
        }
        match &caller.successor {
            Some(next) => _ = write!(line, "; also uses {} since {}", called(&next.key), second(next.since)),
            None if caller.still => line.push_str("; no other key of theirs was seen"),
            None => {}
        }
        _ = writeln!(out, "{}", visible(&line));
    }
    if callers.len() > most {
        _ = writeln!(out, "  and {} more (`--json` names them)", callers.len() - most);
    }
}

fn is_refused(caller: &Caller, newest: Timestamp, quiet: Duration) -> bool {
    caller.last_seen > newest.minus(quiet)
}

/// Of a moment, whole seconds are enough.
pub fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.nanos().div_euclid(1_000_000_000))
}

/// Returns what people call a key.
fn called(key: &str) -> String {
    sayable(key).map_or_else(|| key.to_owned(), |name| format!("key {name}"))
}

/// Says what can't be seen of such a key.
fn blind(key: &str) -> &'static str {
    if key.contains(':') {
        "A key that is sent in a header (`x-functions-key`) stands in no log of Azure's; only one in the URL is seen. \
         Ask the app's owner whether anybody sends it so."
    } else {
        "A subscription has two keys, and the gateway's log does not tell which was used: callers of either are told here."
    }
}

/// Returns the answer for programs.
pub fn json(known: &Readiness) -> Value {
    let newest = known.reach.map_or(Timestamp::MIN, |reach| reach.newest);
    let verdict = match known.verdict() {
        Verdict::Safe => "safe",
        Verdict::NotYet => "not-yet",
        Verdict::Unknown => "unknown",
    };
    let caller = |caller: &Caller| {
        let (used, refused) = within(&caller.days, newest, known.quiet);
        let day = |day: &crate::store::KeyDay| {
            let at = Timestamp::from_seconds(i64::from(day.day) * 86_400).to_string();
            object!({"day": at.get(..10), "used": day.used, "refused": day.refused})
        };
        object!({
            "address": caller.address,
            "place": caller.place,
            "still": caller.still,
            "first_seen": caller.first_seen,
            "last_seen": caller.last_seen,
            "last_accepted": caller.last_accepted,
            "used": used,
            "refused": refused,
            "days": caller.days.iter().map(day).collect::<Vec<_>>(),
            "successor": caller.successor.as_ref().map(|next| object!({
                "key": next.key, "name": sayable(&next.key), "since": next.since, "last": next.last,
            })),
        })
    };
    let change = |change: &crate::store::KeyChange| {
        object!({
            "place": change.place, "what": change.what, "operation": change.operation, "by": change.by, "at": change.at,
        })
    };
    object!({
        "key": known.key,
        "name": sayable(&known.key),
        "linked": known.linked,
        "verdict": verdict,
        "quiet_seconds": known.quiet.as_secs(),
        "last_accepted": known.last_accepted(),
        "noted_since": known.reach.map(|reach| reach.since),
        "newest": known.reach.map(|reach| reach.newest),
        "callers": known.callers.iter().map(caller).collect::<Vec<_>>(),
        "changes": known.changes.iter().map(change).collect::<Vec<_>>(),
        "doubts": known.doubts,
        "blind": blind(&known.key),
    })
}
