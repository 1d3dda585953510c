//! What the matcher needs to know of a detector: conditions, key, value and level.

use std::time::Duration;

use crate::context::KNOWN_EGRESS;
use crate::telemetry::{EntityKind, Field, Kind, RawPath, Value};

use super::Level;
use super::aside::Aside;
use super::condition::Condition;
use super::kinds::pack_place;
use super::scene::Scene;

/// A compiled detector as the matcher sees it; its place among the rules is the detector's.
#[derive(Clone, Debug)]
pub struct Rule {
    /// One condition a step; one in all for every kind but a sequence.
    pub(super) steps: Vec<Condition>,
    /// The kinds of event it is offered.
    pub(super) kinds: Vec<Kind>,
    /// What its state is kept by; the first names the alert's entity.
    pub(super) by: Vec<Term>,
    /// What is counted or seen first; empty where the kind needs no value.
    pub(super) value: Vec<Term>,
    /// How that becomes a signal's value.
    pub(super) weigh: Weigh,
    /// How bad an event is.
    pub(super) level: Leveling,
    /// The kind of entity that the first of `by` names.
    pub(super) entity: EntityKind,
    /// Whether it looks at each secret of a record on its own.
    pub(super) of_secret: bool,
    /// Which events it counts although another says the same.
    pub(super) aside: Aside,
    /// Whether it asks for a confidence itself; else suspected secrets are passed over.
    pub(super) of_confidence: bool,
    /// Whether its signals go without record and entities: silence is shown by none, and nearly
    /// every record speaks against it.
    pub(super) light: bool,
    /// Whether its state is kept by app and nothing else.
    pub(super) by_app: bool,
    /// Whether it looks at the hashes by which storage logs name secrets, each on its own; of its
    /// steps, those that speak of no secret look at the event.
    pub(super) of_hash: bool,
    /// Whether its second step answers the first.
    pub(super) answered: bool,
    /// Whether it remembers values, so that it must learn what they will be called.
    pub(super) of_values: bool,
    /// Within which stretch of time the same value of the same entity tells it nothing new.
    pub(super) coarse: Option<Duration>,
}

impl Rule {
    /// Returns the rule of a Sigma detector, whose conditions and terms lie in a [`Set`](super::sigma::Set).
    pub(super) fn of_sigma(kinds: Vec<Kind>, level: Leveling, entity: EntityKind) -> Self {
        Self {
            steps: Vec::new(),
            kinds,
            by: Vec::new(),
            value: Vec::new(),
            weigh: Weigh::Hash,
            level,
            entity,
            of_secret: false,
            aside: Aside::default(),
            of_confidence: false,
            light: false,
            by_app: false,
            of_hash: false,
            answered: false,
            of_values: false,
            coarse: None,
        }
    }

    /// Returns the kinds of event that each step may be; nothing of a rule of one step.
    pub(super) fn kinds_of_steps(&self) -> Vec<Vec<Kind>> {
        let of = |step: &Condition| self.kinds.iter().copied().filter(|kind| step.may_be(*kind)).collect();
        if self.steps.len() < 2 { Vec::new() } else { self.steps.iter().map(of).collect() }
    }

    /// Tells whether it looks into the raw record.
    pub(super) fn looks_at_raw(&self) -> bool {
        let in_weight = match &self.weigh {
            Weigh::Part(part) => part.looks_at_raw(),
            weigh => matches!(weigh, Weigh::Place(_)),
        };
        in_weight || self.steps.iter().any(Condition::looks_at_raw)
    }

    /// Tells whether it looks at a field for which `of` holds.
    pub(super) fn asks(&self, of: fn(Field) -> bool) -> bool {
        let in_terms = self.by.iter().chain(&self.value).any(|term| term.fields().any(of));
        let in_level = matches!(&self.level, Leveling::By { field, .. } if of(*field));
        let in_weight = match &self.weigh {
            Weigh::Part(part) => part.mentions(&of),
            Weigh::Place(_) => of(Field::SourceCity),
            Weigh::Hash | Weigh::Number => false,
        };
        in_terms || in_level || in_weight || self.steps.iter().any(|step| step.mentions(&of))
    }
}

