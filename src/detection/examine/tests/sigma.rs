use super::*;

/// The clauses of each look at an event, as `explain` shows them.
fn shown(event: &Examined) -> Vec<String> {
    let clause = |one: &Clause| {
        let verdict = if one.holds { "yes" } else { "NO" };
        format!("{}{verdict} {} <- {}", "  ".repeat(one.depth), one.asks, one.saw.as_deref().unwrap_or("-"))
    };
    let of = |look: &Look| {
        let head = (!look.of.is_empty()).then(|| format!("{}: {}", look.of, look.holds));
        head.into_iter().chain(look.clauses.iter().map(clause)).collect::<Vec<_>>()
    };
    event.looks.iter().flat_map(of).collect()
}

/// What the detector `id` makes of `events` with these Sigma rules, and what it says without any.
fn told_by_sigma(text: &str, id: &str, groups: &[&str]) -> (Vec<Examined>, Vec<String>) {
    let rules = Rules::build(&[("x.yml".to_owned(), text.to_owned())], &Placeholders::new());
    assert_eq!(rules.refused, []);
    let catalogue = Catalogue::build(&BTreeMap::new()).unwrap().with_sigma(&rules).unwrap();
    let given: Vec<String> = groups.iter().map(|group| format!("    - {{ {group} }}\n")).collect();
    let case = Case::read_all("x.test.yaml", &format!("- name: n\n  alert: []\n  given:\n{}", given.concat())).unwrap();
    let walk = rules.walk(id);
    let described = walk.as_ref().unwrap().describe();
    let mut examiner = Examiner::new(&catalogue, id, catalogue.matcher(KEY)).unwrap().with_sigma(walk);
    play(&case[0], redactor(), |event, hash| examiner.look(event, hash));
    let (told, _) = examiner.finish();
    (events(&told).into_iter().cloned().collect(), described)
}

const RULE: &str = r"
title: Admin pages
name: admin
logsource: { category: webserver }
detection:
  selection: { cs-method: [GET, POST], 'cs-uri-stem|contains|cased': [/Admin, /Root] }
  status: { 'sc-status|gte': 400 }
  filter_ours: { 'c-ip|cidr': 10.0.0.0/8 }
  filter_none: { x-none: null, 'cs-method|neq': HEAD }
  condition: selection and status and not 1 of filter_*
";

#[test]
fn a_sigma_rule_says_clause_by_clause_what_holds_and_what_the_event_says_there() {
    let event = request("outcome: failure, request.method: GET, request.path: /Root/x, response.status: 200");
    let (events, _) = told_by_sigma(RULE, "sigma.admin", &[&event]);
    assert_eq!(
        shown(&events[0]),
        [
            "yes selection: <- -",
            "  yes cs-method is GET or POST <- GET",
            "  yes cs-uri-stem contains /Admin or /Root, in this case <- /Root/x",
            "NO status: <- -",
            "  NO sc-status is 400 or more <- 200",
            "NO not: one of: <- -",
            "  NO filter_ours: <- -",
            "    NO c-ip is in 10.0.0.0/8 <- 203.0.113.7",
            "  yes filter_none: <- -",
            "    yes x-none is not there, or null <- -",
            "    yes not: cs-method is HEAD <- GET",
        ]
    );
    assert!(events[0].counted.is_empty() && events[0].passed_over.is_none(), "{:?}", events[0]);
}

#[test]
fn a_sigma_rule_says_what_it_selects_without_an_event() {
    let (_, described) = told_by_sigma(RULE, "sigma.admin", &[&request("outcome: failure")]);
    assert_eq!(
        described,
        [
            "“Admin pages”, log source category webserver",
            "  condition: selection and status and not 1 of filter_*",
            "  selection:",
            "    cs-method is GET or POST",
            "    cs-uri-stem contains /Admin or /Root, in this case",
            "  status:",
            "    sc-status is 400 or more",
            "  not: one of:",
            "    filter_ours:",
            "      c-ip is in 10.0.0.0/8",
            "    filter_none:",
            "      x-none is not there, or null",
            "      not: cs-method is HEAD",
        ]
    );
}

#[test]
fn an_event_of_another_log_source_says_so_and_looks_at_no_clause() {
    let (events, _) = told_by_sigma(RULE, "sigma.admin", &["event: { kind: control.operation, app: a }"]);
    let why = "its log source is category webserver, and this record is of another";
    assert_eq!((events[0].passed_over.as_deref(), events[0].looks.len()), (Some(why), 0));
}

#[test]
fn a_correlation_says_which_rules_it_counts_by_what_and_which_have_come() {
    let rule = |name: &str, status: u16| {
        format!(
            "title: {name} pages\nname: {name}\nlogsource: {{ category: webserver }}\ndetection: {{ s: {{ sc-status: {status} }}, condition: s }}\n---\n"
        )
    };
    let text = [
        rule("hidden", 403),
        rule("open", 200),
        "title: Both\nname: both\ncorrelation: { type: temporal_ordered, rules: [hidden, open], group-by: [c-ip], timespan: 10m }\n".to_owned(),
    ]
    .concat();
    let hidden = request("response.status: 403");
    let (events, described) =
        told_by_sigma(&text, "sigma.both", &[&hidden, &format!("start: 5s, {}", request("response.status: 200"))]);
    assert_eq!(
        described,
        [
            "rule 1, “hidden pages”, log source category webserver",
            "  condition: s",
            "  s:",
            "    sc-status is 403",
            "  counted for each c-ip",
            "rule 2, “open pages”, log source category webserver",
            "  condition: s",
            "  s:",
            "    sc-status is 200",
            "  counted for each c-ip",
        ]
    );
    assert_eq!(
        shown(&events[0]),
        [
            "rule 1, “hidden pages”: true",
            "yes s: <- -",
            "  yes sc-status is 403 <- 403",
            "rule 2, “open pages”: false",
            "NO s: <- -",
            "  NO sc-status is 200 <- 403",
        ]
    );
    let standing = "rule 1 has come, rule 2 has not come within 10 min; it takes all, in this order";
    assert_eq!(events[0].counted[0].standing, standing);
    assert!(events[1].counted[0].fired.is_some());
}

#[test]
fn an_event_that_a_correlation_can_not_group_says_what_it_lacks() {
    let text = "title: t\nname: one\nlogsource: { category: webserver }\ndetection: { s: { cs-method: GET }, condition: s }\n---\n\
                title: Many\nname: many\ncorrelation: { type: value_count, rules: [one], group-by: [c-ip], timespan: 10m, condition: { field: cs-host, gte: 3 } }\n";
    let (events, described) = told_by_sigma(text, "sigma.many", &[&request("request.method: GET")]);
    assert_eq!(events[0].passed_over.as_deref(), Some("it lacks `cs-host`, which is counted"));
    assert_eq!(described.last().unwrap(), "  counted for each c-ip; cs-host, whose values are told apart");
}
