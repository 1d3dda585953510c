// What a page does beyond links and forms: it follows what happens and listens to keys. Pages work without it.
// Rows move only when their reader asks; figures marked `data-live` are replaced in place every five seconds.

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const body = document.body.dataset;
const pill = $("#pill");
const connection = $("#connection");
const REFRESH = 5000;

function announce(text) {
  $("#announce").textContent = text;
}

// --- how fresh the page is -------------------------------------------------------------------

const state = { stream: "off", figures: true };

function showConnection() {
  if (!connection) return;
  const stale = !state.figures || state.stream === "lost";
  connection.hidden = false;
  connection.className = stale ? "stale" : "live";
  const live = state.stream === "on" ? "live" : state.stream === "turns" ? "live every 3 s" : "live every 5 s";
  connection.textContent = stale ? "not live: reconnecting" : live;
}

// --- fetching this very page again -----------------------------------------------------------

// The one place where text becomes markup: what this very server has rendered. The policy's name is in the pages' CSP.
const asIs = { createHTML: (text) => text };
const rendered = window.trustedTypes?.createPolicy("gatewatch", asIs) ?? asIs;

async function again() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (answer.redirected) location.reload();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(rendered.createHTML(await answer.text()), "text/html");
}

function replace(selector, fresh) {
  for (const old of $$(selector)) {
    const made = fresh.getElementById(old.id);
    if (made && !(old.contains(document.activeElement) && selector === "[data-live]") && made.innerHTML !== old.innerHTML) {
      const open = new Set([...old.querySelectorAll("details[open][id]")].map((one) => one.id));
      old.replaceChildren(...document.importNode(made, true).childNodes);
      for (const one of old.querySelectorAll("details[id]")) one.open ||= open.has(one.id);
    }
  }
}

async function refreshFigures() {
  if (!document.hidden && $("[data-live]")) {
    try {
      replace("[data-live]", await again());
      state.figures = true;
    } catch {
      state.figures = false;
    }
    showConnection();
  }
  setTimeout(refreshFigures, REFRESH);
}

// --- what happens meanwhile ------------------------------------------------------------------

const fresh = new Set();
const changed = new Set();
let reset = false;

function showPill() {
  const parts = [];
  if (fresh.size) parts.push(`${fresh.size} new`);
  if (changed.size) parts.push(`${changed.size} changed`);
  if (reset) parts.push("more has happened");
  const text = parts.join(" · ") + " — show";
  pill.hidden = parts.length === 0;
  if (!pill.hidden && pill.textContent !== text) {
    pill.textContent = text;
    announce(text);
  }
}

function noteChange(note) {
  if (body.of) {
    if (note.alert === body.of) changed.add(note.alert);
  } else if (note.what === "opened" && !$(`tr[data-alert="${CSS.escape(note.alert)}"]`)) {
    fresh.add(note.alert);
  } else if (!fresh.has(note.alert)) {
    changed.add(note.alert);
  }
  showPill();
}

async function showWhatIsNew() {
  // Taken off before the page is fetched: what happens meanwhile may not be on it, and stays announced.
  const taken = { fresh: [...fresh], changed: [...changed], reset };
  fresh.clear();
  changed.clear();
  reset = false;
  try {
    const page = await again();
    replace("[data-shown]", page);
    showCopies();
    replace("[data-live]", page);
    announce("Shown.");
  } catch {
    for (const alert of taken.fresh) fresh.add(alert);
    for (const alert of taken.changed) changed.add(alert);
    reset ||= taken.reset;
    state.figures = false;
    showConnection();
  }
  showPill();
}

let source = null;
let last = body.since;

// A browser opens six connections to a server at most, and each stream is one of them for good. So four pages that
// are seen follow at a time, and the others take turns at a fifth: each asks for what it missed and goes again. A
// hidden one gives its own back. Where a page may not know of the others (it came over HTTP from elsewhere), it follows.
const PLACES = 4;
const TURN = 3000;
const AGAIN = 30000;
let away = null;

const pause = (wait) => new Promise((done) => setTimeout(done, wait));
// Runs `work` once, if the lock called `name` is free; tells whether it was.
const ifFree = (name, work) => navigator.locks.request(name, { ifAvailable: true }, async (lock) => (lock ? (await work(), true) : false));

