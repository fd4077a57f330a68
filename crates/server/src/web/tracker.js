// Counts page views, the time a page is visible and has the focus, how far it is
// scrolled, clicks and links that lead elsewhere. No cookies, nothing stored.
(function (win, doc) {
  "use strict";
  var me = doc.currentScript, nav = win.navigator, loc = win.location;
  var url = (me && me.getAttribute("data-collect")) || (me ? new URL(me.src).origin : "") + "__COLLECT__";
  var opted;
  try { opted = win.localStorage.getItem("systemprompt_ignore") === "true"; } catch (e) {}
  if (opted || win !== win.top || !/^https?:$/.test(loc.protocol)) return;

  var pv, path, seq, since, engaged, scroll, told, clicks, out, queue = [], started, tick;

  function id() {
    var bytes = win.crypto.getRandomValues(new Uint8Array(16)), hex = "";
    for (var i = 0; i < 16; i++) hex += (bytes[i] + 256).toString(16).slice(1);
    return hex;
  }
  function send() {
    if (!queue.length) return;
    var body = JSON.stringify(queue);
    queue = [];
    if (!(nav.sendBeacon && nav.sendBeacon(url, body)))
      fetch(url, { method: "POST", body: body, keepalive: true, mode: "no-cors", credentials: "omit" }).catch(function () {});
  }
  function active() { return doc.visibilityState === "visible" && doc.hasFocus(); }
  function now() { return Math.round(win.performance.now()); }
  function measure() {
    var body = doc.body || {}, html = doc.documentElement;
    var height = Math.max(body.scrollHeight || 0, body.offsetHeight || 0, body.clientHeight || 0, html.scrollHeight, html.offsetHeight, html.clientHeight);
    var seen = height <= win.innerHeight ? 100 : Math.round((win.scrollY + win.innerHeight) / height * 100);
    if (seen > scroll) scroll = Math.min(100, seen);
  }
  function settle() {
    var at = now();
    if (since !== null) engaged += at - since;
    since = active() ? at : null;
  }
  function flush(force) {
    if (!pv) return;
    settle();
    measure();
    if (engaged > 0 && (force || engaged >= 3000 || scroll > told) || clicks || out) {
      queue.push({ p: pv, n: ++seq, u: path, e: engaged, d: scroll, c: clicks, o: out });
      engaged = 0; clicks = 0; out = undefined; told = scroll;
    }
    send();
  }
  function view(referrer) {
    pv = id(); path = loc.href; seq = 0; engaged = 0; scroll = 0; told = 0; clicks = 0; out = undefined;
    since = active() ? now() : null;
    queue.push({ p: pv, n: 0, u: path, r: referrer, t: doc.title, s: screen.width + "x" + screen.height, l: nav.language, w: nav.webdriver ? 1 : 0 });
    var checks = 0, check = setInterval(function () { measure(); if (++checks > 14) clearInterval(check); }, 200);
    measure();
    send();
  }
  function route() {
    if (!pv || loc.pathname === new URL(path).pathname) return;
    var before = path;
    flush(1);
    view(before);
  }
  function later() { setTimeout(route, 0); }
  function start() {
    if (started) return;
    if (doc.prerendering) return doc.addEventListener("prerenderingchange", start, { once: true });
    if (doc.visibilityState !== "visible") return doc.addEventListener("visibilitychange", start, { once: true });
    started = 1;
    view(doc.referrer);
    ["pushState", "replaceState"].forEach(function (name) {
      var old = win.history[name];
      win.history[name] = function () { var r = old.apply(this, arguments); later(); return r; };
    });
    win.addEventListener("popstate", later);
    win.addEventListener("focus", settle);
    win.addEventListener("blur", function () { flush(); });
    doc.addEventListener("visibilitychange", function () { flush(doc.visibilityState === "hidden"); });
    win.addEventListener("pagehide", function () { flush(1); });
    win.addEventListener("pageshow", function (e) { if (e.persisted) view(doc.referrer); });
    win.addEventListener("scroll", measure, { passive: true });
    doc.addEventListener("click", function (e) {
      clicks++;
      var a = e.target && e.target.closest && e.target.closest("a[href]");
      if (a && a.hostname && a.hostname !== loc.hostname && /^http/.test(a.protocol)) { out = [a.href.split(/[?#]/)[0]]; flush(1); }
    }, true);
    tick = setInterval(function () { if (active()) flush(); }, 15000);
  }
  start();
})(window, document);
