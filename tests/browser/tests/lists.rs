//! The list of alerts in a real browser: asked, narrowed, kept, read beside and worked through by keys alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use gatewatch_browser_tests::{Browser, Scheme, Site};
use tokio::sync::{Mutex, MutexGuard};

const LOOKS: [(Scheme, u32); 4] =
    [(Scheme::Light, 1280), (Scheme::Dark, 1280), (Scheme::Light, 390), (Scheme::Dark, 390)];
const ROWS: &str = "document.querySelector('tr[data-alert]')";
const OPEN: &str = "document.querySelector('tr[data-alert].state-open')";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

/// One browser at a time: several would slow each other down until they miss what they wait for.
static TURN: Mutex<()> = Mutex::const_new(());

struct Visit {
    _turn: MutexGuard<'static, ()>,
    site: Site,
    browser: Browser,
}

impl Visit {
    /// Opens a demo and waits for alerts: it takes a while to raise its first.
    async fn begin() -> Result<Self> {
        let turn = TURN.lock().await;
        let visit = Self { _turn: turn, site: Site::open().await?, browser: Browser::start().await? };
        visit.browser.look(Scheme::Light, 1280).await?;
        for _ in 0..12 {
            visit.open("/").await?;
            if visit.browser.comes_within(Duration::from_secs(5), OPEN).await {
                return Ok(visit);
            }
        }
        visit.browser.wait_for("an alert", OPEN).await?;
        Ok(visit)
    }

    async fn open(&self, path: &str) -> Result<()> {
        self.browser.open(&format!("{}{path}", self.site.url)).await
    }

    async fn run(&self, script: &str) -> Result<()> {
        self.browser.text(&format!("{script}; return ''")).await.map(drop)
    }

    async fn text(&self, expression: &str) -> Result<String> {
        self.browser.text(&format!("return String({expression})")).await
    }

    async fn wait_for(&self, what: &str, script: &str) -> Result<()> {
        self.browser.wait_for(what, script).await
    }

    async fn press(&self, keys: &[&str]) -> Result<()> {
        for key in keys {
            self.browser.press(key).await?;
        }
        Ok(())
    }

    /// Says what is wrong with the page that is open, if anything is, and takes its picture.
    async fn check(&self, name: &str) -> Result<()> {
        let noticed = self.browser.noticed().await?;
        ensure!(noticed.is_empty(), "{name}: {noticed:?}");
        let overflow = self.browser.overflow().await?;
        ensure!(overflow <= 0, "{name} is {overflow} px wider than its window");
        self.browser.window(&pictures()?.join(format!("{name}.png"))).await
    }

    /// Reads the page again until `script` holds: what is done takes an epoch to be durable.
    async fn comes(&self, path: &str, what: &str, script: &str) -> Result<()> {
        for _ in 0..60 {
            self.open(path).await?;
            if self.browser.comes_within(Duration::from_millis(500), script).await {
                return Ok(());
            }
        }
        self.wait_for(what, script).await
    }
}

