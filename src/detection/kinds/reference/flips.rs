//! What an alert says would have made a difference is tried out: the same input, and what is said changed.

use super::*;
use crate::detection::correlation_plan::{Input, Joint, Node, Plan};
use crate::detection::in_words::beyond;
use crate::detection::kinds::{pack_place, value_of};
use crate::detection::{Baselining, Measured};
use crate::detection::{Because, Finding, Flip, Measure, Risking, Traveling};

/// Longer than all that is said here: what follows of an attack belongs to it.
const EVER: u64 = 1_000;

/// What one entity says: when, value, step.
fn one(values: u64, steps: u8) -> impl Strategy<Value = Vec<Said>> {
    prop::collection::vec((1_i64..200, 0..values, 0..steps), 1..50).prop_map(|said| {
        let mut said: Vec<Said> = said.into_iter().map(|(at, value, step)| (1, at, value, step)).collect();
        said.sort_by_key(|&(_, at, _, step)| (at, step));
        said
    })
}

fn fired(counting: &Counting, said: &[Said]) -> Vec<Finding> {
    let found = at_once(counting.clone(), EVER, &signals(said), END);
    found.into_iter().filter(|finding| finding.fired).collect()
}

/// The first event that makes it fire with those before it, and what is found then.
fn first(counting: &Counting, said: &[Said]) -> Option<(Vec<Said>, Because)> {
    (1..=said.len()).find_map(|many| {
        let found = fired(counting, &said[..many]);
        Some((said[..many].to_vec(), found.into_iter().next()?.because?))
    })
}

/// What its one attack rests on, once all of it has come.
fn whole(counting: &Counting, said: &[Said]) -> Option<Because> {
    let found = at_once(counting.clone(), EVER, &signals(said), END);
    let mut because = found.iter().find(|finding| finding.fired)?.because.clone()?;
    because.peak = found.iter().map(|finding| finding.peak).fold(because.peak, f64::max);
    Some(because)
}

fn seconds(at: crate::clock::Timestamp) -> i64 {
    at.nanos() / 1_000_000_000
}

/// Leaves out so many of the events since `because` begins for which `which` holds, the largest and oldest first.
fn leaving_out(said: &[Said], because: &Because, many: u64, which: impl Fn(&Said) -> bool) -> Vec<Said> {
    let since = seconds(because.from);
    let mut places: Vec<usize> = (0..said.len()).filter(|&n| said[n].1 >= since && which(&said[n])).collect();
    assert!(places.len() as u64 >= many, "it names no more events than there are");
    places.sort_by_key(|&n| (std::cmp::Reverse(said[n].2), n));
    places.truncate(many as usize);
    (0..said.len()).filter(|n| !places.contains(n)).map(|n| said[n]).collect()
}

/// Holds the limit at which it would have stayed quiet, and half the limit, against what they do.
fn limits(said: &[Said], of: impl Fn(i64) -> Counting, limit: i64) -> Result<(), TestCaseError> {
    let Some(because) = whole(&of(limit), said) else { return Ok(()) };
    if let Some(quiet) = because.quiet_at() {
        prop_assert_eq!(fired(&of(quiet as i64), said), vec![]);
        // Where events are of more different times than that limit, their number is blurred upwards.
        let lower = because.measure == Measure::Events || !fired(&of(quiet as i64 - 1), said).is_empty();
        prop_assert!(lower, "a lower limit is quiet");
    }
    if let Some(earlier) = because.earlier {
        let found = fired(&of(earlier.limit as i64), said);
        prop_assert!(found[0].at <= because.to.minus(earlier.by), "{:?} {:?}", found, because);
    }
    Ok(())
}

