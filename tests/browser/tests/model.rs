//! The threat model in a real browser: every page, light and dark, on a desk and on a phone.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use gatewatch_browser_tests::{Browser, Scheme, Site};
use serde_json::json;

const LOOKS: [(Scheme, u32); 4] =
    [(Scheme::Light, 1280), (Scheme::Dark, 1280), (Scheme::Light, 390), (Scheme::Dark, 390)];

const PAGES: [(&str, &str); 5] = [
    ("model", "/model"),
    ("model-coverage", "/model/coverage"),
    ("model-controls", "/model/controls"),
    ("model-changes", "/model/changes"),
    ("model-report", "/model/report"),
];

fn pictures() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.dev/screenshots");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn looked_at(site: &Site, browser: &Browser, (page, path): (&str, &str), name: &str) -> Result<()> {
    browser.open(&format!("{}{path}", site.url)).await?;
    let noticed = browser.noticed().await?;
    ensure!(noticed.is_empty(), "{name}: {noticed:?}");
    let overflow = browser.overflow().await?;
    ensure!(overflow <= 0, "{name} is {overflow} px wider than its window");
    let here = browser.text("return document.querySelector('header nav [aria-current]')?.textContent ?? ''").await?;
    ensure!(here == "Threat model", "{page} is not in the navigation: {here}");
    browser.picture(&pictures()?.join(format!("{name}.png"))).await
}

// A test that fails drops its browser, which waits for an answer: somebody else must read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_threat_model_fits_and_the_console_stays_empty() -> Result<()> {
    let (site, browser) = (Site::open().await?, Browser::start().await?);
    browser.look(Scheme::Light, 1280).await?;
    browser.open(&format!("{}/model", site.url)).await?;
    // The first app of the list, where there is one.
    let app = browser
        .text("return document.querySelector('#sites')?.parentElement.querySelector('a')?.getAttribute('href') ?? ''");
    let app = app.await?;
    for (scheme, width) in LOOKS {
        browser.look(scheme, width).await?;
        for (page, path) in PAGES {
            looked_at(&site, &browser, (page, path), &format!("{page}-{}-{width}", scheme.name())).await?;
        }
        if !app.is_empty() {
            looked_at(&site, &browser, ("model-app", &app), &format!("model-app-{}-{width}", scheme.name())).await?;
        }
    }
    browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_texts_of_the_diagram_lie_on_each_other() -> Result<()> {
    let (site, browser) = (Site::open().await?, Browser::start().await?);
    browser.look(Scheme::Light, 1280).await?;
    browser.open(&format!("{}/model", site.url)).await?;
    let script = r"
        const boxes = [...document.querySelectorAll('svg.flows .box-name, svg.flows .box-sub, svg.flows .badge-text, svg.flows .area-name, svg.flows .area-sub')]
            .filter((one) => one.textContent.trim()).map((one) => one.getBoundingClientRect());
        let count = 0;
        for (const [nth, a] of boxes.entries()) for (const b of boxes.slice(nth + 1)) {
            const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            count += wide > 1 && high > 4;
        }
        return count;";
    let lying = browser.number(script).await?;
    ensure!(lying == 0, "{lying} pairs of texts lie on each other");
    browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_is_printed_on_pages_of_its_own() -> Result<()> {
    let (site, browser) = (Site::open().await?, Browser::start().await?);
    browser.look(Scheme::Dark, 1280).await?;
    browser.open(&format!("{}/model/report", site.url)).await?;
    let wanted = json!({"preferCSSPageSize": true, "printBackground": false});
    let answer = browser.driver.cdp().send_raw("Page.printToPDF", wanted).await?;
    let printed = BASE64.decode(answer["data"].as_str().context("no PDF")?.as_bytes())?;
    ensure!(printed.starts_with(b"%PDF"), "what was printed is no PDF");
    // Sections that begin a page: at least as many pages.
    let breaks = browser.number("return document.querySelectorAll('.break').length").await?;
    let pages = String::from_utf8_lossy(&printed).matches("/Type /Page\n").count();
    ensure!(i64::try_from(pages)? > breaks, "{pages} pages for {breaks} sections");
    std::fs::write(pictures()?.join("model-report.pdf"), printed)?;
    browser.look(Scheme::Light, 794).await?;
    browser.driver.cdp().send_raw("Emulation.setEmulatedMedia", json!({"media": "print"})).await?;
    browser.picture(&pictures()?.join("model-report-print.png")).await?;
    browser.quit().await
}
