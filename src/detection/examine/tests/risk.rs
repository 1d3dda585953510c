use super::*;

const TWO_AND_RISK: [(&str, &str); 3] = [
    (
        "probing/a.yaml",
        "id: probing.a\nlevel: high\nattack: { version: '18', techniques: [T1595] }\nneeds: [http.request]\nwhen: { request.path: /a }\nmatch: { by: source.ip }\n",
    ),
    (
        "probing/b.yaml",
        "id: probing.b\nlevel: medium\nattack: { version: '18', techniques: [T1110] }\nneeds: [http.request]\nwhen: { request.path: /b }\nmatch: { by: source.ip }\n",
    ),
    (
        "probing/r.yaml",
        "id: probing.r\nlevel: high\nattack: { version: '18', techniques: [T1110] }\nneeds: any\nrisk: { by: source.ip, at_least: 50, half_life: 1h }\n",
    ),
];

#[test]
fn a_risk_says_of_each_finding_what_it_is_worth_and_what_all_come_to() {
    let common = HEAD.replace("attack: { version: '18', techniques: [T1110] }\n", "").replace("level: low\n", "");
    let files = TWO_AND_RISK.map(|(path, text)| (path.to_owned(), format!("{text}{common}")));
    let catalogue = Catalogue::build(&files.into()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let given = [("1s", "/a"), ("10m", "/c"), ("3601s", "/b")]
        .map(|(start, path)| format!("    - {{ start: {start}, {} }}\n", request(&format!("request.path: {path}"))));
    let cases =
        Case::read_all("x.test.yaml", &format!("- name: n\n  alert: []\n  given:\n{}", given.concat())).unwrap();
    let mut examiner = Examiner::new(&catalogue, "probing.r", catalogue.matcher(KEY)).unwrap();
    play(&cases[0], redactor(), |event, hash| examiner.look(event, hash));
    let (told, _) = examiner.finish();
    assert_eq!(events(&told).len(), 3);
    let added: Vec<&Added> =
        told.iter().filter_map(|one| if let Told::Added(one) = one { Some(one) } else { None }).collect();
    let found: Vec<_> =
        added.iter().map(|one| (one.event, &*one.found[0].detector, one.found[0].tactic, one.found[0].worth)).collect();
    assert_eq!(found, [(Some(1), "probing.a", "reconnaissance", 50), (Some(3), "probing.b", "credential-access", 25)]);
    let held: Vec<_> = added[1].held.iter().map(|one| (&*one.detector, one.fresh, one.worth, one.counts)).collect();
    assert_eq!(held, [("probing.a", 50, 25.0, 25.0), ("probing.b", 25, 25.0, 25.0)], "half a life has gone by");
    assert_eq!(added[0].standing, "1 findings of 1 tactics are worth 50; it fires at 50, of 2 tactics or more");
    assert!(added[1].standing.starts_with("2 findings of 2 tactics are worth 50; it fires at 50"));
    assert_eq!(added.iter().map(|one| one.fired.is_some()).collect::<Vec<_>>(), [false, true]);
}
