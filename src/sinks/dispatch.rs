//! Who is told what about an alert, when, and together with what else?
//!
//! A [`Dispatcher`] takes transitions in and says which sinks hear of them. Programs hear of each at
//! once. People hear what is news: that an alert opened, came back, got worse, was taken or is over,
//! and now and then that it is still open; their messages wait for each other, and beyond a rate for
//! longer, so nothing is left out but told together. Time is an argument; all state is saved with each
//! epoch, so that a restart tells nothing twice and nothing never. It remembers 8,192 tellings, 512
//! groups and 50 alerts in each; beyond that the oldest tellings are forgotten, groups are merged, and
//! alerts are only counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alerts::{Alert, AlertId, AlertState, Level, Transition};
use crate::clock::Timestamp;

use super::any::{Hears, Outlet};
use super::notice::{News, Notice};
use super::route::Route;

mod due;
mod group;
mod late;
mod saved;

use group::Group;
use saved::Changed;
pub use saved::saved_cuts;

const MOST_TOLD: usize = 8_192;
const MOST_GROUPS: usize = 512;
const MOST_WAITING: usize = 50;

/// A message to a sink that people read.
#[derive(Debug, PartialEq)]
pub struct Gathered {
    /// The sink, by its place among the outlets.
    pub sink: usize,
    /// The idempotency key: the group and the message's number.
    pub key: String,
    /// What it says.
    pub notices: Vec<Notice>,
    /// Alerts beyond those, only counted.
    pub more: u64,
}

/// Decides who is told what.
#[derive(Debug)]
pub struct Dispatcher {
    sinks: Vec<Heard>,
    routes: Vec<Route>,
    external_url: Option<String>,
    /// Who was told of which alert that is not over.
    told: BTreeMap<(usize, AlertId), Told>,
    groups: BTreeMap<GroupKey, Group>,
    /// Alerts that incidents and programs hear of at their hours: by which route, and when.
    late: BTreeMap<(usize, AlertId), (usize, Timestamp)>,
    /// In which group an alert waits.
    places: BTreeMap<(usize, AlertId), GroupKey>,
    /// When messages went and the worst in each, by sink and route; of each level as many as the rate allows.
    went: BTreeMap<(usize, usize), Vec<(Timestamp, Level)>>,
    sent: u64,
    looked: Timestamp,
    /// Whether an alert is to be told again.
    repeats: bool,
    changed: Changed,
    cuts: Cuts,
    /// Sinks that are no more, and of how many alerts they heard that are not over.
    gone: BTreeMap<String, usize>,
}

/// How often a ceiling made a sink hear less than of each alert by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cuts {
    /// Who was told of an alert was forgotten: it is not told again how that ends.
    pub forgotten: u64,
    /// An alert waits in a message with others that have nothing in common with it.
    pub merged: u64,
    /// An alert was not named in its message, only counted.
    pub counted: u64,
}

impl Cuts {
    /// Returns each by the name that metrics give it, with what it means for who reads it.
    pub fn each(self) -> [(&'static str, u64, &'static str); 3] {
        [
            (
                "forgotten",
                self.forgotten,
                "tellings were forgotten, so that those sinks do not hear how the alerts ended",
            ),
            ("merged", self.merged, "alerts waited in messages of which the alerts have nothing in common"),
            ("counted", self.counted, "alerts were not named in their messages, only counted"),
        ]
    }

    /// Returns the more of each of both.
    #[must_use]
    fn and(self, other: Self) -> Self {
        Self {
            forgotten: self.forgotten.max(other.forgotten),
            merged: self.merged.max(other.merged),
            counted: self.counted.max(other.counted),
        }
    }
}

/// A sink, a route, and what the alerts have in common.
type GroupKey = (usize, usize, Vec<String>);

#[derive(Debug)]
struct Heard {
    name: String,
    hears: Hears,
    /// Whether it hears of changes even if it is forgotten that it heard of their alert: a program without routes.
    anyway: bool,
    at_least: Option<Level>,
}

/// What a sink was last told of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    route: usize,
    level: Level,
    at: Timestamp,
}

