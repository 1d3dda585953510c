use super::*;

const FINDER: &str = "id: probing.a\nneeds: [http.request]\nwhen: { request.path: /a }\nthreshold: { by: source.ip, at_least: 2, within: 1h }\n";
const THEN: &str = "id: probing.x\nneeds: [http.request]\nsequence: { by: source.ip, within: 2h, steps: [ { detector: probing.a }, { when: { request.path: /in } } ] }\n";

#[test]
fn of_a_step_that_others_find_it_is_told_when_it_was_found_or_that_it_was_not() {
    let files = [("probing/a.yaml", FINDER), ("probing/x.yaml", THEN)]
        .map(|(path, text)| (path.to_owned(), format!("{text}{HEAD}")));
    let catalogue = Catalogue::build(&files.into()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let given = [("1s", "/in"), ("10m", "/a"), ("20m", "/a"), ("30m", "/b"), ("1h", "/in")]
        .map(|(start, path)| format!("    - {{ start: {start}, {} }}\n", request(&format!("request.path: {path}"))));
    let text = format!("- name: n\n  alert: []\n  given:\n{}", given.concat());
    let cases = Case::read_all("x.test.yaml", &text).unwrap();
    let mut examiner = Examiner::new(&catalogue, "probing.x", catalogue.matcher(KEY)).unwrap();
    play(&cases[0], redactor(), |event, hash| examiner.look(event, hash));
    let (told, _) = examiner.finish();
    let found: Vec<&FoundAt> =
        told.iter().filter_map(|one| if let Told::Found(one) = one { Some(one) } else { None }).collect();
    let standing = "waits at step 2 of 2, with 0 of its 1 events, all within 2 h";
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (one.event, &*one.detector, one.steps.as_slice(), &*one.standing),
        (Some(3), "probing.a", &[1][..], standing)
    );
    let events = events(&told);
    let step = |event: &Examined| {
        let look = event.looks.iter().find(|look| look.of == "step 1").cloned();
        look.map(|look| (look.holds, look.clauses[0].asks.clone(), look.clauses[0].saw.clone()))
    };
    let asks = "found by probing.a".to_owned();
    let saw = "probing.a about ip 203.0.113.7 at 2026-01-05T12:20:00Z".to_owned();
    assert_eq!(step(events[0]), Some((false, asks.clone(), None)));
    assert_eq!(step(events[1]), None, "it counts for nobody");
    assert_eq!(step(events[4]), Some((true, asks, Some(saw))));
    let fired: Vec<bool> = events.iter().map(|event| event.counted.iter().any(|one| one.fired.is_some())).collect();
    assert_eq!(fired, [false, false, false, false, true]);
    assert_eq!(events[0].counted[0].standing, "nothing is remembered");
}
