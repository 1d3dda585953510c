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

async function fetched(address, headers = {}) {
  const answer = await fetch(address, { headers: { accept: "text/html", ...headers } });
  if (answer.redirected) location.reload();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(rendered.createHTML(await answer.text()), "text/html");
}

const again = (headers) => fetched(location.href, headers);

function replace(selector, fresh) {
  for (const old of $$(selector)) {
    const made = fresh.getElementById(old.id);
    const busy = selector === "[data-live]" && (brush || old.contains(document.activeElement));
    if (made && !busy && made.innerHTML !== old.innerHTML) {
      const open = new Set([...old.querySelectorAll("details[open][id]")].map((one) => one.id));
      old.replaceChildren(...document.importNode(made, true).childNodes);
      for (const one of old.querySelectorAll("details[id]")) one.open ||= open.has(one.id);
    }
  }
}

async function refreshFigures() {
  if (!document.hidden && $("[data-live]")) {
    try {
      replace("[data-live]", await again({ "gatewatch-part": "figures" }));
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
    const at = current()?.dataset.alert;
    replace("[data-shown]", page);
    showCopies();
    showPane();
    replace("[data-live]", page);
    if (at) $(`tr[data-alert="${CSS.escape(at)}"] a.title`)?.focus({ preventScroll: true });
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

// What was just seen, and is no alert yet: it floats above the page, and is fetched at once.
let soon = null;
let lately = -REFRESH;

function showAhead() {
  soon ??= setTimeout(async () => {
    soon = null;
    lately = performance.now();
    try {
      replace("#ahead", await again());
    } catch {
      // The figures are fetched every five seconds, and say if that fails.
    }
  }, Math.max(0, lately + 400 - performance.now()));
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
  source.addEventListener("ahead", () => { if ($("#ahead")) showAhead(); });
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

// --- one alert beside the list -----------------------------------------------------------------

const pane = $("#pane");
const wide = matchMedia("(min-width: 62rem)");

// The pane's own width comes with what is in it.
function showPane() {
  if (!pane) return;
  $("#board").classList.toggle("beside", Boolean(pane.firstElementChild));
  const shown = $("[data-pane]", pane)?.dataset.pane;
  for (const row of rows()) row.classList.toggle("shown", row.dataset.alert === shown);
  for (const button of $$("[data-key]", pane)) button.hidden = false;
}

async function openPane(address, push = true) {
  const alert = new URL(address, location.href).searchParams.get("alert");
  let made = null;
  if (alert) {
    try {
      made = await fetched(`/a/${encodeURIComponent(alert)}/pane${new URL(address, location.href).search}`);
    } catch {
      return location.assign(`/a/${encodeURIComponent(alert)}`);
    }
  }
  pane.replaceChildren(...(made ? document.importNode(made.body, true).childNodes : []));
  if (push) history.pushState(null, "", address);
  showPane();
  announce(made ? `Shown beside the list: ${$("h2", pane)?.textContent ?? ""}` : "");
}

function closePane() {
  const shown = $("[data-pane]", pane)?.dataset.pane;
  const close = $("a.close-pane", pane);
  if (!close) return false;
  openPane(close.getAttribute("href"));
  if (shown) $(`tr[data-alert="${CSS.escape(shown)}"] a.title`)?.focus({ preventScroll: true });
  return true;
}

if (pane) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.matches("a.close-pane")) {
      event.preventDefault();
      closePane();
    } else if (wide.matches && link.matches("tr[data-alert] a.title, a.peek")) {
      event.preventDefault();
      openPane($("a.peek", link.closest("tr")).getAttribute("href"));
    }
  });
  addEventListener("popstate", () => openPane(location.href, false));
}

// --- what is done with an alert ----------------------------------------------------------------

const me = $(".who")?.textContent.trim() ?? "";
const rows = () => $$("tr[data-alert]");
const current = () => document.activeElement?.closest("tr[data-alert]");
const shownRow = () => $("tr.shown[data-alert]");

// The alert that a key means: the row in focus, else the one beside the list.
function meant() {
  const row = current() ?? ($("[data-pane]") ? shownRow() : null);
  const id = row?.dataset.alert ?? $("[data-pane]")?.dataset.pane ?? body.of;
  if (!id) announce("Choose an alert with j and k first.");
  return id ? { id, row: row ?? $(`tr[data-alert="${CSS.escape(id)}"]`) } : null;
}

async function act({ id, row }, what, sent) {
  const json = sent && { headers: { "content-type": "application/json" }, body: JSON.stringify(sent) };
  const answer = await fetch(`/api/v1/alerts/${id}/${what}`, { method: "POST", ...json }).catch(() => null);
  const said = (await answer?.json().catch(() => null)) ?? {};
  if (!answer?.ok) {
    announce(said.error || "That did not work: the server does not answer.");
    return;
  }
  const state = { acknowledge: "acknowledged", close: "closed" }[what];
  const now = answer.status === 202 ? "being recorded" : state;
  if (row && state) {
    $(".state", row).textContent = now;
    row.classList.remove("state-open", "state-acknowledged");
    row.classList.add(`state-${state}`);
  }
  if (row && (what === "acknowledge" || what === "assign")) $(".assignee", row).textContent = me;
  announce({ acknowledge: "Acknowledged: it is yours.", close: "Closed.", assign: "Assigned to you." }[what]);
  if (pane && $("[data-pane]", pane)?.dataset.pane === id) openPane(location.href, false);
  if (body.of === id) showWhatIsNew();
}

function acknowledge() {
  const button = $("#acknowledge");
  if (button) return button.click();
  const alert = meant();
  if (alert) act(alert, "acknowledge");
}

function assign() {
  const alert = meant();
  if (alert && me) act(alert, "assign", { to: me });
}

