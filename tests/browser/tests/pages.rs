//! Every page in a real browser: light and dark, desktop and phone, and what people do there.

use std::time::Duration;

use anyhow::{Result, ensure};
use gatewatch_browser_tests::{LOOKS, ROWS, Visit, pictures};

// A test that fails drops its browser, which waits for an answer: somebody else must read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_and_the_console_stays_empty() -> Result<()> {
    let visit = Visit::begin().await?;
    let alert = visit.first_alert().await?;
    visit.open(&alert).await?;
    let entity = visit.browser.text("return document.querySelector('.about .entity a').getAttribute('href')").await?;
    let pages = [
        ("now", "/"),
        ("all", "/?state=all"),
        ("none", "/?q=nothing-has-this-text"),
        ("alert", &alert),
        ("pipeline", "/pipeline"),
        ("dead-letters", "/dead-letters"),
        ("silences", "/silences"),
        ("silence", "/silences?detector=auth-failures.spike_from_one_address&for=24h&reason=Our%20own%20scanner"),
        ("detectors", "/detectors?fired=yes"),
        ("keys", "/keys"),
        ("entity", &entity),
        ("unknown", "/entity?kind=origin&value=https://nobody.example"),
        ("deliveries", "/deliveries"),
        ("audit", "/audit"),
        ("api", "/api"),
        ("missing", "/nowhere"),
    ];
    for (scheme, width) in LOOKS {
        visit.browser.look(scheme, width).await?;
        for (page, path) in pages {
            let name = format!("{page}-{}-{width}", scheme.name());
            visit.open(path).await?;
            visit
                .browser
                .wait_for(
                    "the script of the page",
                    "!document.querySelector('#help')?.hidden || document.querySelector('main')",
                )
                .await?;
            visit.check(&name).await?;
            visit.browser.picture(&pictures()?.join(format!("{name}.png"))).await?;
            if (scheme.name(), width) == ("light", 1280) {
                visit.browser.window(&pictures()?.join(format!("window-{page}.png"))).await?;
            }
            visit.check_for_everybody(&name).await?;
        }
    }
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_tried_again_by_a_button() -> Result<()> {
    let visit = Visit::begin().await?;
    let button = "document.querySelector('.letter form.retry button')";
    for _ in 0..30 {
        visit.open("/dead-letters").await?;
        if visit.browser.text(&format!("return {button} ? 'there' : ''")).await? == "there" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    visit.browser.text(&format!("{button}.click(); return ''")).await?;
    visit.browser.wait_for("an answer", "location.search.includes('queued=1')").await?;
    visit
        .browser
        .wait_for("what was said", "document.querySelector('.said')?.textContent.includes('tried again')")
        .await?;
    visit.check("dead letters").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_silenced_from_its_page_once_the_cost_was_shown_and_the_silence_is_ended() -> Result<()> {
    let visit = Visit::begin().await?;
    let browser = &visit.browser;
    let alert = visit.first_alert().await?;
    visit.open(&alert).await?;
    browser.text("document.querySelector('.act .more a').click(); return ''").await?;
    browser.wait_for("what it would hide", "document.querySelector('.cost')?.textContent.includes('30 days')").await?;
    let button = "document.querySelector('button[formmethod=post]')";
    browser
        .text(&format!("document.querySelector('[name=reason]').value = 'A test'; {button}.click(); return ''"))
        .await?;
    browser.wait_for("the silence", "document.querySelector('.said')?.textContent.startsWith('Silenced')").await?;
    visit.check("silences").await?;
    browser.text("document.querySelector('form[action$=\"/end\"] button').click(); return ''").await?;
    browser.wait_for("its end", "document.querySelector('.said')?.textContent.startsWith('Ended')").await?;
    visit.open("/audit").await?;
    browser.wait_for("who did it", "document.querySelector('main table')?.textContent.includes('silence')").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watch_for_policy_violations_would_see_one() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.open("/pipeline").await?;
    visit.browser.text("document.querySelector('main').setAttribute('style', 'color: red'); return ''").await?;
    visit.browser.wait_for("a violation", "window.__noticed.some((what) => what.startsWith('policy:'))").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_would_see_a_picture_without_words_and_words_without_contrast() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.open("/pipeline").await?;
    let spoil = "const h = document.querySelector('h1'); const p = document.createElement('p'); p.textContent = 'pale'; \
        p.className = 'pale'; const sheet = new CSSStyleSheet(); sheet.replaceSync('.pale { color: #ccc; background: #fff }'); \
        document.adoptedStyleSheets = [sheet]; h.after(p, Object.assign(document.createElement('img'), { src: '/assets/none' })); return ''";
    visit.browser.text(spoil).await?;
    if let Err(found) = visit.check_for_everybody("a spoilt page").await {
        let found = found.to_string();
        ensure!(found.contains("image-alt") && found.contains("color-contrast"), "{found}");
    } else {
        // Without axe nothing is found, and that was said.
        ensure!(!visit.browser.has_axe(), "axe finds nothing wrong with a page that is");
    }
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_found_acknowledged_and_closed_by_hand_and_by_key() -> Result<()> {
    let visit = Visit::begin().await?;
    let browser = &visit.browser;
    visit.open_list().await?;
    browser.press("j").await?;
    browser.wait_for("focus on the first alert", "document.activeElement.matches('tr[data-alert] a.title')").await?;
    browser.press("?").await?;
    browser.wait_for("the list of keys", "document.querySelector('#keys').open").await?;
    browser.press("\u{e00c}").await?;
    browser.wait_for("the list of keys to go", "!document.querySelector('#keys').open").await?;

    let alert = visit.first_alert().await?;
    visit.open(&alert).await?;
    let state = "document.querySelector('.chips .state').textContent";
    browser.press("a").await?;
    browser.wait_for("an answer", "location.search.startsWith('?said=')").await?;
    for _ in 0..20 {
        visit.open(&alert).await?;
        if browser.text(&format!("return {state}")).await?.contains("acknowledged") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    browser.wait_for("the acknowledgement", &format!("{state}.startsWith('acknowledged')")).await?;
    browser.wait_for("no second offer to acknowledge", "!document.querySelector('#acknowledge')").await?;

    let reason = "a browser test <b>closed</b> it";
    let fill = format!(
        "document.querySelector('[name=reason]').value = '{reason}'; document.querySelector('#close').click(); return ''"
    );
    browser.text(&fill).await?;
    browser.wait_for("an answer", "location.search.startsWith('?said=')").await?;
    for _ in 0..20 {
        visit.open(&alert).await?;
        if browser.text(&format!("return {state}")).await? == "closed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    browser
        .wait_for("the reason", &format!("document.querySelector('.closing')?.textContent.includes('{reason}')"))
        .await?;
    visit.check("a closed alert").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_elsewhere_is_announced_and_moves_nothing_until_asked() -> Result<()> {
    let visit = Visit::begin().await?;
    let browser = &visit.browser;
    let alert = visit.first_alert().await?;
    visit.open_list().await?;
    browser.wait_for("the live stream", "document.querySelector('#connection').textContent === 'live'").await?;
    let first = "return document.querySelector('tr[data-alert]').dataset.alert";
    let before = browser.text(first).await?;
    // Somebody else, from another window: no header of ours, the same origin.
    let close =
        format!("fetch('/api/v1/alerts/' + '{alert}'.slice(3) + '/acknowledge', {{method: 'POST'}}); return ''");
    browser.text(&close).await?;
    browser.wait_for("the pill", "!document.querySelector('#pill').hidden").await?;
    assert_eq!(browser.text(first).await?, before, "rows moved by themselves");
    visit.check("a list with news").await?;
    browser.picture(&pictures()?.join("news-light-1280.png")).await?;
    // The fleet goes on meanwhile, so the pill may be back at once: what was announced must be on the page.
    let shown = format!("document.querySelector('tr[data-alert=\"{}\"].state-acknowledged')", &alert[3..]);
    ensure!(browser.text(&format!("return {shown} ? 'there' : ''")).await?.is_empty(), "a row changed by itself");
    // The pill may have come for another alert: it is asked for what is new until this one is on the page.
    for _ in 0..20 {
        browser.press("n").await?;
        if browser.comes_within(Duration::from_secs(1), &shown).await {
            break;
        }
    }
    browser.wait_for("the acknowledged row", &shown).await?;
    browser.wait_for("rows after it", ROWS).await?;
    visit.check("a list brought up to date").await?;
    visit.browser.quit().await
}
