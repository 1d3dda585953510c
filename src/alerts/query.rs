//! Which alerts does somebody mean?
//!
//! One small language for lists, changes of many alerts and commands: `state:open level:high
//! app:fn-orders -family:probing since:24h guessing`. A name that is not known, or a value that means nothing, is
//! a problem that says where it stands and what could stand there, all of them at once; words without a name are
//! searched for. What is not asked about is any; of states, those that are not closed.

mod line;

use std::fmt;

use crate::clock::{Timestamp, duration};

use super::{AlertState, Class, EntityKind, Family, Level};
pub use line::{How, Line, Term, Wrong};

/// Who looks, where that is known.
const ME: &str = "me";
/// Words that may be searched for at once.
const MOST_WORDS: usize = 16;
/// The states that may be asked for by one name.
const STATES: [(&str, &[AlertState]); 5] = [
    ("active", &[AlertState::Open, AlertState::Acknowledged]),
    ("open", &[AlertState::Open]),
    ("acknowledged", &[AlertState::Acknowledged]),
    ("closed", &[AlertState::Closed]),
    ("all", &[]),
];
/// The names that may be asked by.
pub const NAMES: [&str; 12] =
    ["state", "level", "family", "app", "detector", "entity", "assignee", "class", "since", "until", "opened", "text"];

/// Whom alerts are assigned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// Nobody.
    Nobody,
    /// This person.
    Named(String),
}

/// What is wrong with a question: all of it, in the order of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misread(pub Vec<Wrong>);

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(" "))
    }
}

/// Something that alerts are not to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Not {
    /// Of this level.
    Level(Level),
    /// Of this family.
    Family(Family),
    /// Of this app.
    App(String),
    /// Of this detector.
    Detector(String),
    /// About this, of that kind if one is named.
    Entity(Option<EntityKind>, String),
    /// This one's.
    Assignee(Assignee),
    /// Closed as this.
    Class(Class),
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// In one of these; none: in any.
    pub states: Vec<AlertState>,
    /// At least this bad.
    pub at_least: Option<Level>,
    /// At most this bad.
    pub at_most: Option<Level>,
    /// Of this family.
    pub family: Option<Family>,
    /// Of this app.
    pub app: Option<String>,
    /// Of this detector.
    pub detector: Option<String>,
    /// About this, of that kind if one is named.
    pub entity: Option<(Option<EntityKind>, String)>,
    /// Whose they are.
    pub assignee: Option<Assignee>,
    /// What they were.
    pub class: Option<Class>,
    /// With an event at or after this.
    pub since: Option<Timestamp>,
    /// Without an event after this.
    pub until: Option<Timestamp>,
    /// Opened at or after the first, and before the second.
    pub opened: (Option<Timestamp>, Option<Timestamp>),
    /// What they are not; as many as a line has parts.
    pub not: Vec<Not>,
    /// Words they hold.
    pub text: Option<String>,
}

impl Default for Query {
    fn default() -> Self {
        Self { states: STATES[0].1.to_vec(), ..Self::any() }
    }
}

impl Query {
    /// Returns the question that every alert answers, in whatever state.
    pub const fn any() -> Self {
        Self {
            states: Vec::new(),
            at_least: None,
            at_most: None,
            family: None,
            app: None,
            detector: None,
            entity: None,
            assignee: None,
            class: None,
            since: None,
            until: None,
            opened: (None, None),
            not: Vec::new(),
            text: None,
        }
    }

    /// Reads a question; spans such as `since:24h` end `now`.
    ///
    /// # Errors
    ///
    /// Says what is not understood, all of it, and what could stand there.
    pub fn parse(line: &str, now: Timestamp) -> Result<Self, Misread> {
        let mut query = Self::default();
        query.narrow(line, now)?;
        Ok(query)
    }

