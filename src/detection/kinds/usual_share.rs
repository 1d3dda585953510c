//! Is a larger share of what this entity does of the other sort, or a smaller one, than at this hour as a rule?
//!
//! Of all matched events in a bucket, those that fulfil a second condition; the matcher says which by the signal's value, 1
//! or 0. Judged when the bucket is over, among `at_least` events or more: a share that is looked at after each event
//! strays beyond any band at some moment, and what a client retries at once comes before what it then does all hour. How
//! wide the band is depends on how many events came ([`Shares`]): three failures of five are nothing. An hour in which nothing came says nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::{amount, in_words};
use crate::detection::stats::{Proportion, Shares};
use crate::detection::{Flip, Signal};

use super::baseline::{Baselining, LONG, SETTLED, SHORT, number};
use super::kept::{BEFORE, Newest};
use super::{Cost, Firing, Room, Voice};

const HOUR: Duration = Duration::from_hours(1);

/// What one entity does, and is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UsualShare {
    shares: Shares,
    newest: Timestamp,
    hour: i64,
    of_hour: Part,
    bucket: i64,
    of_bucket: Part,
    normal: Proportion,
    voice: Voice,
    kept: Newest,
}

/// What came in a stretch of time, and how much of it was of the other sort.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Part {
    events: u64,
    part: u64,
}

impl Part {
    fn add(&mut self, is_part: bool) {
        self.events += 1;
        self.part += u64::from(is_part);
    }

    fn share(self) -> f64 {
        self.part as f64 / self.events.max(1) as f64
    }

    /// Returns the same with so many of the other sort fewer.
    fn without(self, many: u64) -> Self {
        Self { events: self.events - many, part: self.part - many }
    }
}

impl UsualShare {
    /// Returns an entity of which `signal` is the first event, before that is counted.
    pub fn new(asked: Baselining, signal: &Signal) -> Self {
        let at = signal.time;
        Self {
            shares: Shares::default(),
            newest: at,
            hour: number(at, HOUR),
            of_hour: Part::default(),
            bucket: asked.bucket(at),
            of_bucket: Part::default(),
            normal: Proportion::unknown(),
            voice: Voice::of(signal),
            kept: Newest::default(),
        }
    }

    /// Counts an event.
    pub fn observe(&mut self, asked: Baselining, signal: &Signal, room: &Room) {
        let at = signal.time;
        self.reach(asked, asked.bucket(at));
        if asked.bucket(at) < self.bucket {
            return;
        }
        let is_part = signal.value == 1;
        self.newest = self.newest.max(at);
        self.of_hour.add(is_part);
        self.of_bucket.add(is_part);
        // What is told of are those of the other sort; but where too few of them may fire, there may be none.
        if is_part || !asked.sides.0 || self.of_bucket.events == 1 {
            self.voice.hears(signal, room);
        }
        if is_part && self.is_near(asked) {
            self.kept.push(signal, room);
        }
    }

    /// Tells whether what comes next may be too much.
    fn is_near(&self, asked: Baselining) -> bool {
        let Part { events, part } = self.of_bucket;
        let enough = asked.sides.0 && events + BEFORE as u64 >= u64::from(asked.at_least);
        enough && self.is_learnt(asked) && (part + BEFORE as u64) as f64 > self.band(asked, self.of_bucket).1
    }

    fn band(&self, asked: Baselining, of: Part) -> (f64, f64) {
        self.normal.band(of.events, f64::from(asked.tolerance) / 10.0)
    }

    fn is_learnt(&self, asked: Baselining) -> bool {
        self.shares.len() as u64 * 3_600 >= asked.learn.as_secs()
    }

    fn is_above(&self, asked: Baselining, of: Part) -> bool {
        let enough = of.events > 0 && of.events >= u64::from(asked.at_least);
        asked.sides.0 && enough && of.part as f64 > self.band(asked, of).1
    }

    fn is_below(&self, asked: Baselining, of: Part) -> bool {
        let enough = of.events > 0 && of.events >= u64::from(asked.at_least);
        asked.sides.1 && enough && (of.part as f64) < self.band(asked, of).0
    }

    /// Lets time reach `bucket`.
    fn reach(&mut self, asked: Baselining, bucket: i64) {
        if bucket <= self.bucket {
            return;
        }
        (self.bucket, self.of_bucket, self.kept) = (bucket, Part::default(), Newest::default());
        let hour = number(asked.end(bucket.saturating_sub(1)), HOUR);
        if hour > self.hour {
            if self.of_hour.events > 0 {
                self.shares.add(self.hour, self.of_hour.events, self.of_hour.part);
            }
            (self.hour, self.of_hour) = (hour, Part::default());
            self.normal = self.shares.normal(hour);
        }
    }

    /// Returns when its bucket is over.
    pub fn alarm(&self, asked: Baselining) -> Timestamp {
        asked.end(self.bucket)
    }

