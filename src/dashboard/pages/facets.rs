//! Of what are the alerts of a list, and which of that narrows it?
//!
//! Counts beside the list, each a link. What is counted whole is shown with what could be chosen in its place;
//! of anything else the newest 5,000 alerts are counted, and the panel says so, so that no page waits for a
//! million of them. Of each kind the eight most frequent are named.

use super::super::filter::Filter;
use super::super::words::grouped;
use crate::alerts::{Not, Query, Term};
use crate::store::{Counts, Facet, Facets, Reader, StoreError, counted_whole};

/// Alerts that are counted one by one.
const MOST: usize = 5_000;
/// Values shown of each kind.
const SHOWN: usize = 8;

/// What the store says.
pub(super) struct Counted {
    all: Facets,
    /// What there would be if nothing were chosen of this kind.
    instead: Vec<(Facet, Counts)>,
    whose: (Counts, bool),
}

/// One value that can be chosen.
pub(super) struct Value {
    pub(super) label: String,
    /// All of it, where the label is not.
    pub(super) whole: String,
    pub(super) count: String,
    /// The query string of the list with it, or without it again where it is chosen.
    pub(super) address: String,
    pub(super) chosen: bool,
}

/// The values of one kind.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) values: Vec<Value>,
    /// How many are not named.
    pub(super) more: usize,
}

/// All that a list can be narrowed by.
pub(super) struct Panel {
    pub(super) groups: Vec<Group>,
    /// How many alerts there are; with `more than` before it if not all were counted.
    pub(super) count: String,
    /// Whether not all were counted.
    pub(super) newest_alone: bool,
}

impl Counted {
    /// Counts what a view shows.
    pub(super) fn read(reader: &Reader, filter: &Filter) -> Result<Self, StoreError> {
        let about = filter.query(0).about;
        let (all, whose, complete) = reader.facets_and_whose(&about, MOST)?;
        let mut instead = Vec::new();
        if counted_whole(&about) {
            for facet in Facet::ALL {
                if facet == Facet::State || filter.line.asks_by(facet.name()) {
                    let wider = reader.facets(&without(&about, facet), MOST)?;
                    instead.push((facet, of(&wider, facet)));
                }
            }
        }
        Ok(Self { all, instead, whose: (whose, complete) })
    }
}

fn of(facets: &Facets, facet: Facet) -> Counts {
    let at = Facet::ALL.iter().position(|one| *one == facet);
    at.and_then(|at| facets.by.get(at)).cloned().unwrap_or_default()
}

/// Returns the question without what it asks of one kind; what it leaves out stays out.
fn without(about: &Query, facet: Facet) -> Query {
    let mut wider = about.clone();
    match facet {
        Facet::State => wider.states.clear(),
        Facet::Level => {
            (wider.at_least, wider.at_most) = (None, None);
            wider.not.retain(|not| !matches!(not, Not::Level(_)));
        }
        Facet::Family => wider.family = None,
        Facet::Detector => wider.detector = None,
        Facet::App => wider.app = None,
        Facet::Class => wider.class = None,
    }
    wider
}

impl Panel {
    /// Shows counts as links of a view; `me` is who looks.
    pub(super) fn of(counted: &Counted, filter: &Filter, me: &str) -> Self {
        let order = [Facet::State, Facet::Level, Facet::Family, Facet::App, Facet::Detector];
        let counts = |facet: Facet| {
            let instead = counted.instead.iter().find(|(of, _)| *of == facet).map(|(_, counts)| counts.clone());
            instead.unwrap_or_else(|| of(&counted.all, facet))
        };
        let group = |facet: Facet| Group::of(facet.name(), &counts(facet), filter, me);
        let whose = Group::of("assignee", &counted.whose.0, filter, me);
        let groups = order.into_iter().map(group).chain([whose, group(Facet::Class)]);
        let count = match counted.all.count {
            1 => "1 alert".to_owned(),
            count => format!("{} alerts", grouped(count)),
        };
        Self {
            groups: groups.filter(|group| !group.values.is_empty()).collect(),
            count: if counted.all.complete { count } else { format!("more than {count}") },
            newest_alone: !counted.all.complete || !counted.whose.1,
        }
    }
}

