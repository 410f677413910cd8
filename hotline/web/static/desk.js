// The agents' desk: signs of life, moving through the queue, and the small manners of the filing form.
(() => {
  "use strict";
  const BEAT = 20000;

  // Focus walks over the queue with J and K; Enter on a place takes it, for it is a button.
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey || hotline.kept("bare-keys") === "off") return;
    if (event.target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])")) return;
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const items = [...document.querySelectorAll("#queue .item:not(:disabled)")];
    if (!items.length) return;
    const at = items.indexOf(document.activeElement);
    items[at < 0 ? 0 : Math.max(0, Math.min(items.length - 1, at + step))].focus();
    event.preventDefault();
  });

  async function beat() {
    const seat = document.getElementById("seat");
    if (!seat || seat.dataset.state === "offline") return;
    const token = JSON.parse(document.body.getAttribute("hx-headers:inherited"))["X-CSRF-Token"];
    try {
      const answer = await fetch("/desk/beat", { method: "POST", headers: { "X-CSRF-Token": token } });
      if (answer.redirected || !answer.ok) return;
      if ((await answer.json()).state === "offline") {
        seat.dataset.state = "offline";
        hotline.toast("连接中断过久，您已离线，手上的诉求回到了队列。草稿都在。请刷新页面后示闲。", "bad");
      }
    } catch { /* the dot tells that the connection is cut */ }
  }
  setInterval(beat, BEAT);

  // What is typed stays: from the first key on, a late suggestion no longer fills the form by itself.
  document.addEventListener("input", (event) => {
    const waiting = event.target.closest("[data-until-typed]");
    if (waiting) delete waiting.dataset.on;
  });
  document.addEventListener("htmx:before:swap", (event) => {
    // It was fetched before the first key was pressed.
    if (event.target.matches("[data-until-typed], [data-until-picked]") && !event.target.dataset.on) event.preventDefault();
  });

  // A draft that is still waiting to be sent while the matter is being filed would only be refused; a refused filing wants it again.
  const ENDS = ["file", "answer-directly", "redirect", "void"];
  let ending = false;
  document.addEventListener("htmx:before:request", (event) => {
    if (ENDS.includes(event.target.dataset.form)) ending = true;
    else if (ending && event.target.matches("[hx-post$='/draft']")) event.preventDefault();
  });
  for (const refused of ["htmx:response:error", "htmx:error"]) {
    document.addEventListener(refused, (event) => { if (ENDS.includes(event.target.dataset?.form)) ending = false; });
  }

  // What a person has picked, a later suggestion leaves alone.
  document.addEventListener("change", (event) => {
    if (event.isTrusted && event.target.closest("#pick-category, #pick-unit")) document.querySelector("[data-until-picked]")?.removeAttribute("data-on");
  });

  // What the citizen answers goes into fields that are still empty, each answer once: what is typed stays, and so does what was emptied.
  const told = new Map();
  const answers = () => [...document.querySelectorAll("#talk [data-told]")].map((each) => [each.dataset.told, each.dataset.value]);
  const remember = () => answers().forEach(([name, value]) => told.set(name, value));

  function takeAnswers() {
    const form = document.getElementById("case-form");
    // Until the first key the form is fetched anew by itself; and only the first matter is asked about.
    if (!form || form.elements.m.value !== "1" || form.closest("[data-until-typed]")?.dataset.on) return;
    const fresh = answers().filter(([name, value]) => told.get(name) !== value);
    remember();
    const taken = fresh.filter(([name, value]) => fill(form.elements.namedItem(name), value));
    if (taken.length) form.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // A number stands in its field as a hint only, masked.
  function fill(field, value) {
    const holds = field?.name === "number" ? "placeholder" : "value";
    if (!field || field.value || field[holds]) return false;
    field[holds] = value;
    field.classList.add("told");
    field.title = "市民刚刚答复的";
    return true;
  }
  document.addEventListener("input", (event) => {
    if (!event.target.matches(".told")) return;
    event.target.classList.remove("told");
    event.target.removeAttribute("title");
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.target.id === "filing") remember(); else takeAnswers();
  });
  remember();

  // An area that was looked for and picked: the search has done its work.
  document.addEventListener("change", (event) => {
    const search = event.target.closest("#areas-found")?.parentElement;
    if (!search) return;
    search.open = false;
    search.querySelector("[type=search]").value = "";
    search.querySelector("summary").focus();
  });

  // One choice counts: a suggestion picked with a key empties the list beside it, and the other way round.
  document.addEventListener("change", (event) => {
    const changed = event.target;
    if (changed.matches(".pick input[type=radio]")) {
      const list = document.querySelector(`[data-clears="${changed.name}"]`);
      if (list) list.value = "";
    } else if (changed.dataset.clears && changed.value) {
      for (const radio of document.getElementsByName(changed.dataset.clears)) radio.checked = false;
    }
  });

  // The summary for units is asked for when they see nothing else.
  function showSummary() {
    const form = document.getElementById("case-form");
    if (!form) return;
    const report = form.querySelector("[name=request_type]:checked")?.value === "report";
    const confidential = form.querySelector("[type=checkbox][name=confidential]").checked;
    form.querySelector(".summary").hidden = !(report || confidential);
  }

  function showNeeds() {
    const told = document.querySelector("#saved [data-needs]");
    if (!told) return;
    const needs = told.dataset.needs.split(" ");
    const fields = { place: "place_text", object: "object_name", occurred: "occurred" };
    for (const [need, field] of Object.entries(fields)) {
      document.querySelector(`label[for="${field}"]`)?.classList.toggle("needed", needs.includes(need));
    }
    const two = document.querySelector("#needs .two");
    const isWanted = needs.includes("object") || needs.includes("occurred");
    two?.classList.toggle("slim", !isWanted && ![...two.querySelectorAll("input")].some((each) => each.value));
  }

  // One panel at a time.
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches("details.drop, details.end") || !event.target.open) return;
    for (const other of document.querySelectorAll("details.drop[open], details.end[open]")) {
      if (other !== event.target) other.open = false;
    }
  }, true);

  document.addEventListener("change", showSummary);
  document.addEventListener("htmx:after:swap", () => { showNeeds(); showSummary(); });
  showSummary();

  // A contact in hand has something new to answer: heard softly, once for each.
  const heard = new Set();
  function hear() {
    const fresh = [...document.querySelectorAll("#queue [data-unanswered]")].map((line) => `${line.id} ${line.dataset.unanswered}`);
    if (document.documentElement.dataset.settled && fresh.some((each) => !heard.has(each))) hotline.chime();
    fresh.forEach((each) => heard.add(each));
    document.documentElement.dataset.settled = "yes";
  }
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.target.closest?.("#queue")) hear();
    if (event.target.dataset?.form === "reply" || document.getElementById("reply") === event.target) {
      for (const stale of ["#talk", "#queue"]) htmx.trigger(stale, "refresh");
    }
  });
  hear();

  // A sentence at hand goes where the writer is.
  document.addEventListener("click", (event) => {
    const sentence = event.target.closest("[data-inserts]");
    const field = document.getElementById("reply-text");
    if (!sentence || !field || field.disabled) return;
    field.setRangeText(sentence.dataset.inserts, field.selectionStart, field.selectionEnd, "end");
    sentence.closest("details").open = false;
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // The queue may fold away on a telephone, where a contact needs the room; on a desk it stays open.
  const wide = matchMedia("(min-width: 761px)");
  const unfold = () => { if (wide.matches) document.querySelector(".queue-fold").open = true; };
  wide.addEventListener("change", unfold);
  unfold();
})();
