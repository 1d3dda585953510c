//! Where a value ends that a name announced: nothing of it is left, and what follows is not taken for it.

use serde_json::Value;

use crate::written::json;
use crate::{chance, redactor, scan};

/// What is left of `text`; a second search finds no more, and JSON stays JSON.
pub(crate) fn hidden(text: &str) -> String {
    let seen = scan(text.as_bytes());
    assert_eq!(scan(&seen.bytes).text(), seen.text(), "a second search of {text}");
    let is_json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_ok();
    assert!(!is_json(text.as_bytes()) || is_json(&seen.bytes), "{text} became {}", seen.text());
    seen.text()
}

/// Asserts that all of `gone` goes and all of `kept` stays.
pub(crate) fn expect(text: &str, gone: &[&str], kept: &[&str]) {
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
pub(crate) fn dumped(lines: &str) -> [String; 2] {
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
        "Server=a; User ID=b; Password=correct horse battery;Encrypt=True",
        "Password=correct horse battery;Server=a",
        r#"{"c":"Password=correct horse battery;Server=a"}"#,
        "Server=a;Password=correct horse battery; Encrypt=True",
        "Server=a;Password=correct, horse, battery;Encrypt=True",
        "Server=a;Password=correct ho=rse battery;Encrypt=True",
        r#"{"c":"Server=a;User ID=b;Password=correct horse battery"}"#,
        r#"{"c":"Data Source=a;Password=correct horse battery;"}"#,
        "Server=a;Password=correct horse' battery's;Encrypt=True",
        r#"{"c":"Server=a;Password=correct horse's battery;Encrypt=True"}"#,
        r#"{"c":"Server=a;Password=correct'horse battery;Encrypt=True"}"#,
    ] {
        expect(text, &["correct", "horse", "rse", "battery"], &["=a"]);
    }
    for text in [
        "Server=a;Password=hunter2);Encrypt=True",
        "Server=a;Password=hunter2.,;Encrypt=True",
        r#"{"c":"Server=a;Password=hunter2);"}"#,
    ] {
        expect(text, &["hunter2", ")", "."], &["=a;"]);
    }
    for text in [
        "Server=a;User ID=b;Password=hunter2 was refused; retry=3",
        "Server=a;User ID=b;Password=hunter2 was refused",
        r#"{"c":"no login at Server=a;Password=hunter2 was refused"}"#,
        "password=hunter2 was refused; retry=3",
        "'Server=a;Password=hunter2' was refused;retry=3",
        "Server=a;Password=hunter2 was refused, it's said",
        "(Server=a;Password=hunter2) was refused",
    ] {
        expect(text, &["hunter2"], &[" was refused"]);
    }
}

