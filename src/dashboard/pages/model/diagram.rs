//! `/model`: the data-flow diagram, the same ways as a table, and the apps by their risk.
//!
//! The picture is SVG that the server draws: boxes, lines and signs, each with its words as a tooltip. The
//! table beneath it has the same ways, for who can't or won't read a picture.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::super::app::App;
use super::super::super::door::Viewer;
use super::super::super::visible;
use super::super::super::words::grouped;
use super::super::{Frame, render};
use super::layout::Laid;
use super::picture::{Edge, MOST_PARTS, Node, Picture};
use super::{Head, Pager, Sum, Wish, absolute, class, encoded, legend, own_name, part_address, shown, sites, sums};
use crate::posture::export::{Format, cut};
use crate::posture::living::{Boundary, Living, Stands};

/// Apps and gateways listed at once.
const EACH: usize = 50;
/// Pixels that a character of a name takes, more or less, and one of what stands beneath it; a wide one takes two.
const OF_NAME: i32 = 8;
const OF_SUB: i32 = 6;
/// Reasons told of a risk.
const MOST_REASONS: usize = 3;

/// A box as it is drawn.
struct DrawnBox {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    /// Where the two lines of text stand, and how wide they may be.
    text: (i32, i32, i32),
    label: String,
    sub: String,
    full: String,
    href: Option<String>,
    class: &'static str,
    sign: &'static str,
    gate: bool,
}

/// A line as it is drawn.
struct DrawnLine {
    path: String,
    arrow: String,
    sign: Option<(i32, i32, &'static str)>,
    full: String,
    class: &'static str,
}

/// An area of the picture.
struct Area {
    x: i32,
    width: i32,
    name: &'static str,
    sub: String,
}

/// A way in the table.
struct WayRow {
    from: (String, String),
    to: (String, String),
    by: String,
    stands: Stands,
    says: String,
    since: Option<String>,
    seen: Option<(String, String)>,
    intended: bool,
    alert: Option<String>,
    more: usize,
}

/// An app or gateway in the list.
struct SiteRow {
    name: String,
    href: String,
    kind: &'static str,
    owner: Option<String>,
    risk: Option<(u8, &'static str)>,
    reasons: Vec<String>,
    counts: Vec<(Stands, String)>,
    endpoints: usize,
}

#[derive(Template)]
#[template(path = "model.html")]
struct Diagram {
    frame: Frame,
    head: Head,
    width: i32,
    height: i32,
    areas: Vec<Area>,
    lines: Vec<DrawnLine>,
    boxes: Vec<DrawnBox>,
    ways: Vec<WayRow>,
    left_out: (usize, usize),
    most: usize,
    gathered: bool,
    legend: [Stands; 6],
    sites: Vec<SiteRow>,
    pager: Pager,
    formats: [Format; Format::ALL.len()],
}

/// `GET /model`: `app`, `page`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    shown(&app, (who, headers), Wish(pairs), |asked| {
        render(StatusCode::OK, &Diagram::of(asked.frame("Threat model"), asked.living, asked.site, asked.wish))
    })
    .await
}

impl Diagram {
    fn of(frame: Frame, living: &Living, site: Option<u32>, wish: &Wish) -> Self {
        let picture = Picture::of(living, site);
        let laid = picture.laid();
        let all = sites(living);
        let all: Vec<_> = all.into_iter().filter(|(at, _)| site.is_none_or(|site| site == *at)).collect();
        let (pager, range) = Pager::of(all.len(), EACH, wish.page(), &wish.address("/model", ""));
        let shown = all.get(range).unwrap_or_default();
        let sums = sums(living, shown.iter().map(|(at, _)| *at));
        Self {
            frame,
            head: Head::of(living, "diagram", site),
            width: laid.width,
            height: laid.height,
            areas: areas(&laid, &picture),
            lines: picture.edges.iter().zip(&laid.runs).map(|(edge, run)| line(&picture, edge, run)).collect(),
            boxes: picture.nodes.iter().zip(&laid.boxes).map(|(node, at)| boxed(living, node, *at)).collect(),
            ways: picture.edges.iter().filter_map(|edge| way(living, edge)).collect(),
            left_out: picture.left_out,
            most: MOST_PARTS,
            gathered: picture.gathered,
            legend: legend(),
            sites: shown
                .iter()
                .map(|(at, _)| SiteRow::of(living, *at, sums.get(at).copied().unwrap_or_default()))
                .collect(),
            pager,
            formats: Format::ALL,
        }
    }
}