impl Group {
    fn of(name: &'static str, counts: &Counts, filter: &Filter, me: &str) -> Self {
        let values: Vec<Value> = counts
            .values
            .iter()
            .filter_map(|(value, count)| Value::of(name, value.as_deref(), *count, filter, me))
            .collect();
        let named = values.len().min(SHOWN);
        let more = values.len() - named + counts.more;
        // What is chosen is shown however rare it is.
        let (mut shown, rest): (Vec<_>, Vec<_>) =
            values.into_iter().enumerate().partition(|(at, value)| *at < SHOWN || value.chosen);
        drop(rest);
        shown.truncate(SHOWN * 2);
        Self { name, values: shown.into_iter().map(|(_, value)| value).collect(), more }
    }
}

impl Value {
    /// `None` of a value that can't be asked for: no app, no class.
    fn of(name: &'static str, value: Option<&str>, count: u64, filter: &Filter, me: &str) -> Option<Self> {
        let (label, term) = match (name, value) {
            ("assignee", None) => ("nobody".to_owned(), Term::new(name, "none")),
            ("assignee", Some(who)) if who == me => (format!("{who} (me)"), Term::new(name, "me")),
            // Families are a kind of their own.
            ("detector", Some(id)) => (id.split_once('.').map_or(id, |(_, rest)| rest).to_owned(), Term::new(name, id)),
            ("level", Some(level)) => (level.to_owned(), Term::equal(name, level)),
            (_, value) => (value?.to_owned(), Term::new(name, value?)),
        };
        let chosen = filter.line.0.contains(&term);
        let address = if chosen { filter.without(&term) } else { filter.with(term) };
        Some(Self { label, whole: value.unwrap_or_default().to_owned(), count: grouped(count), address, chosen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::pages::samples::NOW;

    fn counts(values: &[(Option<&str>, u64)]) -> Counts {
        Counts { values: values.iter().map(|(value, count)| (value.map(str::to_owned), *count)).collect(), more: 0 }
    }

    fn panel(question: &str, by_app: &[(Option<&str>, u64)], complete: bool) -> Panel {
        let filter = Filter::of(&[("q".into(), question.into())], NOW, Some("dana"));
        let mut by: [Counts; 6] = std::array::from_fn(|_| Counts::default());
        by[4] = counts(by_app);
        let all = Facets { count: 5_000, complete, by };
        let whose = (counts(&[(None, 3), (Some("dana"), 2), (Some("eli"), 1)]), true);
        Panel::of(&Counted { all, instead: Vec::new(), whose }, &filter, "dana")
    }

    #[test]
    fn a_value_is_a_link_that_narrows_and_one_that_is_chosen_takes_itself_away() {
        let panel = panel("level:high app:shop", &[(Some("shop"), 7), (Some("pay"), 5), (None, 2)], true);
        let shown: Vec<_> =
            panel.groups[0].values.iter().map(|one| (one.label.as_str(), one.chosen, one.address.as_str())).collect();
        let expected = [("shop", true, "q=level:high"), ("pay", false, "q=level:high%20app:pay")];
        assert_eq!(shown, expected);
        let whose: Vec<_> = panel.groups[1].values.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(whose, ["nobody", "dana (me)", "eli"]);
        assert!(panel.groups[1].values[1].address.ends_with("assignee:me"));
    }

    #[test]
    fn eight_are_named_and_what_is_chosen_and_the_page_says_what_was_not_counted() {
        let names: Vec<String> = (0..20).map(|at| format!("app-{at:02}")).collect();
        let many: Vec<_> = names.iter().map(|name| (Some(name.as_str()), 1)).collect();
        let panel = panel("app:app-15", &many, false);
        let labels: Vec<_> = panel.groups[0].values.iter().map(|one| one.label.as_str()).collect();
        assert_eq!((labels.len(), labels[8], panel.groups[0].more), (9, "app-15", 12));
        assert_eq!((panel.count.as_str(), panel.newest_alone), ("more than 5,000 alerts", true));
    }
}
