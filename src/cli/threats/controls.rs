//! How are the controls told to readers of the documents?

use std::fmt::Write as _;

use crate::posture::controls::{Controls, REFERENCES};

/// Returns the controls as a table.
pub fn markdown(controls: &Controls) -> String {
    let mut out = String::from(
        "| control | of | level | what should be so | mend | also known as |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for control in &controls.all {
        let also: Vec<String> = control
            .references
            .iter()
            .map(|(name, ids)| {
                let called =
                    REFERENCES.iter().find(|(known, _)| known == name).map_or(name.as_str(), |(_, called)| called);
                format!("{called} {}", ids.join(", "))
            })
            .collect();
        // Writing to a string can't fail.
        _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} | {} |",
            control.id,
            control.applies_to.name(),
            control.level.name(),
            cell(&control.title),
            cell(&control.mend),
            cell(&also.join("; "))
        );
    }
    out
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