/// The same password in the same string has one fingerprint, whatever is said behind it.
#[test]
fn a_sentence_behind_a_connection_string_changes_no_fingerprint() {
    let plain = scan(br#"{"message":"Server=db;Password=hunter2;"}"#).codes();
    for rest in ["", " could not be opened", " was refused"] {
        let text = format!(r#"{{"message":"Server=db;Password=hunter2{rest}"}}"#);
        assert_eq!(scan(text.as_bytes()).codes(), plain, "{text}");
    }
}

#[test]
fn a_key_of_which_a_form_made_spaces_is_hidden_in_any_string_and_from_its_first_letter_on() {
    let key = "9vQ2+xL7Rk3Wm8Tz4Bc6Np1Hs5Jd0Gq+2Yf8Zk4Xw7V=";
    let first = "+vQ2+xL7Rk3Wm8Tz4Bc6Np1Hs5Jd0Gq+2Yf8Zk4Xw7V=";
    let only = "+vQ2xxL7Rk3Wm8Tz4Bc6Np1Hs5Jd0Gqx2Yf8Zk4Xw7V=";
    let letters = "x7QkPz2b".repeat(5);
    let many = format!("{}+{}+aB3+dE5+fG7+hJ9+kL1Q==", &letters[..30], &letters[..34]);
    for key in [key, first, only, &*many] {
        let (spaced, plain) = (key.replace('+', " "), scan(format!(r#"{{"accountKey":"{key}"}}"#).as_bytes()).codes());
        for text in [
            format!("/b?sig={spaced}"),
            format!("/b?sig={spaced}&x=1"),
            format!(r#"{{"url":"/b?sig={spaced}"}}"#),
            format!(r#"{{"properties":"{{\"url\":\"/b?sig={spaced}\"}}"}}"#),
            format!(r#"{{"a":"{{\"b\":\"{{\\\"url\\\":\\\"/b?sig={spaced}\\\"}}\"}}"}}"#),
            format!("/x?code={spaced}&b=c"),
        ] {
            let seen = scan(text.as_bytes());
            assert_eq!(seen.codes(), plain, "{text} became {}", seen.text());
            expect(&text, &[&spaced[spaced.len() - 8..], &spaced[5..12]], &[]);
        }
    }
}

#[test]
fn a_tab_is_no_break_of_a_line() {
    let text = r#"{"m":"password=kDgHHLXOqipdiurN\tQ9w8E7r6T5y4\tok"}"#;
    expect(text, &["kDgHHL"], &[r"\tQ9w8E7r6T5y4\tok"]);
    expect("password=kDgHHLXOqipdiurN\tQ9w8E7r6T5y4\tok", &["kDgHHL"], &["Q9w8E7r6T5y4"]);
}

#[test]
fn a_column_behind_a_tab_is_no_part_of_a_line() {
    for tab in ["\t", "\\t"] {
        let line = |text: &str| text.replace("TAB", tab);
        let text = line("Cookie: a=b1234567; c=d1234567TABGETTAB/index.htmlTAB200");
        expect(&format!(r#"{{"m":"{text}"}}"#), &["b1234567", "d1234567"], &[&line("TABGETTAB/index.htmlTAB200")]);
        let text = line("x-ms-client-principal-name: ann@x.comTABGET /xTAB200");
        expect(&format!(r#"{{"m":"{text}"}}"#), &["ann@x.com"], &[&line("TABGET /xTAB200")]);
        let text = line("Cookie: a=b1234567;TABc=d1234567TABGET");
        expect(&text, &["b1234567", "d1234567"], &[&line("TABGET")]);
    }
}

/// What somebody says around a password is not taken for a connection string.
#[test]
fn a_semicolon_in_a_sentence_makes_no_connection_string() {
    for (text, kept) in [
        ("login failed; password=hunter2 was rejected; user=ann", " was rejected; user=ann"),
        (r#"{"m":"login failed; password=hunter2 was rejected; user=ann"}"#, " was rejected; user=ann"),
        ("login failed for user=ann; password=hunter2 was rejected; user=ann", " was rejected; user=ann"),
        (r#"{"m":"connect failed; pwd=hunter2 (see log); code=17"}"#, " (see log); code=17"),
        (r#"{"m":"pwd=hunter2, user=bob;role=x"}"#, ", user=bob;role=x"),
        ("a=b;password=hunter2, user=bob;role=x", ", user=bob;role=x"),
    ] {
        expect(text, &["hunter2"], &[kept]);
        assert_eq!(scan(text.as_bytes()).codes(), scan(br#"{"password":"hunter2"}"#).codes(), "{text}");
    }
    for text in [
        "Persist Security Info=False;Password=correct horse;Encrypt=True",
        "Server=a;Trust Server Certificate=True; Password=correct horse; User ID=b",
    ] {
        expect(text, &["correct", "horse"], &[]);
    }
}

#[test]
fn a_percent_sign_at_the_end_of_a_text_is_a_part_of_its_value() {
    for rest in ["%", "%a", "%%", "%a%", "%%2", "%2%2", "%z"] {
        let plain = format!("{{\"password\":\"hunter{rest}\"}}");
        for text in [
            format!("password=hunter{rest}"),
            format!("{{\"m\":\"password=hunter{rest}\"}}"),
            format!("{{\"m\":\"password&#61;hunter{rest}\"}}"),
            format!("{{\"m\":\"password\\u003dhunter{rest}\"}}"),
            format!("password&#61;hunter{}", rest.replace('%', "&#37;")),
        ] {
            let left = hidden(&text);
            assert!(!left.contains("hunter") && !left.contains('%') && !left.contains("&#37"), "{text}: {left}");
            let codes = scan(text.as_bytes()).codes();
            assert_eq!(codes, scan(plain.as_bytes()).codes(), "{text}: {left}");
        }
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