function listen(heard = () => {}) {
  source = new EventSource(`/events?${body.view ? `${body.view}&` : ""}since=${encodeURIComponent(last)}`);
  const seen = (event) => { last = event.lastEventId || last; heard(); };
  source.onopen = () => { state.stream = away ? "on" : "turns"; showConnection(); };
  source.onerror = () => {
    const refused = source?.readyState === EventSource.CLOSED;
    state.stream = refused ? "refused" : "lost";
    showConnection();
    heard();
    if (refused) setTimeout(() => away?.(), AGAIN);
  };
  source.addEventListener("hello", seen);
  source.addEventListener("reset", (event) => { seen(event); reset = true; showPill(); });
  source.addEventListener("change", (event) => { seen(event); noteChange(JSON.parse(event.data)); });
}

function hush() {
  source?.close();
  source = null;
}

// Follows until the page is hidden.
async function stay() {
  const gone = new Promise((leave) => { away = leave; });
  listen();
  await gone;
  away = null;
  hush();
}

// Asks for what was missed; what came with the greeting has come a moment after it.
async function turn() {
  await new Promise((done) => listen(() => setTimeout(done, 200)));
  hush();
}

let following = false;

async function follow() {
  if (following || !pill || document.hidden) return;
  following = true;
  try {
    while (!document.hidden) {
      if (!navigator.locks) {
        await stay();
        continue;
      }
      let stayed = false;
      for (let place = 0; place < PLACES && !stayed; place += 1) stayed = await ifFree(`gatewatch ${place}`, stay);
      if (!stayed) {
        await navigator.locks.request("gatewatch turn", turn);
        await pause(TURN);
      }
    }
  } finally {
    following = false;
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) away?.();
  else follow();
});

// --- keys ------------------------------------------------------------------------------------

const rows = () => $$("tr[data-alert]");
const current = () => document.activeElement?.closest("tr[data-alert]");

function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  $("a.title", all[next]).focus();
  all[next].scrollIntoView({ block: "nearest" });
}

async function acknowledge() {
  const button = $("#acknowledge");
  if (button) return button.click();
  const row = current();
  if (!row) return announce("Choose an alert with j and k first.");
  const answer = await fetch(`/api/v1/alerts/${row.dataset.alert}/acknowledge`, { method: "POST" });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) {
    $(".state", row).textContent = answer.status === 202 ? "being recorded" : "acknowledged";
    row.className = "state-acknowledged";
  }
  announce(answer.ok ? "Acknowledged." : said.error || "That did not work.");
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  a: acknowledge,
  n: () => pill && !pill.hidden && showWhatIsNew(),
  "/": () => $("#search")?.focus(),
  "?": () => $("#keys").showModal(),
};

const switchBox = $("#keys-on");
switchBox.checked = localStorage.getItem("keys") !== "off";
switchBox.addEventListener("change", () => localStorage.setItem("keys", switchBox.checked ? "on" : "off"));

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog[open]");
  if (event.key === "Escape" && typing && typing.id === "search") typing.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !switchBox.checked) return;
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// --- copying ---------------------------------------------------------------------------------

function showCopies(from = document) {
  for (const button of $$("[data-copy]", from)) button.hidden = !navigator.clipboard;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    announce("Copied.");
    button.textContent = "Copied";
  } catch {
    announce("That could not be copied: select the text instead.");
  }
});

// --- begin -----------------------------------------------------------------------------------

const help = $("#help");
if (help) {
  help.hidden = false;
  help.addEventListener("click", keys["?"]);
}
pill?.addEventListener("click", showWhatIsNew);
showCopies();
for (const list of $$(".filter select:not([data-stay])")) list.addEventListener("change", () => list.form.requestSubmit());
$(".filter")?.addEventListener("submit", (event) => {
  for (const field of event.target.elements) if (field.name && (!field.value || field.value === "active")) field.disabled = true;
});
window.addEventListener("pageshow", () => { for (const field of $$(".filter :disabled")) field.disabled = false; });
follow();
if ($("[data-live]")) {
  setTimeout(refreshFigures, REFRESH);
  if (!pill) showConnection();
}
