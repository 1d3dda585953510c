//! Of which changes is nobody told, and what held them back?
//!
//! Silences, inhibitions (one kind of alert makes another not worth telling while it is open) and
//! maintenance windows. Whether an alert is a source of inhibition does not depend on whether
//! anybody is told of it: a silenced source still inhibits. Nothing here changes what is detected
//! or kept. At most 1,000 silences that have not ended; of one that ends, the worst 100 alerts it
//! still hid are told of at once, the others by and by.

mod rules;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::clock::Timestamp;

use super::silence::{Ending, Judged, Silence, SilenceId};
use super::{Alert, AlertId, AlertState, Level};

pub use rules::{Equal, Inhibition, Maintenance, MuteRules, TimeOfDay, Weekday};

use rules::Sources;

/// Silences that have not ended, at most.
pub const MOST_SILENCES: usize = 1_000;
/// Alerts that are told of at once when a silence ends.
const MOST_TOLD: usize = 100;
/// What a silence is called among what holds back.
const SILENCE: &str = "silence";

/// What held a change back, as marks and pages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The alert.
    pub alert: AlertId,
    /// Its revision, and its state.
    pub at: (u32, AlertState),
    /// `silence:…`, `inhibited:…` or `maintenance:…`.
    pub by: String,
    /// The same for people.
    pub says: String,
}

/// What ended with a silence, a maintenance window or an inhibition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// Why, for people.
    pub says: String,
    /// The alerts to tell of now.
    pub tell: Vec<AlertId>,
}

/// What is made of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What held it back; nothing: it is told.
    pub marks: Vec<Mark>,
    /// Silences that tripped over it.
    pub over: Vec<Over>,
}

/// What a person wants done with silences.
#[derive(Clone, Debug, PartialEq)]
pub enum SilenceDeed {
    /// A new one.
    Add(Box<Silence>),
    /// One is to end.
    End {
        /// Which.
        id: SilenceId,
        /// Who wants it.
        by: String,
        /// When, wall time.
        at: Timestamp,
    },
}

/// Everything that holds alerts back.
#[derive(Debug, Default)]
pub struct Mutes {
    rules: MuteRules,
    silences: BTreeMap<SilenceId, Silence>,
    /// Of each inhibition, the open sources by what targets must agree in.
    sources: Vec<Sources>,
    /// Of which inhibitions an open source is a target too, and by what.
    targets: BTreeMap<AlertId, Vec<(usize, String)>>,
    /// Open alerts that silences hide, each as bad as it was then.
    hidden: BTreeMap<SilenceId, BTreeMap<AlertId, Level>>,
    /// Open alerts that rules hide, and by which: they are told of once none does. Those too that a silence which has
    /// ended let go, and whose turn has not come.
    waiting: BTreeMap<AlertId, String>,
    /// Whether those have changed since they were last saved.
    unsaved: bool,
    /// Which maintenance windows were active when it was last seen who waits no longer.
    active: Vec<bool>,
    /// Whether an inhibition may have let go since.
    loosened: bool,
    /// Silences to be written down, those that ended too.
    changed: BTreeMap<SilenceId, Silence>,
}

