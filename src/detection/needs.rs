//! What must an event have for a condition to hold at all?
//!
//! Read off a condition once: fields that must be there, statuses and reasons that may. It asks for
//! less than the condition does, never for more, so that what it lets through is looked at in
//! earnest and what it turns away need not be: three masks, where a condition asks field by field.

use crate::redaction::RedactedEvent;
use crate::telemetry::{Field, Reason, Value};

use super::condition::Condition;
use super::rule::{Rule, Term};
use super::scene::Scene;
use super::words::{Gated, How, edge};

/// What an event must have.
#[derive(Clone, Debug)]
pub(super) struct Needs {
    fields: u128,
    statuses: Statuses,
    reasons: u64,
    /// One of the words that each of these gates looks for.
    sought: Gated,
    /// Whether the path must begin like one of these, and end like one of those; any way if there
    /// are none.
    heads: Vec<(u64, u64)>,
    tails: Vec<(u64, u64)>,
}

/// What an event has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Has {
    fields: u128,
    status: usize,
    reason: Reason,
    calm: Gated,
    /// How the path begins and ends.
    head: u64,
    tail: u64,
}

/// Statuses below 640 as bits, and one more bit for every other and for none.
type Statuses = [u64; 11];

/// Stands for every other status, and for none.
pub(super) const OTHER: usize = 640;
const _: () = assert!(Field::ALL.len() <= 127 && Reason::ALL.len() <= 64);

impl Needs {
    const NOTHING: Self = Self {
        fields: 0,
        statuses: [u64::MAX; 11],
        reasons: u64::MAX,
        sought: Gated::NONE,
        heads: Vec::new(),
        tails: Vec::new(),
    };

    /// Returns what an event must have to fulfil `condition`.
    pub(super) fn of(condition: &Condition) -> Self {
        let field = |field: Field| Self { fields: bit(field), ..Self::NOTHING };
        match condition {
            Condition::Always | Condition::Raw(_) => Self::NOTHING,
            Condition::All(all) => all.iter().map(Self::of).fold(Self::NOTHING, Self::and),
            Condition::Any(any) => any.iter().map(Self::of).reduce(Self::or).unwrap_or(Self::NOTHING),
            Condition::Not(inner) => Self::not(inner),
            Condition::Text(Field::Reason, words) if words.how() == How::Is => {
                let named = |reason: &&Reason| words.hold(reason.name());
                let reasons = Reason::ALL.iter().filter(named).fold(0, |bits, reason| bits | 1 << *reason as u64);
                Self { reasons, ..Self::NOTHING }
            }
            Condition::Number(Field::ResponseStatus, numbers) => {
                Self { statuses: statuses(|status| numbers.contains(&status)), ..Self::NOTHING }
            }
            Condition::Range(Field::ResponseStatus, least, most) => {
                Self { statuses: statuses(|status| (*least..=*most).contains(&status)), ..Self::NOTHING }
            }
            Condition::Contains(of, _) if !Gated::of(*of).is_none() => Self { sought: Gated::of(*of), ..Self::NOTHING },
            Condition::Text(Field::RequestPath, words) => {
                let edges = words.edges().collect();
                match words.how() {
                    How::Ends => Self { tails: edges, ..Self::NOTHING },
                    How::Is | How::Starts => Self { heads: edges, ..Self::NOTHING },
                }
            }
            Condition::Exists(of)
            | Condition::Text(of, _)
            | Condition::Contains(of, _)
            | Condition::Pattern(of, _)
            | Condition::Number(of, _)
            | Condition::Range(of, ..)
            | Condition::Network(of, _) => field(*of),
        }
    }

    /// Returns what an event must have to fulfil `condition`, one of `rule`'s, and to give it a signal: a key
    /// and a value.
    pub(super) fn of_step(rule: &Rule, condition: &Condition) -> Self {
        let value = rule.value.iter().filter(|_| rule.is_hashed());
        let sole = |term: &Term| term.sole().map_or(0, bit);
        let fields = rule.by.iter().chain(value).map(sole).fold(0, |fields, bit| fields | bit);
        Self::of(condition).and(Self { fields, ..Self::NOTHING })
    }

    /// Returns what is left of `condition` to look at in an event that has what it needs, and a status below
    /// [`OTHER`]: nothing of what the needs say exactly.
    pub(super) fn rest(condition: &Condition) -> Condition {
        let left = |condition: &&Condition| !is_said_exactly(condition);
        match condition {
            Condition::All(all) => Condition::all(all.iter().filter(left).cloned().collect()),
            one => Condition::all([one].into_iter().filter(left).cloned().collect()),
        }
    }

