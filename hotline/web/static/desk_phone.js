// The telephone on the desk: what the softphone's page tells is drawn here, and the same keys act there. A reload of the desk never
// touches a call. While a call rings, what is known of the caller lies over whatever is open.
(() => {
  "use strict";
  const LOOK = 1000;
  const channel = new BroadcastChannel("hotline-phone");
  let told = null;
  let lives = false;
  let shownState = "";

  const tell = (act, to) => channel.postMessage({ kind: "do", act, to });
  const isThere = () => told && lives;

  // A browser lets the clocks of a window that lies under others stand still for a minute, so silence means nothing. The telephone
  // holds this lock as long as it lives.
  async function lookForPhone() {
    const { held } = await navigator.locks.query();
    const did = lives;
    lives = held.some((lock) => lock.name === "hotline-phone");
    if (lives !== did) draw();
  }

  const clock = (milliseconds) => {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  };

  function lineInWords() {
    if (!isThere()) return "打开软电话";
    if (!told.connected) return "软电话未连接";
    return told.microphone ? `软电话已注册 · 分机 ${told.extension}` : "麦克风不可用";
  }

  function press(button, isOn) {
    button.classList.toggle("on", Boolean(isOn));
    button.setAttribute("aria-pressed", String(Boolean(isOn)));
  }

  function draw() {
    const state = isThere() ? told.state : "away";
    document.body.dataset.phone = state;
    document.body.dataset.held = String(isThere() && told.held);
    const chip = document.querySelector("[data-phone-line]");
    if (chip) {
      const fine = isThere() && told.connected && told.microphone;
      chip.classList.toggle("good", fine);
      chip.classList.toggle("warn", !fine);
      chip.querySelector(".dot").className = fine ? "dot" : "dot idle";
      chip.querySelector("[data-words]").textContent = lineInWords();
    }
    for (const button of document.querySelectorAll("[data-when]")) {
      button.hidden = !button.dataset.when.split(" ").includes(state);
      if (button.dataset.phoneAct === "hold") press(button, told?.held);
      if (button.dataset.phoneAct === "mute") press(button, told?.muted);
    }
    const problem = document.querySelector("[data-phone-problem]");
    if (problem) {
      problem.textContent = isThere() ? told.problem : "";
      problem.hidden = !problem.textContent;
    }
    if (state === "talking" && shownState !== "talking") setTimeout(() => hotline.refresh([...document.body.dataset.stream.split(" ")].filter((topic) => topic.startsWith("phone:"))), 700);
    shownState = state;
  }

  // The call that was just answered opens by itself, once the service knows of it; what was typed for another contact is kept as
  // its draft.
  let opened = "";
  function openAnswered() {
    const answered = document.querySelector("#ring [data-answered]")?.dataset.answered ?? "";
    if (answered && answered !== opened && document.body.classList.contains("desk")) {
      const here = new URLSearchParams(location.search).get("c") === answered && document.getElementById("case-form");
      if (!here) location.assign(`/desk?c=${answered}`);
    }
    opened = answered;
  }

  function tick() {
    for (const place of document.querySelectorAll("[data-phone-clock]")) place.textContent = isThere() && told.since ? clock(Date.now() - told.since) : "";
    for (const left of document.querySelectorAll("[data-until]")) {
      left.textContent = clock(new Date(left.dataset.until) - Date.now());
    }
  }

  channel.addEventListener("message", ({ data }) => {
    if (data.kind !== "state") return;
    const changed = JSON.stringify(data) !== JSON.stringify(told);
    told = data;
    if (!changed && lives) return;
    lives = true;
    draw();
  });

  // The own telephone rings first for a call that is placed: it need not be answered by hand.
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-expects-call]")) channel.postMessage({ kind: "expect" });
  }, true);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-phone-act]");
    if (button) tell(button.dataset.phoneAct, button.dataset.to);
    const opener = event.target.closest("[data-phone-line]");
    if (opener) window.open("/phone", "hotline-phone", "popup,width=420,height=680");
  });
  let escapes = 0;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") escapes = 0;
    else if (isThere() && told.since && !event.isComposing && ++escapes === 2) {
      escapes = 0;
      tell("hangup");
    }
  });
  // Nobody's open list is taken away: the bar is drawn again once it is closed.
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target.id === "call" && event.target.querySelector("details.drop[open]")) event.preventDefault();
  });
  document.addEventListener("toggle", (event) => {
    const bar = event.target.closest?.("#call");
    if (bar && !event.target.open) htmx.trigger(bar, "refresh");
  }, true);
  document.addEventListener("opendesk", (event) => location.assign(`/desk?c=${event.detail.value ?? event.detail}`));
  document.addEventListener("htmx:after:swap", () => { draw(); openAnswered(); });
  setInterval(tick, 250);
  if (navigator.locks) setInterval(lookForPhone, LOOK);
  channel.postMessage({ kind: "who" });
  draw();
})();
