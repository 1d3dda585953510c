//! What do weeks of a fleet look like, good days and bad?
//!
//! The same apps, gateways and callers as in the short world, thin in records and long in time: people
//! with working hours, holidays, a sale, releases, rotations, outages, an office behind one address,
//! bots; and among them attacks, fast and slow, loud and low, and incidents that only look like one.
//! What is to come is planned at the beginning: some hundreds of episodes.

mod attacks;
mod calendar;
mod everyday;
mod incidents;
mod people;
mod records;
mod rounds;

use std::ops::Range;

use crate::clock::Timestamp;

use super::attacks::{AttackInfo, Episode, Plan, plans};
use super::rng::Rng;
use super::traffic::Rhythm;
use super::world::{UnknownAttack, unknown};

pub(super) use calendar::{Calendar, Curve};

/// Which weeks to make.
#[derive(Clone, Debug)]
pub struct Weeks {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Event time of the first record.
    pub start: Timestamp,
    /// How many weeks.
    pub weeks: u16,
    /// The attacks and incidents to play, by name; empty for all.
    pub attacks: Vec<String>,
    /// No attack, no incident and no broken message: `attacks` is not looked at.
    pub clean: bool,
}

impl Weeks {
    pub(super) fn check(names: &[String]) -> Result<(), UnknownAttack> {
        unknown(&weeks_catalogue(), names)
    }
}

/// Attacks and incidents, each with its number.
fn labelled() -> impl Iterator<Item = (u64, &'static Plan)> {
    let short = plans().filter(|plan| !plan.info.only_by_name);
    (0..).zip(short.chain(attacks::plans()).chain(incidents::PLANS))
}

/// Returns every attack and incident of weeks, by family.
pub fn weeks_catalogue() -> Vec<AttackInfo> {
    labelled().map(|(_, plan)| plan.info).collect()
}

/// Returns what is to take place beside everyday requests.
pub(super) fn episodes(
    seed: u64,
    run: &Range<Timestamp>,
    calendar: &Calendar,
    names: &[String],
    clean: bool,
) -> Vec<Episode> {
    let wanted = |plan: &Plan| names.is_empty() || names.iter().any(|name| name == plan.info.name);
    let mut episodes: Vec<Episode> = labelled()
        .filter(|(_, plan)| !clean && wanted(plan))
        .map(|(number, plan)| Episode::in_weeks(plan, number, seed, run))
        // A run too short for a thing goes without it.
        .filter(|episode| episode.end() <= run.end)
        .collect();
    let mut rng = Rng::new(seed, 6);
    // A run that begins at noon ends at noon: of its first and last day it has a part.
    let days = run.end.since(calendar.at(0, 0)).as_secs().div_ceil(86_400);
    for (number, (day, seconds, plan)) in (1_000..).zip(everyday::planned(days, calendar, &mut rng)) {
        let episode = Episode::at(plan, number, seed, calendar.at(day, seconds));
        if run.start <= episode.start() && episode.start() < run.end {
            episodes.push(episode);
        }
    }
    episodes
}