fn pictures() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.dev/screenshots");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_fits_in_every_look_with_facets_views_and_an_alert_beside_it() -> Result<()> {
    let visit = Visit::begin().await?;
    let id = visit.text(&format!("{OPEN}.dataset.alert")).await?;
    let pages = [
        ("list", "/".to_owned()),
        ("list-asked", "/?q=level%3E%3Dmedium%20-family:probing%20state:all&range=7d".to_owned()),
        ("list-wrong", "/?q=levl:high%20state:opn%20key".to_owned()),
        ("list-none", "/?q=app:no-such-app".to_owned()),
        ("list-beside", format!("/?alert={id}")),
    ];
    for (scheme, width) in LOOKS {
        visit.browser.look(scheme, width).await?;
        for (page, path) in &pages {
            visit.open(path).await?;
            visit.wait_for("the page's script", "!document.querySelector('#help').hidden").await?;
            visit.check(&format!("{page}-{}-{width}", scheme.name())).await?;
            if *page == "list-beside" {
                let name = format!("whole-{page}-{}-{width}.png", scheme.name());
                visit.browser.picture(&pictures()?.join(name)).await?;
            }
        }
        visit.open("/").await?;
        if width < 500 {
            visit
                .run(
                    "document.querySelector('#narrow').open = true; document.querySelector('#narrow').scrollIntoView()",
                )
                .await?;
            visit.check(&format!("list-facets-{}-{width}", scheme.name())).await?;
        } else {
            ensure!(
                visit.text("document.querySelector('#facets li a').getBoundingClientRect().height > 20").await?
                    == "true",
                "the facets are folded on a wide screen"
            );
        }
        visit.press(&["?"]).await?;
        visit.check(&format!("list-keys-{}-{width}", scheme.name())).await?;
    }
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_typed_narrowed_by_a_facet_and_its_parts_taken_away_again() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.press(&["/"]).await?;
    visit.press(&["level>=low state:all", ENTER]).await?;
    visit.wait_for("the question", "document.querySelectorAll('.terms code').length === 2").await?;
    ensure!(visit.text("document.querySelector('#search').value").await? == "level>=low state:all");
    let facet = "[...document.querySelectorAll('.facets section')].find((s) => s.querySelector('h2').textContent === 'family').querySelector('a')";
    let family = visit.text(&format!("{facet}.querySelector('.what').textContent")).await?;
    visit.run(&format!("{facet}.click()")).await?;
    visit
        .wait_for(
            "a list of one family",
            &format!("document.querySelector('#search').value.includes('family:{family}')"),
        )
        .await?;
    // Alerts go on opening: the one that is chosen need not be the first any more.
    let chosen = "[...document.querySelectorAll('.facets a[aria-current=true] .what')].map((what) => what.textContent)";
    visit.wait_for("the facet that is chosen", &format!("{chosen}.includes('{family}')")).await?;
    let other = format!(
        "[...document.querySelectorAll('tr[data-alert] .c-about')].filter((cell) => !cell.textContent.includes('{family}')).length"
    );
    ensure!(visit.text(&other).await? == "0", "an alert of another family");
    visit.run("document.querySelector('.terms a').click()").await?;
    visit
        .wait_for("the question without its first part", "!document.querySelector('#search').value.includes('level')")
        .await?;
    visit.check("a list that was narrowed").await?;
    // The old form of addresses.
    visit.open(&format!("/?state=all&family={family}&q=a")).await?;
    ensure!(visit.text("document.querySelector('#search').value").await? == format!("a state:all family:{family}"));
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_is_saved_for_all_used_and_removed() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.open("/?q=level%3E%3Dhigh%20assignee:none").await?;
    visit.run("document.querySelector('#save').open = true; document.querySelector('#save [name=name]').value = 'Nobody’s <b>yet</b>'; document.querySelector('#save form').requestSubmit()").await?;
    let view = "document.querySelector('.views > a[aria-current]')";
    visit.wait_for("the view", &format!("{view}?.textContent === 'Nobody’s <b>yet</b>'")).await?;
    visit.check("list-view-light-1280").await?;
    visit.open("/").await?;
    visit.run("document.querySelector('.views > a').click()").await?;
    visit.wait_for("its question", "document.querySelector('#search').value === 'level>=high assignee:none'").await?;
    // Another question under the same name is asked for first.
    visit.open("/?q=level%3E%3Dlow").await?;
    visit.run("document.querySelector('#save').open = true; document.querySelector('#save [name=name]').value = 'nobody’s <b>yet</b>'; document.querySelector('#save form').requestSubmit()").await?;
    visit.wait_for("the question whether to replace it", "document.querySelector('#taken')").await?;
    visit.check("list-view-taken-light-1280").await?;
    visit.open("/").await?;
    visit.run("document.querySelector('.views > a').click()").await?;
    visit
        .wait_for("its old question", "document.querySelector('#search').value === 'level>=high assignee:none'")
        .await?;
    visit.run("document.querySelector('#remove summary').click()").await?;
    visit.wait_for("what removing means", "document.querySelector('#remove').open").await?;
    visit.check("list-view-remove-light-1280").await?;
    visit.run("document.querySelector('.views form[action$=remove] button').click()").await?;
    visit.wait_for("no view", "!document.querySelector('.views > a')").await?;
    visit.open("/audit").await?;
    let audit = visit.text("document.querySelector('main').textContent").await?;
    ensure!(audit.contains("saved a view") && audit.contains("removed a view"), "{audit}");
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_read_beside_the_list_which_stays_where_it_was() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.run("window.__stays = 1; scrollTo(0, 120)").await?;
    let at = visit.text("scrollY").await?;
    let title = "document.querySelector('tr[data-alert] a.title')";
    let id = visit.text("document.querySelector('tr[data-alert]').dataset.alert").await?;
    visit.run(&format!("{title}.click()")).await?;
    visit.wait_for("the pane", &format!("document.querySelector('[data-pane=\"{id}\"]')")).await?;
    ensure!(visit.text("window.__stays + ' ' + scrollY").await? == format!("1 {at}"), "the list moved");
    ensure!(visit.text("location.search").await?.contains(&format!("alert={id}")));
    visit.check("list-pane-light-1280").await?;
    visit.press(&[ESCAPE]).await?;
    visit.wait_for("no pane", "!document.querySelector('[data-pane]') && !location.search.includes('alert=')").await?;
    visit.run("history.back()").await?;
    visit.wait_for("the pane again", "document.querySelector('[data-pane]')").await?;
    visit.run("history.back()").await?;
    visit.wait_for("no pane again", "!document.querySelector('[data-pane]')").await?;
    ensure!(visit.text("window.__stays").await? == "1", "the page was loaded anew");
    visit.browser.look(Scheme::Light, 390).await?;
    visit.run(&format!("{title}.click()")).await?;
    visit.wait_for("the alert's own page", "location.pathname.startsWith('/a/')").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_are_chosen_by_a_link_a_drag_and_by_keys() -> Result<()> {
    let visit = Visit::begin().await?;
    // Not the last one for certain: a new hour may just have begun.
    visit
        .run(
            "[...document.querySelectorAll('.hours a.bar')].findLast((bar) => !bar.ariaLabel.startsWith('0 ')).focus()",
        )
        .await?;
    visit.press(&[ENTER]).await?;
    visit.wait_for("an hour's list", "document.querySelectorAll('.hours a[aria-current]').length === 1").await?;
    visit.wait_for("its alerts", ROWS).await?;
    visit.check("list-hour-light-1280").await?;
    let drag = "const bars = [...document.querySelectorAll('.hours a.bar')];
        const at = (bar) => { const r = bar.getBoundingClientRect(); return { clientX: r.x + r.width / 2, clientY: r.y + r.height / 2, bubbles: true, button: 0, buttons: 1 }; };
        bars[20].firstElementChild.dispatchEvent(new PointerEvent('pointerdown', at(bars[20])));
        bars[22].firstElementChild.dispatchEvent(new PointerEvent('pointermove', at(bars[22])));
        bars[22].firstElementChild.dispatchEvent(new PointerEvent('pointerup', at(bars[22])))";
    // One that ended where nobody saw it chooses nothing.
    visit.run(&drag.replace("bars[22].firstElementChild.dispatchEvent(new PointerEvent('pointerup'", "document.dispatchEvent(new PointerEvent('pointermove', { buttons: 0 })); bars[22].firstElementChild.dispatchEvent(new PointerEvent('pointerup'")).await?;
    visit.wait_for("no hours", "!document.querySelector('.hours .within')").await?;
    ensure!(
        visit.text("document.querySelectorAll('.hours a[aria-current]').length").await? == "1",
        "hours were chosen"
    );
    visit.run(drag).await?;
    visit.wait_for("three hours' list", "document.querySelectorAll('.hours a[aria-current]').length === 3").await?;
    visit.run("document.querySelector('.hours a.bar:last-of-type').focus()").await?;
    let driver = &visit.browser.driver;
    let keys = driver.action_chain().key_down('\u{e008}').send_keys("\u{e012}\u{e012}\u{e012}").key_up('\u{e008}');
    keys.perform().await?;
    visit.press(&[ENTER]).await?;
    visit.wait_for("four hours' list", "document.querySelectorAll('.hours a[aria-current]').length === 4").await?;
    visit
        .run("[...document.querySelectorAll('.terms a')].find((a) => a.textContent.includes('opened:')).click()")
        .await?;
    visit.wait_for("no hours chosen", "!document.querySelector('.hours a[aria-current]')").await?;
    visit.run("document.querySelector('.scale a').click()").await?;
    visit.wait_for("seven days", "document.querySelectorAll('.hours a.bar').length === 28").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_a_row_is_left_out_and_asked_for() -> Result<()> {
    let visit = Visit::begin().await?;
    let last = "[...document.querySelectorAll('tr[data-alert] .c-about .sub a.out')].at(-1).ariaLabel";
    let detector = visit.text(&format!("{last}.replace('Without detector ', '')")).await?;
    let pick = |kind: &str| {
        format!(
            "[...document.querySelectorAll('tr[data-alert] .c-about .sub a.{kind}')].find((a) => a.ariaLabel.endsWith(' {detector}'))"
        )
    };
    visit.run(&format!("{}.focus()", pick("out"))).await?;
    visit.check("list-pick-light-1280").await?;
    visit.press(&[ENTER]).await?;
    visit
        .wait_for("a list without it", &format!("document.querySelector('#search').value === '-detector:{detector}'"))
        .await?;
    ensure!(visit.text(&format!("{} ? 'there' : 'gone'", pick("out"))).await? == "gone");
    visit.open("/").await?;
    visit.press(&["j", "e"]).await?;
    visit
        .wait_for(
            "what can be left out",
            "document.querySelector('#leaving').open && document.querySelectorAll('#leaving a').length >= 4",
        )
        .await?;
    visit.check("list-leave-out-light-1280").await?;
    visit.press(&[ENTER]).await?;
    visit.wait_for("a list without a level", "document.querySelector('#search').value.startsWith('-level=')").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_acknowledged_taken_and_closed_from_the_list_by_keys_alone() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.open("/?q=state:open").await?;
    visit.press(&["j"]).await?;
    let id = visit.text("document.activeElement.closest('tr').dataset.alert").await?;
    let row = format!("document.querySelector('tr[data-alert=\"{id}\"]')");
    visit.press(&["a"]).await?;
    let recorded = format!(
        "{row}.matches('.state-acknowledged:not(.recording)') && {row}.querySelector('.state').textContent === 'acknowledged'"
    );
    visit.wait_for("the acknowledgement", &recorded).await?;
    visit
        .wait_for("what is said to all", "document.querySelector('#done').textContent.startsWith('Acknowledged')")
        .await?;
    visit.check("list-done-light-1280").await?;
    let here = format!("/?q=state:all&alert={id}");
    visit.comes(&here, "who has it", "document.querySelector('[data-pane]')?.dataset.assignee").await?;
    visit.press(&["m"]).await?;
    let failed = "document.querySelector('#failed').textContent";
    visit.wait_for("that it is theirs already", &format!("{failed}.includes('already')")).await?;
    visit.check("list-refused-light-1280").await?;
    visit.browser.look(Scheme::Dark, 390).await?;
    visit.check("list-refused-dark-390").await?;
    visit.browser.look(Scheme::Light, 1280).await?;
    visit.press(&["c"]).await?;
    visit
        .wait_for("why", "document.querySelector('#closing').open && document.activeElement.name === 'reason'")
        .await?;
    visit.check("list-closing-light-1280").await?;
    visit.press(&["keys alone", ENTER]).await?;
    visit.wait_for("the closing", "document.querySelector('[data-pane]').dataset.state === 'closed'").await?;
    visit.check("list-closed-light-1280").await?;
    visit.comes(&here, "a closed alert", "document.querySelector('[data-pane]')?.dataset.state === 'closed'").await?;
    visit.open(&format!("/a/{id}")).await?;
    visit.wait_for("the reason", "document.querySelector('.closing')?.textContent.includes('keys alone')").await?;
    visit.press(&["g", "p"]).await?;
    visit.wait_for("the pipeline's page", "location.pathname === '/pipeline'").await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_notification_one_key_acknowledges_and_assigns() -> Result<()> {
    let visit = Visit::begin().await?;
    let id = visit.text(&format!("{OPEN}.dataset.alert")).await?;
    // The link that a notification has.
    visit.open(&format!("/a/{id}")).await?;
    visit.press(&["a"]).await?;
    visit.wait_for("an answer", "location.search.startsWith('?said=')").await?;
    let mine = "/^acknowledged · \\S+/.test(document.querySelector('.chips .state').textContent)";
    visit.comes(&format!("/a/{id}"), "whose it is", mine).await?;
    visit.browser.quit().await
}

/// Answers what the page fetches of panes and deeds in the test's own time: `window.__go()` lets the oldest through.
const HELD: &str = "const real = window.fetch; const held = []; window.__held = held;
    window.__go = () => held.shift()();
    window.fetch = (to, how) => /\\/pane/.test(String(to)) ? new Promise((come, fail) => held.push(() => real(to, how).then(come, fail))) : real(to, how)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_acts_on_no_other_alert_than_the_one_that_is_read() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.comes("/", "three alerts", "document.querySelectorAll('tr[data-alert].state-open').length > 2").await?;
    let row = |n: usize| format!("document.querySelectorAll('tr[data-alert]')[{n}]");
    let id = |n: usize| format!("{}.dataset.alert", row(n));
    visit.run(&format!("{}.querySelector('a.title').click()", row(0))).await?;
    visit
        .wait_for(
            "the first beside the list",
            &format!("document.querySelector('[data-pane]')?.dataset.pane === {}", id(0)),
        )
        .await?;
    let entries = visit.text("history.length").await?;
    visit.run(HELD).await?;
    visit.run(&format!("{}.querySelector('a.title').focus()", row(0))).await?;
    visit.press(&["j", "a"]).await?;
    let failed = "document.querySelector('#failed').textContent";
    visit.wait_for("that it is still read", &format!("{failed}.includes('still being read')")).await?;
    ensure!(visit.text("document.querySelector('#pane').ariaBusy").await? == "true", "the pane is not said to be busy");
    ensure!(visit.text(&format!("location.search.includes({})", id(1))).await? == "true", "the address is late");
    visit.press(&["j"]).await?;
    // The answers come in the other order: the later one counts.
    visit.run("window.__held.reverse(); window.__go()").await?;
    visit.wait_for("the third", &format!("document.querySelector('[data-pane]').dataset.pane === {}", id(2))).await?;
    visit.run("window.__go()").await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    ensure!(
        visit.text(&format!("document.querySelector('[data-pane]').dataset.pane === {}", id(2))).await? == "true",
        "a stale answer is shown"
    );
    ensure!(visit.text("history.length").await? == entries, "each step is an entry of the history");
    // Another row is chosen than the one beside the list.
    visit.run(&format!("{}.querySelector('a.title').focus()", row(0))).await?;
    visit.press(&["a"]).await?;
    visit.wait_for("that another is shown", &format!("{failed}.includes('another alert')")).await?;
    visit.check("list-another-light-1280").await?;
    ensure!(
        visit.text("document.querySelectorAll('tr.state-acknowledged, tr.recording').length").await? == "0",
        "something was acknowledged"
    );
    visit.press(&[ESCAPE]).await?;
    visit.wait_for("nothing said", &format!("!{failed}")).await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_half_written_outlives_what_it_is_written_into() -> Result<()> {
    let visit = Visit::begin().await?;
    let id = visit.text(&format!("{OPEN}.dataset.alert")).await?;
    visit.open(&format!("/a/{id}")).await?;
    visit.wait_for("the page's script", "!document.querySelector('#help').hidden").await?;
    visit.run("document.querySelector('form[action$=\"/note\"] textarea').focus()").await?;
    visit.press(&["half a no"]).await?;
    visit.run("document.querySelector('#alert').append(document.createElement('hr')); document.querySelector('#pill').click()").await?;
    visit.wait_for("the page as it is now", "!document.querySelector('#alert > hr')").await?;
    visit.press(&["te"]).await?;
    let note = visit.text("document.querySelector('form[action$=\"/note\"] textarea').value").await?;
    ensure!(note == "half a note", "{note:?} is left of the note");
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_and_not_yet_recorded_is_said_to_be_so() -> Result<()> {
    let visit = Visit::begin().await?;
    visit.open("/?q=state:open").await?;
    visit.wait_for("alerts", OPEN).await?;
    // The daemon's answer to a deed is late; what happens is as it is.
    visit
        .run("const real = window.fetch; window.fetch = async (to, how) => { if (/\\/pane/.test(String(to))) await new Promise((done) => setTimeout(done, 1500)); const answer = await real(to, how); return how?.method === 'POST' ? new Response('{}', { status: 202 }) : answer; }")
        .await?;
    visit.press(&["j", "a"]).await?;
    let row = "document.querySelector('tr[data-alert]')";
    visit
        .wait_for(
            "that it is being recorded",
            &format!("{row}.matches('.recording') && {row}.querySelector('.state').textContent === 'being recorded'"),
        )
        .await?;
    visit.wait_for("that it is recorded", &format!("{row}.matches('.state-acknowledged:not(.recording)')")).await?;
    visit.browser.quit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_taken_from_a_colleague_by_a_second_press_only() -> Result<()> {
    let visit = Visit::begin().await?;
    let id = visit.text(&format!("{OPEN}.dataset.alert")).await?;
    let json = "{ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{\"to\": \"dana\"}' }";
    visit.run(&format!("fetch('/api/v1/alerts/{id}/assign', {json})")).await?;
    let pane = "document.querySelector('[data-pane]')?.dataset";
    let here = format!("/?q=state:all&alert={id}");
    visit.comes(&here, "that dana has it", &format!("{pane}.assignee === 'dana'")).await?;
    visit.press(&["a"]).await?;
    let failed = "document.querySelector('#failed').textContent";
    visit.wait_for("whose it is", &format!("/^dana has it since .* UTC: press again/.test({failed})")).await?;
    visit.check("list-dana-has-it-light-1280").await?;
    ensure!(visit.text(&format!("{pane}.assignee")).await? == "dana", "it was taken without a word");
    visit.press(&["a"]).await?;
    visit.wait_for("that it is taken", &format!("{pane}.assignee === 'local' && !{failed}")).await?;
    visit.browser.quit().await
}
