//! `gatewatch exceptions`: what counts for nothing, by whose word, until when, and how often it did.

use std::collections::BTreeMap;
use std::process::ExitCode;

use crate::clock::Clock;
use crate::store::Reader;

use super::args::{Exceptions, ExceptionsList};
use super::talk::{Failure, print, say};
use super::{around, setup};

/// Lists exceptions.
pub fn exceptions(command: &Exceptions) -> Result<ExitCode, Failure> {
    let Exceptions::List(options) = command;
    list(options)
}

fn list(options: &ExceptionsList) -> Result<ExitCode, Failure> {
    let config = setup::config(Some(&options.config))?;
    let catalogue = setup::running(&config.detection, &[])?;
    let around = around::load(&config, &catalogue)?;
    let data = setup::data(options.data.as_deref(), &config);
    // Before the first start there is no store, and nothing was held back.
    let counted = Reader::open(&data).and_then(|reader| reader.accounting()).ok().map(|counted| counted.held_back);
    let now = Clock::system().now();
    let all = around.exceptions.all();
    for one in all {
        let held = counted.as_ref().map_or("-".to_owned(), |counted| times(counted, &one.id));
        let standing = one.standing(now, around::warn_before(&config)).name();
        let expires = one.expires.to_string();
        print(&format!(
            "{:<24} {standing:<9} until {expires:<24} held back {held:<8} {:<16} {}: {}\n",
            one.id,
            one.owner,
            one.detectors.join(","),
            one.reason
        ))?;
    }
    if all.is_empty() {
        say("There are no exceptions. Name a file of them with exceptions in [context]; docs/context.md shows one.");
    }
    for id in counted.iter().flatten().map(|(id, _)| id).filter(|id| !all.iter().any(|one| *one.id == **id)) {
        say(&format!("note: {id}, which is not in the file any more, held back {}", times_of(counted.as_ref(), id)));
    }
    Ok(ExitCode::SUCCESS)
}

fn times(counted: &BTreeMap<String, u64>, id: &str) -> String {
    counted.get(id).copied().unwrap_or_default().to_string()
}

fn times_of(counted: Option<&BTreeMap<String, u64>>, id: &str) -> String {
    counted.map(|counted| times(counted, id)).unwrap_or_default()
}
