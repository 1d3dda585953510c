//! What exception is offered for an alert, and what would it have hidden?
//!
//! Made by the pipeline's side, which knows detectors and how records are read; looked at here, over the
//! alerts of the last 30 days that are about the same, at most 10,000 of them. Nothing is changed: whoever
//! wants it copies it into a file.

use std::fmt;
use std::sync::Arc;

use super::api::forms::{ExceptionBacktest, ExceptionOffer};
use super::app::App;
use crate::access::Identity;
use crate::alerts::{Alert, AlertId, Asker, Backtest, LOOKS_BACK, Offer, Query};
use crate::store::{AlertQuery, StoreError};

/// Alerts that a backtest looks at.
const MOST_LOOKED_AT: usize = 10_000;
/// Alerts that a backtest names.
const SHOWN: usize = 20;

type Make = dyn Fn(&Alert, &Asker) -> Result<Offer, String> + Send + Sync;

/// Makes offers.
#[derive(Clone)]
pub struct Offers(Arc<Make>);

impl Offers {
    /// Returns what makes them by `make`, which says why where it can't.
    pub fn new(make: impl Fn(&Alert, &Asker) -> Result<Offer, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }
}

impl fmt::Debug for Offers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offers")
    }
}

/// An offer that was looked at.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) offer: Offer,
    pub(super) backtest: Backtest,
    /// Whether all alerts of those days were looked at.
    pub(super) complete: bool,
}

/// Returns what is offered for an alert, or why nothing is; `None` where there is no such alert.
pub(super) async fn offered(
    app: &App,
    id: AlertId,
    who: &Identity,
) -> Result<Option<Result<Offered, String>>, StoreError> {
    let asker = Asker { name: who.name.clone(), at: app.parts.clock.now() };
    let offers = app.parts.offers.clone();
    let read = app.readers.read(move |reader| {
        let Some(alert) = reader.alert(id)? else { return Ok(None) };
        let offer = match (offers.0)(&alert, &asker) {
            Ok(offer) => offer,
            Err(why) => return Ok(Some(Err(why))),
        };
        let about = (Some(alert.entity.kind), alert.entity.value.to_string());
        let since = Some(asker.at.minus(LOOKS_BACK));
        let about = Query { since, entity: Some(about), ..Query::any() };
        let query = AlertQuery { about, after: None, limit: MOST_LOOKED_AT };
        let mut backtest = Backtest::of(id);
        let judge = &offer.judge.0;
        let complete = reader.each_alert(&query, |one| backtest.add(&one, judge(&one)))?;
        Ok(Some(Ok(Offered { offer, backtest, complete })))
    });
    read.await
}

impl Offered {
    /// Returns what the backtest says, in sentences.
    pub(super) fn says(&self) -> String {
        self.backtest.says(days(), self.complete)
    }

    /// Returns it as the API tells it.
    pub(super) fn told(&self, id: AlertId) -> ExceptionOffer {
        let Backtest { hidden, thinned, .. } = &self.backtest;
        let ids = |ids: &[AlertId]| ids.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>();
        ExceptionOffer {
            id: id.to_string(),
            exception: self.offer.exception.clone(),
            case: self.offer.cases.clone(),
            notes: self.offer.notes.clone(),
            backtest: ExceptionBacktest {
                days: days(),
                complete: self.complete,
                hidden: hidden.len(),
                hidden_sample: ids(hidden),
                true_positives: self.backtest.true_positives,
                otherwise_judged: self.backtest.otherwise_judged,
                worst: self.backtest.worst,
                thinned: thinned.len(),
                thinned_sample: ids(thinned),
                thinned_true_positives: self.backtest.thinned_true_positives,
                kept: self.backtest.kept,
                says: self.says(),
            },
        }
    }
}

const fn days() -> u64 {
    LOOKS_BACK.as_secs() / 86_400
}
