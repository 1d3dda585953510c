//! Elements of XML: their values go, in every way of writing; placeholders, types and compilers' names stay.

use gatewatch::telemetry::Confidence;

use crate::rests::{dumped, expect, hidden};
use crate::scan;
use crate::written::json;

#[test]
fn the_value_of_an_element_that_is_cut_off_is_hidden() {
    expect("<a><Password>hunter2", &["hunter2"], &["<a>"]);
    expect("<a><Password>hunter2\n", &["hunter2"], &["<a>"]);
    expect("<a>\n  <Password>hunter2\r\n", &["hunter2"], &["<a>"]);
    expect("<password>hunter2\n", &["hunter2"], &[]);
    expect("<a><Password><![CDATA[hunter2", &["hunter2"], &["<a>"]);
    expect("<a><Password>hunter2</Pass", &["hunter2"], &["<a>"]);
    expect(r#"{"m":"<a><Password>hunter2</Pass","n":"kept"}"#, &["hunter2"], &["<a>", "kept"]);
    expect(r#"{"m":"<a><Password>hunter2","n":"kept"}"#, &["hunter2"], &["<a>", "kept"]);
    expect(r#"{ "m" : "<password>hunter2" }"#, &["hunter2"], &["\" }"]);
    expect("say <password> twice", &[], &["twice"]);
}

#[test]
fn an_element_that_is_cut_off_ends_with_its_string() {
    let text = r#"{"UserAgent":"<password>aaaa\"]x","CIp":"203.0.113.9"}"#;
    expect(text, &["aaaa", "]x"], &[r#"","CIp":"203.0.113.9"}"#]);
    let text = r#"{"properties":"{\"xml\":\"<password>hunter2\",\"y\":1}"}"#;
    expect(text, &["hunter2"], &[r#"\",\"y\":1}"}"#]);
    expect(r#"["<password>abcd" ,"</password>"]"#, &["abcd"], &[r#"" ,"</password>"]"#]);
    expect(r#"{"properties":"{'m':'<password>hunter2','n':'kept'}"}"#, &["hunter2"], &["','n':'kept'}"]);
    let text = r#"{"a":"%3Cpassword%3Ehunter2%22%2C%22n%22%3A1%7D&q=1"}"#;
    expect(text, &["hunter2"], &["%22%2C%22n%22%3A1%7D&q=1"]);
    let long = "x".repeat(600);
    let text = format!(r#"{{"p":"{{\"m\":\"{long}<a><password>hunter2\",\"y\":1}}"}}"#);
    expect(&text, &["hunter2"], &[r#"\",\"y\":1}"}"#]);
}

#[test]
fn nobody_is_woken_for_an_element_that_is_cut_off() {
    for text in ["<a><Password>hunter2", r#"{"m":"<Password>hunter2"}"#] {
        let seen = scan(text.as_bytes());
        assert_eq!(seen.sightings.len(), 1, "{text}");
        assert_eq!(seen.sightings[0].confidence, Confidence::Suspected, "{text}");
    }
}

#[test]
fn a_quote_in_an_element_is_a_part_of_its_value() {
    expect(r#"{"m":"<password>hunter\"}2xyz</password>"}"#, &["hunter", "2xyz"], &["</password>"]);
    expect(r#"<password>hunter"}2xyz</password>"#, &["hunter", "2xyz"], &["</password>"]);
    expect(r#"[12:00:01 INF] <password>hunter"}2xyz</password>"#, &["hunter", "2xyz"], &["</password>"]);
    expect(r#"<clientSecret>{"key":"s3cr3t"}</clientSecret>"#, &["s3cr3t"], &["</clientSecret>"]);
    expect(r#"{"m":"got '<password>it's-mine</password>'"}"#, &["mine"], &["</password>'"]);
}

#[test]
fn the_value_of_an_element_is_hidden_whole() {
    for (text, gone) in [
        ("<Password>hun&amp;ter2</Password>", "ter2"),
        ("<Password>correct horse</Password>", "horse"),
        ("<Password>correct; horse</Password>", "horse"),
        ("<Password>a\"correct horse</Password>", "horse"),
        ("<wsse:Password Type=\"http://a.invalid/x#PasswordText\">hunter2</wsse:Password>", "hunter2"),
        ("<Password x='a' y = \"b\">hunter2</Password>", "hunter2"),
        ("<Password><![CDATA[hun<ter 2]]></Password>", "ter"),
        ("<Password> <![CDATA[hunter2]]> </Password>", "hunter2"),
        ("<Password><![CDATA[hunter2]]> </Password>", "hunter2"),
        ("<Password>\n<![CDATA[hunter2]]>\n</Password>", "hunter2"),
        ("<Password><![CDATA[ab]>cdefg]]></Password>", "cdefg"),
        ("<Password><![CDATA[ab]]cdefg]]]></Password>", "cdefg"),
        ("<Password><![CDATA[ab]]><![CDATA[cdefg]]></Password>", "cdefg"),
        ("<a><apiKey>correct horse</apiKey></a>", "horse"),
        ("<Password>\n  correct horse\n</Password>", "horse"),
        ("user bob<password>hunter2</password>", "hunter2"),
        ("<Password >hunter2</Password >", "hunter2"),
    ] {
        for text in dumped(&format!("<x>{text}<y>kept</y></x>")) {
            expect(&text, &[gone], &["kept"]);
        }
        let escaped = json(text).replace('<', "\\u003c").replace('>', "\\u003e");
        expect(&format!(r#"{{"m":"{escaped}","n":"kept"}}"#), &[gone], &["kept"]);
    }
    // Tokens of SAML get this long.
    let long = "x7Qk".repeat(4200);
    expect(&format!("<accessToken>{long}</accessToken>"), &["x7Qk"], &["</accessToken>"]);
    expect(&format!("<a><accessToken>{long}"), &["x7Qk"], &["<accessToken>"]);
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
        "<password>hunter2</passwordHint>",
        "<password> </password>",
        "set DATABASE_URL=postgres://orders:<password>@db.internal:5432/orders",
        "/api/HttpTrigger?clientId=<password>&clientId=default",
        "MyApp.AccountController+<ChangePassword>d__12.MoveNext",
        "<ChangePassword>d__12.MoveNext",
        "   at MyApp.Auth.TokenProvider.<GetAccessToken>d__5.MoveNext()",
        "   at MyApp.Auth.<>c__DisplayClass0.<GetAccessToken>b__0(String x)",
        "GET /api/%3Cpassword%3E/items HTTP/1.1",
        "GET %3Cpassword%3Eitems HTTP/1.1",
        "Expected <password>\nGot:nothing",
        "<password>\nGot:nothing",
        "<password>@db.internal",
        "rule=/x/<accessToken>/y",
    ] {
        for text in dumped(text) {
            assert_eq!(hidden(&text), text);
        }
    }
    for text in [
        r#"{"requestUri":"/api/HttpTrigger?code=<function-key>&clientId=default"}"#,
        r#"{"outerMethod":"MyApp.AccountController+<ChangePassword>d__12.MoveNext","x":1}"#,
        r#"{"outerMethod":"<GetAccessToken>d__5.MoveNext","x":1}"#,
        r#"{"a":"enter <password here","b":"x->done"}"#,
        r#"{"a":"enter <password x=\"here","b":"x\"->done"}"#,
    ] {
        assert!(!hidden(text).replace("azure-function-key:k1:", "").contains(":k1:"), "{text} became {}", hidden(text));
        for kept in ["&clientId=default", "d__12.MoveNext", "d__5.MoveNext", "done"] {
            assert_eq!(hidden(text).contains(kept), text.contains(kept), "{text} became {}", hidden(text));
        }
    }
}

#[test]
fn the_field_behind_a_property_is_named_as_the_property_is() {
    for text in [
        r#"{"<Password>k__BackingField":"hunter2"}"#,
        r#"{"\u003cPassword\u003ek__BackingField":"hunter2"}"#,
        r#"{"m":"{\"<Password>k__BackingField\":\"hunter2\"}"}"#,
        "<_x003C_Password_x003E_k__BackingField>hunter2</_x003C_Password_x003E_k__BackingField>",
        r#"{"m":"<_x003C_Password_x003E_k__BackingField>hunter2</_x003C_Password_x003E_k__BackingField>"}"#,
    ] {
        expect(text, &["hunter2"], &["k__BackingField"]);
        assert_eq!(scan(text.as_bytes()).codes(), scan(br#"{"password":"hunter2"}"#).codes(), "{text}");
    }
}

#[test]
fn a_secret_in_an_element_has_the_fingerprint_it_has_elsewhere() {
    let plain = scan(br#"{"password":"hun&ter2"}"#).codes();
    for text in [
        "<Password>hun&amp;ter2</Password>",
        "<Password>hun&#38;ter2</Password>",
        "<Password>hun&#x26;ter2</Password>",
        "<Password><![CDATA[hun&ter2]]></Password>",
        "<Password> <![CDATA[hun&ter2]]> </Password>",
        "<Password> hun&amp;ter2 </Password>",
        "<Password>\n\thun&amp;ter2\n</Password>",
        "<a><Password>hun&amp;ter2",
    ] {
        for text in dumped(text) {
            let seen = scan(text.as_bytes());
            assert_eq!(seen.codes(), plain, "{text} became {}", seen.text());
        }
    }
}

#[test]
fn an_element_with_attributes_is_known_by_the_name_that_closes_it() {
    for text in [
        r#"<FunctionKey xmlns="urn:x">my-own-Key-0815-of-orders</FunctionKey>"#,
        r"<a:FunctionKey x='1' y='2'> my-own-Key-0815-of-orders </a:FunctionKey>",
        r#"<FunctionKey xmlns="urn:x"><![CDATA[my-own-Key-0815-of-orders]]></FunctionKey>"#,
        "<a:FunctionKey x='1'>\n <![CDATA[my-own-Key-0815-of-orders]]>\n</a:FunctionKey>",
    ] {
        let plain = scan(br#"{"functionKey":"my-own-Key-0815-of-orders"}"#).codes();
        for text in dumped(&format!("<x>{text}<y>kept</y></x>")) {
            expect(&text, &["my-own"], &["kept"]);
            assert_eq!(scan(text.as_bytes()).codes(), plain, "{text}");
        }
    }
    for text in ["<a>none</FunctionKey>", "Dictionary<FunctionKey, string> none</FunctionKey>"] {
        for text in dumped(text) {
            assert_eq!(hidden(&text), text);
        }
    }
}

#[test]
fn an_element_may_be_named_by_the_one_before() {
    for text in [
        "<key>password</key><string>hunter2</string>",
        "<key>password</key>\n  <string>hunter2</string>",
        "<name>db.password</name><value>hunter2</value>",
        "<key>functionKey</key><string>hunter2</string>",
    ] {
        for text in dumped(text) {
            expect(
                &text,
                &["hunter2"],
                &["</string>", "</value>"].map(|end| if text.contains(end) { end } else { "" }),
            );
        }
    }
    for text in ["<key>password</key><integer>4</integer>", "<td>password</td><td>hunter2</td>"] {
        for text in dumped(text) {
            assert_eq!(hidden(&text), text);
        }
    }
}

/// Strings that are closed before an element are not the string around it, and no quote that is escaped beats a tag.
#[test]
fn a_string_that_is_closed_before_an_element_is_not_around_it() {
    for (text, gone) in [
        (r#"{"m":"<request><data>{\"user\":\"bob\"}</data><password>ab\"cdEF99</password></request>"}"#, "cdEF99"),
        (r#"{"m":"<a>{\"user\":\"bob\"}</a><password>abcd\"efgh99</password>"}"#, "efgh99"),
        (r#"{"m":"sent (\"orders\") <password>ab\"cdEF99</password>"}"#, "cdEF99"),
        (r#"{"m":"{\"a\":\"b\"} <clientSecret>{\"key\":\"s3cr3t77\"}</clientSecret>"}"#, "s3cr3t77"),
        (r#"{"m":"<a>{'user':'bob'}</a><password>abcd'efgh99</password>"}"#, "efgh99"),
        (r#"{"p":"{\"m\":\"<a>['b']</a><password>ab\\\"cdEF99</password>\"}"}"#, "cdEF99"),
    ] {
        expect(text, &[gone], &["</", "\"}"]);
    }
    let text = r#"{"m":"<a>{\"user\":\"bob\"}</a><password>hunter2","n":"kept"}"#;
    expect(text, &["hunter2"], &[r#"","n":"kept"}"#]);
    for run in [2, 32, 34] {
        let text = format!(r#"{{"m":"<password>hunter2{}","n":"</password>"}}"#, "\\".repeat(run));
        expect(&text, &["hunter2"], &[r#"","n":"</password>"}"#]);
    }
}

#[test]
fn a_brace_alone_begins_no_json() {
    for text in [
        r#"{'message':'<password>hunter"2xyz</password>','level':2}"#,
        r#"{orders-api} <password>hunter"2xyz</password>"#,
        r#"{ orders-api } <password>hunter"2xyz</password>"#,
    ] {
        expect(text, &["hunter", "2xyz"], &["</password>"]);
    }
    let text = format!("{{{}\"m\":\"<password>hunter2\",\"n\":\"</password>\"}}", " ".repeat(80));
    expect(&text, &["hunter2"], &[r#"","n":"</password>"}"#]);
}

#[test]
fn an_element_in_entities_may_be_cut_off_too() {
    expect(r#"{"m":"&lt;a&gt;&lt;password&gt;hunter2"}"#, &["hunter2"], &["&lt;a&gt;", "\"}"]);
    expect(r#"{"m":"<a>&lt;b&gt;&lt;password&gt;hunter2","n":1}"#, &["hunter2"], &["&lt;b&gt;", r#"","n":1}"#]);
    for text in ["say &lt;password&gt; twice", "curl -u &lt;user&gt;:&lt;password&gt; x", "<b>&lt;password&gt;</b>"] {
        for text in dumped(text) {
            assert_eq!(hidden(&text), text);
        }
    }
}

#[test]
fn nobody_is_woken_for_a_name_in_what_is_cut_off() {
    for text in [r#"{"m":"<a><password>x;pwd=defghi"}"#, "<a><password>x?code=defghi-0815-of-orders-0815"] {
        let seen = scan(text.as_bytes());
        let confidences: Vec<_> = seen.sightings.iter().map(|one| one.confidence).collect();
        assert_eq!(confidences, [Confidence::Suspected], "{text} became {}", seen.text());
        expect(text, &["defghi", "x;", "x?"], &["<a><password>"]);
    }
    let text = "<a><clientSecret>x;pwd=defghi</clientSecret>";
    assert_eq!(scan(text.as_bytes()).codes(), scan(br#"{"clientSecret":"x;pwd=defghi"}"#).codes());
}
