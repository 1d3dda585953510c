//! How badly does an app or gateway stand?
//!
//! A sum that anybody can do again: points for each control that is not as it should be, by its level and
//! once however many endpoints it is on, with a little more for many; half as much again where events prove
//! it; and points for each open alert. What somebody has accepted costs nothing. At most 100.

use std::collections::BTreeMap;

use super::drafts::Drafts;
use super::part::{Part, PartKind};
use super::sources::Sources;
use super::standing::{Risk, Stands};
use super::weigh::Scales;
use crate::posture::Level;

/// Reasons told of one app or gateway.
const MAX_REASONS: usize = 20;

const fn points(level: Level) -> u32 {
    match level {
        Level::Critical => 30,
        Level::High => 15,
        Level::Medium => 6,
        Level::Low => 2,
        Level::Informational => 0,
    }
}

/// Returns the risk of each app and gateway, the worst first.
pub(super) fn risks(sources: &Sources, drafts: &Drafts<'_>, parts: &[Part], scales: &Scales<'_>) -> Vec<Risk> {
    // By site, then control: whether it is contradicted, and on how many parts.
    let mut wrong: BTreeMap<u32, BTreeMap<(u16, bool), u32>> = BTreeMap::new();
    for (place, part) in (0..).zip(parts) {
        let Some(site) = drafts.site_of(place) else { continue };
        let of_site = wrong.entry(site).or_default();
        for standing in &part.standings {
            if matches!(standing.stands, Stands::NotConfigured | Stands::Contradicted) {
                *of_site.entry((standing.control, standing.stands == Stands::Contradicted)).or_default() += 1;
            }
        }
    }
    let mut risks: Vec<Risk> = Vec::new();
    for (place, _) in (0..).zip(parts).filter(|(_, part)| matches!(part.kind, PartKind::App | PartKind::Gateway)) {
        let mut reasons: Vec<(u8, Level, String)> = Vec::new();
        for (&(control, contradicted), &on) in wrong.get(&place).into_iter().flatten() {
            let Some(control) = sources.configured.controls.all.get(usize::from(control)) else { continue };
            let base = points(control.level) * if contradicted { 3 } else { 2 } / 2;
            let sum = base + base * (on - 1).min(4) / 8;
            let how = if contradicted { "contradicted by events" } else { "not configured" };
            let many = if on > 1 { format!(", on {on} parts") } else { String::new() };
            reasons.push((least(sum), control.level, format!("{}: {how}{many}", control.title)));
        }
        for alert in scales.alerts_of(&drafts.all[place as usize]) {
            reasons.push((least(points(alert.level)), alert.level, format!("Open alert: {}", alert.why)));
        }
        reasons.retain(|(points, ..)| *points > 0);
        reasons.sort_by(|a, b| (b.0, b.1, &a.2).cmp(&(a.0, a.1, &b.2)));
        let sum: u32 = reasons.iter().map(|(points, ..)| u32::from(*points)).sum();
        reasons.truncate(MAX_REASONS);
        risks.push(Risk { part: place, score: least(sum), reasons });
    }
    risks.sort_by(|a, b| (b.score, a.part).cmp(&(a.score, b.part)));
    risks
}

fn least(points: u32) -> u8 {
    u8::try_from(points.min(100)).unwrap_or(100)
}
