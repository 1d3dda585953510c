//! What was just seen, before its alert opens.
//!
//! It floats above the page, so that no row moves when it comes and goes. The three worst are shown. It is answered
//! alone to an open page that asks for it, and without the store: many pages ask often while much happens.

use askama::Template;

use super::super::board::Board;
use super::super::words::When;
use crate::clock::Timestamp;

const SHOWN: usize = 3;

/// What has matched and is no alert yet.
pub(super) struct Ahead {
    pub(super) rows: Vec<AheadRow>,
    /// How many others there are.
    pub(super) more: usize,
}

/// One match.
pub(super) struct AheadRow {
    pub(super) level: &'static str,
    pub(super) title: String,
    pub(super) entity: String,
    pub(super) app: Option<String>,
    pub(super) when: When,
}

/// The section alone.
#[derive(Template)]
#[template(path = "ahead.html")]
pub(super) struct Alone {
    pub(super) ahead: Ahead,
}

impl Ahead {
    pub(super) fn of(board: &Board, now: Timestamp) -> Self {
        let all = board.ahead.borrow().clone();
        let rows = all.iter().take(SHOWN).map(|seen| AheadRow {
            level: seen.level.name(),
            title: seen.title.to_string(),
            entity: seen.entity.sayable(),
            app: seen.app.as_deref().map(str::to_owned),
            when: When::new(seen.at, now),
        });
        Self { rows: rows.collect(), more: all.len().saturating_sub(SHOWN) }
    }
}