/// Returns the areas: columns of one trust boundary side by side.
fn areas(laid: &Laid, picture: &Picture) -> Vec<Area> {
    let of = |column: usize| match column {
        0 => Boundary::Internet,
        1..=3 => Boundary::Edge,
        4..=8 => Boundary::Apps,
        _ => Boundary::Data,
    };
    let mut areas: Vec<(Boundary, i32, i32)> = Vec::new();
    for (column, x, width) in &laid.columns {
        match areas.last_mut() {
            Some((boundary, from, wide)) if *boundary == of(*column) => *wide = x + width - *from,
            _ => areas.push((of(*column), *x, *width)),
        }
    }
    let [there, unknown, missing] = picture.network;
    let named = |(boundary, x, width): (Boundary, i32, i32)| {
        let (name, sub) = match boundary {
            Boundary::Internet => ("Callers", String::new()),
            Boundary::Edge => ("Edge: gateways", String::new()),
            Boundary::Data => ("Data", String::new()),
            Boundary::Apps if there + unknown + missing == 0 => ("Apps", String::new()),
            Boundary::Apps => {
                let sub =
                    format!("gateway and network around: ○ {there} have it, ! {missing} not, ? {unknown} unknown");
                ("Apps", sub)
            }
        };
        Area { x: x - 14, width: width + 28, name, sub: fitting(&sub, width, OF_SUB) }
    };
    areas.into_iter().map(named).collect()
}

/// Returns a text that fits, cut in the middle.
fn fitting(text: &str, width: i32, each: i32) -> String {
    let seen = visible(text);
    let wide = unicode_width::UnicodeWidthStr::width(seen.as_str());
    let room = usize::try_from(width / each).unwrap_or_default();
    if wide <= room {
        return seen;
    }
    // A text of wide characters has room for half as many.
    cut(&seen, (room * seen.chars().count() / wide.max(1)).max(3))
}

fn boxed(living: &Living, node: &Node, at: super::layout::Placed) -> DrawnBox {
    let part = node.part.and_then(|at| living.part(at));
    let name = part.map_or(node.name.as_str(), |part| own_name(living, part));
    let room = at.width - 40;
    let middle = at.y + at.height / 2;
    DrawnBox {
        x: at.x,
        y: at.y,
        width: at.width,
        height: at.height,
        text: (at.x + 30, middle, room),
        label: fitting(name, room, OF_NAME),
        sub: fitting(&node.sub, room, OF_SUB),
        full: format!("{}: {}, {}", node.name, node.sub, node.stands.name()),
        href: part.map(part_address),
        class: class(node.stands),
        sign: node.stands.sign(),
        gate: node.part.is_none(),
    }
}

fn line(picture: &Picture, edge: &Edge, run: &super::layout::Run) -> DrawnLine {
    let name = |at: usize| picture.nodes.get(at).map_or("", |node| node.name.as_str());
    let (x, y, right) = run.tip;
    let back = if right { x - 8 } else { x + 8 };
    let state = edge.stands.map_or("", Stands::name);
    DrawnLine {
        path: run.path.clone(),
        arrow: if edge.stands.is_some() {
            format!("M{x} {y}L{back} {}L{back} {}Z", y - 5, y + 5)
        } else {
            String::new()
        },
        sign: edge.stands.map(|stands| (run.sign.0, run.sign.1, stands.sign())),
        full: format!("{} to {}: {} {state}", name(edge.from), name(edge.to), edge.says),
        class: edge.stands.map_or("st-part", class),
    }
}

fn way(living: &Living, edge: &Edge) -> Option<WayRow> {
    let flow = living.flows.get(*edge.flows.first()?)?;
    let end = |at: u32| {
        let part = living.part(at);
        part.map_or_else(Default::default, |part| (part.name.to_string(), part_address(part)))
    };
    Some(WayRow {
        from: end(flow.from),
        to: end(flow.to),
        by: flow.by.to_string(),
        stands: flow.stands,
        says: flow.says.to_string(),
        since: flow.since.map(absolute),
        seen: flow.seen.map(|seen| (grouped(seen.count), absolute(seen.last))),
        intended: flow.intended,
        alert: flow.alert.as_deref().map(encoded),
        more: edge.flows.len() - 1,
    })
}

impl SiteRow {
    fn of(living: &Living, at: u32, Sum { counts, endpoints }: Sum) -> Self {
        let part = living.part(at);
        let risk = living.risks.iter().find(|risk| risk.part == at);
        let worst = risk.and_then(|risk| risk.reasons.iter().map(|(_, level, _)| *level).max());
        let reasons = risk.map_or(&[][..], |risk| &risk.reasons);
        Self {
            name: part.map(|part| part.name.to_string()).unwrap_or_default(),
            href: part.map(part_address).unwrap_or_default(),
            kind: part.map_or("", |part| part.kind.name()),
            owner: part.and_then(|part| part.owner.as_deref()).map(str::to_owned),
            risk: risk.map(|risk| (risk.score, worst.map_or("informational", crate::posture::Level::name))),
            reasons: reasons.iter().take(MOST_REASONS).map(|(points, _, says)| format!("{says} (+{points})")).collect(),
            counts: legend()
                .into_iter()
                .filter(|stands| counts[*stands as usize] > 0)
                .map(|stands| (stands, grouped(counts[stands as usize])))
                .collect(),
            endpoints,
        }
    }
}