/// Returns what comes back by chance.
pub(super) fn rhythms(start: Timestamp, rng: &mut Rng) -> Vec<Rhythm> {
    rounds::ROUNDS.iter().map(|&(mean, curve, act)| Rhythm::by_chance(start, mean, curve, act, rng)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::super::attacks::Label;
    use super::super::fleet::Fleet;
    use super::super::packer::Packer;
    use super::super::stage::Stage;
    use super::super::world::World;
    use super::*;

    /// 2026-03-02T00:00:00Z, a Monday.
    const MONDAY: Timestamp = Timestamp::from_seconds(1_772_409_600);

    fn run(weeks: u64) -> Range<Timestamp> {
        MONDAY..MONDAY.plus(Duration::from_hours(168 * weeks))
    }

    fn world(seed: u64, weeks: u16, clean: bool) -> World {
        World::of_weeks(Weeks { seed, start: MONDAY, weeks, attacks: Vec::new(), clean }).unwrap()
    }

    /// Plays one plan of a month on an empty stage; returns its label and its records' text.
    fn alone(number: u64, plan: &'static Plan) -> (Label, Vec<serde_json::Value>) {
        let mut stage = Stage {
            fleet: Fleet::new(3),
            packer: Packer::new(3, MONDAY, false),
            scratch: String::new(),
            quiet: Vec::new(),
            calendar: Calendar::default(),
        };
        let mut episode = Episode::in_weeks(plan, number, 3, &run(4));
        let label = episode.label(&stage.fleet, run(4).end).unwrap();
        while episode.next().is_some() {
            episode.play(&mut stage);
        }
        stage.packer.finish();
        let messages = std::iter::from_fn(|| stage.packer.take());
        let parsed = messages.filter_map(|message| serde_json::from_slice::<serde_json::Value>(&message.bytes).ok());
        let records = parsed.flat_map(|message| message["records"].as_array().cloned().unwrap_or_default());
        (label, records.collect())
    }

    #[test]
    fn every_attack_and_incident_writes_records_that_name_its_entity_while_it_lasts() {
        for (number, plan) in labelled().filter(|(_, plan)| plan.info.family != "telemetry") {
            let (label, records) = alone(number, plan);
            assert!(records.iter().any(|record| record.to_string().contains(&label.entity)), "{label:?}");
            for time in records.iter().filter_map(|record| Timestamp::parse_rfc3339(record["time"].as_str()?)) {
                // A record ends some seconds after it began.
                let ends = label.end.plus(Duration::from_secs(3));
                assert!(label.start <= time && time <= ends, "{}: {time} outside {label:?}", label.name);
            }
        }
    }

    #[test]
    fn four_weeks_hold_sixty_attacks_each_of_its_own_name_and_incidents_beside_them() {
        let labels = world(1, 4, false).labels();
        let names: BTreeSet<&str> = labels.iter().map(|label| &*label.name).collect();
        assert_eq!(names.len(), labels.len());
        assert_eq!(labels.len(), weeks_catalogue().len());
        assert!(labels.iter().filter(|label| !label.incident).count() >= 60, "{}", labels.len());
        assert!(labels.iter().filter(|label| label.incident).count() >= 8);
        let slow = labels.iter().filter(|label| label.end.since(label.start) > Duration::from_hours(5));
        assert!(slow.filter(|label| !label.incident).count() >= 10);
    }

    #[test]
    fn the_same_seed_gives_the_same_weeks() {
        let some = |seed| world(seed, 1, false).take(5_000).collect::<Vec<_>>();
        assert_eq!(some(7), some(7));
        assert_ne!(some(7), some(8));
    }

    #[test]
    fn a_clean_week_has_no_label_no_attacker_and_tens_of_records_a_minute_for_each_app() {
        let mut week = world(1, 1, true);
        assert!(week.labels().is_empty());
        let day = MONDAY.plus(Duration::from_hours(24));
        for message in week.by_ref().take_while(|message| message.at < day) {
            let text = String::from_utf8(message.bytes).unwrap();
            assert!(!text.contains("198.51.100."), "{text}");
        }
        let a_minute = week.tally().records / (1_440 * 6);
        assert!((5..40).contains(&a_minute), "{a_minute}");
    }

    #[test]
    fn one_week_goes_without_what_needs_more() {
        let labels = world(1, 1, false).labels();
        assert!(labels.len() >= 40, "{}", labels.len());
        assert!(labels.iter().all(|label| MONDAY <= label.start && label.end <= run(1).end));
    }

    #[test]
    fn whenever_weeks_begin_mondays_are_mondays_and_noon_is_noon() {
        // Two weeks from a Wednesday, a quarter to four in the afternoon.
        let start = MONDAY.plus(Duration::from_mins(2 * 1_440 + 945));
        let run = start..start.plus(Duration::from_hours(336));
        let calendar = Calendar::new(5, &run);
        let planned = everyday::planned(15, &calendar, &mut Rng::new(5, 6));
        let of = |name: &str| -> Vec<Timestamp> {
            let named = planned.iter().filter(|(_, _, plan)| plan.info.name == name);
            named.map(|(day, second, _)| calendar.at(*day, *second)).collect()
        };
        let since_monday = |at: &Timestamp| at.since(MONDAY).as_secs() % (7 * 86_400);
        assert_eq!(of("monday-morning").iter().map(since_monday).collect::<Vec<_>>(), [28_800]);
        assert_eq!(of("weekly-report").iter().map(since_monday).collect::<Vec<_>>(), [194_400; 3]);
        let nights = of("nightly-batch");
        assert!(nights.iter().all(|at| (7_200..8_400).contains(&(at.since(MONDAY).as_secs() % 86_400))));
        let episodes = episodes(5, &run, &calendar, &[], true);
        assert!(episodes.iter().all(|episode| run.contains(&episode.start())));
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_of_weeks_too() {
        let asked = Weeks { seed: 1, start: MONDAY, weeks: 1, attacks: vec!["vault-harvst".into()], clean: false };
        assert_eq!(World::of_weeks(asked).unwrap_err().did_you_mean, Some("vault-harvest"));
    }
}
