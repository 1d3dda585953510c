//! Which ATT&CK techniques does a detector name?
//!
//! Only by form: numbers of techniques come and go with each version, and a list here would refuse what is newer than
//! it. A number that no matrix has ever used, or a version that is years away, is a slip.

use std::ops::RangeInclusive;

use crate::posture::Problems;
use crate::posture::document::Section;

use super::Attack;

/// Numbers of techniques of the matrices for enterprises and mobile devices, and for industrial control.
const NUMBERS: [RangeInclusive<u16>; 2] = [1001..=1999, 800..=899];
/// The highest number that a sub-technique may have.
const MOST_SUB: u16 = 99;
/// Two come each year: 18 was of the end of 2025.
const VERSIONS: RangeInclusive<u16> = 1..=40;

/// Takes `attack` out of a detector's keys.
pub(super) fn take(file: &mut Section, problems: &mut Problems) -> Option<Attack> {
    let value = file.demand("attack", "Write `attack: { version: \"18\", techniques: [T1110] }`.", problems)?;
    let mut section = value.section("`attack`", problems)?;
    let line = section.line_of("version");
    let version = section.demand_text("version", "Give the ATT&CK version whose numbers these are.", problems);
    if let Some(version) = version.as_ref().filter(|version| !is_version(version)) {
        problems.add(line, format!("`{version}` is not a version of ATT&CK. Write `\"18\"`, or `\"18.1\"`."));
    }
    let techniques = section.demand("techniques", "List techniques such as `T1110.001`.", problems);
    let techniques = techniques.map(|list| list.texts("A technique", problems)).unwrap_or_default();
    for (technique, line) in &techniques {
        if !is_technique(technique) {
            problems.add(*line, format!("`{technique}` is not an ATT&CK technique. Write `T1110` or `T1110.001`."));
        }
    }
    section.finish("a key of `attack`", &["version", "techniques"], problems);
    Some(Attack { version: version?, techniques: techniques.into_iter().map(|(technique, _)| technique).collect() })
}

fn is_version(text: &str) -> bool {
    let (main, minor) = text.split_once('.').unwrap_or((text, "0"));
    let main = digits(main, main.len().min(2));
    main.is_some_and(|main| VERSIONS.contains(&main)) && digits(minor, 1).is_some()
}

fn is_technique(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('T') else { return false };
    let (main, sub) = rest.split_once('.').map_or((rest, None), |(main, sub)| (main, Some(sub)));
    let known = digits(main, 4).is_some_and(|number| NUMBERS.iter().any(|numbers| numbers.contains(&number)));
    known && sub.is_none_or(|sub| digits(sub, 3).is_some_and(|number| (1..=MOST_SUB).contains(&number)))
}

/// Returns the number that so many digits are.
fn digits(text: &str, many: usize) -> Option<u16> {
    let plain = text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_technique_or_a_version_that_there_can_not_be_is_a_slip() {
        for real in ["T1110", "T1078.004", "T1685", "T0812", "T1027.017"] {
            assert!(is_technique(real), "{real}");
        }
        for none in
            ["T9999.999", "T9999", "T1110.000", "T1110.1", "T110", "1110", "TA0001", "T1110.", "T1110.100", "t1110"]
        {
            assert!(!is_technique(none), "{none}");
        }
        for (version, is) in [
            ("18", true),
            ("18.1", true),
            ("9", true),
            ("99", false),
            ("0", false),
            ("v18", false),
            ("", false),
            ("18.", false),
        ] {
            assert_eq!(is_version(version), is, "{version}");
        }
    }
}