impl Mutes {
    /// Returns what holds back by `rules` and `silences`; `open` are the alerts that are not
    /// closed, `hidden` which of them silences hide.
    pub fn new<'a>(
        rules: MuteRules,
        silences: Vec<Silence>,
        open: impl Iterator<Item = &'a Alert>,
        hidden: Vec<(SilenceId, AlertId)>,
    ) -> Self {
        let sources = rules.inhibit.iter().map(|_| Sources::default()).collect();
        let silences = silences.into_iter().map(|silence| (silence.id, silence)).collect();
        let mut mutes = Self { rules, silences, sources, ..Self::default() };
        let open: BTreeMap<AlertId, &Alert> = open.map(|alert| (alert.id, alert)).collect();
        for alert in open.values() {
            mutes.source(alert);
        }
        for (id, alert) in hidden {
            // One that others have come to see, which are not meant, was told since.
            let known = mutes.silences.get(&id).zip(open.get(&alert));
            if known.is_none_or(|(silence, alert)| silence.matcher.concerns(alert)) {
                let level = known.map_or(Level::Informational, |(_, alert)| alert.level);
                mutes.hidden.entry(id).or_default().insert(alert, level);
            }
        }
        mutes
    }

    /// Returns the silences that have not ended.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.values()
    }

    /// Takes the silences that have changed since, to be written down.
    pub fn take_changed(&mut self) -> Vec<Silence> {
        std::mem::take(&mut self.changed).into_values().collect()
    }

    /// Does what a person wants; returns what ended.
    ///
    /// # Errors
    ///
    /// Says why it can't be done.
    pub fn act(&mut self, deed: SilenceDeed) -> Result<Option<Over>, String> {
        match deed {
            SilenceDeed::Add(silence) => {
                silence.check()?;
                if self.silences.len() >= MOST_SILENCES {
                    return Err(format!(
                        "There are {MOST_SILENCES} silences already: end some that are no longer needed."
                    ));
                }
                self.changed.insert(silence.id, (*silence).clone());
                self.silences.insert(silence.id, *silence);
                Ok(None)
            }
            SilenceDeed::End { id, by, at } => {
                let says = format!("silence {id} was ended by {by}");
                let over = self.end(id, at, Ending::ByPerson { by }, says);
                over.map(Some).ok_or_else(|| format!("There is no silence {id} that has not ended."))
            }
        }
    }

    /// Ends what is due at `now`.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Over> {
        let due: Vec<SilenceId> =
            self.silences.values().filter(|silence| silence.ends_at <= now).map(|silence| silence.id).collect();
        let end = |id| self.end(id, now, Ending::Expired, format!("silence {id} has expired"));
        due.into_iter().filter_map(end).collect()
    }

    fn end(&mut self, id: SilenceId, at: Timestamp, ending: Ending, says: String) -> Option<Over> {
        let mut silence = self.silences.remove(&id)?;
        silence.ended = Some((at, ending));
        self.changed.insert(id, silence);
        let hidden = self.hidden.remove(&id).unwrap_or_default().into_iter();
        // What a rule hides as well is told of once that lets go.
        let hidden = hidden.filter(|(alert, _)| !self.waiting.contains_key(alert));
        let mut worst: Vec<_> = hidden.map(|(alert, level)| (Reverse(level), alert)).collect();
        worst.sort_unstable();
        let mut tell: Vec<AlertId> = worst.into_iter().map(|(_, alert)| alert).collect();
        let later = tell.split_off(tell.len().min(MOST_TOLD));
        self.wait_their_turn(later, &format!("{SILENCE}:{id}"));
        Some(Over { says, tell })
    }

    /// Returns what is made of an alert that has just changed, at `now` (wall time).
    pub fn judge(&mut self, alert: &Alert, now: Timestamp) -> Verdict {
        self.look(alert, now, true)
    }

    /// Returns the same for a change that nobody would be told of anyway, because it is old: nobody is told of it
    /// either once nothing hides it.
    pub fn judge_old(&mut self, alert: &Alert, now: Timestamp) -> Verdict {
        self.look(alert, now, false)
    }

    fn look(&mut self, alert: &Alert, now: Timestamp, is_news: bool) -> Verdict {
        self.source(alert);
        if alert.state == AlertState::Closed {
            for hidden in self.hidden.values_mut() {
                hidden.remove(&alert.id);
            }
        }
        let mut verdict = Verdict::default();
        let mut mark = |by: String, says: String| {
            verdict.marks.push(Mark { alert: alert.id, at: (alert.revision, alert.state), by, says });
        };
        let mut tripped = Vec::new();
        for silence in self.silences.values_mut() {
            match silence.judge(alert, now) {
                Judged::Passes => {
                    // Another detector sees it too, which is not meant.
                    if self.hidden.get_mut(&silence.id).is_some_and(|hidden| hidden.remove(&alert.id).is_some())
                        && silence.lets_go(alert.id)
                    {
                        self.changed.insert(silence.id, silence.clone());
                    }
                }
                Judged::Hides => {
                    if silence.hid(alert) {
                        self.changed.insert(silence.id, silence.clone());
                    }
                    let hidden = self.hidden.entry(silence.id).or_default();
                    if alert.state != AlertState::Closed && (is_news || hidden.contains_key(&alert.id)) {
                        hidden.insert(alert.id, alert.level);
                    }
                    mark(format!("{SILENCE}:{}", silence.id), format!("silence of {}: {}", silence.by, silence.reason));
                }
                Judged::Trips(why) => tripped.push((silence.id, silence.by.clone(), why)),
            }
        }
        let by_rules = self.by_rules(alert, now);
        let waits = is_news || self.waiting.contains_key(&alert.id);
        // Nobody hears of it by a change that is old: whose turn has not come waits for it still.
        let has_turn = !is_news && by_rules.is_empty() && self.has_turn(alert);
        if !has_turn {
            self.wait(alert, by_rules.last().filter(|_| waits).map(|(by, _)| by.as_str()));
        }
        for (by, says) in by_rules {
            mark(by, says);
        }
        for (id, by, why) in tripped {
            let ending = Ending::Tripped { alert: alert.id, why: why.clone() };
            let says = format!("silence {id} of {by} tripped over alert {}: {why}", alert.id);
            if let Some(mut over) = self.end(id, now, ending, says) {
                over.tell.retain(|hidden| *hidden != alert.id);
                if is_news {
                    self.waiting.remove(&alert.id);
                    over.tell.insert(0, alert.id);
                }
                verdict.over.push(over);
            }
        }
        verdict
    }

    /// Tells whether `alert` as it stands is held back at `now`; nothing comes of it.
    pub fn holds_back(&self, alert: &Alert, now: Timestamp) -> bool {
        self.silences.values().any(|silence| silence.judge(alert, now) == Judged::Hides)
            || !self.by_rules(alert, now).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::comparison::tests::alert as plain;
    use super::*;
    use crate::alerts::{Because, Family, Limit, Matcher, Measure, Member, Usual};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn alert(id: u64, app: &str, level: Level) -> Alert {
        let opened_at = NOW.plus(Duration::from_secs(id));
        Alert { id: AlertId(id), app: Some(app.into()), opened_at, ..plain("203.0.113.7", (0, 1, 2), level, 5) }
    }

    fn silence(app: &str, at_most: Option<Level>) -> Silence {
        let matcher = Matcher { app: Some(app.into()), at_most, ..Matcher::default() };
        Silence {
            id: SilenceId(7),
            matcher,
            by: "dana".into(),
            reason: "a test".into(),
            made_at: NOW,
            starts_at: NOW,
            ends_at: NOW.plus(Duration::from_hours(2)),
            usual: Usual::default(),
            recent: Vec::new(),
            ended: None,
        }
    }

    fn with(silence: Silence) -> Mutes {
        Mutes::new(MuteRules::default(), vec![silence], std::iter::empty(), Vec::new())
    }

    fn held(verdict: &Verdict) -> Vec<&str> {
        verdict.marks.iter().map(|mark| mark.by.as_str()).collect()
    }

    /// The alert once another detector has seen it too.
    fn seen_too(mut alert: Alert, detector: &str, family: Family, level: Level) -> Alert {
        let mut members = alert.take_members();
        members.push(Member { detector: detector.into(), family, level, joined: true, ..members[0].clone() });
        alert.show(members);
        Alert { revision: alert.revision + 1, ..alert }
    }

    #[test]
    fn an_app_is_meant_however_its_name_is_written() {
        let of = |app: &str| Matcher { app: Some(app.into()), ..Matcher::default() };
        assert!(of("Fn-Orders").concerns(&alert(1, "fn-orders", Level::Low)));
        assert!(!of("Fn-Orders").concerns(&alert(1, "fn-order", Level::Low)));
    }

    #[test]
    fn what_a_detector_sees_that_is_not_meant_is_told_whoever_else_sees_it() {
        let named = Matcher { detector: Some("probing.scanner".into()), ..Matcher::default() };
        let family = Matcher { family: Some(Family::Probing), ..Matcher::default() };
        let too = |family| seen_too(alert(1, "shop", Level::Low), "probing.sweep", family, Level::Low);
        for (matcher, other, hidden) in
            [(&named, Family::Probing, false), (&family, Family::Probing, true), (&family, Family::KeyUsage, false)]
        {
            let mut mutes = with(Silence { matcher: matcher.clone(), ..silence("shop", None) });
            assert_eq!(mutes.judge(&alert(1, "shop", Level::Low), NOW).marks.len(), 1);
            assert_eq!(&*too(other).detector, "probing.scanner", "it is in front all the same");
            assert_eq!(mutes.holds_back(&too(other), NOW), hidden);
            assert_eq!(!mutes.judge(&too(other), NOW).marks.is_empty(), hidden, "{matcher:?} {other:?}");
            let over = mutes.tick(NOW.plus(Duration::from_hours(2)));
            assert_eq!(!over[0].tell.is_empty(), hidden, "who was told needs no telling");
        }
        // A restart knows that too.
        let marked = vec![(SilenceId(7), AlertId(1))];
        let one = Silence { matcher: named, ..silence("shop", None) };
        let mut after = Mutes::new(MuteRules::default(), vec![one], [&too(Family::Probing)].into_iter(), marked);
        assert_eq!(after.tick(NOW.plus(Duration::from_hours(2)))[0].tell, []);
    }

    #[test]
    fn a_source_that_others_see_too_inhibits_until_it_is_over() {
        let of = |detector: &str| Matcher { detector: Some(detector.into()), ..Matcher::default() };
        let rule = Inhibition {
            name: "it is the scanner".into(),
            source: of("probing.scanner"),
            target: Matcher { at_most: Some(Level::Low), app: Some("shop".into()), ..Matcher::default() },
            equal: vec![Equal::Family],
        };
        let rules = MuteRules { inhibit: vec![rule], maintenance: Vec::new() };
        let mut mutes = Mutes::new(rules, Vec::new(), std::iter::empty(), Vec::new());
        let target = |family| Alert { family, ..alert(2, "shop", Level::Low) };
        mutes.judge(&alert(1, "shop", Level::Medium), NOW);
        assert!(mutes.holds_back(&target(Family::Probing), NOW));
        // In front is another one now, of another family.
        let raised = seen_too(alert(1, "shop", Level::Medium), "key-usage.new", Family::KeyUsage, Level::High);
        mutes.judge(&raised, NOW);
        let held =
            |mutes: &Mutes| [Family::Probing, Family::KeyUsage].map(|family| mutes.holds_back(&target(family), NOW));
        assert_eq!(held(&mutes), [false, true]);
        mutes.judge(&Alert { state: AlertState::Closed, ..raised }, NOW);
        assert_eq!(held(&mutes), [false, false]);
    }

    #[test]
    fn a_silence_hides_what_it_means_while_it_lasts() {
        let mut mutes = with(silence("shop", None));
        assert_eq!(held(&mutes.judge(&alert(1, "shop", Level::High), NOW)), ["silence:0000000000000007"]);
        assert_eq!(held(&mutes.judge(&alert(2, "till", Level::High), NOW)), [""; 0]);
        let later = NOW.plus(Duration::from_hours(2));
        assert_eq!(held(&mutes.judge(&alert(3, "shop", Level::High), later)), [""; 0]);
        let over = mutes.tick(later);
        assert_eq!((over[0].tell.as_slice(), over.len()), ([AlertId(1)].as_slice(), 1), "it is still open");
        assert_eq!(mutes.take_changed()[0].ended, Some((later, Ending::Expired)));
    }

    #[test]
    fn what_was_old_when_it_was_hidden_is_told_of_no_more_once_nothing_hides_it() {
        let open = [1, 2, 3].map(|id| alert(id, "shop", Level::Low));
        let (two, three) = (NOW.plus(Duration::from_hours(2)), NOW.plus(Duration::from_hours(3)));
        for rules in [MuteRules::default(), deploying()] {
            let silence = silence("shop", Some(Level::Low));
            let mut mutes = Mutes::new(rules, vec![silence], std::iter::empty(), Vec::new());
            assert!(!mutes.judge_old(&open[0], NOW).marks.is_empty(), "it is marked all the same");
            mutes.judge(&open[1], NOW);
            // What was news when it was hidden stays that; what becomes news is.
            mutes.judge_old(&open[1], NOW);
            mutes.judge_old(&open[2], NOW);
            mutes.judge(&open[2], NOW);
            let mut tell: Vec<AlertId> = mutes.tick(two).into_iter().flat_map(|over| over.tell).collect();
            tell.extend(told(&mut mutes, &open, three).into_iter().flat_map(|(_, tell)| tell));
            assert_eq!(tell, [AlertId(2), AlertId(3)]);
        }
        let mut mutes = with(silence("shop", Some(Level::Low)));
        mutes.judge(&open[1], NOW);
        let verdict = mutes.judge_old(&alert(4, "shop", Level::High), NOW);
        assert_eq!(verdict.over[0].tell, [AlertId(2)], "the old one that tripped it is not told of");
    }

    #[test]
    fn an_alert_worse_than_its_level_trips_it_and_everything_it_hid_is_told() {
        let mut mutes = with(silence("shop", Some(Level::Medium)));
        assert_eq!(held(&mutes.judge(&alert(1, "shop", Level::Low), NOW)).len(), 1);
        let verdict = mutes.judge(&alert(2, "shop", Level::High), NOW);
        assert_eq!((held(&verdict), verdict.over.len()), (vec![], 1));
        assert!(verdict.over[0].says.contains("the alert is high, and medium at most is silenced"), "{verdict:?}");
        assert_eq!(verdict.over[0].tell, [AlertId(2), AlertId(1)]);
        assert_eq!(held(&mutes.judge(&alert(3, "shop", Level::Low), NOW)), [""; 0], "it is over");
        assert!(matches!(mutes.take_changed()[0].ended, Some((_, Ending::Tripped { alert: AlertId(2), .. }))));
    }

    #[test]
    fn many_more_alerts_than_were_usual_trip_it_and_a_few_do_not() {
        for (a_day, most) in [(0, 10), (2, 10), (5, 15)] {
            let usual = Usual { a_day, ..Usual::default() };
            let mut mutes = with(Silence { usual, ..silence("shop", None) });
            for id in 1..=most {
                for _ in 0..2 {
                    assert_eq!(held(&mutes.judge(&alert(id, "shop", Level::High), NOW)).len(), 1, "{id} of {most}");
                }
            }
            let verdict = mutes.judge(&alert(most + 1, "shop", Level::High), NOW);
            assert!(verdict.over[0].says.contains("alerts within a day"), "{verdict:?}");
        }
    }

    #[test]
    fn an_alert_that_measures_far_more_than_was_usual_trips_it() {
        let usual = Usual { peaks: [("a.b".to_owned(), 40.0)].into(), ..Usual::default() };
        let measured = |peak| {
            let because = Because {
                measure: Measure::Events,
                value: 20.0,
                peak,
                limit: Limit::AtLeast(20.0),
                within: None,
                from: NOW,
                to: NOW,
                events: 20,
                earlier: None,
                spare: 0,
                others: Vec::new(),
            };
            Alert { detector: "a.b".into(), because: Some(because), ..alert(1, "shop", Level::High) }
        };
        let mut mutes = with(Silence { usual, ..silence("shop", None) });
        assert_eq!(held(&mutes.judge(&measured(120.0), NOW)).len(), 1);
        let verdict = mutes.judge(&measured(121.0), NOW);
        assert!(verdict.over[0].says.contains("measures 121, more than three times the 40"), "{verdict:?}");
    }

    fn inhibiting() -> MuteRules {
        let part = |app: &str, at_least| Matcher { app: Some(app.into()), at_least, ..Matcher::default() };
        let (source, target) = (part("shop", Some(Level::Critical)), part("shop", None));
        let inhibit = vec![Inhibition { name: "worse".into(), source, target, equal: vec![Equal::Entity] }];
        MuteRules { inhibit, maintenance: Vec::new() }
    }

    #[test]
    fn a_silenced_source_still_inhibits_until_it_closes() {
        let mut source = alert(1, "shop", Level::Critical);
        let mut mutes = Mutes::new(inhibiting(), vec![silence("shop", None)], std::iter::empty(), Vec::new());
        assert_eq!(held(&mutes.judge(&source, NOW)), ["silence:0000000000000007"]);
        let later = NOW.plus(Duration::from_hours(3));
        mutes.tick(later);
        let target = alert(2, "shop", Level::Low);
        assert_eq!(held(&mutes.judge(&target, later)), ["inhibited:worse"]);
        assert_eq!(held(&mutes.judge(&source, later)), [""; 0], "nothing inhibits itself");
        let mut other = target.clone();
        other.entity = crate::telemetry::Entity::new(crate::telemetry::EntityKind::Ip, "203.0.113.8");
        assert_eq!(held(&mutes.judge(&other, later)), [""; 0], "it is about something else");
        // After a restart the open source inhibits as before.
        let mut after = Mutes::new(inhibiting(), Vec::new(), std::iter::once(&source), Vec::new());
        assert_eq!(held(&after.judge(&target, later)), ["inhibited:worse"]);
        source.state = AlertState::Closed;
        mutes.judge(&source, later);
        assert_eq!(held(&mutes.judge(&target, later)), [""; 0]);
    }

    #[test]
    fn the_worst_of_what_a_silence_hid_are_told_of_when_it_ends() {
        let mut mutes = with(silence("shop", None));
        let usual = Usual { a_day: 1_000, ..Usual::default() };
        mutes.act(SilenceDeed::Add(Box::new(Silence { usual, ..silence("shop", None) }))).unwrap();
        for id in 1..=150 {
            let level = if id > 140 { Level::High } else { Level::Low };
            assert_eq!(held(&mutes.judge(&alert(id, "shop", level), NOW)).len(), 1);
        }
        let end = NOW.plus(Duration::from_hours(2));
        let over = mutes.tick(end);
        let wanted: Vec<AlertId> = (141..=150).chain(1..=90).map(AlertId).collect();
        assert_eq!(over[0].tell, wanted);
        // The others by and by, also after a restart, though none of them changes.
        let open: Vec<Alert> = (1..=150).map(|id| alert(id, "shop", Level::Low)).collect();
        let told = told(&mut restarted(&mut mutes, MuteRules::default(), &open), &open, end);
        let wanted: Vec<AlertId> = (91..=140).map(AlertId).collect();
        assert_eq!((told.len(), &told[0].1, told[0].0.starts_with("silence ")), (1, &wanted, true), "{told:?}");
    }

    fn deploying() -> MuteRules {
        // NOW is 13:46:40 UTC.
        let time = |text: &str| TimeOfDay::try_from(text.to_owned()).unwrap();
        let alerts = Matcher { app: Some("shop".into()), ..Matcher::default() };
        let (from, to) = (time("13:00"), time("16:00"));
        MuteRules {
            maintenance: vec![Maintenance { name: "deploy".into(), alerts, days: Vec::new(), from, to }],
            ..inhibiting()
        }
    }

    /// The same after a restart.
    fn restarted(mutes: &mut Mutes, rules: MuteRules, open: &[Alert]) -> Mutes {
        let mut after = Mutes::new(rules, mutes.silences().cloned().collect(), open.iter(), Vec::new());
        assert!(after.restore(&mutes.save().expect("it has changed")));
        assert_eq!(mutes.save(), None, "and is written once");
        after
    }

    fn told(mutes: &mut Mutes, open: &[Alert], now: Timestamp) -> Vec<(String, Vec<AlertId>)> {
        let over = mutes.release(now, |id| open.iter().find(|alert| alert.id == id));
        over.into_iter().map(|over| (over.says, over.tell)).collect()
    }

    #[test]
    fn what_opens_in_a_maintenance_window_is_told_of_when_it_is_over_though_nothing_changes() {
        let mut open = vec![alert(1, "shop", Level::Low), alert(2, "shop", Level::High), alert(3, "shop", Level::Low)];
        let mut mutes = Mutes::new(deploying(), Vec::new(), std::iter::empty(), Vec::new());
        for one in &open {
            assert_eq!(held(&mutes.judge(one, NOW)), ["maintenance:deploy"]);
        }
        open[2].state = AlertState::Closed;
        mutes.judge(&open[2], NOW);
        let mut after = restarted(&mut mutes, deploying(), &open[..2]);
        let end = NOW.plus(Duration::from_hours(3));
        let wanted = [("maintenance deploy is over".to_owned(), vec![AlertId(2), AlertId(1)])];
        for mutes in [&mut mutes, &mut after] {
            assert_eq!(told(mutes, &open, NOW.plus(Duration::from_hours(1))), []);
            assert_eq!(told(mutes, &open, end), wanted, "the worst first; nobody hears of what is closed");
            assert_eq!(held(&mutes.judge(&open[0], end)), [""; 0]);
            assert_eq!(told(mutes, &open, end.plus(Duration::from_hours(24))), [], "once");
        }
    }

    #[test]
    fn what_was_inhibited_is_told_of_when_the_last_source_closes() {
        let mut open = vec![alert(1, "shop", Level::Critical), alert(2, "shop", Level::Critical)];
        open.push(alert(3, "shop", Level::Low));
        let mut mutes = Mutes::new(inhibiting(), Vec::new(), std::iter::empty(), Vec::new());
        mutes.judge(&open[0], NOW);
        assert_eq!(held(&mutes.judge(&open[2], NOW)), ["inhibited:worse"]);
        // The second source is told of itself when the first one is over.
        mutes.judge(&open[1], NOW);
        let mut after = restarted(&mut mutes, inhibiting(), &open);
        for mutes in [&mut mutes, &mut after] {
            let mut open = open.clone();
            assert_eq!(told(mutes, &open, NOW), []);
            let tell = |id| vec![("inhibition worse no longer holds it back".to_owned(), vec![AlertId(id)])];
            open[0].state = AlertState::Closed;
            mutes.judge(&open[0], NOW);
            assert_eq!(told(mutes, &open, NOW), tell(2), "the other one goes on");
            open[1].state = AlertState::Closed;
            mutes.judge(&open[1], NOW);
            assert_eq!(told(mutes, &open, NOW), tell(3));
        }
    }

    #[test]
    fn of_two_that_would_hide_each_other_the_first_is_told_of() {
        let level = |at_least| Matcher { at_least: Some(at_least), ..Matcher::default() };
        let rule = |name: &str, source: &Matcher, target: &Matcher| Inhibition {
            name: name.into(),
            source: source.clone(),
            target: target.clone(),
            equal: vec![Equal::App],
        };
        let family = |family| Matcher { family: Some(family), ..Matcher::default() };
        let (probing, keys) = (family(Family::Probing), family(Family::KeyUsage));
        // One rule, whose sources are targets too; and two rules, the one the other's reverse.
        let one_rule = vec![rule("one an app", &level(Level::High), &Matcher::default())];
        let two_rules = vec![rule("probing", &probing, &keys), rule("keys", &keys, &probing)];
        for (inhibit, by) in [(one_rule, "inhibited:one an app"), (two_rules, "inhibited:probing")] {
            let rules = MuteRules { inhibit, maintenance: Vec::new() };
            let mut mutes = Mutes::new(rules, Vec::new(), std::iter::empty(), Vec::new());
            let mut one = Alert { family: Family::Probing, ..alert(1, "shop", Level::High) };
            let two = Alert { family: Family::KeyUsage, ..alert(2, "shop", Level::High) };
            for _ in 0..2 {
                assert_eq!(held(&mutes.judge(&one, NOW)), [""; 0], "whatever changes of it");
                assert_eq!(held(&mutes.judge(&two, NOW)), [by]);
            }
            one.state = AlertState::Closed;
            mutes.judge(&one, NOW);
            assert_eq!(told(&mut mutes, &[one, two.clone()], NOW)[0].1, [AlertId(2)]);
            let later = Alert { family: Family::Probing, ..alert(3, "shop", Level::High) };
            assert_eq!(held(&mutes.judge(&later, NOW)).len(), 1);
            assert_eq!(held(&mutes.judge(&two, NOW)), [""; 0]);
        }
        // A source that is no target holds back whoever opened before it.
        let mut mutes = Mutes::new(inhibiting(), Vec::new(), std::iter::empty(), Vec::new());
        let early = alert(1, "shop", Level::Low);
        assert_eq!(held(&mutes.judge(&early, NOW)), [""; 0]);
        mutes.judge(&alert(2, "shop", Level::Critical), NOW);
        assert_eq!(held(&mutes.judge(&early, NOW)), ["inhibited:worse"]);
    }

    #[test]
    fn what_a_silence_lets_go_within_a_maintenance_window_waits_for_the_end_of_that() {
        let one = alert(1, "shop", Level::Low);
        let open = [one.clone()];
        let both = [
            (silence("shop", None), 3),
            (Silence { ends_at: NOW.plus(Duration::from_hours(9)), ..silence("shop", None) }, 9),
        ];
        for (silence, ends) in both {
            // It was hidden before the window began.
            let mut mutes = Mutes::new(deploying(), vec![silence], std::iter::empty(), Vec::new());
            mutes.judge(&one, NOW);
            let mut heard = 0;
            for hour in 1..=10 {
                let now = NOW.plus(Duration::from_hours(hour));
                let mut over: Vec<AlertId> = mutes.tick(now).into_iter().flat_map(|over| over.tell).collect();
                over.extend(told(&mut mutes, &open, now).into_iter().flat_map(|(_, tell)| tell));
                for _ in over {
                    assert!(mutes.judge(&one, now).marks.is_empty(), "it is told, and nothing hides it");
                    heard += 1;
                    assert_eq!(hour, ends, "once the longer of both is over");
                }
            }
            assert_eq!(heard, 1);
        }
    }

    #[test]
    fn all_that_waited_for_a_window_is_told_of_by_and_by() {
        let open: Vec<Alert> = (1..=250).map(|id| alert(id, "shop", Level::Low)).collect();
        let mut mutes = Mutes::new(deploying(), Vec::new(), std::iter::empty(), Vec::new());
        for one in &open {
            mutes.judge(one, NOW);
        }
        let end = NOW.plus(Duration::from_hours(3));
        let counts = [(); 4].map(|()| told(&mut mutes, &open, end).iter().map(|(_, tell)| tell.len()).sum::<usize>());
        assert_eq!(counts, [100, 100, 50, 0]);
    }

    #[test]
    fn a_maintenance_window_comes_again_and_reaches_over_midnight() {
        // 2026-03-07 is a Saturday.
        let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
        let time = |text: &str| TimeOfDay::try_from(text.to_owned()).unwrap();
        let alerts = Matcher { app: Some("shop".into()), ..Matcher::default() };
        let (from, to) = (time("22:00"), time("02:30"));
        let window = Maintenance { name: "deploy".into(), alerts, days: vec![Weekday::Sat], from, to };
        let active = |text: &str| window.is_active(at(text));
        assert!(!active("2026-03-07T21:59:59Z") && active("2026-03-07T22:00:00Z"));
        assert!(active("2026-03-08T02:29:59Z") && !active("2026-03-08T02:30:00Z"));
        assert!(!active("2026-03-07T01:00:00Z"), "that is Friday's");
        assert!(!active("2026-03-08T23:00:00Z") && active("2026-03-14T23:00:00Z"));
        let rules = MuteRules { inhibit: Vec::new(), maintenance: vec![window.clone()] };
        let mut mutes = Mutes::new(rules, Vec::new(), std::iter::empty(), Vec::new());
        let during = at("2026-03-07T23:00:00Z");
        assert_eq!(held(&mutes.judge(&alert(1, "shop", Level::High), during)), ["maintenance:deploy"]);
        assert_eq!(held(&mutes.judge(&alert(1, "till", Level::High), during)), [""; 0]);
    }

    #[test]
    fn a_silence_that_can_t_be_meant_is_refused_with_a_mend() {
        let refused = |change: fn(&mut Silence)| {
            let mut silence = silence("shop", None);
            change(&mut silence);
            silence.check().unwrap_err()
        };
        assert!(refused(|silence| silence.matcher = Matcher::default()).contains("name a detector"));
        assert!(refused(|silence| silence.reason = " ".into()).contains("Say why"));
        assert!(refused(|silence| silence.ends_at = silence.made_at).contains("in the future"));
        assert!(
            refused(|silence| silence.ends_at = silence.made_at.plus(Duration::from_hours(24 * 91)))
                .contains("within 90 days")
        );
        let mut mutes = Mutes::default();
        for id in 0..MOST_SILENCES as u64 {
            let new = Silence { id: SilenceId(id), ..silence("shop", None) };
            assert!(mutes.act(SilenceDeed::Add(Box::new(new))).is_ok());
        }
        assert!(mutes.act(SilenceDeed::Add(Box::new(silence("shop", None)))).unwrap_err().contains("1000 silences"));
    }
}
