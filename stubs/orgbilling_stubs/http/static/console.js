// What all pages of the console do live: copy buttons, keys, and regions that follow the journal.
// Every page works without this file. See docs/console.md for the keys.

const PAGE = { accept: "text/html" };

const regions = () => [...document.querySelectorAll("[data-live][id]")];
const shown = new WeakMap(regions().map((region) => [region, region.outerHTML])); // As the server sent them.

// ---- Copy ----

function addCopyButtons(root) {
  for (const node of root.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(node.value ?? node.textContent);
      button.textContent = "Copied";
    });
    node.after(button);
  }
}
addCopyButtons(document);

// ---- Keys ----
// An element with `data-key="x"` is what the key x does: a field gets the cursor, all else is clicked, and what
// opens a menu leads into it. One in the page goes before one in the bar at the top. j and k move through the
// elements `[data-item]`, which are links, so that Enter opens them. A key with a modifier, in a field, or in
// front of an open dialog does nothing here.

const KEYS_OFF = "console-keys-off";
const FIELD = "input:not([type=hidden]), select, textarea, [contenteditable]";
const help = document.getElementById("keys");
const keyed = () => [...document.querySelectorAll("main [data-key], [data-key]")];
const elementOf = (key) =>
  document.querySelector(`main [data-key="${CSS.escape(key)}"]`) ??
  document.querySelector(`[data-key="${CSS.escape(key)}"]`);
const nameOf = (node) =>
  node.dataset.keyName ?? node.getAttribute("aria-label") ?? node.labels?.[0]?.textContent ?? node.textContent;

function press(node) {
  if (node.matches(FIELD)) {
    node.focus();
    node.select?.();
    return;
  }
  node.focus();
  node.click();
  if (node.matches("summary") && node.parentElement.open) node.parentElement.querySelector(`:is(${FIELD}, form button)`)?.focus();
}