    /// Asks for what a line says as well; what it names anew replaces what was asked.
    ///
    /// # Errors
    ///
    /// Says what is not understood, all of it, and what could stand there.
    pub fn narrow(&mut self, line: &str, now: Timestamp) -> Result<(), Misread> {
        let (_, wrong) = self.take(line, now, None);
        if wrong.0.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// As [`Query::narrow`], and takes what is understood: returns that, and what is not. `assignee:me` is `me`.
    pub fn take(&mut self, line: &str, now: Timestamp, me: Option<&str>) -> (Line, Misread) {
        let (mut taken, mut wrong) = (Line::default(), Misread::default());
        for read in line::read(line) {
            let (part, place) = match read {
                Ok(part) => part,
                Err(flaw) => {
                    wrong.0.push(flaw);
                    continue;
                }
            };
            if taken.0.iter().any(|other: &Term| other.clashes_with(&part)) {
                let name = part.name;
                let says = format!("`{name}` is asked twice, and a question has one {name}: leave one of the two out.");
                wrong.0.push(Wrong { says, ..place });
                continue;
            }
            let mine = me.filter(|_| part.name == "assignee" && part.value == ME);
            let applied = match mine {
                Some(me) => self.apply(&Term { value: me.to_owned(), ..part.clone() }, now),
                None if part.name == "assignee" && part.value == ME => {
                    Err(format!("`{ME}` is understood on the pages alone: write a name."))
                }
                None => self.apply(&part, now),
            };
            match applied {
                Ok(()) => taken.0.push(part),
                Err(says) => wrong.0.push(Wrong { says, ..place }),
            }
        }
        (taken, wrong)
    }

    fn apply(&mut self, part: &Term, now: Timestamp) -> Result<(), String> {
        match (part.but, part.name) {
            (_, "level") if part.value.trim().is_empty() => self.set("level", "", now),
            (but, "level") => self.range(but, part.how, level(part.value.trim())?),
            (false, name) => self.set(name, &part.value, now),
            (true, name) => self.leave_out(name, part.value.trim()),
        }
    }

    /// Asks for levels; what leaves out a half asks for the other.
    fn range(&mut self, but: bool, how: How, level: Level) -> Result<(), String> {
        let at = Level::ALL.iter().position(|one| *one == level).unwrap_or_default();
        let below = |sign: &str| {
            let none =
                || format!("There is no level {sign} {level}: levels are {}.", Level::ALL.map(Level::name).join(", "));
            at.checked_sub(1).and_then(|at| Level::ALL.get(at)).copied().ok_or_else(none)
        };
        let above = |sign: &str| {
            let none =
                || format!("There is no level {sign} {level}: levels are {}.", Level::ALL.map(Level::name).join(", "));
            Level::ALL.get(at + 1).copied().ok_or_else(none)
        };
        match (but, how) {
            (false, How::Is | How::AtLeast) | (true, How::Below) => self.at_least = Some(level),
            (false, How::AtMost) | (true, How::Above) => self.at_most = Some(level),
            (false, How::Below) | (true, How::Is | How::AtLeast) => self.at_most = Some(below("below")?),
            (false, How::Above) | (true, How::AtMost) => self.at_least = Some(above("above")?),
            (false, How::Equals) => (self.at_least, self.at_most) = (Some(level), Some(level)),
            (true, How::Equals) => self.not.push(Not::Level(level)),
        }
        Ok(())
    }

    fn leave_out(&mut self, name: &str, value: &str) -> Result<(), String> {
        // Read as if it were asked for, so that what may stand there is said in one place.
        let mut asked = Self::any();
        asked.set(name, value, Timestamp::MIN)?;
        let Self { family, app, detector, entity, assignee, class, .. } = asked;
        if name == "state" {
            return self.leave_states_out(value, &asked.states);
        }
        let entity = entity.map(|(kind, value)| Not::Entity(kind, value));
        let not = entity
            .or(family.map(Not::Family))
            .or(app.map(Not::App))
            .or(detector.map(Not::Detector))
            .or(assignee.map(Not::Assignee))
            .or(class.map(Not::Class));
        self.not.push(not.ok_or_else(|| format!("`{name}` can't be left out: write {name}:VALUE without the `-`."))?);
        Ok(())
    }

    fn leave_states_out(&mut self, value: &str, out: &[AlertState]) -> Result<(), String> {
        if self.states.is_empty() {
            self.states = vec![AlertState::Open, AlertState::Acknowledged, AlertState::Closed];
        }
        let left: Vec<_> = self.states.iter().copied().filter(|state| !out.contains(state)).collect();
        if left.is_empty() || out.is_empty() {
            return Err(format!(
                "Without the state `{value}` none is left: write state:all before it, or leave it out."
            ));
        }
        self.states = left;
        Ok(())
    }

    /// Asks by one name.
    ///
    /// # Errors
    ///
    /// Says what is not understood, and what could stand there.
    pub fn set(&mut self, name: &str, value: &str, now: Timestamp) -> Result<(), String> {
        let value = value.trim();
        if value.is_empty() && name != "text" && NAMES.contains(&name) {
            return Err(format!("`{name}` has no value: write it as {name}:VALUE, or leave it out."));
        }
        match name {
            "state" => {
                let found = STATES.iter().find(|(name, _)| *name == value);
                let names = STATES.map(|(name, _)| name);
                self.states = found.ok_or_else(|| unknown(name, value, &names))?.1.to_vec();
            }
            "level" => self.at_least = Some(level(value)?),
            "family" => self.family = Some(family(value)?),
            "app" => self.app = Some(value.to_lowercase()),
            "detector" => self.detector = Some(value.to_owned()),
            "entity" => self.entity = Some(entity(value)),
            "assignee" if value == "none" => self.assignee = Some(Assignee::Nobody),
            "assignee" => self.assignee = Some(Assignee::Named(value.to_owned())),
            "class" => {
                let names = Class::ALL.map(Class::name);
                self.class = Some(Class::named(value).ok_or_else(|| unknown(name, value, &names))?);
            }
            "since" => self.since = Some(moment(name, value, now)?),
            "until" => self.until = Some(moment(name, value, now)?),
            "opened" => self.opened = between(name, value, now)?,
            "text" => self.add_text(value)?,
            _ => return Err(line::unknown_name(name)),
        }
        Ok(())
    }

    fn add_text(&mut self, words: &str) -> Result<(), String> {
        if words.trim().is_empty() {
            return Ok(());
        }
        if !words.chars().any(char::is_alphanumeric) {
            return Err(format!("`{}` has no word to search for: leave it out.", short(words)));
        }
        let text = self.text.get_or_insert_default();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(words);
        if text.split_whitespace().count() > MOST_WORDS {
            return Err(format!("At most {MOST_WORDS} words can be searched for at once: leave some out."));
        }
        Ok(())
    }
}

/// Reads a level.
///
/// # Errors
///
/// Names the levels.
pub fn level(value: &str) -> Result<Level, String> {
    let names = Level::ALL.map(Level::name);
    Level::ALL.into_iter().find(|level| level.name() == value).ok_or_else(|| unknown("level", value, &names))
}

/// Reads a family.
///
/// # Errors
///
/// Names the families.
pub fn family(value: &str) -> Result<Family, String> {
    let names = Family::ALL.map(Family::name);
    Family::ALL.into_iter().find(|family| family.name() == value).ok_or_else(|| unknown("family", value, &names))
}

/// Reads what alerts are about: `ip/203.0.113.7`, or the value alone.
pub fn entity(value: &str) -> (Option<EntityKind>, String) {
    let kinded =
        value.split_once('/').and_then(|(kind, rest)| Some((EntityKind::named(&kind.to_ascii_lowercase())?, rest)));
    match kinded {
        Some((kind, rest)) if !rest.is_empty() => (Some(kind), rest.to_owned()),
        _ => (None, value.to_owned()),
    }
}

fn moment(name: &str, value: &str, now: Timestamp) -> Result<Timestamp, String> {
    let span = duration::parse(value).map(|span| now.minus(span));
    Timestamp::parse_rfc3339(value).or(span).ok_or_else(|| {
        format!("`{name}` is no time: write 2026-03-02T08:00:00Z, or how long ago, such as 30m, 24h or 7d.")
    })
}

/// Reads from when to when: `FROM..TO`, either of which may be left out, or only from when.
fn between(name: &str, value: &str, now: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>), String> {
    let (from, to) = value.split_once("..").unwrap_or((value, ""));
    let one = |text: &str| (!text.is_empty()).then(|| moment(name, text, now)).transpose();
    match (one(from)?, one(to)?) {
        (None, None) => Err(format!("`{name}` has no time: write {name}:FROM..TO, or one of the two.")),
        (Some(from), Some(to)) if from >= to => {
            Err(format!("`{name}` ends before it begins: write the earlier time first."))
        }
        both => Ok(both),
    }
}

fn unknown(name: &str, value: &str, names: &[&str]) -> String {
    format!("`{}` is no {name}{}: write {}.", short(value), meant(value, names), names.join(", "))
}

/// Returns ` (did you mean …?)` if what was typed is close to one of `names`, else nothing.
pub fn meant(typed: &str, names: &[&str]) -> String {
    let typed: String = typed.chars().take(60).collect::<String>().to_lowercase();
    let near = names.iter().map(|name| (strsim::damerau_levenshtein(&typed, name), *name)).min();
    match near {
        Some((distance, name)) if distance <= name.len() / 3 => format!(" (did you mean `{name}`?)"),
        _ => String::new(),
    }
}

/// Returns as much of what was typed as an answer repeats.
fn short(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn parsed(line: &str) -> Query {
        Query::parse(line, NOW).unwrap()
    }

    fn wrong(line: &str) -> String {
        Query::parse(line, NOW).unwrap_err().to_string()
    }

    #[test]
    fn a_question_is_names_with_values_and_words() {
        let query = parsed(
            "state:closed level:high family:key-usage app:Fn-Orders detector:a.b entity:ip/203.0.113.7 assignee:dana class:benign since:1h until:30m two words",
        );
        assert_eq!(query.states, [AlertState::Closed]);
        assert_eq!((query.at_least, query.family), (Some(Level::High), Some(Family::KeyUsage)));
        assert_eq!((query.app.as_deref(), query.detector.as_deref()), (Some("fn-orders"), Some("a.b")));
        assert_eq!(query.entity, Some((Some(EntityKind::Ip), "203.0.113.7".into())));
        assert_eq!((query.assignee, query.class), (Some(Assignee::Named("dana".into())), Some(Class::Benign)));
        assert_eq!(query.since, Some(Timestamp::from_seconds(1_000_000 - 3_600)));
        assert_eq!(query.until, Some(Timestamp::from_seconds(1_000_000 - 1_800)));
        assert_eq!(query.text.as_deref(), Some("two words"));
    }

    #[test]
    fn nothing_asked_is_everything_that_is_not_closed() {
        assert_eq!(parsed("  "), Query::default());
        assert_eq!(parsed("").states, [AlertState::Open, AlertState::Acknowledged]);
        assert_eq!(parsed("state:all").states, []);
        assert_eq!(parsed("state:all"), Query::any());
    }

    #[test]
    fn quotes_keep_words_together_and_make_a_name_a_word() {
        assert_eq!(parsed("app:\"my app\"").app.as_deref(), Some("my app"));
        assert_eq!(parsed("\"color:red\"").text.as_deref(), Some("color:red"));
        assert_eq!(
            parsed("2001:db8::1 azure-function-key:k1").text.as_deref(),
            Some("2001:db8::1 azure-function-key:k1")
        );
        assert!(wrong("app:\"my").contains("not closed"));
    }

    #[test]
    fn what_is_not_understood_is_said_with_what_could_stand_there() {
        assert_eq!(
            wrong("state:opn famly:x level:hihg state:all"),
            "`opn` is no state (did you mean `open`?): write active, open, acknowledged, closed, all. (Letter 1: \
             `state:opn`.) `famly` is nothing to ask alerts by (did you mean `family`?): state, level, family, app, \
             detector, entity, assignee, class, since, until, opened, text. To search for it as a word, put it in \
             quotes. (Letter 11: `famly:x`.) `hihg` is no level (did you mean `high`?): write informational, low, \
             medium, high, critical. (Letter 19: `level:hihg`.)"
        );
        assert!(wrong("state:gone").starts_with("`gone` is no state: write active, open, acknowledged, closed, all."));
        assert!(wrong("level:9").contains("informational, low, medium, high, critical"));
        assert!(wrong("family:x").contains("key-usage"));
        assert!(wrong("color:red").starts_with("`color` is nothing to ask alerts by: state, level"));
        assert!(wrong("since:yesterday").contains("how long ago, such as 30m"));
        assert!(wrong("class:ok").contains("true-positive"));
        assert!(wrong("state:all --").contains("no word to search for"));
        assert!(wrong(&"a ".repeat(17)).contains("At most 16 words"));
        assert!(wrong("app:").contains("has no value"));
        assert!(wrong(&"x".repeat(1_001)).contains("shorten it"));
    }

    #[test]
    fn a_name_that_has_one_value_is_asked_by_once() {
        assert_eq!(
            wrong("app:a x app:b"),
            "`app` is asked twice, and a question has one app: leave one of the two out. (Letter 9: `app:b`.)"
        );
        for line in [
            "state:open state:closed",
            "level:low level>high",
            "since:1h since:2h",
            "class:benign class:false-positive",
        ] {
            assert!(wrong(line).contains("is asked twice"), "{line}");
        }
        for line in ["app:a app:a", "level>=low level<=high", "state:all -state:open", "-app:a -app:b", "a b"] {
            assert!(Query::parse(line, NOW).is_ok(), "{line}");
        }
        let mut query = parsed("app:a");
        query.narrow("app:b", NOW).unwrap();
        assert_eq!(query.app.as_deref(), Some("b"), "a second line replaces what the first asked");
    }

    #[test]
    fn levels_have_an_order_and_what_leaves_out_a_half_asks_for_the_other() {
        let range = |line: &str| {
            let query = parsed(line);
            (query.at_least.map(Level::name), query.at_most.map(Level::name))
        };
        assert_eq!((range("level:high"), range("level>=high")), ((Some("high"), None), (Some("high"), None)));
        assert_eq!((range("level=low"), range("level>low")), ((Some("low"), Some("low")), (Some("medium"), None)));
        assert_eq!(
            (range("level<low"), range("-level:low")),
            ((None, Some("informational")), (None, Some("informational")))
        );
        assert_eq!((range("level<=low"), range("-level>low")), ((None, Some("low")), (None, Some("low"))));
        assert_eq!(range("level>=low level<=high"), (Some("low"), Some("high")));
        assert!(
            wrong("level>critical").contains("no level above critical")
                && wrong("level<informational").contains("below")
        );
    }

    #[test]
    fn what_is_left_out_adds_up() {
        let query = parsed("-app:A -app:b -family:probing -level=medium -entity:ip/203.0.113.7 -assignee:none");
        let expected = [
            Not::App("a".into()),
            Not::App("b".into()),
            Not::Family(Family::Probing),
            Not::Level(Level::Medium),
            Not::Entity(Some(EntityKind::Ip), "203.0.113.7".into()),
            Not::Assignee(Assignee::Nobody),
        ];
        assert_eq!(query.not, expected);
        assert_eq!(parsed("-state:open").states, [AlertState::Acknowledged]);
        assert_eq!(parsed("state:all -state:open").states, [AlertState::Acknowledged, AlertState::Closed]);
        assert!(wrong("-state:active").contains("none is left") && wrong("-state:all").contains("none is left"));
        assert!(wrong("-since:24h").contains("can't be left out") && wrong("-family:x").contains("is no family"));
    }

    #[test]
    fn an_alert_is_found_by_when_it_opened() {
        let opened = |line: &str| parsed(line).opened;
        let ago = |seconds: i64| Some(Timestamp::from_seconds(1_000_000 - seconds));
        assert_eq!(opened("opened:1h"), (ago(3_600), None));
        assert_eq!(opened("opened:2h..1970-01-12T13:16:40Z"), (ago(7_200), ago(1_800)));
        assert_eq!(opened("opened:..1h"), (None, ago(3_600)));
        assert!(wrong("opened:1h..2h").contains("ends before it begins") && wrong("opened:..").contains("FROM..TO"));
    }

    #[test]
    fn me_is_who_looks_where_that_is_known() {
        let mut query = Query::default();
        let (line, wrong_with) = query.take("assignee:me opn:x", NOW, Some("dana"));
        assert_eq!((line.to_string().as_str(), wrong_with.0.len()), ("assignee:me", 1));
        assert_eq!(query.assignee, Some(Assignee::Named("dana".into())));
        assert!(wrong("assignee:me").contains("on the pages alone"));
    }
}
