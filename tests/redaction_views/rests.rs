//! Where a value ends that a name announced: nothing of it is left, and what follows is not taken for it.

use serde_json::Value;

use crate::written::json;
use crate::{chance, redactor, scan};

/// What is left of `text`; a second search finds no more, and JSON stays JSON.
fn hidden(text: &str) -> String {
    let seen = scan(text.as_bytes());
    assert_eq!(scan(&seen.bytes).text(), seen.text(), "a second search of {text}");
    let is_json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_ok();
    assert!(!is_json(text.as_bytes()) || is_json(&seen.bytes), "{text} became {}", seen.text());
    seen.text()
}

/// Asserts that all of `gone` goes and all of `kept` stays.
fn expect(text: &str, gone: &[&str], kept: &[&str]) {
    let left = hidden(text);
    for gone in gone {
        assert!(!left.contains(gone), "{gone} is left of {text}:\n{left}");
    }
    for kept in kept {
        assert!(left.contains(kept), "{kept} is gone from {text}:\n{left}");
    }
}

#[test]
fn a_sentence_behind_a_value_is_no_part_of_it() {
    expect(
        "password=hunter2 worked for ann so retry with apikey=my-own-key-0815-of-orders",
        &["hunter2", "my-own", "0815"],
        &[" worked for ann so retry with apikey="],
    );
    expect(
        "access_token=abc1234 was sent to the old host by the new user=ann",
        &["abc1234"],
        &[" was sent to the old host by the new user=ann"],
    );
    expect(
        "access_token=abc1234 Has Been Refused By The Host At=",
        &["abc1234"],
        &[" Has Been Refused By The Host At="],
    );
}

