//! Does a condition ask of one field what no event can say at once?
//!
//! A detector whose condition contradicts itself watches for nothing, and looks as if it did. Found are ranges and
//! numbers without a common one, words of which none is left by what else is asked, and a field that is to be
//! missing and to say something; what only a regular expression, a network or the record would show is not. Of fields
//! with several values each may fulfil a part. Conditions of more than 200 parts side by side are let through.

use crate::posture::Problems;
use crate::posture::document::{Located, Node};
use crate::telemetry::{Field, Kind, Outcome};

use super::Counting;
use super::condition::Condition;
use super::counting::Counted;
use super::words::{Case, How};

const MOST: usize = 200;
const OUTCOMES: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Unknown];

/// Reports steps that no event can take, and a share that no counted event can be of: `part` says of which.
pub(super) fn possible(
    steps: &[Condition],
    counting: &Counting,
    part: Option<&Condition>,
    kinds: &[Kind],
    line: usize,
    problems: &mut Problems,
) {
    let mut sound = true;
    for (number, step) in steps.iter().enumerate().filter(|(number, _)| counting.takes_events(*number)) {
        let which = if steps.len() > 1 { format!("Step {}", number + 1) } else { "The condition".to_owned() };
        if let Some(why) = why_never(step, kinds) {
            problems.add(line, format!("{which} can hold for no event{why}"));
            sound = false;
        }
    }
    if let (Some(part), [step], true) = (part, steps, sound)
        && let Some(why) = why_never(&Condition::all(vec![step.clone(), part.clone()]), kinds)
    {
        problems.add(line, format!("`of` can hold for no event that `when` lets through{why}"));
    }
}

/// Reports an `absence` whose `once` is its `expected`: each such event is followed by itself.
pub(super) fn answers_itself(tree: &Located, problems: &mut Problems) {
    let inside = |tree: &Located, name: &str| match &tree.node {
        Node::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value.clone()),
        _ => None,
    };
    let Some(absence) = inside(tree, "absence") else { return };
    let text = |key: &str| {
        let mut text = String::new();
        inside(&absence, key)?.node.canonical(&mut text);
        Some(text)
    };
    if text("once").is_some_and(|once| Some(once) == text("expected")) {
        problems.add(absence.line, "`once` and `expected` are the same, so nothing is ever missing. Say what follows.");
    }
}

/// Reports what is counted where there is only ever one of it, and a pause that nothing is as long as.
pub(super) fn countable(counted: &Counted, line: usize, problems: &mut Problems) {
    match counted.counting {
        Counting::Distinct { .. } if counted.value.iter().all(|term| counted.by.contains(term)) => problems.add(
            line,
            "`count` is a part of `by`, and each of those has one of it alone. Count another field, or keep by another.",
        ),
        Counting::Sequence { gap: Some(gap), within, .. } if gap > within => {
            problems.add(line, "`gap` is longer than `within`, and ends nothing. Make it shorter, or leave it out.");
        }
        _ => {}
    }
}

/// Says why no event of `kinds` can fulfil `condition`; nothing if one may.
fn why_never(condition: &Condition, kinds: &[Kind]) -> Option<String> {
    let may = |kind: &Kind| OUTCOMES.into_iter().any(|outcome| condition.may_hold(*kind, outcome));
    if !kinds.iter().any(may) {
        return Some(" of the kinds in `needs`. Compare `kind` and `outcome`.".to_owned());
    }
    let field = condition.contradiction()?;
    Some(format!(": what is asked of `{}` contradicts itself.", field.name()))
}

impl Condition {
    /// Returns a field of which it asks what no event can say at once.
    pub(super) fn contradiction(&self) -> Option<Field> {
        never(self, &mut Vec::new())
    }

    /// Returns the field that it asks for, if that is all it does.
    fn field(&self) -> Option<Field> {
        match self {
            Self::Exists(field)
            | Self::Text(field, _)
            | Self::Contains(field, _)
            | Self::Pattern(field, _)
            | Self::Number(field, _)
            | Self::Range(field, ..)
            | Self::Network(field, _) => Some(*field),
            Self::Not(inner) => inner.field(),
            Self::Always | Self::All(_) | Self::Any(_) | Self::Raw(_) => None,
        }
    }
}

/// Returns a field of which `condition` and all that is `given` beside ask what no event can say.
fn never<'c>(condition: &'c Condition, given: &mut Vec<&'c Condition>) -> Option<Field> {
    match condition {
        Condition::All(inner) => {
            let before = given.len();
            let either = |one: &&Condition| matches!(one, Condition::Any(_) | Condition::All(_));
            given.extend(inner.iter().filter(|one| !either(one)));
            let found = clash(given).or_else(|| inner.iter().filter(either).find_map(|one| never(one, given)));
            given.truncate(before);
            found
        }
        Condition::Any(inner) => {
            let mut found = None;
            for one in inner {
                found = found.or(Some(never(one, given)?));
            }
            found
        }
        one => {
            given.push(one);
            let found = clash(given);
            given.pop();
            found
        }
    }
}

