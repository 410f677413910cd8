// Keys of the desks with a list and a panel.
(() => {
  "use strict";
  const typing = (element) => element && element.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
  const bareKeysOff = () => document.documentElement.classList.contains("keys-off");

  function move(step) {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const at = rows.findIndex((row) => row === document.activeElement || row.closest("tr")?.classList.contains("on"));
    rows[Math.min(Math.max(at + step, 0), rows.length - 1)].focus();
  }

  function press(key) {
    if (key === "j") return move(1);
    if (key === "k") return move(-1);
    if (key === "/") return document.querySelector("[data-find]")?.focus();
    const field = document.querySelector(`[data-focus-key="${key}"]`);
    if (field) return field.focus();
    document.querySelector(`[data-key="${key}"]`)?.click();
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey && event.key === "Enter") {
      const form = document.activeElement?.closest("form");
      const button = form?.querySelector("[data-submit]");
      if (button) { event.preventDefault(); form.requestSubmit(button); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(document.activeElement)) return document.activeElement.blur();
    if (typing(document.activeElement) || bareKeysOff() || event.key.length !== 1) return;
    const key = event.key.toLowerCase();
    if (!"jk/".includes(key) && !document.querySelector(`[data-key="${key}"], [data-focus-key="${key}"]`)) return;
    event.preventDefault();
    press(key);
  });

  // Among more tabs than fit, the one that is open is seen.
  document.querySelector(".sum [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // What another unit answered, or a template, into one's own answer, where one may go on writing.
  for (const button of document.querySelectorAll("[data-insert]")) button.hidden = !document.getElementById(button.dataset.insert);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    const field = button && document.getElementById(button.dataset.insert);
    if (!field) return;
    field.value = [field.value.trim(), button.dataset.text].filter(Boolean).join("\n");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });

  for (const form of document.querySelectorAll("form[data-form]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "yes";
    });
    // Put aside and shown again, or refused on the spot: it may be sent once more.
    addEventListener("pageshow", () => delete form.dataset.sent);
    for (const refused of ["htmx:response:error", "htmx:error"]) form.addEventListener(refused, () => delete form.dataset.sent);
  }
})();