/// Every line of `lines` in a message, and in a message in JSON.
fn dumped(lines: &str) -> [String; 2] {
    [lines.to_owned(), format!(r#"{{"level":2,"message":"{}"}}"#, json(lines))]
}

#[test]
fn a_dump_of_the_environment_is_read_line_by_line() {
    for next in [
        "DB1_PWD=\"hunter2\"",
        "DB1_PWD=hunter,2more",
        "DB_PASSWORD=Xk29fLmQ2pZ7",
        "Db9Pwd=hunter2",
        "A1_API_KEY=hunter2",
        "B2_C3_PWD='hunter2'",
    ] {
        let name = next.split_once('=').unwrap().0;
        for text in dumped(&format!("API_KEY=kDgHHLXOqipdiurNIuy4iD\n{next}\nHOME=/root\n")) {
            let codes = scan(text.as_bytes()).codes();
            assert_eq!(codes.len(), 2, "{text}: {}", hidden(&text));
            let first = scan(b"API_KEY=kDgHHLXOqipdiurNIuy4iD").codes();
            assert_eq!(codes[0], first[0], "{text}");
            expect(&text, &["hunter", "2more", "kDgH", "Xk29"], &[name, "HOME=/root"]);
        }
    }
    for next in ["WEBSITE_SKU=P1v3", "X1_Y2_Z3=\"P1v3\"", "466b2784acf5c115466b2784acf5c115", "P1v3", "x7Q"] {
        for text in dumped(&format!("API_KEY=kDgHHLXOqipdiurNIuy4iD\n{next}\nHOME=/root\n")) {
            let lines = json(next);
            expect(&text, &["kDgH"], &[if text.starts_with('{') { &lines } else { next }, "HOME=/root"]);
        }
    }
}

#[test]
fn a_value_that_is_whole_by_its_shape_does_not_go_on() {
    let next = &mut chance(31);
    let rest = "f11NAV2SZr4xQ9";
    // A web token's signature is of any length: where lines are read together it takes in what looks like more of it.
    let all = gatewatch::redaction::made::proven(next).into_iter().filter(|(kind, ..)| *kind != "jwt");
    for (kind, _, secret) in all {
        let text = format!("API_KEY={secret}\n{rest}\nx");
        let seen = scan(text.as_bytes());
        let alone = scan(format!("API_KEY={secret}").as_bytes()).codes();
        assert_eq!(seen.codes(), alone, "{kind}: {}", seen.text());
        assert!(seen.text().contains(rest), "{kind}: {text} became {}", seen.text());
    }
}

#[test]
fn a_short_rest_counts_behind_a_full_line_or_before_the_closing_quote() {
    let first = "kDgHHLXOqipdiurNIuy4iD";
    let full = "Xk29fLmQ2pZ7aB3k".repeat(4);
    expect(&format!("API_KEY={full}\nx7Q\nend"), &["x7Q"], &["end"]);
    expect(&format!(r#"{{"m":"API_KEY={first}\nx7Q"}}"#), &["x7Q"], &[]);
}

#[test]
fn the_value_of_an_element_that_is_cut_off_is_hidden() {
    expect("<a><Password>hunter2", &["hunter2"], &["<a>"]);
    expect(r#"{"m":"<a><Password>hunter2","n":"kept"}"#, &["hunter2"], &["<a>", "kept"]);
    expect("say <password> twice", &[], &["twice"]);
}

#[test]
fn the_value_of_an_element_is_hidden_whole() {
    for (text, gone) in [
        ("<Password>hun&amp;ter2</Password>", "ter2"),
        ("<Password>correct horse</Password>", "horse"),
        ("<Password>correct; horse</Password>", "horse"),
        ("<Password>a\"correct horse</Password>", "horse"),
        ("<wsse:Password Type=\"http://a.invalid/x#PasswordText\">hunter2</wsse:Password>", "hunter2"),
        ("<Password><![CDATA[hun<ter 2]]></Password>", "ter"),
        ("<a><apiKey>correct horse</apiKey></a>", "horse"),
        ("<Password>\n  correct horse\n</Password>", "horse"),
    ] {
        for text in dumped(&format!("<x>{text}<y>kept</y></x>")) {
            expect(&text, &[gone], &["kept"]);
        }
        let escaped = json(text).replace('<', "\\u003c").replace('>', "\\u003e");
        expect(&format!(r#"{{"m":"{escaped}","n":"kept"}}"#), &[gone], &["kept"]);
    }
}

#[test]
fn a_placeholder_or_a_type_is_no_element() {
    for text in [
        "curl -u <user>:<password> https://host/path",
        "usage: tool --db-password <password> FILE",
        "usage: tool --db-password <password> FILE or <b>that</b>",
        "IOptions<DbPassword> bound",
        "Promise<AccessToken> rejected",
        "Promise<AccessToken> rejected </AccessToken>",
        "<Password/> none",
        "<Password Nil=\"1\"/> none",
    ] {
        for text in dumped(text) {
            assert_eq!(hidden(&text), text);
        }
    }
}

#[test]
fn a_parameter_of_a_deployment_may_name_its_type_first() {
    for text in [
        r#"{"adminPassword":{"type":"SecureString","value":"hunter2"}}"#,
        r#"{"adminPassword": {"type": "SecureString", "value": "hunter2"}}"#,
        r#"{"m":"{\"adminPassword\":{\"type\":\"SecureString\",\"value\":\"hunter2\"}}"}"#,
    ] {
        expect(text, &["hunter2"], &["SecureString"]);
    }
}

#[test]
fn a_password_in_a_connection_string_may_hold_spaces() {
    for text in [
        "Server=a;User ID=b;Password=correct horse battery;Encrypt=True",
        "Server=a;User ID=b;Password=correct horse battery;Connect Timeout=3",
        r#"{"c":"Server=a;User ID=b;Password=correct horse battery"}"#,
        r#"{"c":"Data Source=a;Password=correct horse battery;"}"#,
    ] {
        expect(text, &["correct", "horse", "battery"], &["=a;"]);
    }
    for text in [
        "Server=a;User ID=b;Password=hunter2 was refused; retry=3",
        "Server=a;User ID=b;Password=hunter2 was refused",
        r#"{"c":"no login at Server=a;Password=hunter2 was refused"}"#,
    ] {
        expect(text, &["hunter2"], &[" was refused"]);
    }
}

#[test]
fn an_escape_that_breaks_off_behind_a_sign_is_hidden_too() {
    for sign in [".", ",", ")", ").", ";"] {
        let left = hidden(&format!("password=hunter{sign}\\uab"));
        assert!(!left.contains('\\') && !left.contains("hunter"), "{sign}: {left}");
    }
}

/// Eight times the text takes eight times the time; a square would take sixty-four.
#[test]
fn spaces_in_base64_cost_no_square() {
    // What this thread has had of a processor, nanoseconds.
    let spent = || {
        std::thread::yield_now();
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        told.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or_default()
    };
    let cost = |length: usize| {
        let text = "eHh4eHh4eHh4eHh4eHh4eHh ".repeat(length / 24);
        let began = spent();
        std::hint::black_box(redactor().hide(text.as_bytes()));
        spent() - began
    };
    let (short, long) = (cost(16 << 10), cost(128 << 10));
    assert!(long <= short * 24, "{short} became {long}");
}
