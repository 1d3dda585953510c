//! How does a world go by?
//!
//! In ticks of at most a second: in each, attacks and what comes on the clock play what is due,
//! then ordinary requests fill up to the number of records the rate and the hour ask for. So
//! `duration × rate` is the number of ordinary records whatever the hour, and memory is constant.

use std::ops::Range;
use std::time::Duration;

use crate::clock::Timestamp;

use super::attacks::{AttackInfo, Episode, Label, catalogue};
use super::fleet::{Fleet, WebhookKey};
use super::packer::{Message, Packer, Tally};
use super::rng::Rng;
use super::stage::Stage;
use super::traffic::{Rhythm, busy, ordinary};
use super::weeks::{self, Calendar, Weeks};

/// What world to make.
#[derive(Clone, Debug)]
pub struct Options {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Event time of the first record.
    pub start: Timestamp,
    /// How long the world lasts, in event time.
    pub duration: Duration,
    /// Ordinary records a second, on average over the run; attacks come on top.
    pub rate: u32,
    /// The attacks to play, by name; empty for all that are not [`only_by_name`].
    ///
    /// [`only_by_name`]: super::AttackInfo::only_by_name
    pub attacks: Vec<String>,
    /// No attack and no broken message: `attacks` is not looked at.
    pub clean: bool,
}

/// There is no attack of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no attack called `{name}`{}; `gatewatch simulate --list` shows all", hint(.did_you_mean.as_ref()))]
pub struct UnknownAttack {
    /// The name that was asked for.
    pub name: String,
    /// The nearest name there is, if one is near.
    pub did_you_mean: Option<&'static str>,
}

fn hint(name: Option<&&'static str>) -> String {
    name.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// A labelled world: iterate over it for its messages.
#[derive(Debug)]
pub struct World {
    stage: Stage,
    /// What is going on beside everyday requests, in the order in which it is looked at.
    episodes: Vec<Episode>,
    /// What has not begun, the next one last.
    coming: Vec<Episode>,
    labels: Vec<Label>,
    rhythms: Vec<Rhythm>,
    rng: Rng,
    run: Range<Timestamp>,
    tick: Range<Timestamp>,
    tick_length: Duration,
    pace: Pace,
    /// Ordinary records that should be written by the tick's end.
    target: u64,
    /// Records of attacks, which do not count against the rate.
    extra: u64,
    over: bool,
}

impl World {
    /// Makes a world. It fails if it does not know one of the attacks, and says the nearest name.
    pub fn new(options: Options) -> Result<Self, UnknownAttack> {
        unknown(&catalogue(), &options.attacks)?;
        let Options { seed, start, duration, rate, attacks, clean } = options;
        let run = start..start.plus(duration);
        let episodes = if clean { Vec::new() } else { Episode::all(&attacks, seed, &run) };
        let mut rng = Rng::new(seed, 3);
        let rhythms = if rate == 0 { Vec::new() } else { Rhythm::all(start, rate, &mut rng) };
        let tick_length = Duration::from_millis(1_000 / u64::from((rate / 200).clamp(1, 100)));
        let stage = Stage {
            fleet: Fleet::new(seed),
            packer: Packer::new(seed, start, !clean),
            scratch: String::new(),
            quiet: episodes.iter().filter_map(Episode::silences).collect(),
            calendar: Calendar::default(),
        };
        Ok(Self::begin(stage, (episodes, Vec::new()), rhythms, rng, run, (tick_length, rate)))
    }

    /// Makes weeks of several apps, gateways, keys and people.
    pub fn of_weeks(weeks: Weeks) -> Result<Self, UnknownAttack> {
        Weeks::check(&weeks.attacks)?;
        let Weeks { seed, start, weeks, attacks, clean } = weeks;
        let run = start..start.plus(Duration::from_hours(24 * 7 * u64::from(weeks)));
        let calendar = Calendar::new(seed, &run);
        let mut coming = weeks::episodes(seed, &run, &calendar, &attacks, clean);
        coming.sort_by_key(|episode| std::cmp::Reverse(episode.start()));
        let stage = Stage {
            fleet: Fleet::new(seed),
            packer: Packer::new(seed, start, !clean),
            scratch: String::new(),
            quiet: coming.iter().filter_map(Episode::silences).collect(),
            calendar,
        };
        let mut rng = Rng::new(seed, 4);
        let rhythms = weeks::rhythms(start, &mut rng);
        Ok(Self::begin(stage, (Vec::new(), coming), rhythms, rng, run, (Duration::from_secs(1), 0)))
    }

    fn begin(
        stage: Stage,
        (episodes, coming): (Vec<Episode>, Vec<Episode>),
        rhythms: Vec<Rhythm>,
        rng: Rng,
        run: Range<Timestamp>,
        (tick_length, rate): (Duration, u32),
    ) -> Self {
        let mut labels: Vec<Label> =
            episodes.iter().chain(&coming).filter_map(|episode| episode.label(&stage.fleet, run.end)).collect();
        labels.sort_by(|a, b| (a.start, &a.name).cmp(&(b.start, &b.name)));
        let tick = run.start..run.start.plus(tick_length).min(run.end);
        let mut pace = Pace::new(&run, rate);
        let target = pace.by(tick.end);
        let over = run.is_empty();
        Self { stage, episodes, coming, labels, rhythms, rng, run, tick, tick_length, pace, target, extra: 0, over }
    }

    /// Returns what should be seen in this world, by start.
    pub fn labels(&self) -> Vec<Label> {
        self.labels.clone()
    }

    /// Returns the keys that webhooks carry in their URLs by design: no leak, and in every world.
    pub fn webhook_keys(&self) -> &[WebhookKey] {
        &self.stage.fleet.webhooks
    }

    /// Returns what has been written so far; all of it once the iterator has ended.
    pub fn tally(&self) -> Tally {
        self.stage.packer.tally
    }

    /// Plays one thing: an attack's step, something on the clock, or an ordinary request.
    fn step(&mut self) {
        let end = self.tick.end;
        if let Some(episode) = self.episodes.iter_mut().find(|episode| episode.next().is_some_and(|at| at < end)) {
            let before = self.stage.packer.written;
            episode.play(&mut self.stage);
            self.extra += self.stage.packer.written - before;
        } else if let Some(rhythm) = self.rhythms.iter_mut().find(|rhythm| rhythm.next < end) {
            rhythm.play(&mut self.stage, &mut self.rng);
        } else if self.stage.packer.written - self.extra < self.target {
            let within = self.tick.end.since(self.tick.start).as_nanos() as u64 / 100;
            let at = self.tick.start.plus(Duration::from_nanos(self.rng.below(within) * 100));
            ordinary(&mut self.stage, at, &mut self.rng);
        } else {
            self.next_tick();
        }
    }

    fn next_tick(&mut self) {
        self.stage.packer.advance(self.tick.end);
        if self.tick.end >= self.run.end {
            self.stage.packer.finish();
            self.over = true;
            return;
        }
        let end = self.tick.end.plus(self.tick_length).min(self.run.end);
        self.tick = self.tick.end..end;
        self.begin_what_is_due();
        self.target = self.pace.by(end);
    }
}

impl World {
    fn begin_what_is_due(&mut self) {
        while self.coming.last().is_some_and(|episode| episode.start() < self.tick.end) {
            self.episodes.retain(|episode| episode.next().is_some());
            self.episodes.extend(self.coming.pop());
        }
    }
}

impl Iterator for World {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.stage.packer.take() {
                return Some(message);
            }
            if self.over {
                return None;
            }
            self.step();
        }
    }
}

