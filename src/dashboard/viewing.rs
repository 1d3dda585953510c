//! How is a question kept under a name, by pages and programs alike?
//!
//! A name has at most 60 letters; a question is kept only if all of it is understood, as it is written down again.
//! Neither keeps a secret that was typed into it.

use super::acting::origin;
use super::app::App;
use crate::access::Identity;
use crate::alerts::{Query, Typed};
use crate::clock::Timestamp;
use crate::store::{MOST_VIEWS, Saved, StoreError, View, remove_view, save_view};

/// Letters of a name.
const MOST_NAME: usize = 60;

/// Why a view was not kept.
#[derive(Debug)]
pub(super) enum NotKept {
    /// What is wrong with it: the field, and what is to be said.
    Wish(Vec<(&'static str, String)>),
    /// There are as many as there may be.
    Full(String),
    /// The store can't take it now.
    Store(StoreError),
}

/// Keeps a question under a name, in `who`'s name; tells whether it took another one's place.
pub(super) async fn save(app: &App, who: &Identity, name: &str, query: &str) -> Result<(View, bool), NotKept> {
    let now = app.parts.clock.now();
    let hide = &app.parts.hide;
    let (name, query) = (hide.of(name, Typed::Words), hide.of(query, Typed::Name));
    let (name, query) = checked(&name, &query, now).map_err(NotKept::Wish)?;
    let (data, by, from) = (app.parts.data.clone(), who.name.clone(), origin());
    let kept = tokio::task::spawn_blocking(move || save_view(&data, (&name, &query), (&by, now), &from)).await;
    match kept.unwrap_or_else(|_| Err(broke_off())) {
        Ok(Saved::Kept(view, instead)) => Ok((view, instead)),
        Ok(Saved::Full) => Err(NotKept::Full(format!(
            "There are {MOST_VIEWS} views, as many as are kept: remove one that nobody uses."
        ))),
        Err(error) => Err(NotKept::Store(error)),
    }
}

/// Removes a view, in `who`'s name; `None` if there is none.
pub(super) async fn remove(app: &App, who: &Identity, id: i64) -> Result<Option<View>, StoreError> {
    let now = app.parts.clock.now();
    let (data, by, from) = (app.parts.data.clone(), who.name.clone(), origin());
    let gone = tokio::task::spawn_blocking(move || remove_view(&data, id, (&by, now), &from)).await;
    gone.unwrap_or_else(|_| Err(broke_off()))
}

fn broke_off() -> StoreError {
    StoreError::Failed("writing the view broke off: try again".into())
}

fn checked(name: &str, query: &str, now: Timestamp) -> Result<(String, String), Vec<(&'static str, String)>> {
    let mut flaws = Vec::new();
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MOST_NAME || name.chars().any(char::is_control) {
        flaws.push(("name", format!("Say what it is called, in 1 to {MOST_NAME} letters of one line.")));
    }
    // Whoever it is by then that looks.
    let (line, wrong) = Query::default().take(query.trim(), now, Some("me"));
    flaws.extend(wrong.0.iter().map(|wrong| ("query", wrong.to_string())));
    if flaws.is_empty() { Ok((name.to_owned(), line.to_string())) } else { Err(flaws) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_has_a_name_and_a_question_that_is_understood() {
        let check = |name: &str, query: &str| checked(name, query, Timestamp::from_seconds(1_795_442_400));
        let kept = check(" My own ", "  assignee:me   level>=high since:24h ").unwrap();
        assert_eq!(kept, ("My own".to_owned(), "assignee:me level>=high since:24h".to_owned()));
        let fields = |name: &str, query: &str| -> Vec<&str> {
            check(name, query).unwrap_err().into_iter().map(|(field, _)| field).collect()
        };
        assert_eq!(fields(" ", "lvl:high state:x"), ["name", "query", "query"]);
        assert_eq!((fields(&"x".repeat(61), ""), fields("a\nb", "")), (vec!["name"], vec!["name"]));
    }
}
