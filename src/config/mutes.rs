//! Which inhibitions and maintenance windows can't be meant?
//!
//! One that would hold back everything, one of a name that another has, and a time that never is.

use std::collections::BTreeSet;

use crate::alerts::Matcher;

use super::Alerts;

/// Of each, at most.
const MOST: usize = 100;
/// Letters of a name: it stands beside each alert that is held back.
const MOST_LETTERS: usize = 100;

/// Tells `wrong` of each: where, what, and how to mend it.
pub fn check(alerts: &Alerts, wrong: &mut impl FnMut(&str, &str, &str)) {
    let mut names = BTreeSet::new();
    for (n, rule) in alerts.inhibit.iter().enumerate() {
        let at = format!("alerts.inhibit[{n}]");
        name(&at, &rule.name, &mut names, wrong);
        for (part, matcher) in [("source", &rule.source), ("target", &rule.target)] {
            if !matcher.names_something() {
                let mend = format!("write {part} = {{ detector = \"…\" }}, or family, entity or app");
                wrong(&format!("{at}.{part}"), &format!("the {part} means every alert"), &mend);
            }
            short(&format!("{at}.{part}"), matcher, wrong);
        }
        if rule.equal.len() > 4 {
            wrong(
                &format!("{at}.equal"),
                "something is named twice",
                "name app, entity, family and detector once each",
            );
        }
        if rule.equal.is_empty() {
            let mend = "write equal = [\"app\"], or entity, family or detector";
            wrong(&format!("{at}.equal"), "source and target need nothing in common", mend);
        }
    }
    for (n, rule) in alerts.maintenance.iter().enumerate() {
        let at = format!("alerts.maintenance[{n}]");
        name(&at, &rule.name, &mut names, wrong);
        if !rule.alerts.names_something() {
            let mend = "write alerts = { app = \"…\" }, or detector, family or entity";
            wrong(&format!("{at}.alerts"), "it holds back every alert", mend);
        }
        short(&format!("{at}.alerts"), &rule.alerts, wrong);
        if rule.days.len() > 7 {
            wrong(&format!("{at}.days"), "a day is named twice", "name each day once");
        }
        if rule.from == rule.to {
            wrong(&format!("{at}.to"), "it ends when it begins", "write the time at which it is over");
        }
    }
    for (what, many) in [("inhibit", alerts.inhibit.len()), ("maintenance", alerts.maintenance.len())] {
        if many > MOST {
            let at = format!("alerts.{what}");
            wrong(&at, &format!("{many} are more than {MOST}"), "put several into one that names a family or an app");
        }
    }
}

fn short(at: &str, matcher: &Matcher, wrong: &mut impl FnMut(&str, &str, &str)) {
    if let Err(says) = matcher.check() {
        let (says, mend) = says.split_once(": ").unwrap_or((&says, "shorten it"));
        wrong(at, says, mend);
    }
}

fn name<'a>(at: &str, name: &'a str, names: &mut BTreeSet<&'a str>, wrong: &mut impl FnMut(&str, &str, &str)) {
    let at = format!("{at}.name");
    if name.trim().is_empty() {
        wrong(&at, "it has no name", "write name = \"…\": alerts that it holds back say so");
    } else if name.chars().count() > MOST_LETTERS {
        wrong(&at, &format!("the name has more than {MOST_LETTERS} letters"), "choose a shorter one");
    } else if !names.insert(name) {
        wrong(&at, &format!("{name:?} is the name of another one"), "choose another name");
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load;

    fn problems(text: &str) -> Vec<String> {
        load("gatewatch.toml", text)
            .map_or_else(|all| all.iter().map(|one| format!("{one:?}")).collect(), |_| Vec::new())
    }

    #[test]
    fn inhibitions_and_windows_read_as_they_are_written() {
        let text = r#"
[[alerts.inhibit]]
name = "the app is down"
source = { detector = "telemetry.silence" }
target = { family = "probing", at_most = "medium" }
equal = ["app"]
[[alerts.maintenance]]
name = "deploys"
alerts = { app = "shop" }
days = ["sat", "sun"]
from = "22:00"
to = "02:30"
"#;
        let config = load("gatewatch.toml", text).unwrap_or_else(|problems| panic!("{problems:?}"));
        let again = toml::to_string(&config).unwrap();
        assert!(load("gatewatch.toml", &again).is_ok(), "{again}");
    }

    #[test]
    fn what_can_t_be_meant_is_said_with_a_mend() {
        let text = r#"
[[alerts.inhibit]]
name = "a"
source = { at_least = "high" }
target = { app = "shop" }
equal = []
[[alerts.maintenance]]
name = "a"
alerts = { at_most = "low" }
from = "22:00"
to = "22:00"
"#;
        let said = problems(text).join("\n");
        for part in [
            "the source means every alert",
            "nothing in common",
            "the name of another",
            "holds back every alert",
            "ends when it begins",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let long = format!(
            "[[alerts.maintenance]]\nname = '{}'\nalerts = {{ app = '{}' }}\nfrom = '01:00'\nto = '02:00'\n",
            "n".repeat(101),
            "x".repeat(301)
        );
        let long = problems(&long).join("\n");
        assert!(long.contains("`app` has 301 letters") && long.contains("more than 100 letters"), "{long}");
        let odd =
            problems("[[alerts.maintenance]]\nname = \"a\"\nalerts = { app = \"x\" }\nfrom = \"25:00\"\nto = \"1\"\n");
        assert!(odd.join("").contains("no time of day"), "{odd:?}");
    }
}