function close() {
  const alert = meant();
  if (!alert) return;
  const dialog = $("#closing");
  if (!dialog) return $("form[action$='/close'] [name=reason]")?.focus();
  const form = $("form", dialog);
  form.reset();
  $(".of", dialog).textContent = (alert.row && $("a.title", alert.row).textContent) || $("h2", pane)?.textContent || "";
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "close") act(alert, "close", { reason: form.reason.value, class: form.class.value });
  };
  dialog.showModal();
  form.reason.focus();
}

function silence() {
  const alert = meant();
  const to = alert && (alert.row?.dataset.silence ?? $("[data-pane]")?.dataset.silence ?? $("a[href^='/silences?']")?.href);
  if (to) location.assign(to);
}

function whole() {
  const alert = meant();
  if (alert && alert.id !== body.of) location.assign(`/a/${alert.id}`);
}

// The links of the row that narrow the list, as a list of their own.
function narrow(kind, title) {
  const row = current() ?? shownRow();
  const dialog = $("#leaving");
  if (!dialog) return;
  if (!row) return announce("Choose an alert with j and k first.");
  $("h2", dialog).textContent = title;
  $("ul", dialog).replaceChildren(...$$(`a.${kind}`, row).map((link) => {
    const item = document.createElement("li");
    const copy = document.createElement("a");
    copy.href = link.href;
    copy.textContent = link.getAttribute("aria-label");
    item.append(copy);
    return item;
  }));
  dialog.showModal();
  $("a", dialog)?.focus();
}

// The forms of the pane do what they do without leaving the list.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("#pane form[data-do]");
  if (!form) return;
  event.preventDefault();
  const sent = form.dataset.do === "close" ? { reason: form.reason.value, class: form.class.value } : undefined;
  act({ id: $("[data-pane]", pane).dataset.pane, row: shownRow() }, form.dataset.do, sent);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("#pane [data-key]");
  if (button) keys[button.dataset.key]();
});

// --- keys ------------------------------------------------------------------------------------

function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current() ?? shownRow());
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  $("a.title", all[next]).focus();
  all[next].scrollIntoView({ block: "nearest" });
  if (pane?.firstElementChild && wide.matches) openPane($("a.peek", all[next]).getAttribute("href"));
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  o: whole,
  a: acknowledge,
  m: assign,
  c: close,
  s: silence,
  e: () => narrow("out", "Leave out of the list"),
  f: () => narrow("in", "Show only"),
  n: () => pill && !pill.hidden && showWhatIsNew(),
  "/": () => $("#search")?.focus(),
  "?": () => $("#keys").showModal(),
};
// After g.
const pages = { n: "/", s: "/silences", d: "/detectors", k: "/keys", v: "/deliveries", p: "/pipeline", l: "/dead-letters", a: "/audit" };
let going = 0;

const switchBox = $("#keys-on");
switchBox.checked = localStorage.getItem("keys") !== "off";
switchBox.addEventListener("change", () => localStorage.setItem("keys", switchBox.checked ? "on" : "off"));

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog[open]");
  if (event.key === "Escape" && typing && typing.id === "search") typing.blur();
  else if (event.key === "Escape" && !typing && pane && closePane()) return;
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !switchBox.checked) return;
  const to = Date.now() - going < 1500 && pages[event.key];
  going = 0;
  const doing = to ? () => location.assign(to) : event.key === "g" ? () => { going = Date.now(); } : keys[event.key];
  if (doing) {
    event.preventDefault();
    doing();
  }
});

// --- choosing hours ---------------------------------------------------------------------------

let brush = null;

const bars = () => $$(".hours a.bar");

function chosenBars(a, b) {
  const all = bars();
  const [from, to] = [all.indexOf(a), all.indexOf(b)].sort((x, y) => x - y);
  all.forEach((bar, at) => bar.classList.toggle("within", at >= from && at <= to));
  return [all[from], all[to]];
}

function showHours(a, b) {
  const [from, to] = chosenBars(a, b);
  const { base, range } = $(".hours").dataset;
  const asked = new URLSearchParams({ q: `${base} opened:${from.dataset.from}..${to.dataset.to}`, ...(range && { range }) });
  location.assign(`/?${asked}`);
}

if ($("#hours")) {
  const barOf = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest(".hours a.bar");
  document.addEventListener("pointerdown", (event) => {
    const bar = event.button === 0 && event.target.closest(".hours a.bar");
    if (bar) brush = { from: bar, to: bar };
  });
  document.addEventListener("dragstart", (event) => { if (event.target.closest(".hours")) event.preventDefault(); });
  document.addEventListener("pointermove", (event) => {
    const bar = brush && barOf(event);
    if (bar) {
      brush.to = bar;
      chosenBars(brush.from, bar);
    }
  });
  document.addEventListener("pointerup", () => {
    // A click on one bar is a link.
    if (brush && brush.from !== brush.to) showHours(brush.from, brush.to);
    brush = null;
  });
  document.addEventListener("pointercancel", () => { brush = null; });
  document.addEventListener("keydown", (event) => {
    const bar = event.target.closest?.(".hours a.bar");
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!bar) return;
    const held = bars().find((one) => one.dataset.held);
    if (by) {
      event.preventDefault();
      const next = bars()[bars().indexOf(bar) + by];
      if (!next) return;
      if (event.shiftKey) {
        const from = held ?? bar;
        from.dataset.held = "yes";
        chosenBars(from, next);
        announce(`${from.getAttribute("aria-label")} to ${next.getAttribute("aria-label")}`);
      } else if (held) {
        delete held.dataset.held;
        chosenBars(next, next);
      }
      next.focus();
    } else if (event.key === "Enter" && held) {
      event.preventDefault();
      showHours(held, bar);
    }
  });
}

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
showPane();
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
