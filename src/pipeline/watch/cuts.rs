//! What is said when a ceiling cuts what sinks are told?
//!
//! A metric counts it, the page Pipeline shows it, and the log says it once of each ceiling: a flood that
//! reaches one reaches it for every alert.

use crate::dashboard::CutSeen;
use crate::sinks::Cuts;

use super::Watch;

impl Watch {
    /// Shows how often each ceiling was reached since the first start.
    pub fn cuts(&self, cuts: Cuts) {
        for (what, total, says) in cuts.each() {
            self.metrics.tellings_cut.reach(&[what], total);
            let before = self.board.cuts.get(what).map(|seen| seen.clone());
            let mut seen = CutSeen { total, says, said: before.as_ref().is_some_and(|seen| seen.said) };
            // What was reached before the start was said then.
            if !seen.said && before.is_some_and(|before| total > before.total) {
                tracing::warn!(
                    what,
                    "more is to be told than is told one by one: {says}. Give [[routes]] fewer alerts, or mend what opens so many"
                );
                seen.said = true;
            }
            self.board.cuts.insert(what, seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dashboard::{Board, Changes};
    use crate::metrics::Metrics;

    #[test]
    fn what_a_ceiling_cut_is_counted_and_said_once_after_the_start() {
        let (board, metrics) = (Arc::new(Board::default()), Arc::new(Metrics::new("x").unwrap()));
        let watch = Watch::new(board.clone(), metrics.clone(), Changes::new(1), &[], 0);
        let said = || board.cuts.get("merged").map(|seen| (seen.total, seen.said));
        watch.cuts(Cuts { merged: 7, ..Cuts::default() });
        assert_eq!(said(), Some((7, false)), "that was before this start");
        watch.cuts(Cuts { merged: 7, ..Cuts::default() });
        assert_eq!(said(), Some((7, false)));
        watch.cuts(Cuts { merged: 9, ..Cuts::default() });
        assert_eq!(said(), Some((9, true)));
        assert!(metrics.render().contains("gatewatch_tellings_cut_total{what=\"merged\"} 9"), "{}", metrics.render());
    }
}