fn clash(given: &[&Condition]) -> Option<Field> {
    if given.len() > MOST {
        return None;
    }
    let fields = given.iter().filter_map(|one| one.field());
    fields.filter(|field| !fits(*field, given)).min_by_key(|field| *field as u8)
}

/// Tells whether a value of `field` may fulfil all that is `given` of it.
fn fits(field: Field, given: &[&Condition]) -> bool {
    let of: Vec<&Condition> = given.iter().copied().filter(|one| one.field() == Some(field)).collect();
    let missing = |one: &&Condition| matches!(one, Condition::Not(inner) if matches!(**inner, Condition::Exists(_)));
    if of.iter().any(missing) && of.iter().any(|one| !matches!(one, Condition::Not(_))) {
        return false;
    }
    field.has_many() || number_fits(&of) && word_fits(&of)
}

fn number_fits(of: &[&Condition]) -> bool {
    let (mut least, mut most) = (i64::MIN, i64::MAX);
    for one in of {
        if let Condition::Range(_, from, to) = one {
            (least, most) = (least.max(*from), most.min(*to));
        }
    }
    let holds = |number: i64, one: &Condition| match one {
        Condition::Number(_, numbers) => numbers.contains(&number),
        Condition::Range(_, from, to) => (*from..=*to).contains(&number),
        _ => true,
    };
    let fulfils = |number: i64| {
        of.iter().all(|one| match one {
            Condition::Not(inner) if is_number(inner) => !holds(number, inner),
            one => holds(number, one),
        })
    };
    let named = of.iter().find_map(|one| if let Condition::Number(_, numbers) = one { Some(numbers) } else { None });
    least <= most && named.is_none_or(|numbers| numbers.iter().any(|number| fulfils(*number)))
}

fn is_number(condition: &Condition) -> bool {
    matches!(condition, Condition::Number(..) | Condition::Range(..))
}

fn word_fits(of: &[&Condition]) -> bool {
    let named = of.iter().find_map(|one| match one {
        Condition::Text(_, words) if words.how() == How::Is => Some(words),
        _ => None,
    });
    let Some(words) = named else { return true };
    words.iter().any(|word| of.iter().all(|one| may_be(word, one)))
}

/// Tells whether `word`, in a case of the event's choosing, may fulfil `condition`.
fn may_be(word: &str, condition: &Condition) -> bool {
    match condition {
        Condition::Text(_, words) if words.case() == Case::Ignored => words.hold(word),
        Condition::Contains(_, words) => words.hold(word),
        Condition::Not(inner) => match &**inner {
            Condition::Text(_, words) if words.case() == Case::Ignored => !words.hold(word),
            Condition::Contains(_, words) => !words.hold(word),
            _ => true,
        },
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::when;
    use crate::posture::document;

    fn contradiction(when: &str) -> Option<&'static str> {
        let mut problems = Problems::of("x");
        let condition = when::compile(document::read("x", when).unwrap(), &mut problems);
        assert!(problems.is_empty(), "{:?}", problems.into_list());
        condition.contradiction().map(Field::name)
    }

    #[test]
    fn what_no_event_can_say_at_once_is_a_contradiction() {
        for (when, field) in [
            ("{ response.status: { gte: 500, lt: 400 } }", "response.status"),
            ("{ response.status: 404, all: [ { response.status: { gte: 500 } } ] }", "response.status"),
            ("{ response.status: [401, 403], not: { response.status: { lt: 500 } } }", "response.status"),
            ("{ outcome: failure, all: [ { outcome: success } ] }", "outcome"),
            ("{ app: orders, any: [ { app: shop }, { app: { starts_with: x } } ] }", "app"),
            ("{ app: [orders, shop], not: { app: [Orders, SHOP] } }", "app"),
            ("{ request.path: { starts_with: /admin }, all: [ { request.path: /api } ] }", "request.path"),
            ("{ app: { exists: false }, all: [ { app: { contains: x } } ] }", "app"),
        ] {
            assert_eq!(contradiction(when), Some(field), "{when}");
        }
    }

    #[test]
    fn what_an_event_may_say_is_none() {
        for when in [
            "{ response.status: { gte: 400, lte: 400 } }",
            "{ response.status: [200, 404], all: [ { response.status: { gte: 400 } } ] }",
            "{ any: [ { response.status: { lt: 400, gte: 500 } }, { app: shop } ] }",
            "{ app: { cased: Shop }, all: [ { app: shop } ] }",
            "{ app: shop, all: [ { app: { cased: SHOP } } ] }",
            "{ app: shop, all: [ { app: { regex: '^S' } } ] }",
            "{ source.lists: office, all: [ { source.lists: tor } ] }",
            "{ app: { exists: false }, not: { app: shop } }",
            "{ not: { response.status: { gte: 500, lt: 400 } } }",
            "{ request.path: { starts_with: /a }, all: [ { request.path: { starts_with: /b } } ] }",
        ] {
            assert_eq!(contradiction(when), None, "{when}");
        }
    }
}
