use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Arc, Rules, chance, github_token, sample, shipped};
use crate::redaction::kind::Kind;
use crate::redaction::scan::{Found, Scanner, merge};
use crate::telemetry::Confidence;

/// What the rules alone find in `text`.
fn found(rules: &Arc<Rules>, text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    rules.hits(text.as_bytes(), |_, _| (), |_| ()).settle(text.as_bytes(), 0..text.len(), &mut found);
    found
}

fn of(number: usize, found: &[Found]) -> Vec<&Found> {
    found.iter().filter(|one| one.kind == Kind::Rule(number as u16)).collect()
}

#[test]
fn every_table_that_is_shipped_reads_and_every_kind_says_what_it_is() {
    let problems = shipped().err().unwrap_or_default();
    assert!(problems.is_empty(), "{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    let rules = Rules::shipped();
    assert!(rules.all().len() >= 150, "{}", rules.all().len());
    let names: BTreeSet<_> = rules.names().into_iter().collect();
    assert_eq!(names.len(), rules.all().len(), "names are not each one's own");
    assert_eq!(rules.everywhere().count(), 0);
    for rule in rules.all() {
        assert!(Kind::ALL.iter().all(|kind| kind.name() != Some(&rule.name)), "{} is a kind of the code", rule.name);
        assert!(rule.title.len() > 5 && rule.can.len() > 5, "{}", rule.name);
        assert!(rule.examples.iter().all(|list| !list.is_empty()), "{} has no examples of both sorts", rule.name);
        rule.build().unwrap_or_else(|(_, why)| panic!("{}: {why}", rule.name));
    }
}

#[test]
fn every_example_is_found_whole_and_no_counter_example_alerts() {
    let rules = Rules::shipped();
    let next = &mut chance(11);
    let mut wrong = Vec::new();
    for (number, rule) in rules.all().iter().enumerate() {
        let [yes, no] = &rule.examples;
        for template in yes.iter().flat_map(|template| [template; 3]) {
            let (text, secret) = sample::made(template, rule.checksum, next).unwrap();
            let all = found(&rules, &text);
            let mine = of(number, &all);
            let spans: Vec<_> = mine.iter().map(|one| one.span.clone()).collect();
            if spans != [secret.clone()] || mine[0].confidence != rule.confidence {
                wrong.push(format!("{}: {text}: {mine:?}, not {secret:?}", rule.name));
            }
        }
        for template in no.iter().flat_map(|template| [template; 3]) {
            let (text, _) = sample::made(template, rule.checksum, next).unwrap();
            let all = found(&rules, &text);
            if of(number, &all).iter().any(|one| one.confidence > Confidence::Suspected) {
                wrong.push(format!("{}: {text} alerts", rule.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_is_hidden_in_every_way_of_writing() {
    let rules = Rules::shipped();
    let scanner = Scanner::new(rules.clone());
    let next = &mut chance(12);
    let mut wrong = Vec::new();
    for rule in rules.all() {
        let (text, secret) = sample::made(&rule.examples[0][0], rule.checksum, next).unwrap();
        let (before, behind) = (&text[..secret.start], &text[secret.end..]);
        let value = &text[secret];
        if value.contains(['/', '"', '\\', '$', '%', ':']) || before.contains('"') {
            continue;
        }
        for form in [
            format!("{before}{value}{behind}"),
            format!("say {before}{value}{behind}, and on"),
            format!(r#"{{"m":"{before}{value}{behind}"}}"#),
            format!(r#"{{"m":"a\n{before}{value}{behind}\r\nb"}}"#),
            format!(r#"{{"p":"{{\"m\":\"{before}{value}{behind}\"}}"}}"#),
            format!("{{'m':'{before}{value}{behind}'}}"),
            format!("a=b;{before}{value}{behind};c=d"),
        ] {
            let mut all = Vec::new();
            scanner.find(form.as_bytes(), &mut all);
            merge(&mut all);
            let at = form.find(value).unwrap();
            let covers = all.iter().any(|one| one.span.start <= at && at + value.len() <= one.span.end);
            if !covers {
                wrong.push(format!("{}: {form}: {all:?}", rule.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_across_messages_announce_nothing() {
    let rules = Rules::shipped();
    let token = github_token("abcdefghijklmnopqrstuvwxyzabcd");
    let text = format!("x {token} {token}");
    let mut hits = rules.hits(text.as_bytes(), |_, _| (), |_| ());
    let mut all = Vec::new();
    hits.settle(text.as_bytes(), 0..10, &mut all);
    hits.settle(text.as_bytes(), 10..text.len(), &mut all);
    assert_eq!(all.iter().map(|one| one.span.start).collect::<Vec<_>>(), [2 + token.len() + 1 - 10]);
}

#[test]
fn a_table_with_problems_names_them_all_with_their_lines() {
    let text = r#"
[[kinds]]
id = "Upper Case"
title = "x"
can = "y"
pattern = 'abcd[0-9]+'
words = ["abcd"]

[[kinds]]
id = "two"
title = "x"
pattern = '(abcd'
words = ["ab", "abcd"]
confidence = "sure"
wrods = []

[[kinds]]
id = "three"
title = "x"
can = "y"
pattern = '(?:abcd)?[0-9]{9}'
words = ["abcd"]
"#;
    let problems = Rules::with(&[("my.toml".to_owned(), text.to_owned())]).unwrap_err();
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in [
        "my.toml:3: a kind's id",
        "my.toml:6: a match of `Upper Case` may be longer",
        "my.toml:9: a kind needs `can`",
        "my.toml:12: the pattern of `two`",
        "my.toml:13: a word this short",
        "my.toml:15: `wrods` is not known here; did you mean `words`?",
        "my.toml:21: not every match of `three`",
    ] {
        assert!(shown.iter().any(|one| one.starts_with(part)), "{part}: {shown:#?}");
    }
}

/// Rules that match nearly anything, so that their finds fall where they may.
fn wild() -> Arc<Rules> {
    let text = r#"
[[rules]]
id = "wild"
regex = '''[a-z"\\:, {}\[\]0-9é]{3,9}'''
[[rules]]
id = "lazy"
regex = '''k.{0,6}?v'''
keywords = ["key"]
[[rules]]
id = "endless"
regex = '''ab+[^x]*x'''
keywords = ["abb"]
"#;
    Rules::with(&[("wild.toml".to_owned(), text.to_owned())]).unwrap()
}

fn hidden(rules: &Arc<Rules>, text: &str) -> Vec<u8> {
    let mut all = found(rules, text);
    merge(&mut all);
    let mut out = text.as_bytes().to_vec();
    for one in all.iter().rev() {
        assert!(
            one.span.end <= text.len() && text.is_char_boundary(one.span.start) && text.is_char_boundary(one.span.end)
        );
        out.splice(one.span.clone(), *b"wild:k1:ABCDEFGHIJKLMNOP");
    }
    out
}

#[test]
fn the_documents_say_how_many_kinds_there_are() {
    let says = format!("the keys of {} kinds", Rules::shipped().all().len());
    assert!(include_str!("../../../docs/redaction.md").contains(&says), "docs/redaction.md, and CHANGELOG.md: {says}");
}

proptest! {
    #[test]
    fn no_rule_makes_json_unreadable(
        texts in prop::collection::vec((r#"[a-z"\\é\n0-9:, /{}]{0,12}"#, r#"[a-zk\\"éuxbv 0-9,:]{0,16}"#, 0..99_u32, any::<bool>()), 0..5),
    ) {
        let rules = wild();
        let mut map = serde_json::Map::new();
        for (name, value, number, nested) in texts {
            let inner = serde_json::json!({ "keyv": value.clone(), "n": number });
            map.insert(name, if nested { inner.to_string().into() } else { inner });
        }
        let text = serde_json::Value::from(map).to_string();
        let out = hidden(&rules, &text);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok(), "{} from {text}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn no_bytes_break_the_rules(text in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'k'), Just(b'\\'), Just(b'"'), Just(b'%')], 0..200)) {
        let rules = wild();
        let mut all = Vec::new();
        rules.hits(&text, |_, _| (), |_| ()).settle(&text, 0..text.len(), &mut all);
        merge(&mut all);
        prop_assert!(all.iter().all(|one| one.span.start < one.span.end && one.span.end <= text.len()));
    }

    #[test]
    fn no_text_breaks_the_reading(text in r#"(\[\[?(rules|kinds|allowlist|extend)\]\]?\n|(id|regex|keywords|secretGroup|entropy|pattern|words) = ("[a-z(\[{]{0,6}"|'[a-z(\[\\{?+*]{0,9}'|\["ab", "abcd"\]|3|true)\n){0,12}"#) {
        let _ = Rules::with(&[("x.toml".to_owned(), text)]);
    }
}
