// What pages of /admin do beyond being read: keys, tips, the theme, live figures.
// Without it every page is whole.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const main = $("#main");
  const say = (text) => { const said = $("[data-said]"); if (said) said.textContent = text; };

  // Theme: kept in a cookie, so that the server draws the first paint with it.
  const toggle = $("[data-theme-toggle]");
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const root = document.documentElement;
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      document.cookie = `theme=${root.dataset.theme}; path=/admin; max-age=31536000; samesite=strict`;
      say(`${root.dataset.theme} theme`);
    });
  }

  // What opens closes when something else is clicked.
  document.addEventListener("click", (event) => {
    for (const open of $$("details.pick[open], details.menu[open]")) if (!open.contains(event.target)) open.open = false;
  });

  // The zone of this browser is one click away.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const field = $("input[name=timezone]");
  const list = $("#zones");
  if (zone && list && ![...list.options].some((option) => option.value === zone)) {
    const option = document.createElement("option");
    option.value = zone;
    list.prepend(option);
  }
  if (field) field.addEventListener("focus", () => field.select());

  // Keys.
  const help = $("dialog[data-keys]");
  const helper = $("[data-help]");
  const showHelp = () => help && (help.open ? help.close() : help.showModal());
  if (helper) { helper.hidden = false; helper.addEventListener("click", showHelp); }
  const open = (name) => {
    const pick = $(`details[data-pick=${name}]`);
    if (!pick) return false;
    pick.open = true;
    const first = $(name === "filter" ? "input:not([type=hidden])" : "input[type=date]", pick);
    if (first) first.focus();
    return true;
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      const opened = $$("details.pick[open], details.menu[open]");
      if (opened.length) {
        opened.forEach((one) => { one.open = false; });
        const summary = $("summary", opened[0]);
        if (summary) summary.focus();
        event.preventDefault();
        return;
      }
      if (help && help.open) return;
      const clear = $('a[data-key="Escape"]');
      if (clear && !event.target.closest("input, select, textarea")) clear.click();
      return;
    }
    if (event.target.closest("input, select, textarea, dialog")) return;
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    if (key === "?") { event.preventDefault(); showHelp(); return; }
    if (key === "/") { if (open("filter")) event.preventDefault(); return; }
    if (key === "C") { if (open("period")) event.preventDefault(); return; }
    if (key === "L") { const pause = $("[data-pause]"); if (pause) pause.click(); return; }
    const link = $(`a[data-key="${CSS.escape(key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
  });

  // Figures under the pointer.
  let tip = null;
  const hideTip = () => { if (tip) { tip.remove(); tip = null; } };
  const titles = new WeakMap();
  document.addEventListener("pointermove", (event) => {
    const hit = event.target.closest && event.target.closest("rect");
    const title = hit && (titles.get(hit) || $("title", hit));
    if (!title) { hideTip(); return; }
    if (title.parentNode) { titles.set(hit, title); title.remove(); }
    if (!tip) { tip = document.createElement("div"); tip.className = "tip"; document.body.append(tip); }
    if (tip.textContent !== title.textContent) tip.textContent = title.textContent;
    const box = tip.getBoundingClientRect();
    const x = Math.min(event.clientX + 14, innerWidth - box.width - 8);
    const y = event.clientY + 16 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 16;
    tip.style.left = `${Math.max(4, x)}px`;
    tip.style.top = `${y}px`;
  });
  document.addEventListener("scroll", hideTip, true);

  // A token that is shown once can be copied.
  const secret = $("[data-copy]");
  if (secret && navigator.clipboard) {
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "quiet";
    copy.textContent = "Copy";
    copy.addEventListener("click", () => navigator.clipboard.writeText(secret.textContent).then(() => { copy.textContent = "Copied"; }, () => {}));
    secret.parentNode.after(copy);
  }

  // Panels are asked again by asking for the page, or for one of them.
  const drawn = new Map();
  const remember = () => { for (const panel of $$(".panel[data-panel]", main)) drawn.set(panel.id, panel.innerHTML); };
  const put = (fresh) => {
    const old = document.getElementById(fresh.id);
    if (!old || drawn.get(fresh.id) === fresh.innerHTML) return false;
    // Somebody is reading or typing there.
    if ($("details.menu[open]", old)) return false;
    const opened = $$("details", old).map((one) => one.open);
    const focus = old.contains(document.activeElement) ? document.activeElement : null;
    const place = focus ? $$("a, button, summary, [tabindex]", old).indexOf(focus) : -1;
    const scrolled = $$(".wide", old).map((one) => [one.scrollLeft, one.scrollTop]);
    drawn.set(fresh.id, fresh.innerHTML);
    const now = document.importNode(fresh, true);
    old.replaceWith(now);
    $$("details", now).forEach((one, i) => { one.open = Boolean(opened[i]); });
    $$(".wide", now).forEach((one, i) => { if (scrolled[i]) [one.scrollLeft, one.scrollTop] = scrolled[i]; });
    if (place >= 0) { const next = $$("a, button, summary, [tabindex]", now)[place]; if (next) next.focus({ preventScroll: true }); }
    now.classList.add("flash");
    return true;
  };
  const ask = async (only) => {
    const url = new URL(location.href);
    if (only !== undefined) url.searchParams.set("only", only);
    const answer = await fetch(url, { headers: { accept: "text/html" }, redirect: "error", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    hideTip();
    return $$("#main .panel[data-panel]", page).filter(put).length;
  };
  document.addEventListener("click", (event) => {
    const retry = event.target.closest("[data-retry]");
    if (!retry) return;
    event.preventDefault();
    retry.textContent = "Trying…";
    ask(retry.dataset.retry).catch(() => { retry.textContent = "Try again"; });
  });

  // Live: told what changed, at most once a second, and not while nobody looks.
  const live = $("[data-live]");
  if (!live || !main || !$(".panel[data-panel]", main)) return;
  remember();
  live.hidden = false;
  const pause = $("[data-pause]", live);
  const word = $("[data-word]", live);
  let source = null, last = 0, waiting = null, asking = false, again = false, poll = null;
  let paused = sessionStorage.getItem("paused") === "1";
  const state = (text, off) => { word.textContent = text; live.classList.toggle("off", off); };
  const refresh = async () => {
    waiting = null;
    if (asking) { again = true; return; }
    asking = true;
    last = Date.now();
    try { await ask(); if (!paused) state("Live", false); } catch { state("Not reached", true); }
    asking = false;
    if (again) { again = false; soon(); }
  };
  const soon = () => {
    if (paused || document.hidden || waiting) return;
    waiting = setTimeout(refresh, Math.max(0, last + 1000 - Date.now()));
  };
  const stop = () => {
    if (source) source.close();
    source = null;
    clearInterval(poll);
    poll = null;
    clearTimeout(waiting);
    waiting = null;
  };
  const start = () => {
    stop();
    if (paused || document.hidden) return;
    source = new EventSource("/api/v1/live");
    source.addEventListener("changed", soon);
    source.addEventListener("hello", () => { clearInterval(poll); poll = null; state("Live", false); });
    source.addEventListener("error", () => { if (!poll && !paused) poll = setInterval(soon, 10000); });
  };
  const show = () => { pause.setAttribute("aria-pressed", String(paused)); pause.title = paused ? "Go on live" : "Pause live figures"; if (paused) state("Paused", true); else state("Live", false); };
  pause.addEventListener("click", () => {
    paused = !paused;
    sessionStorage.setItem("paused", paused ? "1" : "0");
    show();
    start();
    if (!paused) soon();
  });
  document.addEventListener("visibilitychange", () => { start(); if (!document.hidden) soon(); });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => { if (event.persisted) { start(); soon(); } });
  show();
  start();
})();
