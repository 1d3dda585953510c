use super::*;

#[test]
fn a_step_may_be_what_another_detector_found() {
    let scan =
        ("scan", "when: { outcome: failure }\nthreshold: { by: [source.ip, app], at_least: 3, within: 1m }\n", "[]");
    let fails = |start: &str, who: u8| {
        format!(
            "    - {{ repeat: 3, start: {start}, event: {{ kind: http.request, app: a, outcome: failure, source.ip: 203.0.113.{who} }} }}\n"
        )
    };
    let succeeds = |start: &str, who: u8| {
        format!(
            "    - {{ start: {start}, event: {{ kind: http.request, app: b, outcome: success, source.ip: 203.0.113.{who} }} }}\n"
        )
    };
    let case = |name: &str, given: &[String], alert: &str| {
        format!("- name: {name}\n  alert: {alert}\n  given:\n{}", given.concat())
    };
    let cases = [
        case("found, then let in, elsewhere too", &[fails("1s", 7), succeeds("10m", 7)], "[203.0.113.7]"),
        case("found, and somebody else let in", &[fails("1s", 7), succeeds("10m", 8)], "[]"),
        case("let in, then found", &[succeeds("1s", 7), fails("10m", 7)], "[]"),
        case("found, and let in too late", &[fails("1s", 7), succeeds("70m", 7)], "[]"),
        format!(
            "{}  except: {{ source.ip: 203.0.113.7 }}\n",
            case("found, and excepted", &[fails("1s", 7), succeeds("10m", 7)], "[]")
        ),
    ];
    let steps = "steps: [ { detector: probing.scan }, { when: { outcome: success } } ]";
    let text =
        holds(&[("after", &format!("sequence: {{ by: source.ip, within: 1h, {steps} }}\n"), &cases.concat()), scan]);
    let fires = "at 1 finding of probing.scan, then 1 event, in order, for one ip within 1h";
    assert!(text.contains(fires), "{text}");
}
