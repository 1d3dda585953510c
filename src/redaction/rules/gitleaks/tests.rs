use std::sync::Arc;

use crate::redaction::rules::{Rules, span::Message};
use crate::redaction::scan::Found;
use crate::telemetry::Confidence;

fn load(text: &str) -> Arc<Rules> {
    Rules::with(&[("gitleaks.toml".to_owned(), text.to_owned())]).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

/// What the last rule of the configuration hides in `text`.
fn hides(rules: &Arc<Rules>, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    rules.hits(text.as_bytes(), |_, _| (), |_| ()).settle(text.as_bytes(), 0..text.len(), &mut found);
    let imported = |one: &&Found| one.kind.place() >= crate::redaction::kinds().len() + Rules::shipped().all().len();
    found.iter().filter(imported).map(|one| text[one.span.clone()].to_owned()).collect()
}

const CONFIG: &str = r#"
title = "ours"
minVersion = "v8.25.0"

[allowlist]
description = "for all"
regexes = ['''^ignored-''']
paths = ['''node_modules''']

[[rules]]
id = "Contoso_Token"
description = "A token of the shop"
regex = '''(?i)[\w.-]{0,50}?(?:contoso)(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}([a-z0-9-]{16})(?:[\x60'"\s;]|\\[nr]|$)'''
entropy = 2.5
keywords = ["contoso"]

[[rules.allowlists]]
regexTarget = "line"
condition = "AND"
regexes = ['''# test''']
stopwords = ["abc"]

[[rules]]
id = "order-number"
description = "the second group"
regex = '''(ORD|INV)-([0-9]{6})'''
secretGroup = 2
keywords = ["ord-", "inv-"]

[[rules]]
id = "far-away"
description = "its keyword stands somewhere else"
regex = '''\bSK[0-9a-f]{8}\b'''
keywords = ["telephone"]

[[rules]]
id = "no-words"
description = "anything"
regex = '''\bzz[0-9]{6}\b'''
path = '''\.env$'''

[[rules]]
id = "only-a-path"
description = "key files"
path = '''\.pem$'''
"#;

#[test]
fn a_configuration_means_what_it_means_to_gitleaks() {
    let rules = load(CONFIG);
    for (text, hidden) in [
        (r#"contoso_key = "k3j9x0q2m7v1b5n8" x"#, vec!["k3j9x0q2m7v1b5n8"]),
        ("CONTOSO: k3j9x0q2m7v1b5n8", vec!["k3j9x0q2m7v1b5n8"]),
        (r#"{"m":"contoso=k3j9x0q2m7v1b5n8\nmore"}"#, vec!["k3j9x0q2m7v1b5n8"]),
        ("contoso = aaaaaaaaaaaaaaab", vec![]),
        ("contoso = ignored-k3j9x0q2", vec![]),
        ("contoso = k3abcxq2m7v1b5n8 # test", vec![]),
        ("contoso = k3abcxq2m7v1b5n8", vec!["k3abcxq2m7v1b5n8"]),
        ("k3j9x0q2m7v1b5n8", vec![]),
        ("ORD-123456 and INV-654321", vec!["123456", "654321"]),
        ("call telephone … SK0123abcd", vec!["SK0123abcd"]),
        ("SK0123abcd", vec![]),
        ("a zz123456 b", vec!["zz123456"]),
    ] {
        assert_eq!(hides(&rules, text), hidden, "{text}");
    }
}

#[test]
fn its_owner_is_told_what_is_slow_and_what_was_left_out() {
    let rules = load(CONFIG);
    let notes = rules.notes().join("\n");
    for part in ["no-words has no keyword", "`no-words` is bound to a path", "`only-a-path` looks at paths alone"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert_eq!(rules.everywhere().map(|rule| &*rule.name).collect::<Vec<_>>(), ["no-words"]);
    let names: Vec<_> = rules.all().iter().rev().take(4).map(|rule| rule.name.to_string()).collect();
    assert_eq!(names, ["no-words", "far-away", "order-number", "contoso-token"]);
}

#[test]
fn its_owner_is_told_of_keys_that_say_nothing() {
    let rules = load(
        "ttle = 'x'\n[[rules]]\nid = 'x'\nregex = '''shop=([a-z0-9]{8})'''\nkeyword = ['shop']\nsecretGroups = 1\nmine = 2\n\
         [[rules.allowlists]]\nregexs = ['a']\n",
    );
    let notes = rules.notes().join("\n");
    for part in [
        "`ttle` of the file is not known, and passed over: did you mean `title`?",
        "`keyword` of the rule `x` is not known, and passed over: did you mean `keywords`?",
        "`secretGroups` of the rule `x` is not known, and passed over: did you mean `secretGroup`?",
        "`mine` of the rule `x` is not known, and passed over\n",
        "`regexs` of an allow-list is not known, and passed over: did you mean `regexes`?",
    ] {
        assert!(format!("{notes}\n").contains(part), "{part}: {notes}");
    }
    assert!(!load(CONFIG).notes().join("\n").contains("passed over"), "it has no others");
}

#[test]
fn an_allow_list_on_the_match_sees_what_stands_before_the_keyword() {
    let rules = load(
        "[[rules]]\nid = 'x'\nregex = '''[\\w.-]{0,50}?(?:shop)=([a-z0-9]{8})'''\nkeywords = ['shop']\n[rules.allowlist]\nregexTarget = 'match'\nregexes = ['^test_']\n",
    );
    assert_eq!(hides(&rules, "my_shop=k3j9x0q2"), ["k3j9x0q2"]);
    assert_eq!(hides(&rules, "test_shop=k3j9x0q2"), Vec::<String>::new());
}

#[test]
fn generic_rules_hide_and_wake_nobody() {
    let rules = load("[[rules]]\nid = 'generic-api-key'\nregex = '''gk_[0-9]{4}'''\nkeywords = ['gk_']\n");
    let mut found = Vec::new();
    rules.hits(b"gk_1234", |_, _| (), |_| ()).settle(b"gk_1234", 0..7, &mut found);
    assert_eq!(found.iter().map(|one| one.confidence).collect::<Vec<_>>(), [Confidence::Suspected]);
}

#[test]
fn all_problems_are_named_with_their_lines() {
    let text = r#"
[extend]
useDefault = true
[[rules]]
id = "a"
regex = '''x(?=y)'''
[[rules]]
id = "a"
regex = '''(x'''
keywords = "x"
[[rules]]
regex = '''x'''
[[rules]]
id = "b"
regex = '''(x)y'''
secretGroup = 2
entropy = "high"
[[rules.allowlists]]
condition = "XOR"
regexTarget = "file"
regexes = ['''(''']
[[allowlists]]
targetRules = ["c"]
"#;
    let problems = Rules::with(&[("gl.toml".to_owned(), text.to_owned())]).unwrap_err();
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in [
        "gl.toml:2: [extend] takes rules from elsewhere",
        "gl.toml:6: the pattern of `a` looks ahead",
        "gl.toml:8: there is another rule `a`",
        "gl.toml:9: the pattern of `a` can't be read",
        "gl.toml:10: `keywords` is not a list",
        "gl.toml:11: a rule has no `id`",
        "gl.toml:16: `secretGroup = 2`, but",
        "gl.toml:17: `entropy` is not a number",
        "gl.toml:19: `XOR` is no condition",
        "gl.toml:20: `file` is no regexTarget",
        "gl.toml:21: the pattern of `an allow-list` can't be read",
        "gl.toml:23: there is no rule `c`",
    ] {
        assert!(shown.iter().any(|one| one.starts_with(part)), "{part}: {shown:#?}");
    }
    let ahead = problems.iter().find(|one| one.says.contains("looks ahead")).unwrap();
    assert_eq!(&text[ahead.at.clone().unwrap()], "(");
}

#[test]
fn what_is_no_configuration_says_so() {
    for (text, part) in
        [("a = ", "gl.toml:1"), ("title = 'x'", "neither [[rules]]"), ("rules = 3", "`rules` is not a table")]
    {
        let problems = Rules::with(&[("gl.toml".to_owned(), text.to_owned())]).unwrap_err();
        assert!(problems[0].to_string().contains(part), "{problems:?}");
    }
}

#[test]
fn a_rule_without_an_end_is_searched_in_bounded_steps() {
    let rules = load("[[rules]]\nid = 'endless'\nregex = '''a[^b]*b?'''\n");
    let rule = rules.all().last().unwrap();
    let text = "ab".repeat(50_000);
    let mut found = Vec::new();
    rule.search(&Message::new(text.as_bytes()), 0..text.len(), 0, &mut found);
    assert_eq!(found.len(), 50_000);
}

#[test]
fn keywords_beyond_what_can_be_told_apart_are_refused_and_displace_nothing() {
    let rule = |many: usize| {
        let words: Vec<String> = (0..many).map(|n| format!("\"keyword-{n}\"")).collect();
        format!("[[rules]]\nid = \"many\"\nregex = \"never\"\nkeywords = [{}]\n", words.join(","))
    };
    let many = Rules::with(&[("many.toml".into(), rule(65_480))]).unwrap_err();
    assert!(many[0].to_string().contains("more than 60000 different keywords"), "{}", many[0]);
    let rules = Rules::with(&[("some.toml".into(), rule(50_000))]).unwrap();
    let mut literals = 0;
    rules.hits(b"x-functions-key=AzFu keyword-49999", |_, _| literals += 1, |_| ());
    assert_eq!(literals, 2);
}
