//! Who did what, from where, for programs: what `gatewatch audit` lists on the machine itself.
//!
//! For admins: addresses and programs of colleagues are nobody else's business. At most a thousand lines an answer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use utoipa::IntoParams;

use super::super::app::App;
use super::super::door::Admin;
use super::asked::{number, plain};
use super::forms::AuditList;
use super::problem::{Pairs, unreadable};

const MOST: usize = 1_000;

/// Which lines are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(in crate::dashboard) struct Which {
    /// Those after this number; without it the newest.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<usize>,
}

/// Lists who did what, from which address and program, before and after; for admins.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "about",
    params(Which),
    responses(
        (status = 200, description = "The lines, oldest first.", body = AuditList),
        (status = 400, description = "A parameter is not understood."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(in crate::dashboard) async fn list(State(app): State<Arc<App>>, _: Admin, Pairs(pairs): Pairs) -> Response {
    let (mut after, mut limit) = (None, 200);
    let asked = plain(&pairs, &["after", "limit"], |name, value| {
        if name == "limit" {
            limit = number(name, value, MOST)?;
        } else {
            let read = value.trim().parse::<i64>().ok().filter(|number| *number >= 0);
            after = Some(read.ok_or("`after` is the number of a line.")?);
        }
        Ok(())
    });
    if let Err(answer) = asked {
        return answer;
    }
    let read = app.readers.read(move |reader| {
        let from = match after {
            Some(after) => after,
            None => reader.audited_before(limit)?,
        };
        reader.audited(from, limit)
    });
    match read.await {
        Ok(lines) => {
            let next = lines.last().map(|line| line.id).or(after);
            Json(AuditList { lines, next }).into_response()
        }
        Err(error) => unreadable(&error),
    }
}
