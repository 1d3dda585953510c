//! The kinds that join several steps, against slow and obvious tellings of them.

use super::*;

/// Returns when the latest row of steps began that the last of `since` ends, and how many events it takes.
pub(super) fn row(counts: &[u32], within: i64, gap: i64, since: &[Said]) -> Option<(i64, u64)> {
    let all: Vec<u8> = (0_u8..).zip(counts).flat_map(|(step, many)| vec![step; *many as usize]).collect();
    // Of every event at every place of the row: when the latest row began that ends there.
    let mut begun: Vec<Vec<Option<i64>>> = Vec::new();
    for (n, event) in since.iter().enumerate() {
        let at_place = |place: usize| {
            let before = |m: &usize| event.1 - since[*m].1 <= gap;
            match place {
                _ if all[place] != event.3 => None,
                0 => Some(event.1),
                _ => (0..n).filter(before).filter_map(|m| begun[m][place - 1]).max(),
            }
        };
        let row = (0..all.len()).map(at_place).collect();
        begun.push(row);
    }
    let (first, at) = (begun.last()?.last().copied().flatten()?, since.last()?.1);
    (at <= first + within).then_some((first, all.len() as u64))
}

proptest! {
    #[test]
    fn sequence_is_what_it_says(
        said in said(), counts in prop::collection::vec(1_u32..4, 2..4), within in 0_i64..80, gap in prop::option::of(0_i64..40),
        quiet in 0_i64..60,
    ) {
        let counting = Counting::Sequence {
            steps: counts.clone(), within: secs(within), gap: gap.map(secs), any_order: false, found: Vec::new(),
        };
        let found = at_once(counting, quiet as u64, &signals(&said), END);
        let gap = gap.unwrap_or(i64::MAX);
        let fires = |since: &[Said]| row(&counts, within, gap, since);
        let last = counts.len() as u8 - 1;
        let mut told = slowly_anew(&said, quiet, fires, |event| event.3 == last);
        told.sort();
        prop_assert_eq!(attacks(&found), told);
    }

    #[test]
    fn an_unordered_sequence_is_what_it_says(
        said in said(), a in 1_u32..4, b in 1_u32..3, within in 0_i64..80, gap in prop::option::of(0_i64..40), quiet in 0_i64..60,
    ) {
        let steps = [a, b, 1];
        let counting =
            Counting::Sequence { steps: steps.to_vec(), within: secs(within), gap: gap.map(secs), any_order: true, found: Vec::new() };
        let found = at_once(counting, quiet as u64, &signals(&said), END);
        let gap = gap.unwrap_or(i64::MAX);
        let fires = |since: &[Said], event: Said| {
            let pause = since.windows(2).rposition(|pair| pair[1].1 - pair[0].1 > gap);
            let inside: Vec<_> = window(&since[pause.map_or(0, |at| at + 1)..], event.1, within).collect();
            let newest = |step: usize| {
                let of: Vec<_> = inside.iter().filter(|event| usize::from(event.3) == step).map(|event| event.1).collect();
                Some(of[of.len().checked_sub(steps[step] as usize)?])
            };
            Some((newest(0)?.min(newest(1)?).min(newest(2)?), u64::from(a + b + 1)))
        };
        prop_assert_eq!(attacks(&found), slowly(&said, quiet, |_, _| true, fires));
    }

    #[test]
    fn what_must_follow_is_what_it_says(said in said(), within in 0_i64..40) {
        let found = at_once(Counting::Unanswered { within: secs(within) }, 10, &signals(&said), END);
        let mut told: Vec<Told> = Vec::new();
        for who in 0..3 {
            let of: Vec<_> = said.iter().filter(|event| event.0 == who).collect();
            let mut from = i64::MIN;
            for &&(_, first, _, step) in &of {
                let answers = of.iter().any(|event| event.3 > 0 && (first..=first + within).contains(&event.1));
                if step > 0 || first <= from || answers {
                    continue;
                }
                // All that is open then is told at once.
                from = first + within;
                let open = |event: &&&Said| {
                    event.3 == 0 && (first..=from).contains(&event.1)
                        && !of.iter().any(|answer| answer.3 > 0 && (event.1..=from).contains(&answer.1))
                };
                let many = of.iter().filter(open).count() as u64;
                told.push((format!("203.0.113.{who}"), from, first, from, many));
            }
        }
        told.sort();
        prop_assert_eq!(attacks(&found), told);
    }
}
