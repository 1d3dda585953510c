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

// What was done is said shortly to those who see, too; what went wrong stays until the next deed, Escape or a click.
const done = $("#done");
const failed = $("#failed");
const SHORTLY = 4000;
let fading = null;

function tell(text) {
  announce(text);
  failed.textContent = "";
  done.textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => { done.textContent = ""; }, SHORTLY);
}

function complain(text) {
  done.textContent = "";
  failed.textContent = "";
  failed.textContent = text;
}

failed.addEventListener("click", () => { failed.textContent = ""; });

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

// What is half written in a form, by the form's address and the field's name: it outlives what it is written into.
const drafts = new Map();
const DRAFTS = 50;
const fieldName = (field) => `${field.form.getAttribute("action")} ${field.name}`;
const fieldsOf = (from) => $$("form[action] :is(input, textarea, select)[name]", from).filter((field) => field.type !== "hidden");
const unsaid = (field) => (field.matches("select") ? [...field.options].find((one) => one.defaultSelected) ?? field.options[0] : null)?.value ?? field.defaultValue;

// Puts other children into `old`; what was being written is carried over, and so is the focus.
function fill(old, children) {
  const at = old.contains(document.activeElement) && document.activeElement.form ? document.activeElement : null;
  for (const field of fieldsOf(old)) {
    if (field.value === unsaid(field)) drafts.delete(fieldName(field));
    else if (drafts.size < DRAFTS) drafts.set(fieldName(field), field.value);
  }
  const [name, from, to] = at ? [at.name && fieldName(at), at.selectionStart, at.selectionEnd] : [];
  old.replaceChildren(...children);
  for (const field of fieldsOf(old)) {
    if (drafts.has(fieldName(field))) field.value = drafts.get(fieldName(field));
    if (name && fieldName(field) === name) {
      field.focus({ preventScroll: true });
      if (from != null) field.setSelectionRange(from, to);
    }
  }
}

function forgetDraft(action) {
  for (const form of $$("form[action]")) if (form.getAttribute("action") === action) form.reset();
  for (const name of drafts.keys()) if (name.startsWith(`${action} `)) drafts.delete(name);
}

