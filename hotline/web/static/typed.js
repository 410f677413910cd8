// What is typed into a form with data-keep survives a reload, a crash of the page and a sending that failed. It is kept in the
// tab alone, and forgotten when it was sent, when its form is gone, and at sign-out.
(() => {
  "use strict";
  const fields = (form) => [...form.querySelectorAll("textarea")];
  const typed = (form) => Object.fromEntries(fields(form).map((field) => [field.name, field.value]));
  const quietly = (act) => { try { act(); } catch { /* a private window keeps nothing */ } };

  quietly(() => {
    const opened = new URLSearchParams(location.search).get("c") || location.pathname.split("/").pop();
    for (const name of Object.keys(sessionStorage)) {
      if (name.endsWith("-" + opened) && !document.querySelector(`[data-keep="${name}"]`)) sessionStorage.removeItem(name);
    }
  });
  for (const form of document.querySelectorAll("[data-keep]")) quietly(() => {
    const kept = JSON.parse(sessionStorage.getItem(form.dataset.keep) || "{}");
    for (const field of fields(form)) field.value = field.value || kept[field.name] || "";
  });

  document.addEventListener("input", (event) => {
    const form = event.target.closest("[data-keep]");
    if (form) quietly(() => sessionStorage.setItem(form.dataset.keep, JSON.stringify(typed(form))));
  });
  // Sent within the page, the form has come back empty.
  document.addEventListener("htmx:after:swap", (event) => {
    const name = event.target.dataset?.keep;
    if (name) quietly(() => sessionStorage.removeItem(name));
  });
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.form === "sign-out") quietly(() => sessionStorage.clear());
  });
})();
