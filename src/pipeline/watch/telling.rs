//! What becomes of alerts that no delivery is about, as pages show it.

use std::collections::BTreeMap;

use crate::alerts::AlertId;
use crate::clock::Timestamp;
use crate::dashboard::Telling;

use super::Watch;

impl Watch {
    /// Shows what `waits` to be told, and says of which alerts that opened nobody is told because they are `old`.
    pub fn telling(&self, old: Vec<AlertId>, waits: &[(AlertId, &str, Timestamp)]) {
        let many = old.len();
        let known = self.board.telling();
        if !waits.is_empty() || !known.waits.is_empty() || many > 0 {
            let mut now = Telling { waits: BTreeMap::new(), old: known.old.iter().copied().chain(old).collect() };
            while now.old.len() > Telling::MOST {
                now.old.pop_first();
            }
            for (alert, sink, until) in waits {
                now.waits.entry(*alert).or_default().push(((*sink).to_owned(), *until));
            }
            if now != *known {
                self.board.set_telling(now);
            }
        }
        if many > 0 {
            tracing::info!(
                alerts = many,
                "alerts opened of events from before Gatewatch was here, older than notify_max_age in [alerts]: nobody \
                 is told of them, the list has them"
            );
        }
    }
}