function replace(selector, fresh) {
  for (const old of $$(selector)) {
    const made = fresh.getElementById(old.id);
    const busy = selector === "[data-live]" && (brush || old.contains(document.activeElement));
    if (made && !busy && made.innerHTML !== old.innerHTML) {
      const open = new Set([...old.querySelectorAll("details[open][id]")].map((one) => one.id));
      fill(old, document.importNode(made, true).childNodes);
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
  if (recording.has(note.alert)) readAgain(note.alert);
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
    const address = location.href;
    const page = await again();
    const at = current()?.dataset.alert;
    // Another alert may have been opened meanwhile: the pane is that one's.
    replace(address === location.href ? "[data-shown]" : "[data-shown]:not(#pane)", page);
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
// After the first not more than once a second, and not all windows at the same moment. How many there are is said now
// and then only: nobody can hear a list that changes all the time.
const AHEAD = 1000;
const SAY_AHEAD = 10000;
let soon = null;
let lately = -REFRESH;
let saidAhead = -SAY_AHEAD;

function sayAhead() {
  const count = $("#ahead [data-count]")?.dataset.count;
  if (!count || performance.now() - saidAhead < SAY_AHEAD) return;
  saidAhead = performance.now();
  announce(`Just seen, no alert yet: ${count}`);
}

function showAhead() {
  soon ??= setTimeout(async () => {
    soon = null;
    lately = performance.now();
    try {
      replace("#ahead", await again({ "gatewatch-part": "ahead" }));
      sayAhead();
    } catch {
      // The figures are fetched every five seconds, and say if that fails.
    }
  }, Math.max(0, lately + AHEAD * (1 + Math.random() / 2) - performance.now()));
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

const alertOf = (address) => new URL(address, location.href).searchParams.get("alert");
const beingRead = () => Boolean(pane?.hasAttribute("aria-busy"));
const shownId = () => $("[data-pane]", pane ?? document)?.dataset.pane;
let requests = 0;

// The address is right at once and the pane a moment later; of several that were asked for, the last one counts.
async function openPane(address, how = "pushState") {
  const mine = ++requests;
  const alert = alertOf(address);
  if (how) history[how](null, "", address);
  let made = null;
  if (alert) {
    pane.setAttribute("aria-busy", "true");
    try {
      made = await fetched(`/a/${encodeURIComponent(alert)}/pane${new URL(address, location.href).search}`);
    } catch {
      if (mine === requests) location.assign(`/a/${encodeURIComponent(alert)}`);
      return;
    }
    if (mine !== requests) return;
  }
  pane.removeAttribute("aria-busy");
  fill(pane, made ? document.importNode(made.body, true).childNodes : []);
  showPane();
  if (how) announce(made ? `Shown beside the list: ${$("h2", pane)?.textContent ?? ""}` : "");
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
  addEventListener("popstate", () => {
    if ((alertOf(location.href) ?? undefined) === shownId() && !beingRead()) return;
    openPane(location.href, null);
    const row = rows().find((one) => one.dataset.alert === alertOf(location.href));
    if (row) $("a.title", row).focus({ preventScroll: true });
  });
}

// --- what is done with an alert ----------------------------------------------------------------

const me = $(".who")?.textContent.trim() ?? "";
const rows = () => $$("tr[data-alert]");
const current = () => document.activeElement?.closest("tr[data-alert]");
const shownRow = () => $("tr.shown[data-alert]");

const rowOf = (id) => $(`tr[data-alert="${CSS.escape(id)}"]`);

// The alert that a key means: the row in focus, else the one beside the list. While one is read beside the list, a key
// acts on no other.
function meant() {
  const shown = shownId();
  const id = current()?.dataset.alert ?? shown ?? body.of;
  if (!id) return complain("Choose an alert with j and k first.");
  if (beingRead() && alertOf(location.href) !== shown) return complain("It is still being read: nothing was done. Press the key again in a moment.");
  if (shown && shown !== id) return complain("Beside the list stands another alert than the chosen one: nothing was done. Enter shows the chosen one, Esc closes the other.");
  return { id, row: rowOf(id) };
}

// Whom an alert is taken over from, if the same key comes again soon.
const TAKE_OVER = 10000;
let over = null;

async function act({ id, row }, what, sent = {}) {
  const same = over && over.id === id && over.what === what && performance.now() < over.until;
  const form = new URLSearchParams({ ...sent, ...(same && { seen: over.seen }) });
  over = null;
  const asked = { method: "POST", headers: { "gatewatch-part": "deed" }, body: form };
  const answer = await fetch(`/a/${encodeURIComponent(id)}/${what}`, asked).catch(() => null);
  if (answer?.redirected) return location.reload();
  const said = (await answer?.json().catch(() => null)) ?? {};
  if (!answer?.ok) {
    if (said.seen) over = { id, what, seen: said.seen, until: performance.now() + TAKE_OVER };
    const why = !answer ? "the server does not answer" : answer.status === 403 ? "your role may only read" : `status ${answer.status}`;
    return complain(said.error || `That did not work: ${why}.`);
  }
  forgetDraft(`/a/${id}/${what}`);
  if (answer.status === 202) {
    tell("It is being recorded.");
    return record(id, what);
  }
  if (row) showRow(row, { acknowledge: "acknowledged", close: "closed" }[what], what === "close" ? null : me);
  tell({ acknowledge: "Acknowledged: it is yours.", close: "Closed.", assign: "Assigned to you." }[what]);
  if (shownId() === id && alertOf(location.href) === id) openPane(location.href, null);
  if (body.of === id) showWhatIsNew();
}

const STATES = ["state-open", "state-acknowledged", "state-closed", "recording"];

function showRow(row, state, assignee) {
  if (state) {
    $(".state", row).textContent = state;
    row.classList.remove(...STATES);
    row.classList.add(`state-${state}`);
  }
  if (assignee != null) $(".assignee", row).textContent = assignee;
}

// What was accepted and is not durable yet: it is read again when it has changed, else every three seconds.
const recording = new Map();
const RECORDED = 3000;
const PATIENCE = 20;

function record(id, what) {
  const row = rowOf(id);
  if (row) {
    $(".state", row).textContent = "being recorded";
    row.classList.add("recording");
  }
  clearTimeout(recording.get(id)?.timer);
  recording.set(id, { what, tries: 0, timer: setTimeout(() => readAgain(id), RECORDED) });
}

async function readAgain(id) {
  const one = recording.get(id);
  if (!one) return;
  clearTimeout(one.timer);
  const now = await fetched(`/a/${encodeURIComponent(id)}/pane`).then((page) => $("[data-pane]", page)?.dataset, () => null);
  if (recording.get(id) !== one) return;
  const is = now && { acknowledge: now.state === "acknowledged" && now.assignee === me, assign: now.assignee === me, close: now.state === "closed" }[one.what];
  one.tries += 1;
  clearTimeout(one.timer);
  if (!is && one.tries < PATIENCE) {
    one.timer = setTimeout(() => readAgain(id), RECORDED);
    return;
  }
  recording.delete(id);
  if (!is) complain("It is still not recorded: load the page again to see how it stands.");
  const row = rowOf(id);
  if (row && now) showRow(row, now.state, now.assignee);
  if (is) tell({ acknowledge: "Acknowledged: it is yours.", close: "Closed.", assign: "Assigned to you." }[one.what]);
  if (shownId() === id && alertOf(location.href) === id) openPane(location.href, null);
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
  if (alert && me) act(alert, "assign", { text: me });
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
  const id = current()?.dataset.alert ?? shownId();
  if (id) location.assign(`/a/${id}`);
  else if (!body.of) complain("Choose an alert with j and k first.");
}

// The links of the row that narrow the list, as a list of their own.
function narrow(kind, title) {
  const row = current() ?? shownRow();
  const dialog = $("#leaving");
  if (!dialog) return;
  if (!row) return complain("Choose an alert with j and k first.");
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
  const sent = form.dataset.do === "close" ? { reason: form.reason.value, class: form.class.value } : {};
  act({ id: shownId(), row: rowOf(shownId()) }, form.dataset.do, sent);
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
  if ((pane?.firstElementChild || beingRead()) && wide.matches) openPane($("a.peek", all[next]).getAttribute("href"), "replaceState");
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
  if (event.key === "Escape") failed.textContent = "";
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
  const leave = () => {
    if (brush) for (const bar of bars()) bar.classList.remove("within");
    brush = null;
  };
  document.addEventListener("pointerdown", (event) => {
    const bar = event.button === 0 && event.target.closest(".hours a.bar");
    if (bar) brush = { from: bar, to: bar, held: false };
  });
  document.addEventListener("dragstart", (event) => { if (event.target.closest(".hours")) event.preventDefault(); });
  document.addEventListener("pointermove", (event) => {
    if (!brush) return;
    // The button was let go where nobody could see it.
    if (event.buttons === 0) return leave();
    const bar = barOf(event);
    if (bar !== brush.from && !brush.held) {
      brush.held = true;
      // Not earlier, or a click on a bar would be none of its link. A pointer that is no more can't be held.
      try { brush.from.closest(".hours").setPointerCapture(event.pointerId); } catch { /* it is let go */ }
    }
    if (bar) {
      brush.to = bar;
      chosenBars(brush.from, bar);
    }
  });
  document.addEventListener("pointerup", () => {
    // A click on one bar is a link.
    if (brush && brush.from !== brush.to) showHours(brush.from, brush.to);
    else leave();
    brush = null;
  });
  document.addEventListener("pointercancel", leave);
  addEventListener("blur", leave);
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
    tell("Copied.");
    button.textContent = "Copied";
  } catch {
    complain("That could not be copied: select the text instead.");
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
