//! Which version of TLS? `1.2`, whether it was written `TLS1_2`, `TLS 1.2` or as the protocol's number.

use crate::telemetry::Text;

use super::doc::Piece;

/// Returns the version that `piece` names; the text itself where it is none we know.
pub(super) fn version<'s>(piece: &Piece<'s>) -> Text<'s> {
    let from = piece.value.find(|char: char| char.is_ascii_digit()).unwrap_or(0);
    let text = piece.part(from..piece.value.len());
    let value = match text.value.trim_end() {
        "769" | "1_0" => "1.0",
        "770" | "1_1" => "1.1",
        "771" | "1_2" => "1.2",
        "772" | "1_3" => "1.3",
        other => other,
    };
    Text { value, ..text }
}
