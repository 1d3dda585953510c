//! What a page does while much happens: many windows, a daemon that dies, and records by an attacker.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use gatewatch_browser_tests::{Scheme, Visit, pictures};
use serde_json::{Value, json};

const LIVE: &str = "document.querySelector('#connection')?.textContent.startsWith('live')";
const NEWS: &str = "!document.querySelector('#pill').hidden";

/// Returns now, as records write it.
#[expect(clippy::disallowed_methods, reason = "what is sent must be as new as the daemon's clock")]
fn now() -> Result<String> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days since 1970 into a date, by the civil calendar.
    let (z, era) = (days + 719_468, (days + 719_468) / 146_097);
    let of_era = z - era * 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    Ok(format!("{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3_600, of_day / 60 % 60, of_day % 60))
}

fn resource(app: &str) -> String {
    format!("/SUBSCRIPTIONS/0/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.WEB/SITES/{app}")
}

/// Thirty refusals of one address, which are an alert.
fn refusals(ip: &str) -> Result<Vec<Vec<u8>>> {
    let time = now()?;
    let record = |n: usize| {
        json!({
            "time": time, "category": "AppServiceHTTPLogs", "resourceId": resource("FN-ORDERS"),
            "properties": { "CsMethod": "GET", "CsUriStem": format!("/api/orders/{n}"), "ScStatus": 403, "CIp": ip },
        })
    };
    Ok((0..30).map(|n| record(n).to_string().into_bytes()).collect())
}

/// Sends refusals of `ip` and waits until they are an alert; returns its id.
async fn alert_of(visit: &Visit, ip: &str) -> Result<String> {
    visit.site.send(&refusals(ip)?).await?;
    for _ in 0..100 {
        let told = visit.site.get("/api/v1/alerts?limit=50").await?;
        let body = told.split("\r\n\r\n").nth(1).unwrap_or_default();
        let body = body.find('{').map_or("", |at| &body[at..=body.rfind('}').unwrap_or(at)]);
        if let Ok(told) = serde_json::from_str::<Value>(body) {
            let all = told["alerts"].as_array().cloned().unwrap_or_default();
            let of_ip = |one: &&Value| one["finding_info"].to_string().contains(ip) || one.to_string().contains(ip);
            if let Some(id) = all.iter().find(of_ip).and_then(|one| one["id"].as_str()) {
                return Ok(id.to_owned());
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    anyhow::bail!("refusals of {ip} are no alert")
}

// A browser opens six connections to one server at most, and a page's stream is one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_windows_side_by_side_all_load_and_all_hear_of_a_change() -> Result<()> {
    let visit = Visit::begin_empty().await?;
    let driver = &visit.browser.driver;
    let alert = alert_of(&visit, "203.0.113.7").await?;
    let mut windows = vec![driver.window().await?];
    visit.open("/").await?;
    for _ in 1..8 {
        let window = driver.new_window().await?;
        driver.switch_to_window(window.clone()).await?;
        visit.open("/").await?;
        windows.push(window);
    }
    for (n, window) in windows.iter().enumerate() {
        driver.switch_to_window(window.clone()).await?;
        let seen = visit.browser.text("return document.visibilityState").await?;
        ensure!(seen == "visible", "window {n} is {seen}, so it proves nothing");
        visit.browser.wait_for(&format!("window {n} to be live"), LIVE).await?;
    }
    let said = visit.site.post(&format!("/api/v1/alerts/{alert}/acknowledge")).await?;
    ensure!(said.starts_with("HTTP/1.1 20"), "{said}");
    for (n, window) in windows.iter().enumerate() {
        driver.switch_to_window(window.clone()).await?;
        visit.browser.wait_for(&format!("the change in window {n}"), NEWS).await?;
    }
    // And there is a connection left for whoever clicks.
    visit.open(&format!("/a/{alert}")).await?;
    visit.browser.wait_for("an alert's page", "document.querySelector('#alert h1')").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_says_that_it_is_stale_when_the_daemon_is_gone_and_misses_nothing_once_it_is_back() -> Result<()> {
    let mut visit = Visit::begin_empty().await?;
    let first = alert_of(&visit, "203.0.113.7").await?;
    visit.open("/").await?;
    visit.browser.wait_for("the live stream", LIVE).await?;
    visit.site.kill().await?;
    let stale = "document.querySelector('#connection').className === 'stale'";
    visit.browser.wait_for("that it is stale", stale).await?;
    let row = |id: &str| format!("document.querySelector('tr[data-alert=\"{id}\"]')");
    ensure!(visit.browser.comes_within(Duration::from_secs(1), &row(&first)).await, "what was shown is gone");
    visit.browser.picture(&pictures()?.join("stale-light-1280.png")).await?;
    visit.site.start_again().await?;
    // It happens before the page has found its way back.
    let second = alert_of(&visit, "203.0.113.8").await?;
    visit.browser.wait_for("that it is live again", &format!("{LIVE} && !({stale})")).await?;
    visit.browser.wait_for("that there is news", NEWS).await?;
    for _ in 0..10 {
        visit.browser.press("n").await?;
        if visit.browser.comes_within(Duration::from_secs(2), &row(&second)).await {
            break;
        }
    }
    visit.browser.wait_for("the alert that it missed", &row(&second)).await?;
    visit.browser.wait_for("the alert that it had", &row(&first)).await?;
    visit.browser.quit().await
}

/// What attackers write into what is logged.
const HOSTILE: [&str; 9] = [
    "<script>window.pwned=1;alert(1)</script>",
    "\"><img src=x onerror=window.pwned=1>",
    "' onmouseover='window.pwned=1' autofocus onfocus='window.pwned=1",
    "</textarea></pre></title></style><svg onload=window.pwned=1>",
    "{{7*7}}${window.pwned=1}<%=1%>",
    "=HYPERLINK(\"https://evil.example\",\"x\")",
    "\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}",
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m",
    "a\u{0}b\r\nSet-Cookie: x=1",
];

/// Returns records in every text of which an attacker has written.
fn hostile() -> Result<Vec<Vec<u8>>> {
    let (time, long) = (now()?, format!("Mozilla/{}", "A".repeat(10_240)));
    let mut lines = Vec::new();
    for (n, text) in HOSTILE.into_iter().chain([long.as_str()]).enumerate() {
        let ip = format!("198.51.100.{}", n + 1);
        for _ in 0..25 {
            let request = json!({
                "time": time, "category": "AppServiceHTTPLogs", "resourceId": resource(text), "operationName": text,
                "location": text, "Host": text,
                "properties": {
                    "CsMethod": "GET", "CsUriStem": format!("/{text}"), "CsUriQuery": text, "UserAgent": text, "CsHost": text,
                    "Referer": text, "CsUsername": text, "Cookie": text, "ComputerName": text, "Result": text,
                    "ScStatus": 403, "CIp": ip, text: text,
                },
            });
            lines.push(request.to_string().into_bytes());
        }
        let gateway = json!({
            "time": time, "category": "GatewayLogs", "operationName": "Microsoft.ApiManagement/GatewayLogs",
            "callerIpAddress": ip, "correlationId": text, "isRequestSuccess": false,
            "resourceId": format!("/SUBSCRIPTIONS/0/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/{text}"),
            "properties": {
                "method": "GET", "url": format!("https://{text}/{text}?q={text}"), "responseCode": 401, "apiId": text,
                "operationId": text, "apimSubscriptionId": text, "userId": text, "lastError": { "reason": text, "message": text },
                "requestHeaders": { "ORIGIN": format!("https://{text}"), "user-agent": text, "x-forwarded-for": "127.0.0.1" },
            },
        });
        // As gateways do: what says nothing new to a detector is only shown.
        lines.extend(std::iter::repeat_n(gateway.to_string().into_bytes(), 1));
        let key = format!("kq{}AzFuPr0Q==", "Zx9".repeat(17));
        let log = json!({
            "time": time, "category": "FunctionAppLogs", "resourceId": resource(text), "operationName": text, "level": text,
            "properties": {
                "appName": text, "functionName": text, "level": "Error", "category": text, "exceptionType": text,
                "message": format!("{text} code={key} {text}"), "exceptionMessage": text, "hostInstanceId": text,
            },
        });
        lines.push(log.to_string().into_bytes());
        // No JSON: it goes to the dead letters.
        lines.push(format!("{{ {}", text.replace('\n', " ")).into_bytes());
    }
    Ok(lines)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_attacker_writes_into_every_field_does_nothing_on_any_page_or_in_an_export() -> Result<()> {
    let visit = Visit::begin_empty().await?;
    let alert = alert_of(&visit, "203.0.113.7").await?;
    // A body may have 4 MB.
    for some in hostile()?.chunks(8) {
        visit.site.send(some).await?;
    }
    visit.open("/?state=all").await?;
    let many = "document.querySelectorAll('tr[data-alert]').length >= 9";
    for _ in 0..15 {
        if visit.browser.comes_within(Duration::from_secs(2), many).await {
            break;
        }
        visit.open("/?state=all").await?;
    }
    visit.browser.wait_for("alerts of each attacker", many).await?;
    let links = |selector: &str| {
        format!(
            "return [...new Set([...document.querySelectorAll('{selector}')].map((one) => one.getAttribute('href')))].slice(0, 14).join('\\n')"
        )
    };
    let alerts = visit.browser.text(&links("tr[data-alert] a.title")).await?;
    let entities = visit.browser.text(&links("tr[data-alert] a[href^=\"/entity\"]")).await?;
    let fixed = ["/?state=all", "/pipeline", "/dead-letters", "/keys", "/deliveries", "/audit", "/detectors?fired=yes"];
    let searched = "/?q=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E";
    let silence = "/silences?reason=%22%3E%3Cscript%3Ewindow.pwned%3D1%3C/script%3E&entity=%22%3E%3Cscript%3Ewindow.pwned%3D1%3C/script%3E";
    let paths: Vec<String> =
        alerts.lines().chain(entities.lines()).chain(fixed).chain([searched, silence]).map(ToOwned::to_owned).collect();
    ensure!(paths.len() > 16, "too few pages: {paths:?}");
    let (mut seen, kept) = (String::new(), pictures()?);
    for width in [390, 1280] {
        visit.browser.look(Scheme::Dark, width).await?;
        for (n, path) in paths.iter().enumerate() {
            visit.open(path).await?;
            visit.check(&format!("{path} at {width}")).await?;
            let done = visit.browser.text("return String(window.pwned ?? 'nothing')").await?;
            ensure!(done == "nothing", "{path} runs what an attacker wrote");
            let planted = "return document.querySelectorAll('main script, main img, main svg[onload], [onerror], [onfocus], [onmouseover], main iframe').length";
            ensure!(visit.browser.number(planted).await? == 0, "{path} has elements that an attacker wrote");
            seen += &visit.browser.text("return document.body.innerText").await?;
            if n < 3 {
                visit.browser.picture(&kept.join(format!("hostile-{n}-{width}.png"))).await?;
            }
        }
    }
    ensure!(
        !seen.contains(['\u{202e}', '\u{1b}', '\u{200b}', '\u{0}', '\u{9b}']),
        "what hides or turns text is shown as it is"
    );
    ensure!(seen.contains("<script>"), "nothing of it was ever shown, so nothing was tried");
    exports_do_nothing(&visit).await?;
    ensure!(!alert.is_empty());
    visit.browser.quit().await
}

/// Whoever opens an export in a table calculator or a browser runs nothing of it.
async fn exports_do_nothing(visit: &Visit) -> Result<()> {
    let table = visit.site.get("/api/v1/alerts.csv?state=all").await?;
    let (head, body) = table.split_once("\r\n\r\n").context("no head")?;
    let head = head.to_ascii_lowercase();
    ensure!(head.contains("text/csv") && head.contains("nosniff") && head.contains("attachment"), "{head}");
    ensure!(!head.contains("set-cookie: x=1"), "a header that an attacker wrote: {head}");
    for cell in body.split(['\n', ',']).map(|cell| cell.trim_matches(['"', '\r', ' '])) {
        let number = cell.parse::<f64>().is_ok();
        ensure!(number || !cell.starts_with(['=', '+', '@', '\t']), "a formula: {cell}");
    }
    for path in ["/api/v1/alerts.json?state=all", "/api/v1/alerts.ndjson?state=all"] {
        let told = visit.site.get(path).await?.to_ascii_lowercase();
        ensure!(told.contains("nosniff") && told.contains("attachment"), "{path} may be shown as a page");
    }
    Ok(())
}