/// Who may hear of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All to whom a route leads.
    All,
    /// Of what is too old to be news: who heard of its alert before.
    Knowing,
    /// Of what is held back: who heard of its alert before, and only that it was taken or is over.
    Keeping,
}

impl Dispatcher {
    /// Returns a dispatcher to `outlets` by `routes`; without routes all hear of everything.
    pub fn new(outlets: &[Outlet], mut routes: Vec<Route>, external_url: Option<&str>) -> Self {
        let chosen = !routes.is_empty();
        if !chosen {
            routes.push(Route::everything(outlets.iter().map(|outlet| outlet.name.clone())));
        }
        let told_all =
            |outlet: &Outlet| outlet.sink.hears() == Hears::Everything && outlet.sink.reminded_every().is_none();
        let heard = |outlet: &Outlet| Heard {
            name: outlet.name.clone(),
            hears: outlet.sink.hears(),
            anyway: !chosen && told_all(outlet),
            at_least: outlet.at_least,
        };
        Self {
            sinks: outlets.iter().map(heard).collect(),
            routes,
            external_url: external_url.map(str::to_owned),
            told: BTreeMap::new(),
            groups: BTreeMap::new(),
            late: BTreeMap::new(),
            places: BTreeMap::new(),
            went: BTreeMap::new(),
            sent: 0,
            looked: Timestamp::MIN,
            repeats: false,
            changed: Changed::default(),
            cuts: Cuts::default(),
            gone: BTreeMap::new(),
        }
    }

    /// Takes in what happened at `now`, of which `audience` may hear; returns who is to hear of it at
    /// once, and as what news.
    pub fn take(&mut self, transition: &Transition, now: Timestamp, audience: Audience) -> Vec<(usize, News)> {
        let alert = transition.alert();
        let notice = Notice::of(transition, self.external_url.as_deref());
        let mut at_once = Vec::new();
        let found = self.concerned(alert, now, audience);
        if self.may_wait(audience) {
            self.put_off(alert, &notice, &found, now);
        }
        for (sink, route) in found {
            let Heard { hears, .. } = self.sinks[sink];
            if audience == Audience::Keeping && !notice.news.is_relief() {
                continue;
            }
            let news = match hears {
                Hears::Everything => Some(notice.news),
                _ => self.news((sink, route), alert, notice.news, now),
            };
            match news {
                None => self.refresh(sink, &notice),
                Some(news) => {
                    let before = self.told.get(&(sink, alert.id)).map(|told| told.at);
                    self.remember((sink, route), alert, now);
                    let notice = || Notice { news, ..notice.clone() };
                    if hears == Hears::Messages {
                        self.gather((sink, route), alert, notice(), (now, before), None);
                    } else {
                        self.not_later(sink, alert.id);
                        at_once.push((sink, news));
                    }
                }
            }
        }
        at_once
    }

