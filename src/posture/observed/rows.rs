//! How is what was observed kept over a restart?
//!
//! As rows: a sort, a key and bytes. A row that can't be read any more is passed over: what it said is
//! observed again.

use std::ops::Bound;
use std::sync::Arc;

use super::{Facts, Flow, Observed, Spotted, Tally, What, Write};

const ENDPOINT: u8 = 0;
const FLOW: u8 = 1;
const WRITE: u8 = 2;
const BEYOND: u8 = 3;
/// Rows of what only grew that go with one epoch.
const GROWN_AN_EPOCH: usize = 1_000;

/// One row: its sort, its key, its bytes; no bytes where it is to be let go.
pub type Row = (u8, String, Vec<u8>);

impl Observed {
    /// Returns the rows that have changed since the last call.
    pub fn rows(&mut self) -> Vec<Row> {
        let mut names: Vec<Arc<str>> = std::mem::take(&mut self.fresh).into_iter().collect();
        names.extend(self.grown());
        let gone = std::mem::take(&mut self.gone).into_iter().filter(|name| !self.endpoints.contains_key(name));
        let mut rows: Vec<Row> = gone.map(|name| (ENDPOINT, name.to_string(), Vec::new())).collect();
        let gone = std::mem::take(&mut self.gone_flows).into_iter().filter(|flow| !self.flows.contains_key(flow));
        rows.extend(gone.map(|flow| (FLOW, key(&flow), Vec::new())));
        for name in names {
            if let Some(one) = self.endpoints.get(&name) {
                rows.extend(row(ENDPOINT, &name, &(one.what, &one.facts)));
            }
        }
        for flow in std::mem::take(&mut self.fresh_flows) {
            if let Some(tally) = self.flows.get(&flow) {
                rows.extend(row(FLOW, &key(&flow), &(flow.0, tally)));
            }
        }
        rows.extend(
            std::mem::take(&mut self.gone_writes).into_iter().map(|gone| (WRITE, gone.to_string(), Vec::new())),
        );
        for resource in std::mem::take(&mut self.fresh_writes) {
            if let Some(write) = self.writes.get(&resource) {
                rows.extend(row(WRITE, &resource, write));
            }
        }
        if !rows.is_empty() && self.beyond != (0, 0) {
            rows.extend(row(BEYOND, "", &self.beyond));
        }
        rows
    }

    /// Takes the next names that only grew, round from the last that was kept: names that always grow keep
    /// no others waiting.
    fn grown(&mut self) -> Vec<Arc<str>> {
        let after = |last: &Arc<str>| (Bound::Excluded(last.clone()), Bound::Unbounded);
        let from = self.kept_until.as_ref().map_or((Bound::Unbounded, Bound::Unbounded), after);
        let first = self.grown.range(from).chain(&self.grown).take(GROWN_AN_EPOCH.min(self.grown.len()));
        let names: Vec<Arc<str>> = first.cloned().collect();
        for name in &names {
            self.grown.remove(name);
        }
        self.kept_until = names.last().cloned().or(self.kept_until.take());
        names
    }

    /// Goes on from rows that were kept.
    pub fn restore(rows: &[Row]) -> Self {
        let mut observed = Self::default();
        for (sort, key, bytes) in rows {
            match *sort {
                ENDPOINT => {
                    if let Ok((what, facts)) = postcard::from_bytes::<(What, Facts)>(bytes) {
                        observed.endpoints.insert(key.as_str().into(), Spotted { what, facts });
                    }
                }
                FLOW => {
                    let mut parts = key.splitn(3, '\n').skip(1);
                    if let Ok((what, tally)) = postcard::from_bytes::<(What, Tally)>(bytes)
                        && let (Some(from), Some(to)) = (parts.next(), parts.next())
                    {
                        observed.flows.insert((what, from.into(), to.into()), tally);
                    }
                }
                WRITE => {
                    if let Ok(write) = postcard::from_bytes::<Write>(bytes) {
                        observed.writes.insert(key.as_str().into(), write);
                    }
                }
                BEYOND => observed.beyond = postcard::from_bytes(bytes).unwrap_or_default(),
                _ => {}
            }
        }
        observed.version = u64::from(!rows.is_empty());
        observed
    }
}

/// Returns a way's key in the store.
fn key(flow: &Flow) -> String {
    format!("{}\n{}\n{}", flow.0 as u8, flow.1, flow.2)
}

fn row(sort: u8, key: &str, value: &impl serde::Serialize) -> Option<Row> {
    postcard::to_stdvec(value).ok().map(|bytes| (sort, key.to_owned(), bytes))
}
