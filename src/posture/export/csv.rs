//! What is the state of each control on each part, as a table for spreadsheets?
//!
//! RFC 4180, with every value in quotes: some spreadsheets divide at `;` too. A value that one would take for
//! a formula, full-width signs among them, has an apostrophe before it. Rows are made
//! for as many parts as are asked for, so that all of a large fleet are written some at a time.

use std::borrow::Cow;

use super::super::living::{Living, Part, Standing};
use super::plain::plain;

/// The first line.
pub const HEAD: &str = "site,kind,part,boundary,owner,intended,configured,control,level,title,state,says,file,line,\
                        pointer,events,first_event,last_event,alert,threats,mend\r\n";

/// Returns a line for each control on each of `parts`.
pub fn rows(living: &Living, parts: &[u32]) -> String {
    let mut out = String::new();
    for &at in parts {
        let Some(part) = living.part(at) else { continue };
        let site = living.part(living.site_of(at)).map_or("", |site| &site.name);
        for standing in &part.standings {
            row(living, (site, part), standing, &mut out);
        }
    }
    out
}

fn row(living: &Living, (site, part): (&str, &Part), standing: &Standing, out: &mut String) {
    let control = standing.control(&living.controls);
    let place = standing.place.as_deref();
    let evidence = standing.evidence.as_deref();
    let yes = |is: bool| if is { "yes" } else { "no" };
    let cells: [Cow<'_, str>; 21] = [
        site.into(),
        part.kind.name().into(),
        (&*part.name).into(),
        part.boundary.name().into(),
        part.owner.as_deref().unwrap_or_default().into(),
        yes(part.intended).into(),
        yes(part.configured).into(),
        control.map_or("", |control| &control.id).into(),
        control.map_or("", |control| control.level.name()).into(),
        control.map_or("", |control| &control.title).into(),
        standing.stands.name().into(),
        (&*standing.says).into(),
        place.map_or("", |place| &place.file).into(),
        place.map(|place| place.line.to_string()).unwrap_or_default().into(),
        place.map_or("", |place| &place.pointer).into(),
        evidence.map(|evidence| evidence.count.to_string()).unwrap_or_default().into(),
        evidence.map(|evidence| evidence.first.to_string()).unwrap_or_default().into(),
        evidence.map(|evidence| evidence.last.to_string()).unwrap_or_default().into(),
        evidence.and_then(|evidence| evidence.alert.as_deref()).unwrap_or_default().into(),
        control.map(|control| control.threats.join(" ")).unwrap_or_default().into(),
        control.map_or("", |control| &control.mend).into(),
    ];
    for (nth, cell) in cells.iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        quoted(cell, out);
    }
    out.push_str("\r\n");
}

/// Writes a value so that it is one, and no formula.
fn quoted(cell: &str, out: &mut String) {
    let signs = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let formula = cell.starts_with(['\t', '\r']) || cell.trim_start().starts_with(signs);
    let text = plain(cell);
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_no_formula_and_ends_no_value() {
        let written = |text: &str| {
            let mut out = String::new();
            quoted(text, &mut out);
            out
        };
        assert_eq!(written("orders-api/get-order"), "\"orders-api/get-order\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\u{ff1d}1", "\u{ff0b}1", "\u{ff0d}1", "\u{ff20}x"] {
            assert_eq!(written(formula), format!("\"'{formula}\""));
        }
        assert_eq!(written("\t=1"), "\"' =1\"");
        assert_eq!(written("a;=1+1"), "\"a;=1+1\"", "no value ends at a semicolon");
        assert_eq!(written("a\",\"b\r\nc"), "\"a\"\",\"\"b  c\"");
    }
}