/// How what is counted becomes a signal's value.
#[derive(Clone, Debug)]
pub(super) enum Weigh {
    /// A keyed hash of it.
    Hash,
    /// It is a number, and taken as it is.
    Number,
    /// 1 of an event that fulfils this, 0 of any other.
    Part(Condition),
    /// The place whose latitude and longitude stand there in the record.
    Place(Box<(RawPath, RawPath)>),
}

impl Rule {
    /// Tells whether a signal's value is a hash of fields.
    pub(super) fn is_hashed(&self) -> bool {
        matches!(self.weigh, Weigh::Hash) && !self.value.is_empty()
    }

    /// Returns a signal's value where it is no hash; `None` if the event lacks it.
    pub(super) fn weighed(&self, scene: Scene<'_, '_>) -> Option<u64> {
        match &self.weigh {
            Weigh::Hash => Some(0),
            Weigh::Number => match self.value.first()?.get(scene)? {
                (_, Value::Number(number)) => Some(number.cast_unsigned()),
                _ => None,
            },
            // What the gates look for are the words of steps, not these.
            Weigh::Part(when) => Some(when.holds(Scene::new(scene.event, scene.secret)).into()),
            Weigh::Place(paths) => {
                let own = degrees(&paths.0, scene).zip(degrees(&paths.1, scene));
                let (latitude, longitude) = own.or_else(|| looked_up(scene))?;
                pack_place(latitude, longitude)
            }
        }
    }
}

/// Returns where the caller's address lies, latitude and longitude; nowhere if it is a gateway's own.
fn looked_up(scene: Scene<'_, '_>) -> Option<(f64, f64)> {
    let known = scene.event.known()?;
    let egress = known.lists.is_some_and(|lists| lists.split(' ').any(|list| list == KNOWN_EGRESS));
    known.place.spot.filter(|_| !egress).map(|spot| (spot.latitude, spot.longitude))
}

/// Returns the number at `path` of the record.
fn degrees(path: &RawPath, scene: Scene<'_, '_>) -> Option<f64> {
    let mut degrees = None;
    scene.event.raw(path, |text| {
        degrees = text.trim().parse().ok();
        degrees.is_some()
    });
    degrees
}

/// A field, or the first of several that an event has: `identity.id | identity.app`. Nearly all are one, which
/// is looked up for every match, so it lies here and not behind a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    first: Field,
    others: Box<[Field]>,
}

impl Term {
    /// Returns the first of `fields` that an event has; `None` of none.
    pub(super) fn of(fields: &[Field]) -> Option<Self> {
        let (&first, others) = fields.split_first()?;
        Some(Self { first, others: others.into() })
    }

    /// Returns its fields, in the order in which they are asked for.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> + use<'_> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// Returns the one field, of a term that has no other.
    pub(super) fn sole(&self) -> Option<Field> {
        self.others.is_empty().then_some(self.first)
    }

    /// Returns the value, and the field it is of.
    #[inline]
    pub(super) fn get<'e>(&self, scene: Scene<'e, '_>) -> Option<(Field, Value<'e>)> {
        match scene.get(self.first) {
            Some(value) => Some((self.first, value)),
            None => self.others.iter().find_map(|&field| Some((field, scene.get(field)?))),
        }
    }
}

/// How bad an event is.
#[derive(Clone, Debug)]
pub(super) enum Leveling {
    /// Always as bad.
    Fixed(Level),
    /// As bad as the field's value says.
    By { field: Field, of: Vec<(Box<str>, Level)>, default: Level },
}

impl Leveling {
    /// Returns the level of `scene`'s event.
    pub(super) fn of(&self, scene: Scene<'_, '_>) -> Level {
        match self {
            Self::Fixed(level) => *level,
            Self::By { field, of, default } => {
                let named = |name: &str| of.iter().find(|(value, _)| value.eq_ignore_ascii_case(name)).map(|(_, l)| *l);
                let level = match scene.get(*field) {
                    Some(Value::Text(text)) => named(text),
                    Some(Value::Number(number)) => named(&number.to_string()),
                    _ => None,
                };
                level.unwrap_or(*default)
            }
        }
    }

    /// Returns the level to list the detector under: what an event is where nothing is known of it.
    pub(super) fn usual(&self) -> Level {
        match self {
            Self::Fixed(level) | Self::By { default: level, .. } => *level,
        }
    }
}