function move(step) {
  const items = [...document.querySelectorAll("[data-item]")].filter((item) => item.checkVisibility());
  const current = items.findIndex((item) => item === document.activeElement || item.closest("[data-item-of]")?.contains(document.activeElement));
  const next = items[current < 0 ? (step > 0 ? 0 : items.length - 1) : Math.min(Math.max(current + step, 0), items.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function showHelp() {
  const rows = help.querySelector("tbody");
  for (const row of rows.querySelectorAll(".of-page")) row.remove();
  const listed = new Set([...rows.querySelectorAll("kbd")].map((node) => node.textContent));
  for (const node of keyed()) {
    const key = node.dataset.key;
    if (listed.has(key) || elementOf(key) !== node) continue;
    listed.add(key);
    const row = rows.insertRow();
    row.className = "of-page";
    row.insertCell().append(Object.assign(document.createElement("kbd"), { textContent: key }));
    row.insertCell().textContent = nameOf(node).trim().replace(/\s+/g, " ");
  }
  help.showModal();
}

if (help) {
  const toggle = help.querySelector("[name=single-keys]");
  toggle.checked = localStorage.getItem(KEYS_OFF) === null;
  toggle.addEventListener("change", () => {
    if (toggle.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  });
  const opener = document.querySelector("[data-opens=keys]");
  if (opener) opener.hidden = false; // An organization that does not exist has no bar.
  opener?.addEventListener("click", showHelp);
}

document.addEventListener("keydown", (event) => {
  const withModifier = event.ctrlKey || event.metaKey || event.altKey;
  // With AltGr, which some keyboards need for brackets, a browser may report Ctrl and Alt.
  if (event.defaultPrevented || event.isComposing || (withModifier && !event.getModifierState("AltGraph"))) return;
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    return;
  }
  if (event.target.closest?.(FIELD) || document.querySelector("dialog[open]")) return;
  if (localStorage.getItem(KEYS_OFF) !== null && event.key !== "?") return;
  if (event.key === "j" || event.key === "k") {
    move(event.key === "j" ? 1 : -1);
    event.preventDefault();
    return;
  }
  const node = event.key.length === 1 && !event.repeat && elementOf(event.key);
  if (!node || node.disabled) return;
  event.preventDefault();
  press(node);
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// ---- Finder ----
// A link with `data-find` leads to a page with a search field and a list of entries. Here it opens that list in a
// dialog, as a combobox: the server searches, the arrows choose, Enter follows the link or presses the button of
// the entry, which are those of the page.

const finder = document.getElementById("finder");
const search = finder?.querySelector("input");
const found = finder?.querySelector("[role=listbox]");
const find = { address: null, abort: null, pending: null, targets: [], active: -1 };

function activate(index) {
  const options = [...found.children];
  if (!options.length) index = -1;
  find.active = index < 0 ? -1 : (index + options.length) % options.length;
  for (const [place, option] of options.entries()) option.setAttribute("aria-selected", String(place === find.active));
  options[find.active]?.scrollIntoView({ block: "nearest" });
  if (find.active < 0) search.removeAttribute("aria-activedescendant");
  else search.setAttribute("aria-activedescendant", options[find.active].id);
}

async function searchEntries() {
  find.abort?.abort();
  const { signal } = (find.abort = new AbortController());
  const address = new URL(find.address);
  address.searchParams.set("q", search.value);
  const response = await fetch(address, { signal, headers: PAGE });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const store = finder.querySelector("div[hidden]");
  store.replaceChildren(...[...page.querySelectorAll("#entries > li > *")].map((node) => document.adoptNode(node)));
  find.targets = [...store.querySelectorAll(".entry")];
  found.replaceChildren(...find.targets.map((target, index) => {
    const option = document.createElement("div");
    option.id = `found-${index}`;
    option.role = "option";
    option.append(...[...target.childNodes].map((node) => node.cloneNode(true)));
    option.addEventListener("click", () => choose(index));
    return option;
  }));
  finder.querySelector("[role=status]").textContent = find.targets.length === 1 ? "1 entry" : `${find.targets.length} entries`;
  search.setAttribute("aria-expanded", String(find.targets.length > 0));
  activate(0);
}

function update() {
  find.pending = searchEntries().catch((error) => {
    if (error.name !== "AbortError") throw error;
  });
}

function choose(index) {
  const target = find.targets[index];
  if (!target) return;
  finder.close();
  target.click();
}

function openFinder(link) {
  find.address = link.href;
  search.setAttribute("aria-label", (link.dataset.keyName ?? link.textContent).trim());
  search.placeholder = search.getAttribute("aria-label");
  search.value = "";
  found.replaceChildren();
  finder.showModal();
  search.focus();
  update();
}

if (finder) {
  for (const link of document.querySelectorAll("[data-find]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      openFinder(link);
    });
  }
  search.addEventListener("input", update);
  search.addEventListener("keydown", async (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) {
      event.preventDefault();
      const last = found.children.length - 1;
      activate(Math.abs(step) === 1 ? find.active + step : Math.min(Math.max(find.active + step, 0), last));
    } else if (event.key === "Enter") {
      event.preventDefault();
      await find.pending; // What was typed last decides, however fast one is.
      choose(find.active);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) openFinder(document.querySelector('[data-find][data-key="/"]'));
  });
}

// ---- Live regions ----
// An element with `data-live` and an id is replaced by what the server shows there now, soon after requests have
// come, or commands of the control API and of hosted pages. Between two refreshes passes at least a second, and 25
// times as long as the last one took: a busy server spends at most a twenty-fifth of its time on an open console. A
// hidden page holds no connection, because a browser has only six for one server. Pages may listen to the event
// `exchanges` of the document, too.

const PAUSE_MS = 1000;
const SHARE = 25;
const ANNOUNCE_MS = 5000;
const organization = document.querySelector(".topbar")?.dataset.organization;
const live = { stale: false, count: 0, paused: false, source: null, timer: null, silent: null };

function replace(region, fresh) {
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  const selection = getSelection();
  const busy = focused?.matches(FIELD) || (!selection.isCollapsed && region.contains(selection.anchorNode));
  if (!fresh || busy || shown.get(region) === fresh.outerHTML) return;
  shown.set(fresh, fresh.outerHTML);
  const marks = ["id", "href", "data-key"].filter((name) => focused?.hasAttribute(name));
  const again = marks.length && `[${marks[0]}="${CSS.escape(focused.getAttribute(marks[0]))}"]`;
  region.replaceWith(fresh);
  addCopyButtons(fresh);
  if (again) fresh.querySelector(again)?.focus({ preventScroll: true });
}

async function refresh() {
  live.timer = null;
  if (!live.stale || live.paused || document.hidden) return;
  live.stale = false;
  const began = performance.now();
  try {
    const response = await fetch(location.href, { headers: PAGE });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (response.ok && !live.paused) for (const region of regions()) replace(region, document.adoptNode(fresh.getElementById(region.id)));
  } catch {
    live.stale = true; // The server is away; EventSource comes back to it by itself.
  }
  live.timer = setTimeout(refresh, Math.max(PAUSE_MS, SHARE * (performance.now() - began)));
}

function renewSoon() {
  live.stale = true;
  if (live.timer === null) refresh();
}

function announce(count) {
  live.count += count;
  live.silent ??= setTimeout(() => {
    document.getElementById("live-status").textContent = live.count === 1 ? "1 new request" : `${live.count} new requests`;
    live.count = 0;
    live.silent = null;
  }, ANNOUNCE_MS);
}

function follow() {
  live.source?.close();
  live.source = null;
  if (document.hidden) return;
  const all = regions().some((region) => region.dataset.live === "all");
  const query = new URLSearchParams({ intervalMs: String(PAUSE_MS), ...(all ? {} : { organization }) });
  live.source = new EventSource(new URL(`stream?${query}`, location.href));
  live.source.addEventListener("open", renewSoon); // What came before, and while the server was away.
  live.source.addEventListener("exchanges", (event) => {
    const detail = JSON.parse(event.data);
    document.dispatchEvent(new CustomEvent("exchanges", { detail }));
    announce(detail.count);
    renewSoon();
  });
  live.source.addEventListener("changes", renewSoon);
}

if (organization && regions().length) {
  document.addEventListener("visibilitychange", follow);
  follow();
}
const pause = document.querySelector("[data-pause]");
if (pause) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    live.paused = !live.paused;
    pause.setAttribute("aria-pressed", String(live.paused));
    if (!live.paused) refresh();
  });
}