    /// Returns the sinks that are to hear of `alert`, each by the first route that leads there, and
    /// those that heard of it before.
    fn concerned(&self, alert: &Alert, now: Timestamp, audience: Audience) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        let fits = |route: &Route| audience == Audience::All && route.fits(alert, now);
        for (number, route) in self.routes.iter().enumerate().filter(|(_, route)| fits(route)) {
            let to = route.to.iter().filter_map(|name| self.sinks.iter().position(|sink| sink.name == *name));
            for sink in to {
                let wanted = self.sinks[sink].at_least.is_none_or(|least| alert.level >= least);
                if wanted && found.iter().all(|(known, _)| *known != sink) {
                    found.push((sink, number));
                }
            }
            if !route.r#continue {
                break;
            }
        }
        for sink in 0..self.sinks.len() {
            if let Some(told) = self.told.get(&(sink, alert.id))
                && found.iter().all(|(known, _)| *known != sink)
            {
                found.push((sink, told.route));
            }
        }
        found
    }

    /// Returns as what news a person hears of a change; `None` if it is none.
    fn news(&self, (sink, route): (usize, usize), alert: &Alert, news: News, now: Timestamp) -> Option<News> {
        let told = self.told.get(&(sink, alert.id));
        let reads = self.sinks[sink].hears == Hears::Messages;
        if alert.state == AlertState::Closed && news != News::Closed {
            // Of what is over people may read that it was worse; no incident is opened for it.
            return (reads && matches!(news, News::Worse | News::Unsilenced)).then_some(news);
        }
        match (news, told) {
            (News::Opened | News::Reopened, _) => Some(news),
            (News::Restored, None) => Some(News::Reopened),
            (News::Acknowledged | News::Assigned | News::Unassigned | News::Closed, told) => told.map(|_| news),
            (News::Noted, None) => None,
            // Somebody has it: nobody is called for it, unless it gets worse.
            (_, None) if alert.state == AlertState::Acknowledged && news != News::Worse => {
                (reads && news == News::Unsilenced).then_some(news)
            }
            (_, None) => Some(News::Opened),
            (_, Some(told)) if alert.level > told.level => Some(News::Worse),
            (News::Restored | News::Unsilenced, Some(_)) => Some(news),
            (_, Some(told)) => {
                let due = self.again(route).is_some_and(|repeat| now >= told.at.plus(repeat));
                (due && reads && alert.state == AlertState::Open).then_some(News::Still)
            }
        }
    }

    fn again(&self, route: usize) -> Option<std::time::Duration> {
        self.routes.get(route).map(|route| route.repeat).filter(|repeat| !repeat.is_zero())
    }

    fn remember(&mut self, (sink, route): (usize, usize), alert: &Alert, now: Timestamp) {
        let key = (sink, alert.id);
        let known = self.told.get(&key);
        if alert.state == AlertState::Closed {
            if self.told.remove(&key).is_some() {
                self.changed.alert(alert.id);
            }
            return;
        }
        // When a program was told matters to nobody, and it is told of every change.
        let everything = self.sinks[sink].hears == Hears::Everything;
        if everything && known.is_some_and(|known| (known.route, known.level) == (route, alert.level)) {
            return;
        }
        self.changed.alert(alert.id);
        self.told.insert(key, Told { route, level: alert.level, at: now });
        if self.told.len() > MOST_TOLD {
            self.forget();
        }
    }

    /// Forgets the oldest tellings, those first without which nothing is lost.
    fn forget(&mut self) {
        let place = |key: &(usize, AlertId), told: &Told| (!self.sinks[key.0].anyway, told.at, *key);
        let mut oldest: Vec<_> = self.told.iter().map(|(key, told)| place(key, told)).collect();
        oldest.sort_unstable();
        for (is_missed, _, key) in oldest.into_iter().take(MOST_TOLD / 8) {
            self.told.remove(&key);
            self.changed.alert(key.1);
            self.cuts.forgotten += u64::from(is_missed);
        }
        self.changed.head();
    }

    /// Returns how often its ceilings were reached.
    pub fn cuts(&self) -> Cuts {
        self.cuts
    }

    /// Takes the names of sinks that are no more, and of how many alerts each heard that were not over.
    pub fn take_gone(&mut self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.gone)
    }

    /// Tells whether the sink heard of an alert that is not over.
    pub fn has_heard(&self, sink: usize, alert: AlertId) -> bool {
        self.told.contains_key(&(sink, alert))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AnySink, Jsonl, JsonlSettings, PagerDuty, Reach, Slack, Texts, sample};
    use super::*;
    use crate::alerts::{Change, Closing};
    use crate::clock::Clock;

    const PROGRAM: usize = 0;
    const PAGER: usize = 2;

    fn outlets() -> Vec<Outlet> {
        let (reach, clock) = (Reach::default(), Clock::fixed(at(0)));
        let texts = || Texts::new(None, None).unwrap();
        let jsonl = JsonlSettings {
            path: "x".into(),
            format: super::super::Format::Native,
            at_least: None,
            rotate_bytes: None,
        };
        let key = "0123456789abcdef0123456789abcdef";
        let pager = PagerDuty::new(PagerDuty::URL, key, &reach, (texts(), None), clock.clone()).unwrap();
        let channel = Slack::new("https://hooks.example.com/x", &reach, texts(), clock).unwrap();
        let of = |name: &str, sink| Outlet { name: name.into(), sink, at_least: None };
        vec![
            of("program", AnySink::Jsonl(Jsonl::new(jsonl))),
            of("channel", AnySink::Slack(Box::new(channel))),
            of("pager", AnySink::PagerDuty(Box::new(pager))),
        ]
    }

    fn routes(text: &str) -> Vec<Route> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            routes: Vec<Route>,
        }
        toml::from_str::<File>(text).unwrap().routes
    }

    pub(super) fn dispatcher(text: &str) -> Dispatcher {
        Dispatcher::new(&outlets(), routes(text), None)
    }

    pub(super) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    pub(super) fn alert(id: u64, level: Level) -> Alert {
        Alert { id: AlertId(id), level, ..sample() }
    }

    pub(super) fn opened(id: u64) -> Transition {
        Transition::Opened(alert(id, Level::Medium))
    }

    fn updated(id: u64, level: Level) -> Transition {
        Transition::Updated(alert(id, level), Change::Events)
    }

    pub(super) fn closed(id: u64) -> Transition {
        Transition::Closed(Alert { state: AlertState::Closed, ..alert(id, Level::Medium) }, Closing::Quiet)
    }

    pub(super) fn acknowledged(id: u64) -> Transition {
        let taken = Alert { state: AlertState::Acknowledged, ..alert(id, Level::Medium) };
        Transition::Updated(taken, Change::Acknowledged { by: "dana".into() })
    }

    /// What a message says: each alert with its news, and how many more.
    fn told(messages: &[Gathered]) -> Vec<(Vec<(u64, News)>, u64)> {
        let one = |message: &Gathered| {
            (message.notices.iter().map(|notice| (notice.alert.0, notice.news)).collect(), message.more)
        };
        messages.iter().map(one).collect()
    }

    pub(super) fn due(dispatcher: &mut Dispatcher, seconds: i64) -> Vec<(Vec<(u64, News)>, u64)> {
        if !dispatcher.is_due(at(seconds)) {
            return Vec::new();
        }
        told(&dispatcher.due(at(seconds), |id| Some((alert(id.0, Level::Medium), false))))
    }

    #[test]
    fn without_routes_programs_hear_of_everything_and_people_of_what_is_news() {
        let mut one = dispatcher("");
        assert_eq!(one.take(&opened(1), at(0), Audience::All), [(PROGRAM, News::Opened), (PAGER, News::Opened)]);
        assert_eq!(one.take(&updated(1, Level::Medium), at(1), Audience::All), [(PROGRAM, News::Events)]);
        assert_eq!(due(&mut one, 19), []);
        assert_eq!(due(&mut one, 20), [(vec![(1, News::Opened)], 0)]);
        assert_eq!(
            one.take(&updated(1, Level::High), at(30), Audience::All),
            [(PROGRAM, News::Events), (PAGER, News::Worse)]
        );
        assert_eq!(due(&mut one, 50), [(vec![(1, News::Worse)], 0)]);
        assert_eq!(one.take(&closed(1), at(60), Audience::All), [(PROGRAM, News::Closed), (PAGER, News::Closed)]);
        assert_eq!(due(&mut one, 80), [(vec![(1, News::Closed)], 0)]);
    }

    #[test]
    fn alerts_of_a_kind_go_in_one_message_and_what_changes_meanwhile_is_told_as_it_stands() {
        let mut one = dispatcher("");
        for id in 1..=3 {
            one.take(&opened(id), at(id.cast_signed()), Audience::All);
        }
        one.take(&updated(2, Level::High), at(5), Audience::All);
        one.take(&closed(3), at(6), Audience::All);
        let other = Alert { app: Some("other".into()), ..alert(4, Level::Low) };
        one.take(&Transition::Opened(other), at(7), Audience::All);
        let first = vec![(1, News::Opened), (2, News::Opened), (3, News::Closed)];
        assert_eq!(due(&mut one, 21), [(first, 0)]);
        assert_eq!(due(&mut one, 27), [(vec![(4, News::Opened)], 0)]);
    }

    #[test]
    fn who_was_told_of_an_alert_hears_how_it_ends_at_any_hour() {
        let night = "[[routes]]\nto = ['pager']\nhours = '22:00-06:00'\n[[routes]]\nto = ['channel']";
        let mut one = dispatcher(night);
        assert_eq!(one.take(&opened(1), at(3_600), Audience::All), [(PAGER, News::Opened)]);
        assert_eq!(one.take(&opened(2), at(43_200), Audience::All), []);
        assert_eq!(one.take(&acknowledged(1), at(43_200), Audience::All), [(PAGER, News::Acknowledged)]);
        assert_eq!(one.take(&closed(1), at(43_200), Audience::Knowing), [(PAGER, News::Closed)]);
        assert_eq!(one.take(&closed(1), at(43_200), Audience::Knowing), []);
        // The channel never heard of the first, and of the second only now.
        assert_eq!(due(&mut one, 43_220), [(vec![(2, News::Opened)], 0)]);
    }

    #[test]
    fn the_first_route_that_fits_counts_unless_it_goes_on() {
        let first = "[[routes]]\nto = ['pager']\nat_least = 'medium'\n";
        let second = "[[routes]]\nto = ['pager', 'program']";
        assert_eq!(
            dispatcher(&format!("{first}{second}")).take(&opened(1), at(0), Audience::All),
            [(PAGER, News::Opened)]
        );
        let both = dispatcher(&format!("{first}continue = true\n{second}")).take(&opened(1), at(0), Audience::All);
        assert_eq!(both, [(PAGER, News::Opened), (PROGRAM, News::Opened)]);
    }

    #[test]
    fn an_alert_that_gets_worse_is_new_to_those_who_hear_of_worse_ones_only() {
        let mut one = dispatcher("[[routes]]\nto = ['pager']\nat_least = 'high'\n[[routes]]\nto = ['program']");
        assert_eq!(one.take(&opened(1), at(0), Audience::All), [(PROGRAM, News::Opened)]);
        let worse = one.take(&updated(1, Level::High), at(9), Audience::All);
        assert_eq!(worse, [(PAGER, News::Opened), (PROGRAM, News::Events)]);
        assert_eq!(one.take(&closed(1), at(10), Audience::All), [(PROGRAM, News::Closed), (PAGER, News::Closed)]);
    }

    #[test]
    fn beyond_the_rate_messages_wait_and_go_together() {
        let mut one = dispatcher("[[routes]]\nto = ['channel']\nwait = '0s'\nat_most = '2 per 10m'");
        for id in 1..=5 {
            one.take(&opened(id), at(id.cast_signed()), Audience::All);
            let now = due(&mut one, id.cast_signed());
            assert_eq!(now.len(), usize::from(id <= 2), "{id}");
        }
        assert_eq!(due(&mut one, 600), []);
        let rest = vec![(3, News::Opened), (4, News::Opened), (5, News::Opened)];
        assert_eq!(due(&mut one, 601), [(rest, 0)]);
    }

    #[test]
    fn beyond_the_rate_what_waits_goes_in_one_message_and_the_worst_first() {
        let apart = "[[routes]]\nto = ['channel']\nwait = '0s'\nat_most = '2 per 10m'\ngroup_by = ['app']";
        let mut one = dispatcher(apart);
        let in_app =
            |id: u64, level| Transition::Opened(Alert { app: Some(format!("{id:02}").into()), ..alert(id, level) });
        let level = |id| if id == 40 { Level::Critical } else { Level::Low };
        for id in 1..=40 {
            one.take(&in_app(id, level(id)), at(0), Audience::All);
        }
        let rest: Vec<_> = (1..=39).map(|id| (id, News::Opened)).collect();
        assert_eq!(due(&mut one, 0), [(vec![(40, News::Opened)], 0), (rest, 0)]);
        // No room: what comes meanwhile goes in one once there is, and what is beyond fifty is counted.
        for id in 1..=60 {
            let level = if id == 60 { Level::Critical } else { Level::Low };
            one.take(&in_app(100 + id, level), at(id.cast_signed()), Audience::All);
            // But what is worse has room that milder ones did not take.
            let wanted = if id == 60 { vec![(vec![(160, News::Opened)], 0)] } else { Vec::new() };
            assert_eq!(due(&mut one, id.cast_signed()), wanted);
        }
        assert_eq!(due(&mut one, 599), []);
        let messages = due(&mut one, 600);
        assert_eq!(messages.iter().map(|(told, more)| (told.len(), *more)).collect::<Vec<_>>(), [(50, 9)]);
        assert!(one.groups.is_empty() && one.places.is_empty());
    }

    #[test]
    fn a_restart_with_fewer_routes_loses_nothing_that_waits() {
        let route = "[[routes]]\nto = ['channel']\n";
        let (low, high) = (format!("{route}levels = ['low']\n"), format!("{route}levels = ['high']\nwait = '60s'\n"));
        let mut before = dispatcher(&format!("{low}{high}"));
        before.take(&Transition::Opened(alert(1, Level::Low)), at(0), Audience::All);
        before.take(&Transition::Opened(alert(2, Level::High)), at(0), Audience::All);
        let went = |seconds| (at(seconds), Level::Low);
        before.went.insert((1, 0), vec![went(-5), went(-1)]);
        before.went.insert((1, 1), vec![went(-3)]);
        before.changed.head();
        let saved: Vec<Vec<u8>> = before.save().into_iter().map(|(_, bytes)| bytes).collect();
        let mut after = dispatcher(route);
        assert!(after.restore(&saved, at(1)));
        assert_eq!(after.went[&(1, 0)], [-5, -3, -1].map(went));
        assert_eq!(due(&mut after, 19), []);
        assert_eq!(due(&mut after, 20), [(vec![(2, News::Opened), (1, News::Opened)], 0)]);
    }

    #[test]
    fn after_a_state_that_cannot_be_read_no_message_has_the_key_of_an_older_one() {
        let mut before = dispatcher("");
        let mut after = dispatcher("");
        assert!(!after.restore(&[b"of another version".to_vec()], at(1_000_000)));
        let mut keys = std::collections::BTreeSet::new();
        for (id, one) in [(1, &mut before), (2, &mut after)] {
            one.take(&opened(id), at(1_000_000), Audience::All);
            keys.extend(one.due(at(1_000_020), |_| None).into_iter().map(|message| message.key));
        }
        assert_eq!(keys.len(), 2, "{keys:?}");
    }

    #[test]
    fn an_alert_that_nobody_took_is_told_again() {
        let mut one = dispatcher("[[routes]]\nto = ['channel']\nwait = '0s'\nrepeat = '1h'");
        one.take(&opened(1), at(0), Audience::All);
        assert_eq!(due(&mut one, 0).len(), 1);
        assert_eq!(due(&mut one, 3_599), []);
        assert_eq!(due(&mut one, 3_610), [(vec![(1, News::Still)], 0)]);
        one.take(&acknowledged(1), at(3_700), Audience::All);
        assert_eq!(due(&mut one, 3_700), [(vec![(1, News::Acknowledged)], 0)]);
        let taken = |_| Some((Alert { state: AlertState::Acknowledged, ..alert(1, Level::Medium) }, false));
        assert!(one.is_due(at(9_000)));
        assert_eq!(one.due(at(9_000), taken), []);
    }

    #[test]
    fn of_what_is_held_back_only_who_heard_of_it_hears_and_only_that_it_is_taken_or_over() {
        let mut one = dispatcher("");
        one.take(&opened(1), at(0), Audience::All);
        assert_eq!(due(&mut one, 20), [(vec![(1, News::Opened)], 0)]);
        // The second opens while it is held back.
        assert_eq!(one.take(&opened(2), at(21), Audience::Keeping), []);
        assert_eq!(one.take(&updated(1, Level::High), at(22), Audience::Keeping), []);
        let taken = one.take(&acknowledged(1), at(23), Audience::Keeping);
        assert_eq!(taken, [(PROGRAM, News::Acknowledged), (PAGER, News::Acknowledged)]);
        assert_eq!(one.take(&closed(2), at(24), Audience::Keeping), []);
        let over = one.take(&closed(1), at(25), Audience::Keeping);
        assert_eq!(over, [(PROGRAM, News::Closed), (PAGER, News::Closed)]);
        assert_eq!(due(&mut one, 60), [(vec![(1, News::Closed)], 0)]);
    }

    #[test]
    fn what_is_told_once_nothing_holds_it_back_is_new_and_says_why() {
        let mut one = dispatcher("");
        assert_eq!(one.take(&opened(1), at(0), Audience::Keeping), []);
        let why = "silence 7 of dana tripped".to_owned();
        let tripped = Transition::Updated(alert(1, Level::Medium), Change::Unsilenced { why: why.clone() });
        let at_once = one.take(&tripped, at(1), Audience::All);
        assert_eq!(at_once, [(PROGRAM, News::Unsilenced), (PAGER, News::Opened)]);
        let messages = one.due(at(21), |_| None);
        assert_eq!((told(&messages), &messages[0].notices[0].reason), (vec![(vec![(1, News::Opened)], 0)], &Some(why)));
    }

    #[test]
    fn nobody_is_called_for_what_somebody_took_while_it_was_held_back_unless_it_gets_worse() {
        let mut one = dispatcher("");
        assert_eq!(one.take(&opened(1), at(0), Audience::Keeping), []);
        assert_eq!(one.take(&acknowledged(1), at(1), Audience::Keeping), []);
        let taken =
            |level, change| Transition::Updated(Alert { state: AlertState::Acknowledged, ..alert(1, level) }, change);
        let events = taken(Level::Medium, Change::Events);
        assert_eq!(one.take(&events, at(2), Audience::All), [(PROGRAM, News::Events)]);
        let over = taken(Level::Medium, Change::Unsilenced { why: "silence 7 has expired".into() });
        assert_eq!(one.take(&over, at(3), Audience::All), [(PROGRAM, News::Unsilenced)]);
        assert_eq!(due(&mut one, 23), [(vec![(1, News::Unsilenced)], 0)]);
        let worse = taken(Level::High, Change::Raised { from: Level::Medium });
        assert_eq!(one.take(&worse, at(30), Audience::All), [(PROGRAM, News::Worse), (PAGER, News::Opened)]);
        assert_eq!(due(&mut one, 50), [(vec![(1, News::Worse)], 0)]);
    }

    #[test]
    fn a_message_about_what_is_held_back_by_now_waits_on_and_nobody_is_reminded_of_it() {
        let mut one = dispatcher("[[routes]]\nto = ['channel']\nrepeat = '1h'");
        one.take(&opened(1), at(0), Audience::All);
        one.take(&opened(2), at(0), Audience::All);
        let held = |wanted: u64| move |id: AlertId| Some((alert(id.0, Level::Medium), id.0 == wanted));
        assert_eq!(told(&one.due(at(20), held(2))), [(vec![(1, News::Opened)], 0)]);
        assert_eq!(told(&one.due(at(80), held(2))), []);
        assert_eq!(told(&one.due(at(140), held(0))), [(vec![(2, News::Opened)], 0)]);
        assert!(one.is_due(at(3_700)));
        assert_eq!(told(&one.due(at(3_700), held(1))), []);
        assert_eq!(told(&one.due(at(3_720), held(1))), [(vec![(2, News::Still)], 0)]);
    }

    #[test]
    fn what_becomes_known_of_an_alert_that_is_over_opens_no_incident() {
        let mut one = dispatcher("");
        one.take(&opened(1), at(0), Audience::All);
        one.take(&closed(1), at(1), Audience::All);
        due(&mut one, 30);
        let over = Alert { state: AlertState::Closed, ..alert(1, Level::High) };
        let noted = Change::Noted { by: "dana".into(), text: "ours".into() };
        for (change, program) in [(Change::Events, News::Events), (noted, News::Noted)] {
            assert_eq!(
                one.take(&Transition::Updated(over.clone(), change), at(40), Audience::All),
                [(PROGRAM, program)]
            );
        }
        assert_eq!(due(&mut one, 100), []);
        let worse = Transition::Updated(over, Change::Raised { from: Level::Medium });
        assert_eq!(one.take(&worse, at(110), Audience::All), [(PROGRAM, News::Worse)]);
        assert_eq!(due(&mut one, 140), [(vec![(1, News::Worse)], 0)]);
    }

    #[test]
    fn what_people_do_with_an_alert_is_told_to_who_heard_of_it() {
        let by = || "dana".to_owned();
        let assigned = Transition::Updated(alert(1, Level::Medium), Change::Assigned { by: by(), to: "eve".into() });
        let restored = Transition::Updated(alert(1, Level::Medium), Change::Restored { by: by() });
        let mut one = dispatcher("[[routes]]\nto = ['channel', 'pager']\nwait = '0s'");
        assert_eq!(one.take(&assigned, at(0), Audience::All), []);
        one.take(&opened(1), at(1), Audience::All);
        due(&mut one, 1);
        assert_eq!(one.take(&assigned, at(2), Audience::All), [(PAGER, News::Assigned)]);
        assert_eq!(due(&mut one, 2), [(vec![(1, News::Assigned)], 0)]);
        one.take(&closed(1), at(3), Audience::All);
        due(&mut one, 3);
        // The change that closed it is taken back.
        assert_eq!(one.take(&restored, at(4), Audience::All), [(PAGER, News::Reopened)]);
        assert_eq!(due(&mut one, 4), [(vec![(1, News::Reopened)], 0)]);
    }

    #[test]
    fn of_what_is_old_nobody_is_told() {
        let mut one = dispatcher("");
        assert_eq!(one.take(&opened(1), at(0), Audience::Knowing), []);
        assert_eq!(due(&mut one, 1_000), []);
    }

    #[test]
    fn a_flood_takes_bounded_memory_and_names_the_worst() {
        let mut one = dispatcher("");
        for id in 0..10_000 {
            let app = (id % 2_000).to_string();
            let level = if id == 9_999 { Level::Critical } else { Level::Low };
            one.take(&Transition::Opened(Alert { app: Some(app.into()), ..alert(id, level) }), at(0), Audience::All);
        }
        assert!(one.told.len() <= MOST_TOLD && one.groups.len() <= MOST_GROUPS + 1);
        let messages = one.due(at(100), |_| None);
        assert_eq!(messages.len(), 30);
        let told: u64 = messages.iter().map(|message| message.more).sum();
        assert!(one.cuts.forgotten > 1_000 && one.cuts.merged > 1_000, "{:?}", one.cuts);
        assert_eq!(one.cuts.counted, told, "what is only counted is counted");
        let all: u64 = one.groups.values().map(|group| group.waiting.len() as u64 + group.more).sum::<u64>()
            + messages.iter().map(|message| message.notices.len() as u64 + message.more).sum::<u64>();
        assert_eq!(all, 10_000);
        let waiting = one.groups.values().flat_map(|group| &group.waiting);
        let told = messages.iter().flat_map(|message| &message.notices);
        assert!(waiting.chain(told).any(|notice| notice.level == Level::Critical));
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn a_restart_at_any_moment_tells_nothing_twice_and_nothing_never(
            steps in proptest::collection::vec((0_u8..5, 0_u64..4, 0_i64..400, proptest::bool::ANY), 1..60)
        ) {
            let text = "[[routes]]\nto = ['channel', 'program']\nat_most = '3 per 5m'\nrepeat = '20m'\n\
                        [[routes]]\nto = ['pager']\nat_least = 'high'";
            let (mut kept, mut restarted) = (dispatcher(text), dispatcher(text));
            let (mut now, mut saved) = (0, BTreeMap::new());
            for (what, id, later, restart) in steps {
                now += later;
                let transition = match what {
                    0 => opened(id),
                    1 => updated(id, Level::Medium),
                    2 => updated(id, Level::High),
                    3 => acknowledged(id),
                    _ => closed(id),
                };
                proptest::prop_assert_eq!(
                    kept.take(&transition, at(now), Audience::All),
                    restarted.take(&transition, at(now), Audience::All)
                );
                let look = |id: AlertId| Some((alert(id.0, Level::Medium), id.0 == 3));
                kept.is_due(at(now));
                restarted.is_due(at(now));
                proptest::prop_assert_eq!(kept.due(at(now), look), restarted.due(at(now), look));
                saved.extend(restarted.save());
                if restart {
                    let looked = restarted.looked;
                    restarted = dispatcher(text);
                    let values: Vec<Vec<u8>> = saved.values().cloned().collect();
                    proptest::prop_assert!(restarted.restore(&values, at(now)));
                    restarted.looked = looked;
                }
            }
        }
    }
}
