//! The pages of the threat model: what they have in common.
//!
//! Each is made of one snapshot of the model, so that its figures agree. What the model lacks (no
//! `model.yaml`, no configuration, no events) is said at the top of each with what mends it. Lists are shown
//! some at a time; the exports have all of it.

pub(in crate::dashboard) mod changes;
pub(in crate::dashboard) mod controls;
pub(in crate::dashboard) mod coverage;
pub(in crate::dashboard) mod diagram;
mod layout;
mod picture;
pub(in crate::dashboard) mod report;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::app::App;
use super::super::words::grouped;
use super::{Frame, problem};
use crate::access::Identity;
use crate::clock::Timestamp;
use crate::posture::configured::Place;
use crate::posture::controls::{Control, REFERENCES};
use crate::posture::living::{Living, Part, PartKind, Stands};

/// Names offered by a filter.
const MOST_OFFERED: usize = 500;
/// Problems of the model that are listed.
const MOST_PROBLEMS: usize = 20;

/// What a page of the model is made of.
struct Asked<'m> {
    living: &'m Living,
    site: Option<u32>,
    wish: &'m Wish,
    who: Identity,
    headers: &'m HeaderMap,
}

impl Asked<'_> {
    /// Makes the frame of the page.
    fn frame(&self, title: &str) -> Frame {
        Frame::new(title, "model", Some(self.who.clone()), self.headers)
    }
}

/// Makes a page aside, for that of a large fleet takes a while.
async fn shown(
    app: &App,
    (who, headers): (Identity, HeaderMap),
    wish: Wish,
    make: impl FnOnce(&Asked<'_>) -> Response + Send + 'static,
) -> Response {
    let (living, whose) = (app.parts.board.living(), (who.clone(), headers.clone()));
    let made = app.models.work(move || match wish.site(&living) {
        Ok(site) => make(&Asked { living: &living, site, wish: &wish, who, headers: &headers }),
        Err(name) => no_such_app(&name, who, &headers),
    });
    if let Some(page) = made.await {
        return page;
    }
    let says = "Other pages of the threat model are being made at this moment: try again in a few seconds.";
    problem(StatusCode::SERVICE_UNAVAILABLE, "Too much at once", says.to_owned(), Some(whose.0), &whose.1)
}

/// What stands on an app or gateway and all that belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    counts: [u64; Stands::ALL.len()],
    endpoints: usize,
}

impl Sum {
    /// Returns the worst state.
    fn worst(&self) -> Option<Stands> {
        Stands::ALL.into_iter().filter(|stands| self.counts[*stands as usize] > 0).max()
    }
}

/// Sums up some apps and gateways, in one walk through the model.
fn sums(living: &Living, sites: impl IntoIterator<Item = u32>) -> BTreeMap<u32, Sum> {
    let mut sums: BTreeMap<u32, Sum> = sites.into_iter().map(|site| (site, Sum::default())).collect();
    for (at, part) in living.placed() {
        if let Some(sum) = sums.get_mut(&living.site_of(at)) {
            sum.endpoints += usize::from(part.kind.is_endpoint());
            for standing in &part.standings {
                sum.counts[standing.stands as usize] += 1;
            }
        }
    }
    sums
}

/// Something that the model lacks, and what mends it.
pub(super) struct Lack {
    says: String,
    mend: &'static str,
}

/// What stands at the top of each page of the model.
pub(super) struct Head {
    tab: &'static str,
    lacks: Vec<Lack>,
    problems: Vec<String>,
    more_problems: usize,
    /// Whether there is nothing to show at all.
    empty: bool,
    version: String,
    at: Option<String>,
    /// The app or gateway that the page is about, and how it is written in an address.
    site: Option<(String, String)>,
}

impl Head {
    pub(super) fn of(living: &Living, tab: &'static str, site: Option<u32>) -> Self {
        let named = site.and_then(|at| living.part(at)).map(|part| (part.name.to_string(), encoded(&part.name)));
        Self {
            tab,
            lacks: lacks(living),
            problems: living.problems.iter().take(MOST_PROBLEMS).cloned().collect(),
            more_problems: living.problems.len().saturating_sub(MOST_PROBLEMS),
            empty: living.parts.is_empty(),
            version: living.version.clone(),
            at: living.at.map(absolute),
            site: named,
        }
    }

