// Keys on a desk. An element with data-key="7" acts on the bare key outside of fields and on Alt+7 inside them; F8 and Ctrl+Enter act
// everywhere. Nothing happens while an input method is composing. Bare keys can be switched off (they stay off on this computer).
(() => {
  "use strict";
  const COMPOSING = 229;
  const bareKeysOn = () => hotline.kept("bare-keys") !== "off";

  function isField(element) {
    return element.isContentEditable || element.matches("textarea, select, input:not([type=radio]):not([type=checkbox])");
  }

  function nameOf(event, inField) {
    if (event.ctrlKey || event.metaKey) return event.key === "Enter" ? "Ctrl+Enter" : null;
    if (/^F\d+$/.test(event.key)) return event.key;
    if (event.altKey) return (/^(?:Digit|Numpad|Key)(.)$/.exec(event.code) || [])[1]?.toLowerCase();
    return inField || !bareKeysOn() ? null : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  }

  function act(element) {
    if (element.matches("input[type=radio]")) {
      element.checked = true;
      element.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (element.matches("summary")) {
      const box = element.parentElement;
      box.open = !box.open;
      if (box.open) box.querySelector("input:not([type=hidden]), textarea, select, button")?.focus();
      if (box.open) box.scrollIntoView({ block: "nearest" });
    } else if (element.matches("fieldset")) {
      element.querySelector("input").focus();
    } else if (element.matches("input, textarea, select")) {
      element.focus();
      element.select?.();
    } else {
      element.click();
    }
  }

  // A group of radio buttons that one key steps through.
  function cycle(group) {
    const all = [...group.querySelectorAll("input[type=radio]")];
    act(all[(all.findIndex((radio) => radio.checked) + 1) % all.length]);
  }

  const isSeen = (element) => !element.disabled && element.getClientRects().length > 0;
  const all = (attribute, name) => [...document.querySelectorAll(`[${attribute}="${CSS.escape(name)}"]`)];

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === COMPOSING || event.defaultPrevented || event.repeat) return;
    const target = event.target;
    const name = nameOf(event, isField(target));
    if (!name) return;
    if (name === "Enter" && target.closest("button, a, summary, input")) return;
    const seen = all("data-key", name).filter((each) => isSeen(each.closest(".pick") || each));
    // Where two have the same key, it is that of the form that is being written in.
    const element = seen.find((each) => each.form && each.form === target.form) || seen[0];
    const group = all("data-cycle", name)[0];
    if (!element && !group) return;
    event.preventDefault();
    if (element) act(element); else cycle(group);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    const open = event.target.closest("details.fold[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  function showBareKeys() {
    document.documentElement.classList.toggle("keys-off", !bareKeysOn());
    for (const box of document.querySelectorAll("[data-keys-switch]")) box.checked = bareKeysOn();
  }
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-keys-switch]")) return;
    hotline.keep("bare-keys", event.target.checked ? "on" : "off");
    showBareKeys();
  });
  showBareKeys();
})();
