//! What of the sources can't be as it is configured?

use super::Sources;

/// Checks names, what HTTP takes in, and who reads a cluster as whom.
pub(super) fn check(sources: &Sources, wrong: &mut impl FnMut(&str, &str, &str)) {
    names(sources, wrong);
    for (name, http) in &sources.http {
        let limits = &http.limits;
        let body = u64::try_from(limits.max_body_bytes).unwrap_or(u64::MAX);
        if limits.max_spool_bytes < body.saturating_mul(2) {
            wrong(
                &format!("sources.http.{name}.limits.max_spool_bytes"),
                "a body could be larger than all that may be kept until it is read",
                "make it twice max_body_bytes at least, or leave both out",
            );
        }
    }
    members(sources, wrong);
}

/// Positions are kept by a source's name: two of one name would take each other's for their own.
fn names(sources: &Sources, wrong: &mut impl FnMut(&str, &str, &str)) {
    let again = |kind: &str, name: &str, other: &str, wrong: &mut dyn FnMut(&str, &str, &str)| {
        wrong(
            &format!("sources.{kind}.{name}"),
            &format!("[sources.{other}.{name}] has this name too, and positions are kept by name"),
            "give one of them another name; the one that keeps it goes on where it was",
        );
    };
    for name in sources.file.keys().filter(|name| sources.kafka.contains_key(*name)) {
        again("file", name, "kafka", wrong);
    }
    for name in sources.http.keys() {
        if sources.kafka.contains_key(name) {
            again("http", name, "kafka", wrong);
        } else if sources.file.contains_key(name) {
            again("http", name, "file", wrong);
        }
    }
}

/// Of two members of a group with one instance the broker puts out one, again and again.
fn members(sources: &Sources, wrong: &mut impl FnMut(&str, &str, &str)) {
    let all: Vec<_> = sources.kafka.iter().collect();
    for (n, (name, one)) in all.iter().enumerate() {
        let Some(instance) = one.instance_of(name) else { continue };
        let same = |(_, other): &&(&String, &crate::sources::KafkaSettings)| {
            other.group == one.group && shares_a_broker(&other.brokers, &one.brokers)
        };
        let other = all[..n]
            .iter()
            .filter(same)
            .find(|(other, settings)| settings.instance_of(other) == Some(instance.clone()));
        if let Some((other, _)) = other {
            wrong(
                &format!("sources.kafka.{name}"),
                &format!("the broker can't tell it from [sources.kafka.{other}]: the same group and instance"),
                "give it an `instance` of its own, or leave `instance` out",
            );
        }
    }
}

fn shares_a_broker(one: &str, other: &str) -> bool {
    let brokers = |text: &str| text.split(',').map(|broker| broker.trim().to_ascii_lowercase()).collect::<Vec<_>>();
    let known = brokers(one);
    brokers(other).iter().any(|broker| known.contains(broker))
}

#[cfg(test)]
mod tests {
    use crate::config::load;

    /// What is wrong with `text`, by the place that is shown.
    fn wrong(text: &str) -> Vec<(String, String)> {
        let problems = load("gatewatch.toml", text).err().unwrap_or_default();
        let at = |at: Option<std::ops::Range<usize>>| at.map(|at| text[at].to_owned()).unwrap_or_default();
        problems.into_iter().map(|problem| (at(problem.at), problem.says)).collect()
    }

    #[test]
    fn sources_of_two_kinds_never_share_a_name() {
        let (kafka, file) =
            ("[sources.kafka.logs]\nbrokers = 'b:9092'\ntopics = ['a']\n", "[sources.file.logs]\npaths = ['a']\n");
        let http = "[sources.http.logs]\nlisten = '127.0.0.1:8322'\n";
        for (text, problems) in [
            (file.to_owned(), 0),
            ([file, http].concat(), 1),
            ([kafka, http].concat(), 1),
            ([kafka, file, http].concat(), 2),
        ] {
            let wrong = wrong(&text);
            assert_eq!(wrong.len(), problems, "{wrong:?}");
            assert!(wrong.iter().all(|(_, says)| says.contains("has this name too")), "{wrong:?}");
        }
    }

    #[test]
    fn a_spool_that_one_body_fills_is_a_problem_with_its_place() {
        let text = "[sources.http.push]\nlimits = { max_body_bytes = 1000000, max_spool_bytes = 1999999 }\n";
        let wrong_then = wrong(text);
        assert!(matches!(&wrong_then[..], [(_, says)] if says.contains("could be larger")), "{wrong_then:?}");
        assert_eq!(wrong(&text.replace("1999999", "2000000")), []);
    }

    #[test]
    fn two_sources_of_one_cluster_are_two_members_unless_they_are_told_to_be_one() {
        let source = |name: &str, more: &str| {
            format!("[sources.kafka.{name}]\nbrokers = 'a:9092, b:9092'\ntopics = ['t']\n{more}\n")
        };
        let two = |more: &str| wrong(&[source("one", more), source("two", more)].concat());
        assert_eq!(two(""), []);
        assert_eq!(two("profile = 'event-hubs'"), []);
        let same = two("instance = 'x'");
        assert!(matches!(&same[..], [(_, says)] if says.contains("[sources.kafka.one]")), "{same:?}");
        let elsewhere = [source("one", "instance = 'x'"), source("two", "instance = 'x'\ngroup = 'y'")].concat();
        assert_eq!(wrong(&elsewhere), []);
    }
}
