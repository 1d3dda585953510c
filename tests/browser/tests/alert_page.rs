//! What a tired person finds on an alert's page and behind it: the plot, the file with what matched, the detector.

use std::time::Duration;

use anyhow::{Result, ensure};
use gatewatch_browser_tests::{Scheme, Visit, pictures};

/// Returns the path of an alert of a detector that counts, on a demo that has one.
async fn alert_that_counts(visit: &Visit) -> Result<String> {
    visit.open_list().await?;
    let link = "document.querySelector('tr[data-alert] a.title')?.getAttribute('href') ?? ''";
    for _ in 0..20 {
        for detector in
            ["probing.scanner", "auth-failures.spike_from_one_address", "probing.path_probing", "probing.injection"]
        {
            visit.open(&format!("/?state=all&q={detector}")).await?;
            let found = visit.browser.text(&format!("return {link}")).await?;
            if found.is_empty() {
                continue;
            }
            visit.open(&found).await?;
            if visit.browser.text("return document.querySelector('svg.plot') ? 'there' : ''").await? == "there" {
                return Ok(found);
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    anyhow::bail!("no alert has a plot")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_shows_its_measure_and_the_lines_that_matched_and_leads_to_its_detector() -> Result<()> {
    let visit = Visit::begin().await?;
    let browser = &visit.browser;
    let alert = alert_that_counts(&visit).await?;
    let said = browser.text("return document.querySelector('svg.plot').getAttribute('aria-label')").await?;
    ensure!(said.contains("fires") || said.contains("expected") || said.contains("fired"), "{said}");
    let before =
        "document.querySelector('.head .lead').compareDocumentPosition(document.querySelector('svg.plot')) & 4";
    let after = "document.querySelector('svg.plot').compareDocumentPosition(document.querySelector('.record')) & 4";
    browser.wait_for("the plot between the sentence and the evidence", &format!("{before} && {after}")).await?;
    let marks = browser.number("return document.querySelectorAll('#source mark').length").await?;
    ensure!(marks > 1, "nothing is lit in the detector's file");
    let words = browser.number("return document.querySelectorAll('#source mark + .lit').length").await?;
    ensure!(words == marks, "a mark without its word");
    visit.look_at("alert-plot", &alert).await?;
    browser.look(Scheme::Light, 390).await?;
    visit.open(&alert).await?;
    browser
        .text("for (const one of document.querySelectorAll('#source, #numbers')) one.open = true; return ''")
        .await?;
    visit.check("an alert's page with all of it open").await?;
    visit.check_for_everybody("an alert's page with all of it open").await?;
    browser.picture(&pictures()?.join("alert-file-light-390.png")).await?;
    browser.look(Scheme::Dark, 1280).await?;
    browser.picture(&pictures()?.join("alert-file-dark-1280.png")).await?;

    browser.text("document.querySelector('.facts a[href^=\"/detectors/\"]').click(); return ''").await?;
    browser
        .wait_for(
            "the detector's page",
            "location.pathname.startsWith('/detectors/') && document.querySelector('#try')",
        )
        .await?;
    let page = browser.text("return location.pathname").await?;
    visit.look_at("detector", &page).await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_detector_is_tried_and_nothing_of_it_is_kept() -> Result<()> {
    let visit = Visit::begin().await?;
    let browser = &visit.browser;
    visit.open_list().await?;
    let page = "/detectors/auth-failures.spike_from_one_address";
    visit.open(page).await?;
    let change = |from: &str, to: &str| {
        format!(
            "const t = document.querySelector('#try textarea'); t.value = t.value.replace('{from}', '{to}'); document.querySelector('#try button').click(); return ''"
        )
    };
    browser.text(&change("response.status:", "response.statuss:")).await?;
    browser
        .wait_for("the problem at its line", "document.querySelector('#wrong pre')?.textContent.includes('^^^')")
        .await?;
    visit.check("a change that does not compile").await?;
    visit.check_for_everybody("a change that does not compile").await?;
    browser.picture(&pictures()?.join("detector-wrong-light-1280.png")).await?;
    visit.open(page).await?;
    browser.text(&change("at_least: 20", "at_least: 9999")).await?;
    let failed = "document.querySelector('#tried')?.textContent.includes('do not come out')";
    browser.wait_for("cases that no longer come out", failed).await?;
    browser
        .wait_for(
            "what became of alerts",
            "document.querySelector('#tried').textContent.includes('would not have fired')",
        )
        .await?;
    visit.check("a change that was tried").await?;
    visit.check_for_everybody("a change that was tried").await?;
    browser.picture(&pictures()?.join("detector-tried-light-1280.png")).await?;
    browser.look(Scheme::Dark, 390).await?;
    browser.picture(&pictures()?.join("detector-tried-dark-390.png")).await?;
    visit.open(page).await?;
    browser
        .wait_for("the text as it was", "document.querySelector('#try textarea').value.includes('at_least: 20')")
        .await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn techniques_and_the_list_of_detectors_fit_and_can_be_read_by_everybody() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.open_list().await?;
    visit.look_at("attack", "/attack").await?;
    visit
        .browser
        .wait_for("a technique that was seen", "document.querySelector('.cell-fired a[href^=\"/detectors/\"]')")
        .await?;
    visit.look_at("detectors-all", "/detectors").await?;
    visit.look_at("forbidden", "/settings").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_shown_to_admins_with_the_line_that_sets_them_and_no_secret() -> Result<()> {
    let visit = Visit::begin_empty().await?;
    let token = visit.site.token("admin").await?;
    let login = "document.querySelector('[name=token]')";
    // A daemon that runs sees a new token within a second.
    for _ in 0..10 {
        visit.open("/settings").await?;
        if visit.browser.comes_within(Duration::from_millis(500), login).await {
            break;
        }
    }
    visit.browser.wait_for("the question who comes in", login).await?;
    visit.look_at("login", "/login?next=%2Fsettings").await?;
    visit.browser.text(&format!("{login}.value = '{token}'; {login}.form.requestSubmit(); return ''")).await?;
    visit.browser.wait_for("the settings", "document.querySelector('.settings')").await?;
    let told = visit.browser.text("return document.querySelector('main').textContent").await?;
    ensure!(told.contains("gatewatch.toml:") && told.contains("How far out of order"), "{told}");
    visit.look_at("settings", "/settings").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_a_handover_and_an_opening_again_are_forms_of_the_page() -> Result<()> {
    let visit = Visit::begin().await?;
    let browser = &visit.browser;
    let alert = visit.first_alert().await?;
    let send = |form: &str, text: &str| {
        format!(
            "const f = document.querySelector('form[action$=\"/{form}\"]'); (f.elements.text ?? f.elements.reason).value = '{text}'; f.requestSubmit(); return ''"
        )
    };
    let steps = [
        ("note", "seen <b>before</b>", "seen <b>before</b>"),
        ("assign", "dana", "dana"),
        ("close", "our own scanner", "our own scanner"),
        ("reopen", "it was not ours", "it was not ours"),
    ];
    for (form, text, shown) in steps {
        let there = format!("document.querySelector('form[action$=\"/{form}\"]')");
        for _ in 0..20 {
            visit.open(&alert).await?;
            if browser.comes_within(Duration::from_millis(500), &there).await {
                break;
            }
        }
        browser.text(&send(form, text)).await?;
        browser.wait_for("an answer", "location.search.startsWith('?said=')").await?;
        let told = format!("document.querySelector('#activity')?.textContent.includes('{shown}')");
        for _ in 0..20 {
            visit.open(&alert).await?;
            if browser.comes_within(Duration::from_millis(500), &told).await {
                break;
            }
        }
        browser.wait_for(form, &told).await?;
    }
    visit.check("an alert with deeds").await?;
    visit.check_for_everybody("an alert with deeds").await?;
    browser.picture(&pictures()?.join("alert-deeds-light-1280.png")).await?;
    visit.browser.quit().await
}