    /// Returns what an event must have that does not fulfil `condition`. Only of a condition on
    /// nothing but reasons is that the opposite.
    fn not(condition: &Condition) -> Self {
        match condition {
            Condition::Text(Field::Reason, words) if words.how() == How::Is => {
                let kept = |reason: &&Reason| !words.hold(reason.name());
                let reasons = Reason::ALL.iter().filter(kept).fold(0, |bits, reason| bits | 1 << *reason as u64);
                Self { reasons, ..Self::NOTHING }
            }
            _ => Self::NOTHING,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            fields: self.fields | other.fields,
            statuses: std::array::from_fn(|n| self.statuses[n] & other.statuses[n]),
            reasons: self.reasons & other.reasons,
            sought: self.sought.or(other.sought),
            heads: if self.heads.is_empty() { other.heads } else { self.heads },
            tails: if self.tails.is_empty() { other.tails } else { self.tails },
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            fields: self.fields & other.fields,
            statuses: std::array::from_fn(|n| self.statuses[n] | other.statuses[n]),
            reasons: self.reasons | other.reasons,
            sought: self.sought.and(other.sought),
            heads: either(self.heads, other.heads),
            tails: either(self.tails, other.tails),
        }
    }

    /// Returns the fields that must be there, as bits.
    pub(super) fn fields(&self) -> u128 {
        self.fields
    }

    /// Tells whether an event with `has` may fulfil the condition.
    pub(super) fn are_met(&self, has: &Has) -> bool {
        self.fields & !has.fields == 0
            && self.takes_reason(has.reason)
            && self.takes_status(has.status)
            && self.sought.and(has.calm).is_none()
            && self.fits(has)
    }

    /// Tells whether the path of an event with `has` may fulfil the condition.
    pub(super) fn fits(&self, has: &Has) -> bool {
        may_fit(&self.heads, has.head) && may_fit(&self.tails, has.tail)
    }

    /// Tells whether an event of this status may, below [`OTHER`], or of [`OTHER`].
    pub(super) const fn takes_status(&self, status: usize) -> bool {
        self.statuses[status / 64] & 1 << (status % 64) != 0
    }

    /// Tells whether an event refused for this reason may.
    pub(super) const fn takes_reason(&self, reason: Reason) -> bool {
        self.reasons & 1 << reason as u64 != 0
    }

    /// Tells whether it takes one of the words that this gate looks for.
    pub(super) const fn is_sought(&self, by: Gated) -> bool {
        !self.sought.and(by).is_none()
    }
}

impl Has {
    /// Returns the status, [`OTHER`] for none and for every other.
    pub(super) const fn status(&self) -> usize {
        self.status
    }

    /// Returns the reason's number.
    pub(super) const fn reason(&self) -> usize {
        self.reason as usize
    }

    /// Returns which gates have said that nothing in it is sought.
    pub(super) const fn calm(&self) -> Gated {
        self.calm
    }

    /// Tells whether it has the field of this bit.
    pub(super) const fn has(&self, field: u128) -> bool {
        self.fields & field != 0
    }

    /// Returns what `scene`'s event has; of fields that are looked up, only those in `asked` are looked for.
    pub(super) fn of(event: &RedactedEvent<'_>, scene: Scene<'_, '_>, asked: u128) -> Self {
        let mut fields = said(event);
        let mut rest = 0;
        if event.known().is_some() {
            fields |= LOOKED_UP;
            rest = asked & ONLY_LOOKED_UP & !LOOKED_UP;
        }
        while rest != 0 {
            let lowest = rest.trailing_zeros() as usize;
            if Field::ALL.get(lowest).is_some_and(|field| scene.get(*field).is_some()) {
                fields |= 1 << lowest;
            }
            rest &= rest - 1;
        }
        let status = match event.get(Field::ResponseStatus) {
            Some(Value::Number(status)) => usize::try_from(status).unwrap_or(OTHER).min(OTHER),
            _ => OTHER,
        };
        let path = match event.get(Field::RequestPath) {
            Some(Value::Text(path)) => path.as_bytes(),
            _ => &[],
        };
        let (head, tail) = (edge(How::Starts, path), edge(How::Ends, path));
        Self { fields, status, reason: event.reason(), calm: scene.calm, head, tail }
    }
}