/// Says which of `names` is not `known`, with the nearest that is.
pub(super) fn unknown(known: &[AttackInfo], names: &[String]) -> Result<(), UnknownAttack> {
    for name in names {
        if known.iter().any(|info| info.name == name) {
            continue;
        }
        let near = known.iter().map(|info| (strsim::damerau_levenshtein(info.name, name), info.name)).min();
        let did_you_mean = near.filter(|&(distance, near)| distance <= near.len() / 3).map(|(_, near)| near);
        return Err(UnknownAttack { name: name.clone(), did_you_mean });
    }
    Ok(())
}

/// How many ordinary records should be written by when: by the hour of the day, but exactly
/// `duration × rate` in the end.
#[derive(Debug)]
struct Pace {
    start: Timestamp,
    /// All records of the run.
    records: u128,
    /// How busy the whole run is: the sum over its seconds.
    weight: u128,
    /// How busy it has been so far, and until when that is known.
    so_far: u128,
    until: Timestamp,
}

impl Pace {
    fn new(run: &Range<Timestamp>, rate: u32) -> Self {
        let nanos = run.end.since(run.start).as_nanos();
        let records = nanos * u128::from(rate) / 1_000_000_000;
        let mut pace = Self { start: run.start, records, weight: 0, so_far: 0, until: run.start };
        pace.weight = pace.weigh(run.end);
        (pace.so_far, pace.until) = (0, pace.start);
        pace
    }

    /// Adds up how busy it is until `to`, minute by minute.
    fn weigh(&mut self, to: Timestamp) -> u128 {
        while self.until < to {
            let minute = 60_000_000_000;
            let next =
                Timestamp::from_nanos((self.until.nanos().div_euclid(minute) + 1).saturating_mul(minute)).min(to);
            self.so_far += u128::from(busy(self.until)) * next.since(self.until).as_nanos();
            self.until = next;
        }
        self.so_far
    }

    /// Returns how many records should be written by `to`, which never goes back.
    fn by(&mut self, to: Timestamp) -> u64 {
        let so_far = self.weigh(to);
        // Shortened alike on both sides, so that the product fits even for years of high rates.
        (self.records * (so_far >> 20) / (self.weight >> 20).max(1)) as u64
    }
}
