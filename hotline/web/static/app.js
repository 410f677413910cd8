// What every staff page needs: theme, live hints, toasts. A page without this script works too.
//
// Live: <body data-stream="queue contact:ID"> opens /desk/stream for these topics. An element that should follow them carries
// data-on="queue" (topics, or "any") beside hx-get and hx-trigger="refresh"; it is refreshed when one of its topics changes, and
// every five seconds while the stream is cut.
(() => {
  "use strict";
  const root = document.documentElement;
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* a private window */ } };

  const dark = kept("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = dark;
  root.classList.add("scripted");

  const POLL = 5000;
  // The service gives a sign of life each 15 s. A stream on which there is none is dead, though nobody has closed it: a laptop
  // that slept, a router that forgot the connection.
  const SILENT = 40000;
  // In a busy minute a list is fetched so often, and once more when it is over; what rings is fetched at once.
  const LIST_EVERY = 1000;
  const fetched = new WeakMap();
  let polling = null;

  function refresh(topics) {
    for (const element of document.querySelectorAll("[data-on]")) {
      const wanted = element.dataset.on.split(" ");
      const hits = topics ? topics.filter((topic) => wanted.includes(topic)) : wanted;
      if (hits.length || wanted.includes("any")) fetchSoon(element, hits.some((topic) => topic.startsWith("phone")));
    }
  }

  function fetchSoon(element, atOnce) {
    const last = fetched.get(element) || { at: 0, waits: false };
    const wait = atOnce ? 0 : Math.max(0, last.at + LIST_EVERY - Date.now());
    if (last.waits && wait) return;
    fetched.set(element, { at: Date.now() + wait, waits: wait > 0 });
    setTimeout(() => {
      fetched.set(element, { at: Date.now(), waits: false });
      if (element.isConnected && element.dataset.on) htmx.trigger(element, "refresh");
    }, wait);
  }

  function show(live) {
    for (const dot of document.querySelectorAll("[data-live]")) dot.dataset.live = live ? "on" : "off";
    if (live) {
      clearInterval(polling);
      polling = null;
    } else if (!polling) {
      polling = setInterval(() => refresh(null), POLL);
    }
  }

  function listen(topics, lost = false) {
    const source = new EventSource("/desk/stream?topics=" + encodeURIComponent(topics));
    let silence = null;
    const again = (pause) => {
      clearTimeout(silence);
      source.close();
      show(false);
      setTimeout(() => listen(topics, true), pause);
    };
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => again(0), SILENT);
    };
    heard();
    source.addEventListener("hello", () => {
      heard();
      show(true);
      if (lost) refresh(null);
      lost = false;
    });
    source.addEventListener("changed", (event) => {
      heard();
      const changed = JSON.parse(event.data);
      if (changed.length) refresh(changed);
    });
    source.addEventListener("error", () => {
      lost = true;
      show(false);
      // A refused stream stays closed; one that broke opens again by itself.
      if (source.readyState === EventSource.CLOSED) again(POLL);
    });
  }

  function toast(text, kind) {
    const line = document.createElement("p");
    line.className = "toast " + kind;
    line.setAttribute("role", kind === "bad" ? "alert" : "status");
    line.textContent = text;
    document.getElementById("toasts").append(line);
  }

  // Messages go by themselves; those that report a problem stay longer, and any goes at a click.
  function watchToasts(box) {
    const leave = (line) => setTimeout(() => line.remove(), line.classList.contains("bad") ? 12000 : 5000);
    box.querySelectorAll(".toast").forEach(leave);
    new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => node.classList && leave(node))))
      .observe(box, { childList: true });
    new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => node.dataset?.field && point(node.dataset.field))))
      .observe(box, { childList: true });
    box.addEventListener("click", (event) => event.target.closest(".toast")?.remove());
  }

  // To the field that a refusal is about, until something is typed there.
  function point(name) {
    const field = document.querySelector(`main [name="${CSS.escape(name)}"]:not([type=hidden])`);
    if (!field) return;
    field.setAttribute("aria-invalid", "true");
    field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
    field.focus();
  }

  window.hotline = { refresh, toast, kept, keep };

  document.addEventListener("DOMContentLoaded", () => {
    watchToasts(document.getElementById("toasts"));
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
        keep("theme", root.dataset.theme);
      });
    }
    // Where one is stays in sight on a narrow screen.
    for (const here of document.querySelectorAll(".desks [aria-current], .tabs [aria-current]")) {
      const row = here.parentElement;
      row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
    }
    const topics = document.body.dataset.stream.trim();
    if (topics) listen(topics);
  });

  // The files that were chosen, by name.
  document.addEventListener("change", (event) => {
    const names = event.target.dataset?.names;
    if (names) document.querySelector(names).textContent = [...event.target.files].map((file) => file.name).join("、");
  });

  // A request that got no answer at all: what was typed is still there.
  document.addEventListener("htmx:error", (event) => {
    if (event.target.dataset && event.target.dataset.on) return;
    toast("没有连上服务器，内容还在，请再试一次。", "bad");
  });
})();