/// Tells whether what `condition` needs is all that it asks, of events with a status below [`OTHER`].
fn is_said_exactly(condition: &Condition) -> bool {
    let reasons = |needs: Needs, holds: &dyn Fn(&str) -> bool| {
        Reason::ALL.iter().all(|reason| needs.takes_reason(*reason) == holds(reason.name()))
    };
    match condition {
        Condition::Number(Field::ResponseStatus, _) | Condition::Range(Field::ResponseStatus, ..) => true,
        Condition::Exists(field) => bit(*field) != 0,
        Condition::Text(Field::Reason, words) if words.how() == How::Is => {
            reasons(Needs::of(condition), &|name| words.hold(name))
        }
        Condition::Not(inner) => match &**inner {
            Condition::Text(Field::Reason, words) if words.how() == How::Is => {
                reasons(Needs::of(condition), &|name| !words.hold(name))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Fields of secrets differ from secret to secret, and those that most events have turn none away:
/// they are not asked for here.
fn bit(field: Field) -> u128 {
    if field.is_looked_up() {
        LOOKED_UP | 1 << field as u128
    } else if TELLING.contains(&field) {
        1 << field as u128
    } else {
        0
    }
}

/// Makes the list of fields, and the function that looks for each of them: one by one, each is a load; by number,
/// each would be a jump.
macro_rules! telling {
    ($($field:ident)*) => {
        /// Fields of the record that turn events away.
        const TELLING: &[Field] = &[$(Field::$field),*];

        /// Returns which of these fields `event` has, as bits.
        fn said(event: &RedactedEvent<'_>) -> u128 {
            let bit = |field: Field, value: Option<Value<'_>>| {
                u128::from(value.is_some_and(|value| !matches!(value, Value::Text("")))) << field as u128
            };
            0 $(| bit(Field::$field, event.get(Field::$field)))*
        }
    };
}

telling! {
    App Function Gateway Operation IdentityName IdentityId IdentityApp IdentityHeader KeyId KeyTransport AllowOrigin
    Origin Referrer SourceCountry SourceForwarded
}

/// Stands for all fields that no record says: where nobody looks anything up, there are none of them.
const LOOKED_UP: u128 = 1 << 127;
/// Those fields.
const ONLY_LOOKED_UP: u128 = {
    let (mut bits, mut n) = (LOOKED_UP, 0);
    while n < Field::ALL.len() {
        if Field::ALL[n].is_looked_up() {
            bits |= 1 << n;
        }
        n += 1;
    }
    bits
};

/// Returns both, or none if one of them lets everything through.
fn either(mut one: Vec<(u64, u64)>, other: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    if one.is_empty() || other.is_empty() {
        return Vec::new();
    }
    one.extend(other);
    one
}

fn may_fit(edges: &[(u64, u64)], edge: u64) -> bool {
    edges.is_empty() || edges.iter().any(|&(word, mask)| edge & mask == word)
}

fn statuses(fits: impl Fn(i64) -> bool) -> Statuses {
    let mut statuses = [0; 11];
    for status in (0..OTHER).filter(|status| fits(*status as i64)) {
        statuses[status / 64] |= 1 << (status % 64);
    }
    statuses[OTHER / 64] |= 1 << (OTHER % 64);
    statuses
}

/// Needs of all sorts.
#[cfg(test)]
pub(super) fn samples() -> Vec<Needs> {
    let one = |n: i64| Needs {
        fields: if n % 5 == 0 {
            bit(Field::App) | bit(Field::Gateway)
        } else {
            bit(Field::SourceCity) * u128::from(n % 11 == 0)
        },
        statuses: if n % 2 == 0 { [u64::MAX; 11] } else { statuses(|status| (3 * n..100 + 5 * n).contains(&status)) },
        reasons: if n % 3 == 0 { u64::MAX } else { 0b1011 << (n % 40) },
        sought: match n % 21 {
            0 => Gated::ALL[0],
            7 => Gated::ALL[1],
            14 => Gated::ALL[0].or(Gated::ALL[1]),
            _ => Gated::NONE,
        },
        ..Needs::NOTHING
    };
    (0..150).map(one).collect()
}

/// What events of all sorts have.
#[cfg(test)]
pub(super) fn sample_events() -> Vec<Has> {
    let mut all = Vec::new();
    for status in [0, 7, 99, 200, 302, 401, 500, 639, OTHER] {
        for &reason in Reason::ALL.iter().step_by(3) {
            let [urls, clients] = Gated::ALL;
            let calm = [(0, urls.or(clients)), (bit(Field::App), Gated::NONE), (u128::MAX, clients), (0, urls)];
            for (fields, calm) in calm {
                all.push(Has { fields, status, reason, calm, head: 0, tail: 0 });
            }
        }
    }
    all
}