    /// Looks at the bucket that is over; returns what fires.
    pub fn elapse(&mut self, asked: Baselining, at: Timestamp) -> Option<(Voice, Firing)> {
        let of = self.of_bucket;
        let fires = self.is_learnt(asked) && (self.is_above(asked, of) || self.is_below(asked, of));
        let firing = fires.then(|| self.firing(asked, at));
        self.reach(asked, self.bucket + 1);
        Some((self.voice.clone(), firing?))
    }

    fn firing(&mut self, asked: Baselining, at: Timestamp) -> Firing {
        let of = self.of_bucket;
        let start = asked.end(self.bucket - 1);
        let (low, high) = self.band(asked, of);
        let all = of.events as f64;
        let mut kept = self.kept.take_since(start);
        // Who speaks for it is shown besides.
        let spoke = &self.voice.observed;
        kept.retain(|one| (one.observed.time, one.observed.hash) != (spoke.time, spoke.hash));
        Firing {
            distinct: of.events,
            kept,
            value: of.share(),
            band: Some((low / all, high / all)),
            spare: self.spare(asked),
            flips: self.flips(asked),
            ..Firing::of(of.part, start, at)
        }
    }

    /// Returns how many of the other sort may be missing, and it is above the band all the same.
    fn spare(&self, asked: Baselining) -> u64 {
        let (mut low, mut high) = (0, self.of_bucket.part);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.is_above(asked, self.of_bucket.without(middle)) { low = middle } else { high = middle - 1 }
        }
        low
    }

    /// Returns at which tolerance, least and learning time it would have been nothing.
    fn flips(&self, asked: Baselining) -> Vec<Flip> {
        let Part { events, part } = self.of_bucket;
        let known = Duration::from_hours(self.shares.len() as u64);
        let soon = known < asked.learn.saturating_mul(2) && !self.shares.is_full();
        let known = soon.then_some(Flip::Known(known));
        [Flip::Share { normal: self.normal, part, events }, Flip::Among(events)].into_iter().chain(known).collect()
    }

    /// Tells whether it is known for long enough not to give way to one that is new.
    pub fn is_settled(&self) -> bool {
        self.shares.len() >= SETTLED
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self) -> Timestamp {
        self.newest.plus(if self.is_settled() { LONG } else { SHORT })
    }

    /// Says which share there is in this stretch of time, and what is usual among so many.
    pub fn standing(&self, asked: Baselining) -> String {
        let of = self.of_bucket;
        let all = of.events.max(1) as f64;
        let (low, high) = self.band(asked, Part { events: of.events.max(1), ..of });
        let percent = |part: f64| amount(part / all * 100.0);
        let (known, learn) = (Duration::from_hours(self.shares.len() as u64), in_words(asked.learn));
        format!(
            "{} of {} in this {} are what `of` says; {} to {} % are usual of so many, and it takes {}; known for {} of {learn}",
            of.part,
            of.events,
            in_words(asked.every),
            percent(low),
            percent(high),
            asked.at_least,
            in_words(known)
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: self.shares.items(), bytes: self.kept.bytes() + self.voice.bytes() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::clock::Timestamp;
    use crate::detection::engine::trial::{at_once, signal_of};
    use crate::detection::{Baselining, Counting, Measured};

    #[test]
    fn a_share_is_told_when_its_hour_is_over_in_percent_and_shows_what_it_is_of() {
        let asked = Baselining {
            measured: Measured::Ratio,
            every: Duration::from_hours(1),
            learn: Duration::from_hours(24),
            tolerance: 40,
            sides: (true, false),
            at_least: 20,
        };
        // One of twenty for a week, from a Monday on; then every other one of forty, and one of the usual sort at last.
        let (monday, next) = (96 * 3_600, 264 * 3_600);
        let week = (0..168 * 20).map(|n| (monday + n * 180, u64::from(n % 20 == 7)));
        let then = (0..41).map(|n| (next + n * 60, u64::from(n % 2 == 1)));
        let signals: Vec<_> =
            (0..).zip(week.chain(then)).map(|(n, (at, value))| signal_of(1, at, value, 0, n)).collect();
        let found = at_once(Counting::Baseline(asked), 60, &signals, next + 4 * 3_600);
        let [finding] = &found[..] else { panic!("{found:?}") };
        assert_eq!((finding.at, finding.count), (Timestamp::from_seconds(next + 3_600), 20));
        let because = finding.because.as_ref().unwrap();
        let (says, limit) = (because.says(), because.limit_said());
        assert!(
            says.starts_with("It measured 48.8 % within 1 h, and expected 0 to ") && says.ends_with(" %."),
            "{says}"
        );
        assert!(limit.starts_with("0 to ") && limit.ends_with(" %"), "{limit}");
        let shown: Vec<_> = finding.evidence.iter().map(|one| one.time.nanos() / 60_000_000_000 - next / 60).collect();
        assert_eq!(shown, [35, 37, 39]);
    }
}
