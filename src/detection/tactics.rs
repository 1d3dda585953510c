//! What is an attacker after who uses that technique? For evidence to add up by tactic.
//!
//! The first tactic that MITRE lists for the technique, of those that show in the telemetry of apps,
//! gateways and a cloud's control plane. Of any other technique, and of a detector without one, the
//! detector's family stands for the tactic.

use super::{Detector, Family};

/// Tactics in the order of an attack, with the techniques (without sub-techniques) that are theirs.
const TACTICS: [(&str, &[u16]); 14] = [
    ("reconnaissance", &[1589, 1590, 1591, 1592, 1593, 1594, 1595, 1596, 1597, 1598]),
    ("resource-development", &[1583, 1584, 1585, 1586, 1587, 1588, 1608, 1650]),
    ("initial-access", &[1078, 1133, 1189, 1190, 1195, 1199, 1200, 1566, 1659]),
    ("execution", &[1047, 1053, 1059, 1072, 1106, 1129, 1203, 1204, 1559, 1569, 1609, 1610, 1648, 1651]),
    ("persistence", &[1098, 1136, 1505, 1525, 1543, 1546, 1547, 1554, 1556, 1653]),
    ("privilege-escalation", &[1055, 1068, 1134, 1484, 1548, 1574, 1611]),
    ("defense-evasion", &[1027, 1036, 1070, 1112, 1140, 1202, 1211, 1535, 1550, 1562, 1564, 1578, 1599, 1600, 1656]),
    (
        "credential-access",
        &[1003, 1040, 1056, 1110, 1111, 1187, 1212, 1528, 1539, 1552, 1555, 1557, 1558, 1606, 1621, 1649],
    ),
    (
        "discovery",
        &[
            1007, 1012, 1016, 1018, 1033, 1046, 1049, 1057, 1069, 1082, 1083, 1087, 1120, 1135, 1201, 1217, 1482, 1518,
            1526, 1538, 1580, 1613, 1614, 1619,
        ],
    ),
    ("lateral-movement", &[1021, 1080, 1091, 1210, 1534, 1563, 1570]),
    ("collection", &[1005, 1039, 1074, 1113, 1114, 1119, 1123, 1125, 1185, 1213, 1530, 1560, 1602]),
    (
        "command-and-control",
        &[1001, 1008, 1071, 1090, 1092, 1095, 1102, 1104, 1105, 1132, 1205, 1219, 1568, 1571, 1572, 1573],
    ),
    ("exfiltration", &[1011, 1020, 1029, 1030, 1041, 1048, 1052, 1537, 1567]),
    ("impact", &[1485, 1486, 1489, 1490, 1491, 1495, 1496, 1498, 1499, 1529, 1531, 1561, 1565, 1657]),
];

/// The names of the tactics, in the order of an attack.
pub const TACTIC_NAMES: [&str; TACTICS.len()] = {
    let mut names = [""; TACTICS.len()];
    let mut at = 0;
    while at < TACTICS.len() {
        names[at] = TACTICS[at].0;
        at += 1;
    }
    names
};

/// Returns the place among [`TACTIC_NAMES`] of the tactic that a technique such as `T1110.001` serves.
pub fn tactic_of_technique(technique: &str) -> Option<usize> {
    let number = technique.strip_prefix('T')?.split('.').next()?.parse::<u16>().ok()?;
    TACTICS.iter().position(|(_, techniques)| techniques.contains(&number))
}

/// Returns the number of the tactic that a detector's first technique serves, or of its family.
pub fn tactic_of(detector: &Detector) -> u8 {
    let tactic = detector.attack.techniques.iter().find_map(|technique| tactic_of_technique(technique));
    let family = || TACTICS.len() + Family::ALL.iter().position(|family| *family == detector.family).unwrap_or(0);
    tactic.unwrap_or_else(family) as u8
}

/// Returns the name of a tactic by its number, or of the family that stands for one.
pub fn tactic_name(number: u8) -> &'static str {
    let number = usize::from(number);
    let family = || Family::ALL.get(number.saturating_sub(TACTICS.len())).map_or("", |family| family.name());
    TACTIC_NAMES.get(number).copied().unwrap_or_else(family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::engine::trial::detector;
    use crate::detection::{Attack, Counting};

    #[test]
    fn a_technique_serves_one_tactic_and_an_unknown_one_its_family() {
        let mut all: Vec<u16> = TACTICS.iter().flat_map(|(_, techniques)| techniques.iter().copied()).collect();
        let many = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), many);
        let of = |techniques: &[&str]| {
            let attack =
                Attack { version: "18".into(), techniques: techniques.iter().map(ToString::to_string).collect() };
            tactic_of(&Detector { attack, ..detector("t", Counting::Match, 1) })
        };
        assert_eq!((of(&["T1110.003"]), of(&["T9999", "T1190"]), of(&[])), (7, 2, 15));
    }
}
