//! Files of a site.

use super::*;

#[test]
fn a_file_that_publishing_wrote_is_read_whole() {
    one(FILE_AUDIT, |event| {
        assert_eq!((event.category, event.kind), (Category::AppServiceFileAuditLogs, Kind::FileChange));
        assert_eq!(
            (says(event.operation), says(event.target)),
            (Some("Write"), Some(r"D:\home\site\wwwroot\shell.aspx"))
        );
        assert_eq!((says(event.identity.id), event.identity.kind), (Some("$shop"), Some(IdentityKind::Publishing)));
        assert_eq!((says(event.app), event.outcome), (Some("shop"), Outcome::Success));
    });
}

#[test]
fn a_program_that_writes_a_file_is_nobody() {
    let json = r#"{"Category":"AppServiceFileAuditLogs","OperationName":"Delete","Properties":{"Path":"/a","Process":"w3wp.exe"}}"#;
    one(json, |event| {
        assert_eq!((says(event.client.agent), event.identity.kind), (Some("w3wp.exe"), None));
        assert!(event.identity.id.is_none() && event.identity.name.is_none());
    });
}
