//! Scans for malware.

use super::*;

#[test]
fn a_scan_that_found_something_names_the_files() {
    one(ANTIVIRUS, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceAntivirusScanAuditLogs, Kind::MalwareScan));
        assert_eq!((event.outcome, event.decision), (Outcome::Failure, Some(Decision::Matched)));
        assert_eq!(says(event.target), Some("[C:/home/site/wwwroot/shell.aspx]"));
        assert_eq!((says(event.app), says(event.message)), (Some("shop"), Some("Completed")));
    });
}

#[track_caller]
fn scan(properties: &str, outcome: Outcome, decision: Option<Decision>, target: Option<&str>) {
    let json = format!(r#"{{"category":"AppServiceAntivirusScanAuditLogs","properties":{{{properties}}}}}"#);
    one(&json, |event| {
        assert_eq!((event.outcome, event.decision, says(event.target)), (outcome, decision, target), "{json}");
    });
}

#[test]
fn a_clean_scan_and_a_failed_one_found_nothing() {
    scan(
        r#""ScanStatus":"Completed","NumberOfInfectedFiles":"0","ListOfInfectedFiles":"[]""#,
        Outcome::Success,
        None,
        None,
    );
    scan(r#""NumberOfInfectedFiles":0,"ListOfInfectedFiles":"""#, Outcome::Success, None, None);
    scan(r#""ScanStatus":"Failed""#, Outcome::Failure, None, None);
    scan(r#""NumberOfInfectedFiles":0,"ErrorMessage":"no disk""#, Outcome::Failure, None, None);
    scan("", Outcome::Unknown, None, None);
}

#[test]
fn a_list_may_be_an_array_and_may_come_without_a_number() {
    let list = r#"["/a","/b"]"#;
    scan(&format!(r#""ListOfInfectedFiles":{list}"#), Outcome::Failure, Some(Decision::Matched), Some(list));
    scan(r#""NumberOfInfectedFiles":2"#, Outcome::Failure, Some(Decision::Matched), None);
}
