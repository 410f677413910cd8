// An answer that cannot be sent is kept on the device with its photographs, and sent once when the net is back.
//
// Its key is made here: however often it is sent, the service stores it once. What is kept goes out only under the sign-in of
// whoever wrote it; it is erased when it has arrived, when that person signs out, and after a week. Without this script, or
// where a browser keeps nothing, the form is sent as any other.
(() => {
  "use strict";
  const person = document.currentScript.dataset.person;
  const RETRY = 15000;
  const WEEK = 7 * 24 * 3600 * 1000;
  let sending = false;
  let leaving = false;

  const opened = () => new Promise((resolve, reject) => {
    const asked = indexedDB.open("hotline-kept", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("answers", { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  // One small transaction; resolved when it is on the disk.
  async function store(mode, act) {
    const database = await opened();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction("answers", mode);
        const asked = act(transaction.objectStore("answers"));
        transaction.oncomplete = () => resolve(asked.result);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      database.close();
    }
  }
  const put = (entry) => store("readwrite", (answers) => answers.put(entry));
  const drop = (entry) => store("readwrite", (answers) => answers.delete(entry.key));
  async function kept() {
    const all = await store("readonly", (answers) => answers.getAll());
    for (const entry of all.filter((each) => Date.now() - each.at > WEEK)) await drop(entry);
    return all.filter((each) => each.person === person && Date.now() - each.at <= WEEK).sort((a, b) => a.at - b.at);
  }

  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const path = (url) => new URL(url, location.href).pathname;

  function written(form) {
    const parts = [...new FormData(form)].filter(([name, value]) => !["csrf", "key"].includes(name) && (typeof value === "string" || value.size));
    return {
      key: newKey(),
      person,
      url: path(form.action),
      title: document.querySelector("h1").textContent,
      at: Date.now(),
      parts,
      refused: "",
    };
  }

  // "sent", "unreached", or why it was refused.
  async function send(entry) {
    const body = new FormData();
    body.set("csrf", document.querySelector("input[name=csrf]").value);
    body.set("key", entry.key);
    for (const [name, value] of entry.parts) {
      if (typeof value === "string") body.append(name, value);
      else body.append(name, value, value.name);
    }
    let answer;
    try {
      answer = await fetch(entry.url, { method: "POST", body, headers: { "HX-Request": "true" } });
    } catch {
      return "unreached";
    }
    if (answer.ok && (answer.headers.get("HX-Redirect") || "").startsWith("/unit")) {
      await drop(entry);
      return "sent";
    }
    // Answered with the sign-in page, or not able to store anything: later.
    if (answer.ok || answer.status >= 500 || answer.status === 429) return "unreached";
    const told = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".toast");
    return told?.textContent.trim() || "没有被接受。";
  }

  async function sendAll() {
    if (sending) return;
    sending = true;
    try {
      const sent = [];
      for (const entry of await kept()) {
        if (entry.refused) continue;
        const outcome = await send(entry);
        if (outcome === "unreached") break;
        if (outcome === "sent") sent.push(entry);
        else await put({ ...entry, refused: outcome });
      }
      if (sent.length) arrived(sent);
    } finally {
      sending = false;
      await show();
    }
  }

  function arrived(sent) {
    if (sent.some(formOf)) return location.reload();
    hotline.toast("存在本机的答复已经送达。", "good");
    hotline.refresh(null);
  }

  function button(text, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "btn tiny";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  }

  function line(entry) {
    const row = document.createElement("li");
    const words = document.createElement("span");
    const photographs = entry.parts.filter(([, value]) => typeof value !== "string").length;
    const extent = photographs ? `（${photographs} 个附件）` : "";
    words.textContent = `“${entry.title}”的答复${extent}${entry.refused ? `没有发出：${entry.refused}` : "已存在本机，连上后自动发送。"}`;
    row.className = "row wrap";
    row.append(words);
    if (entry.refused) row.append(button("再发一次", async () => { await put({ ...entry, refused: "" }); await sendAll(); }));
    row.append(button("收回", async () => { await drop(entry); takeBack(entry); await show(); }));
    return row;
  }

  // Back into its form, if that is the page that is open; photographs are to be chosen again.
  function takeBack(entry) {
    const form = formOf(entry);
    if (!form) return;
    for (const [name, value] of entry.parts) {
      const field = form.elements[name];
      if (typeof value === "string" && field) field.value = value;
    }
  }

  const formOf = (entry) => [...document.querySelectorAll("form[data-form=answer]")].find((form) => path(form.action) === entry.url);

  // What waits, above whatever page is open; a form whose answer is kept is put away until it has arrived.
  async function show() {
    const entries = await kept();
    const form = document.querySelector("form[data-form=answer]");
    if (form) {
      form.hidden = entries.some((entry) => formOf(entry) === form);
      delete form.dataset.sent;
    }
    let list = document.getElementById("kept");
    if (!entries.length) return list?.remove();
    if (!list) {
      list = document.createElement("ul");
      list.id = "kept";
      list.className = "band warn kept";
      list.setAttribute("role", "status");
      document.getElementById("main").before(list);
    }
    list.replaceChildren(...entries.map(line));
  }

  async function submit(form) {
    const entry = written(form);
    try {
      await put(entry);
    } catch {
      return form.submit();
    }
    sending = true;
    const slow = setTimeout(show, 1000);
    const outcome = await send(entry);
    clearTimeout(slow);
    sending = false;
    if (outcome === "sent") return location.assign(path(form.action).replace(/\/answer$/, ""));
    if (outcome !== "unreached") {
      await drop(entry);
      hotline.toast(outcome, "bad");
    }
    await show();
  }

  async function signOut(form) {
    const entries = await kept().catch(() => []);
    if (entries.length && !leaving) {
      leaving = true;
      delete form.dataset.sent;
      return hotline.toast(`还有 ${entries.length} 份答复没有发出，再按一次“退出”就会删掉。`, "bad");
    }
    for (const entry of entries) await drop(entry);
    form.submit();
  }

  if (!window.indexedDB) return;
  document.addEventListener("submit", (event) => {
    const act = { answer: submit, "sign-out": signOut }[event.target.dataset.form];
    if (!act || event.defaultPrevented) return;
    event.preventDefault();
    act(event.target);
  });
  const quietly = () => sendAll().catch(() => { /* a private window keeps nothing */ });
  addEventListener("online", quietly);
  setInterval(quietly, RETRY);
  quietly();
})();