proptest! {
    #[test]
    fn another_limit_does_what_is_said_of_it(said in one(7, 1), limit in 1_i64..12, of in windows()) {
        let within = span(of);
        limits(&said, |limit| Counting::Threshold { at_least: limit as u32, within }, limit)?;
        limits(&said, |limit| Counting::Distinct { more_than: limit as u32, within }, limit)?;
        limits(&said, |more_than| Counting::Amount { average: false, more_than, among: 1, within }, limit)?;
    }

    #[test]
    fn of_a_sum_and_an_average_those_events_made_the_difference(
        said in one(7, 1), average in any::<bool>(), more_than in 0_i64..6, among in 1_u32..6, of in windows(),
    ) {
        let with = |among: u64| Counting::Amount { average, more_than, among: among as u32, within: span(of) };
        let Some((came, because)) = first(&with(among.into()), &said) else { return Ok(()) };
        for flip in &because.others {
            match flip {
                Flip::Without { events, largest: true, .. } => {
                    let left = leaving_out(&came, &because, *events, |_| true);
                    prop_assert_eq!(fired(&with(among.into()), &left), vec![]);
                }
                Flip::Among(all) => prop_assert_eq!(fired(&with(all + 1), &came), vec![]),
                _ => {}
            }
        }
        prop_assert_eq!(because.others.iter().any(|flip| matches!(flip, Flip::Without { .. })), true);
    }

    #[test]
    fn of_a_share_and_a_percentile_so_many_events_made_the_difference(
        said in one(6, 1), rank in 1_u8..100, more_than in 0_i64..5, among in 1_u32..6, of in windows(),
    ) {
        let percentile = |among: u64| Counting::Percentile { rank, more_than, among: among as u32, within: span(of) };
        if let Some((came, because)) = first(&percentile(among.into()), &said) {
            for flip in &because.others {
                let (left, among) = match flip {
                    Flip::FewerAbove(many) => {
                        (leaving_out(&came, &because, *many, |event| event.2 as i64 > more_than), among.into())
                    }
                    Flip::Among(all) => (came.clone(), all + 1),
                    _ => continue,
                };
                prop_assert_eq!(fired(&percentile(among), &left), vec![]);
            }
        }
        let said: Vec<Said> = said.iter().map(|&(who, at, value, step)| (who, at, value % 2, step)).collect();
        let share = Share(u32::from(rank) * 10_000);
        let ratio = |at_least: Share, among: u64| Counting::Ratio { at_least, among: among as u32, within: span(of) };
        if let Some((came, because)) = first(&ratio(share, among.into()), &said) {
            let left = leaving_out(&came, &because, because.without().unwrap(), |event| event.2 == 1);
            prop_assert_eq!(fired(&ratio(share, among.into()), &left), vec![]);
            let Flip::Among(all) = because.others[0] else { panic!("{because:?}") };
            prop_assert_eq!(fired(&ratio(share, all + 1), &came), vec![]);
            if let Some(quiet) = because.quiet_at() {
                prop_assert_eq!(fired(&ratio(Share((quiet * 1e6).round() as u32), among.into()), &came), vec![]);
            }
        }
    }

    #[test]
    fn in_a_shorter_time_or_with_an_event_fewer_no_row_is_whole(
        said in one(1, 3), steps in prop::collection::vec(1_u32..4, 2..4), within in 1_i64..80,
        gap in prop::option::of(1_i64..40), any_order in any::<bool>(),
    ) {
        let with = |within: Duration| Counting::Sequence { steps: steps.clone(), within, gap: gap.map(secs), any_order, found: Vec::new() };
        let Some((came, because)) = first(&with(secs(within)), &said) else { return Ok(()) };
        for flip in &because.others {
            match flip {
                Flip::Took(span) => prop_assert_eq!(fired(&with(span.saturating_sub(secs(1))), &came), vec![]),
                Flip::Exactly { step, takes } => {
                    prop_assert_eq!(steps[usize::from(*step) - 1], *takes);
                    let of = |place: &usize| came[*place].3 + 1 == *step;
                    for place in (0..came.len()).rev().filter(of).take(*takes as usize) {
                        let left: Vec<Said> = came[..place].iter().chain(&came[place + 1..]).copied().collect();
                        prop_assert_eq!(fired(&with(secs(within)), &left), vec![]);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn in_a_shorter_time_no_rules_of_sigma_come_together(said in one(1, 2), within in 1_i64..80, ordered in any::<bool>()) {
        let joint = if ordered { Joint::Ordered } else { Joint::Together(2) };
        let with = |within: Duration| {
            let inputs = vec![Input::Step(0), Input::Step(1)];
            Counting::Correlation(Plan { nodes: vec![Node { inputs, joint: joint.clone(), within }] }.into())
        };
        let Some((came, because)) = first(&with(secs(within)), &said) else { return Ok(()) };
        for flip in &because.others {
            let Flip::Took(span) = flip else { panic!("{flip:?}") };
            prop_assert_eq!(fired(&with(span.saturating_sub(secs(1))), &came), vec![]);
        }
    }

    #[test]
    fn what_had_to_be_known_or_remembered_for_longer_is_not_new(
        said in one(4, 1), learn in 0_i64..30, forget in 2_i64..40, few in prop::option::of(2_u32..4),
    ) {
        let hours = |hours: i64| Duration::from_secs(hours as u64 * 3_600);
        let mut said: Vec<Said> = said.iter().map(|&(who, at, value, step)| (who, at * 1_300, value, step)).collect();
        // One that is new may come with one that is not.
        said.dedup_by_key(|one| one.1);
        let with = |learn: Duration, forget: Duration, few: Option<u32>| {
            Counting::FirstSeen { learn, forget, bulk: None, only: Only { few, settled: None } }
        };
        let found = |counting: &Counting| {
            let found = at_once(counting.clone(), 0, &signals(&said), 400 * 1_300);
            found.into_iter().filter(|finding| finding.fired).collect::<Vec<_>>()
        };
        for finding in found(&with(hours(learn), hours(forget), few)) {
            let others = finding.because.unwrap().others;
            prop_assert!(!others.is_empty());
            for flip in others {
                let changed = match flip {
                    Flip::Known(span) => with(beyond(span), hours(forget), few),
                    Flip::LastShown(span) => with(hours(learn), beyond(span), few),
                    Flip::Shown(many) => with(hours(learn), hours(forget), Some(many as u32 - 1)),
                    other => panic!("{other:?}"),
                };
                prop_assert!(found(&changed).iter().all(|other| other.at != finding.at), "{:?}", changed);
            }
        }
    }

    #[test]
    fn silence_that_is_asked_for_otherwise_is_nothing_or_fires_earlier(
        said in one(1, 2), after in 1_i64..80, at_least in 1_u32..5,
    ) {
        let with = |after: Duration, at_least: u64| Counting::Absence { after, at_least: at_least as u32 };
        let at = |counting: &Counting| fired(counting, &said).iter().map(|one| one.at).collect::<Vec<_>>();
        for finding in fired(&with(secs(after), at_least.into()), &said) {
            let because = finding.because.unwrap();
            let Flip::Heard(times) = because.others[0] else { panic!("{because:?}") };
            prop_assert!(!at(&with(secs(after), times + 1)).contains(&finding.at));
            if let Some(earlier) = because.earlier {
                let half = Duration::from_secs_f64(earlier.limit);
                prop_assert!(at(&with(half, at_least.into())).contains(&finding.at.minus(earlier.by)));
            }
        }
        for finding in fired(&Counting::Unanswered { within: secs(after) }, &said) {
            let because = finding.because.unwrap();
            for flip in &because.others {
                match *flip {
                    Flip::Within { within, by } => {
                        let found = at(&Counting::Unanswered { within });
                        prop_assert!(found.iter().any(|at| *at >= because.from && *at <= because.to.minus(by)));
                    }
                    Flip::Waiting(many) => prop_assert_eq!(many, because.events),
                    _ => panic!("{flip:?}"),
                }
            }
        }
    }

    #[test]
    fn a_silence_by_rhythm_is_nothing_of_what_had_to_be_known_for_longer(
        gaps in prop::collection::vec(0_i64..7_200, 40..120), missing in 1_u32..8, learn in 6_u64..48,
    ) {
        let mut at = 0;
        let said: Vec<Said> = gaps.iter().map(|gap| { at += gap; (1, at, 0, 0) }).collect();
        let with = |missing: u32, learn: Duration| Counting::Rhythm { missing, minutes: false, learn };
        let found = |counting: Counting| {
            let found = at_once(counting, 0, &signals(&said), at + 60 * 3_600);
            found.into_iter().filter(|finding| finding.fired).collect::<Vec<_>>()
        };
        let learn = Duration::from_hours(learn);
        for finding in found(with(missing, learn)) {
            let because = finding.because.unwrap();
            for flip in &because.others {
                match *flip {
                    Flip::Known(span) => {
                        let others = found(with(missing, beyond(span)));
                        prop_assert!(others.iter().all(|other| other.at != finding.at));
                    }
                    _ => panic!("{flip:?}"),
                }
            }
        }
    }

    #[test]
    fn what_strays_lies_in_the_band_at_the_tolerance_that_is_said(
        said in one(6, 1), part in prop::sample::select(vec![1_i64, 4]), below in any::<bool>(),
        measured in prop::sample::select(vec![Measured::Count, Measured::Sum, Measured::Distinct]),
    ) {
        let said: Vec<Said> = said.iter().map(|&(who, at, value, step)| (who, at * 850, value, step)).collect();
        let part = if measured == Measured::Distinct { 1 } else { part };
        let usual = Baselining {
            measured, every: secs(3_600 / part), learn: secs(24 * 3_600), tolerance: 20, sides: (!below, below), at_least: 1,
        };
        let found = |asked: Baselining| {
            let found = at_once(Counting::Baseline(asked), 0, &signals(&said), 400 * 900);
            found.into_iter().filter(|finding| finding.fired).collect::<Vec<_>>()
        };
        let fires = |asked: Baselining, finding: &Finding| {
            let value = finding.because.as_ref().map(|because| because.value);
            found(asked).iter().any(|one| one.at == finding.at && one.because.as_ref().map(|one| one.value) == value)
        };
        for finding in found(usual) {
            let because = finding.because.clone().unwrap();
            for flip in &because.others {
                let changed = match flip {
                    Flip::Normal(normal) => {
                        let Some(tolerance) = normal.tolerance(because.value, 500) else { continue };
                        prop_assert!(tolerance > 20);
                        let less = Baselining { tolerance: tolerance - 1, ..usual };
                        prop_assert!(fires(less, &finding));
                        Baselining { tolerance, ..usual }
                    }
                    Flip::Least => Baselining { at_least: because.value as u32 + 1, ..usual },
                    Flip::Expected(expected) => Baselining { at_least: *expected as u32 + 1, ..usual },
                    Flip::Known(span) => Baselining { learn: beyond(*span), ..usual },
                    other => panic!("{other:?}"),
                };
                prop_assert!(!fires(changed, &finding), "{:?} {:?}", flip, because);
            }
        }
    }

    #[test]
    fn evidence_asked_for_otherwise_is_not_enough(
        said in one(5, 1), at_least in 40_u32..200, tactics in 1_u32..3,
    ) {
        let said: Vec<Said> = said.iter().map(|&(who, at, own, step)| (who, at, value_of(own as u8 % 3, own << 8), step)).collect();
        let with = |at_least: u32, tactics: u32| Counting::Risk(Risking { at_least, tactics, half_life: secs(40) });
        if let Some(because) = whole(&with(at_least, tactics), &said) {
            prop_assert_eq!(fired(&with(because.quiet_at().unwrap() as u32, tactics), &said), vec![]);
        }
        let Some((came, because)) = first(&with(at_least, tactics), &said) else { return Ok(()) };
        for flip in &because.others {
            match flip {
                Flip::Finding { left, .. } => {
                    prop_assert!(*left < f64::from(at_least));
                    prop_assert_eq!(fired(&with(at_least, tactics), &came[..came.len() - 1]), vec![]);
                }
                Flip::Tactics(many) => prop_assert_eq!(fired(&with(at_least, *many as u32 + 1), &came), vec![]),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn nobody_is_too_fast_who_need_not_be_so_near(said in one(6, 1), faster_than in 100_u32..5_000, at_least in 1_u32..900) {
        let place = |value: u64| pack_place(50.0 + value as f64, 8.0 + (value * value) as f64).unwrap();
        let said: Vec<Said> = said.iter().map(|&(who, at, value, step)| (who, at * 60, place(value), step)).collect();
        let with = |faster_than: u32, at_least: u32| {
            Counting::Travel(Traveling { faster_than, at_least, within: secs(100_000) })
        };
        let fired = |counting: &Counting, said: &[Said]| {
            let found = at_once(counting.clone(), 60 * EVER, &signals(said), 60 * END);
            found.into_iter().filter(|finding| finding.fired).map(|one| one.because.unwrap()).collect::<Vec<_>>()
        };
        for many in 1..=said.len() {
            let Some(because) = fired(&with(faster_than, at_least), &said[..many]).into_iter().next() else { continue };
            let Flip::Far(far) = because.others[0] else { panic!("{because:?}") };
            prop_assert_eq!(fired(&with(faster_than, far as u32 + 1), &said[..many]), vec![]);
            let quiet = because.quiet_at().unwrap();
            prop_assert_eq!(fired(&with(quiet as u32, at_least), &said[..many]), vec![]);
            break;
        }
    }

    #[test]
    fn more_new_values_than_that_are_no_longer_one_event(said in one(6, 1), more_than in 1_u32..4) {
        let with = |more_than: u32, learn: Duration| {
            let bulk = Some(Bulk { more_than, within: secs(20), level: Level::Low });
            Counting::FirstSeen { learn, forget: secs(400), bulk, only: Only::default() }
        };
        let found = |counting: &Counting, at| fired(counting, &said).into_iter().find(|one| one.at == at);
        for finding in fired(&with(more_than, secs(10)), &said) {
            let because = finding.because.unwrap();
            if because.measure == Measure::Bulk {
                let other = found(&with(because.value as u32, secs(10)), finding.at).unwrap();
                prop_assert_eq!((other.level, other.because.unwrap().measure), (Level::High, Measure::Unseen));
            }
            let Flip::Known(known) = because.others[0] else { panic!("{because:?}") };
            prop_assert_eq!(found(&with(more_than, beyond(known)), finding.at), None);
        }
    }
}
