// The softphone's page: signs in, draws the telephone's state, and speaks with the desk in the same browser.
//
// BroadcastChannel "hotline-phone": this page tells {kind: "state", …} at every change, and to who asks {kind: "who"}; the desk asks
// {kind: "do", act, to}. It holds the lock of that name as long as it lives. The page is never navigated: a call lives and dies
// with it.
(() => {
  "use strict";
  // The person has just asked for a call: this telephone is rung first, and answers that by itself.
  const EXPECTED_WITHIN = 15000;
  const channel = new BroadcastChannel("hotline-phone");
  const part = (name) => document.querySelector(`[data-part="${name}"]`);
  const token = () => JSON.parse(document.body.getAttribute("hx-headers:inherited"))["X-CSRF-Token"];
  // A second window tells the desk nothing.
  let isTheOne = false;
  let phone = null;
  let notified = null;
  let escapes = 0;
  let expecting = 0;

  const WORDS = {
    off: "已退出", "signing-in": "正在注册", ready: "没有通话", lost: "未连接", ringing: "来电", calling: "正在呼叫", talking: "通话中", asking: "征询中",
  };

  async function post(path, values = {}) {
    const answer = await fetch(path, { method: "POST", headers: { "X-CSRF-Token": token() }, body: new URLSearchParams(values) });
    if (answer.redirected || answer.status === 401) throw new Error("请重新登录。");
    if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.message || "服务暂时没有响应。");
    return answer.json();
  }

  const ACTS = {
    answer: () => phone.answer(),
    hangup: () => phone.hangUp(),
    hold: () => phone.hold(),
    mute: () => phone.mute(),
    digit: (key) => phone.press(key),
    transfer: (extension) => phone.transfer(extension),
    ask: (extension) => phone.ask(extension),
    hand_over: () => phone.handOver(),
    cancel_ask: () => phone.cancelAsking(),
  };

  function act(name, to) {
    if (phone && ACTS[name]) ACTS[name](to);
  }

  function stateOf() {
    return {
      kind: "state",
      state: phone?.state ?? "off",
      extension: phone?.extension ?? "",
      connected: phone?.connected ?? false,
      held: phone?.held ?? false,
      muted: phone?.muted ?? false,
      since: phone?.since ?? null,
      asking: phone?.second ? (phone.second.isEstablished() ? "talking" : "ringing") : "",
      microphone: !part("microphone-problem").textContent,
      problem: problem(),
    };
  }

  function answerWhatWasAskedFor() {
    if (phone?.state !== "ringing" || Date.now() > expecting || phone.caller !== document.querySelector(".telephone").dataset.own) return;
    expecting = 0;
    phone.answer();
  }

  const problem = () => phone?.problem || part("microphone-problem").textContent;

  function press(button, isOn) {
    button.classList.toggle("on", isOn);
    button.setAttribute("aria-pressed", String(isOn));
  }

  function draw() {
    const now = stateOf();
    document.body.dataset.phone = now.state;
    document.body.dataset.held = String(now.held);
    document.body.dataset.muted = String(now.muted);
    part("state").textContent = now.held ? "保持中" : WORDS[now.state];
    part("line").textContent = now.connected ? `已注册 · 分机 ${now.extension}` : WORDS[now.state === "signing-in" ? "signing-in" : "lost"];
    part("line").dataset.ok = String(now.connected);
    part("problem").textContent = phone?.problem ?? "";
    part("problem").hidden = !phone?.problem;
    for (const button of document.querySelectorAll("[data-when]")) {
      button.hidden = !button.dataset.when.split(" ").includes(now.state);
      if (button.dataset.act === "hold") press(button, now.held);
      if (button.dataset.act === "mute") press(button, now.muted);
    }
    document.title = now.state === "ringing" ? "☎ 来电 · 软电话" : "软电话 · 12345";
    tell(now);
    announce(now);
  }

  function tell(now) {
    if (isTheOne) channel.postMessage(now);
  }

  function announce(now) {
    if (now.state !== "ringing") {
      notified?.close();
      notified = null;
    } else if (!notified && window.Notification?.permission === "granted") {
      notified = new Notification("12345 来电", { body: "按 F2 接听", requireInteraction: true, tag: "hotline-call" });
      notified.onclick = () => window.focus();
    }
  }

  const clock = (milliseconds) => {
    const seconds = Math.floor(milliseconds / 1000);
    return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  };

  function tick() {
    part("clock").textContent = phone?.since ? clock(Date.now() - phone.since) : "";
    for (const left of document.querySelectorAll("[data-until]")) {
      const rest = new Date(left.dataset.until) - Date.now();
      left.textContent = rest > 0 ? clock(rest) : "00:00";
      if (rest <= 0 && left.dataset.until && !left.dataset.over) {
        left.dataset.over = "yes";
        hotline.refresh(["phone"]);
      }
    }
    const levels = phoneAudio.levels();
    for (const side of ["microphone", "speaker"]) part(`level-${side}`).value = levels[side];
  }

  // At the start, and whenever something is plugged in or pulled out: better now than when a call is answered.
  async function lookAtDevices() {
    part("microphone-problem").textContent = await phoneAudio.check();
    part("microphone-problem").hidden = !part("microphone-problem").textContent;
    await phoneAudio.fill({ microphone: part("microphone"), speaker: part("speaker"), ringer: part("ringer") }).catch(() => {});
    draw();
  }

  async function start() {
    await lookAtDevices();
    const credentials = await post("/phone/sign-in");
    phone = new Softphone({
      credentials,
      audio: phoneAudio,
      renew: () => post("/phone/sign-in").then((renewed) => phone.replace(renewed)).catch(say),
      onchange: (changed) => { phone = changed; draw(); answerWhatWasAskedFor(); },
    });
    draw();
    // A page that died in a call left its caller waiting: whoever starts again has the first claim.
    await post("/phone/started");
  }

  const say = (error) => hotline.toast(error.message, "bad");

  async function signIn() {
    try {
      await start();
    } catch (error) {
      say(error);
      setTimeout(signIn, 5000);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) act(button.dataset.act, button.dataset.to);
    if (event.target.closest("[data-part=try]")) phoneAudio.tryOut().catch(lookAtDevices);
    if (event.target.closest("[data-part=allow]")) Notification.requestPermission().then(() => event.target.remove());
  });
  document.addEventListener("change", ({ target }) => {
    if (target === part("microphone")) phone?.speakAgain({ anew: true });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") escapes = 0;
    else if (phone?.busy && !event.isComposing && ++escapes === 2) {
      escapes = 0;
      act("hangup");
    }
  });
  channel.addEventListener("message", ({ data }) => {
    if (data.kind === "do") act(data.act, data.to);
    if (data.kind === "expect") expecting = Date.now() + EXPECTED_WITHIN;
    if (data.kind === "who") tell(stateOf());
  });
  navigator.mediaDevices?.addEventListener("devicechange", () => lookAtDevices().then(() => phone?.speakAgain()));
  // Leaving in a call would end it.
  window.addEventListener("beforeunload", (event) => { if (phone?.busy) event.preventDefault(); });
  // In a call nothing is said: whoever opens the page again gets the caller back, and a hang-up would end it.
  window.addEventListener("pagehide", () => phone?.busy || phone?.stop());

  document.addEventListener("htmx:after:swap", draw);
  document.addEventListener("DOMContentLoaded", () => {
    if (window.Notification?.permission === "default") part("allow").hidden = false;
    navigator.locks.request("hotline-phone", { ifAvailable: true }, (lock) => {
      if (!lock) {
        part("elsewhere").hidden = false;
        return null;
      }
      isTheOne = true;
      setInterval(tick, 250);
      signIn();
      return new Promise(() => {}); // held as long as the page lives
    });
  });
})();