    /// Returns an address of the model's pages that keeps the app or gateway.
    fn keep(&self, path: &str) -> String {
        match &self.site {
            Some((_, encoded)) => format!("{path}?app={encoded}"),
            None => path.to_owned(),
        }
    }
}

fn lacks(living: &Living) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if living.version.is_empty() && !living.parts.iter().any(|part| part.intended) {
        lacks.push(Lack {
            says: "What is intended is not known: no model.yaml was read. Draft one with `gatewatch threats init` and name it:".to_owned(),
            mend: "[posture]\nmodel = \"model.yaml\"",
        });
    }
    if living.read.is_empty() && !living.parts.iter().any(|part| part.configured) {
        lacks.push(Lack {
            says: "What is configured is not known: no configuration was read. Name the folders that hold it:"
                .to_owned(),
            mend: "[posture]\nconfigured = [\"infra\", \"src\"]",
        });
    }
    if living.at.is_none() {
        lacks.push(Lack {
            says: "Nothing is observed: no event has come yet, so nothing is held or contradicted, and every threat is blind. What arrives is told by the pipeline's page, or by:".to_owned(),
            mend: "gatewatch sources",
        });
    }
    lacks
}

/// A part of a long list.
pub(super) struct Pager {
    from: usize,
    to: usize,
    total: String,
    earlier: Option<String>,
    later: Option<String>,
}

impl Pager {
    /// Returns which items page `page` (from 1) of `each` has; `address` ends with what the page's number is added to.
    pub(super) fn of(total: usize, each: usize, page: usize, address: &str) -> (Self, std::ops::Range<usize>) {
        let pages = total.div_ceil(each).max(1);
        let page = page.clamp(1, pages);
        let range = (page - 1) * each..(page * each).min(total);
        let at = |page: usize| format!("{address}page={page}");
        let pager = Self {
            from: if total == 0 { 0 } else { range.start + 1 },
            to: range.end,
            total: grouped(total as u64),
            earlier: (page > 1).then(|| at(page - 1)),
            later: (page < pages).then(|| at(page + 1)),
        };
        (pager, range)
    }
}

/// What an address asks for.
pub(super) struct Wish(Vec<(String, String)>);

impl Wish {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn page(&self) -> usize {
        self.get("page").and_then(|page| page.parse().ok()).unwrap_or(1)
    }

    /// Returns the app or gateway that is asked for.
    ///
    /// # Errors
    ///
    /// Returns the name of one that there is not.
    fn site(&self, living: &Living) -> Result<Option<u32>, String> {
        match self.get("app") {
            None => Ok(None),
            Some(name) => living.site_named(name).map(Some).ok_or_else(|| name.to_owned()),
        }
    }

    /// Returns the address `path` with what is asked for but for the page and `but`, ready for one more.
    fn address(&self, path: &str, but: &str) -> String {
        let mut address = format!("{path}?");
        for (name, value) in self.0.iter().filter(|(name, value)| !value.is_empty() && name != "page" && name != but) {
            if ["app", "state", "level", "part", "kind"].contains(&name.as_str()) {
                // Writing to a string can't fail.
                _ = write!(address, "{name}={}&", encoded(value));
            }
        }
        address
    }
}

/// Says that there is no such app.
fn no_such_app(name: &str, who: Identity, headers: &HeaderMap) -> Response {
    let says =
        format!("The threat model has no app or gateway called {name}: it may have gone, or never have been heard of.");
    problem(StatusCode::NOT_FOUND, "No such app", says, Some(who), headers)
}

/// Returns a value as it stands in an address.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Returns a time with its date and zone.
fn absolute(at: Timestamp) -> String {
    at.to_chrono().format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns the class of a state.
const fn class(stands: Stands) -> &'static str {
    match stands {
        Stands::Held => "st-held",
        Stands::ConfiguredOnly => "st-configured-only",
        Stands::Accepted => "st-accepted",
        Stands::Unknown => "st-unknown",
        Stands::NotConfigured => "st-not-configured",
        Stands::Contradicted => "st-contradicted",
    }
}

/// Returns the states with their signs, the worst first, for a legend.
fn legend() -> [Stands; 6] {
    let mut all = Stands::ALL;
    all.reverse();
    all
}

