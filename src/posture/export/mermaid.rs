//! What is the threat model as a flowchart of Mermaid?
//!
//! One subgraph a trust boundary; the state of a way is its sign, its word and its line. Mermaid draws about
//! 500 lines and 50,000 characters, so at most 200 parts and 400 ways are written, the worst first, and fewer
//! where that is more than 45,000 bytes. In a label all but letters,
//! digits and a few signs are written by number, so that no name can be a command, markup or a directive.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::super::living::{Boundary, Living, PartKind, Stands};
use super::picked::drawn;
use super::plain::{cut, plain};

const MOST_PARTS: usize = 200;
const MOST_FLOWS: usize = 400;
/// Bytes of a flowchart.
const MOST_BYTES: usize = 45_000;
/// Characters of a label.
const LONGEST: usize = 60;

/// Returns the flowchart.
pub(super) fn written(living: &Living, site: Option<u32>) -> String {
    let (mut parts, mut flows) = (MOST_PARTS, MOST_FLOWS);
    loop {
        let out = chart(living, site, parts, flows);
        if out.len() <= MOST_BYTES || parts <= 1 {
            return out;
        }
        (parts, flows) = (parts * 3 / 4, flows * 3 / 4);
    }
}

fn chart(living: &Living, site: Option<u32>, most_parts: usize, most_flows: usize) -> String {
    let mut picked = drawn(living, site, most_parts);
    picked.flows.sort_by_key(|at| Reverse(living.flows.get(*at).map(|flow| flow.stands)));
    let more = picked.flows.len().saturating_sub(most_flows);
    picked.flows.truncate(most_flows);
    let mut out = String::from("flowchart LR\n");
    // Writing to a string can't fail.
    if picked.left_out + more > 0 {
        _ = writeln!(
            out,
            "  %% {} parts with their ways and {more} ways more are left out for their number",
            picked.left_out
        );
    }
    for boundary in Boundary::ALL {
        let within: Vec<u32> = picked
            .parts
            .iter()
            .copied()
            .filter(|at| living.part(*at).is_some_and(|part| part.boundary == boundary))
            .collect();
        if within.is_empty() {
            continue;
        }
        _ = writeln!(out, "  subgraph {}[\"{}\"]", boundary.name(), boundary.name());
        for at in within {
            let Some(part) = living.part(at) else { continue };
            let (open, close) = shape(part.kind);
            let worst = part.worst();
            let label = format!("{} {}", worst.sign(), label(&part.name));
            _ = writeln!(out, "    p{at}{open}\"{label}\"{close}:::{}", class(worst));
        }
        out.push_str("  end\n");
    }
    for flow in picked.flows.iter().filter_map(|at| living.flows.get(*at)) {
        let says = format!("{} {} {}", flow.stands.sign(), flow.stands.name(), label(&flow.by));
        _ = writeln!(out, "  p{} {}|\"{says}\"| p{}", flow.from, line(flow.stands), flow.to);
    }
    out.push_str(
        "  classDef held stroke:#1c6b3f\n  classDef set stroke:#1d5c86\n  classDef accepted stroke:#54626e,stroke-dasharray:8 3\n  \
         classDef unknown stroke:#54626e,stroke-dasharray:2 4\n  classDef weak stroke:#a33a06,stroke-width:2px\n  \
         classDef contradicted stroke:#a3122b,stroke-width:3px\n",
    );
    out
}

/// Returns a text as a label.
fn label(text: &str) -> String {
    let mut out = String::new();
    for c in cut(&plain(text), LONGEST).chars() {
        if c.is_alphanumeric() || " -_./,".contains(c) {
            out.push(c);
        } else {
            _ = write!(out, "#{};", c as u32);
        }
    }
    out
}

const fn shape(kind: PartKind) -> (&'static str, &'static str) {
    match kind {
        PartKind::Caller => ("([", "])"),
        PartKind::Resource => ("[(", ")]"),
        PartKind::Identity => ("{{", "}}"),
        _ => ("[", "]"),
    }
}

const fn line(stands: Stands) -> &'static str {
    match stands {
        Stands::Held | Stands::ConfiguredOnly => "-->",
        Stands::Accepted | Stands::Unknown => "-.->",
        Stands::NotConfigured | Stands::Contradicted => "==>",
    }
}

const fn class(stands: Stands) -> &'static str {
    match stands {
        Stands::Held => "held",
        Stands::ConfiguredOnly => "set",
        Stands::Accepted => "accepted",
        Stands::Unknown => "unknown",
        Stands::NotConfigured => "weak",
        Stands::Contradicted => "contradicted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_command_markup_or_a_directive() {
        let evil = "x\"] --> y\n%%{init: {\"theme\":\"dark\"}}%%<script>`*b*`;click";
        let told = label(evil);
        for sign in ["\"", "%", "{", "<", ">", "`", "\n", "]", "*"] {
            assert!(!told.contains(sign), "{sign} in {told}");
        }
        assert!(told.starts_with("x#34;#93; --#62; y #37;#37;#123;init"), "{told}");
        assert_eq!(label("a\u{202e}b"), "a#10216;U#43;202E#10217;b");
    }
}