/// Returns the apps and gateways by risk, the worst first, then those without one.
fn sites(living: &Living) -> Vec<(u32, &Part)> {
    let rank: BTreeMap<u32, usize> = living.risks.iter().enumerate().map(|(rank, risk)| (risk.part, rank)).collect();
    let mut all: Vec<(u32, &Part)> = living.placed().filter(|(_, part)| part.kind.is_site()).collect();
    all.sort_by_key(|(at, _)| (rank.get(at).copied().unwrap_or(usize::MAX), *at));
    all
}

/// Returns the names of apps and gateways that a filter offers.
fn offered(living: &Living) -> Vec<String> {
    let sites = living.parts.iter().filter(|part| part.kind.is_site());
    sites.take(MOST_OFFERED).map(|part| part.name.to_string()).collect()
}

/// Returns the name of a part without that of what it belongs to.
fn own_name<'p>(living: &Living, part: &'p Part) -> &'p str {
    let above = part.of.and_then(|above| living.part(above));
    let rest = above.and_then(|above| part.name.strip_prefix(&*above.name)?.strip_prefix('/'));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(&part.name)
}

/// Returns where the page of a part is.
fn part_address(part: &Part) -> String {
    match part.kind {
        PartKind::App | PartKind::Gateway => format!("/model?app={}", encoded(&part.name)),
        _ => format!("/model/controls?part={}", encoded(&part.name)),
    }
}

/// Returns a place for people.
fn shown_place(place: Option<&Arc<Place>>) -> String {
    place.map(ToString::to_string).unwrap_or_default()
}

/// Returns what other catalogues call a control.
fn references(control: &Control) -> String {
    let called = |name: &String| {
        REFERENCES.iter().find(|(known, _)| known == name).map_or(name.clone(), |(_, called)| (*called).to_owned())
    };
    let all: Vec<String> =
        control.references.iter().map(|(name, ids)| format!("{} {}", called(name), ids.join(", "))).collect();
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_shown_some_at_a_time_and_never_beyond_its_end() {
        let (pager, range) = Pager::of(450, 200, 3, "/x?");
        assert_eq!((range, pager.from, pager.to), (400..450, 401, 450));
        assert_eq!((pager.earlier.as_deref(), pager.later), (Some("/x?page=2"), None));
        assert_eq!(Pager::of(450, 200, 99, "/x?").1, 400..450);
        assert_eq!(Pager::of(0, 200, 1, "/x?").1, 0..0);
    }

    #[test]
    fn an_app_is_summed_up_with_all_that_belongs_to_it_and_nothing_else() {
        let part = |kind, of, stands: &[Stands]| Part {
            kind,
            name: "x".into(),
            of,
            boundary: crate::posture::living::Boundary::Apps,
            owner: None,
            intended: false,
            configured: false,
            seen: None,
            standings: stands
                .iter()
                .map(|stands| crate::posture::living::Standing {
                    control: 0,
                    stands: *stands,
                    says: "x".into(),
                    place: None,
                    evidence: None,
                })
                .collect(),
            layers: Vec::new(),
            firing: Vec::new(),
            covered: Vec::new(),
        };
        let parts = vec![
            part(PartKind::App, None, &[Stands::Held]),
            part(PartKind::App, None, &[Stands::Contradicted]),
            part(PartKind::Function, Some(0), &[Stands::Held, Stands::Unknown]),
            part(PartKind::Function, Some(0), &[]),
        ];
        let living = Living { parts, ..Living::default() };
        let sums = sums(&living, [0]);
        let mut counts = [0; Stands::ALL.len()];
        (counts[Stands::Held as usize], counts[Stands::Unknown as usize]) = (2, 1);
        assert_eq!(sums, BTreeMap::from([(0, Sum { counts, endpoints: 2 })]));
        assert_eq!(sums[&0].worst(), Some(Stands::Unknown));
    }

    #[test]
    fn what_a_stranger_named_is_one_value_of_an_address() {
        let wish =
            Wish(vec![("app".into(), "a&b=c#\"><".into()), ("page".into(), "2".into()), ("x".into(), "y".into())]);
        assert_eq!(wish.address("/model/controls", "state"), "/model/controls?app=a%26b%3Dc%23%22%3E%3C&");
        assert_eq!(wish.page(), 2);
    }
}
