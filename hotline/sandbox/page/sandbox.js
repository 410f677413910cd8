// The citizens' telephones: what is typed goes to the stand-ins, what came back is asked for every second.
(() => {
  "use strict";
  const EVERY = 1000;
  const NAMES = { twilio: "Twilio", aliyun: "阿里云", tencent: "腾讯云", generic: "通用网关" };
  const phones = new Map([...document.querySelectorAll("[data-channel]")].map((each) => [each.dataset.channel, each]));
  const drawn = new Map();
  let played = null;

  const random = (count) => Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => byte % 10).join("");
  const someone = {
    sms: () => `139${random(7)}${1 + (random(1) % 9)}`,
    wechat: () => `oDemo${random(12)}a`,
    mail: () => `citizen${random(6)}a@example.com`,
  };

  function make(tag, text = "", kind = "") {
    const made = document.createElement(tag);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }

  function under(line) {
    const time = new Date(line.at * 1000).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
    const by = NAMES[line.by] ? ` · ${NAMES[line.by]}` : "";
    if (line.is_ours) return [`${time}${by} · ${line.state === "delivered" ? "已送达" : "已收下，没有回执"}`, ""];
    const taken = line.status >= 200 && line.status < 300;
    if (taken) return [`${time}${by} · 热线已收到`, ""];
    return [`${time} · ${line.status ? `热线没有收下（${line.status}）` : "热线没有回应"}`, "bad"];
  }

  function row(line) {
    const item = make("li", "", line.is_ours ? "theirs" : "");
    if (line.picture) {
      const picture = make("img");
      picture.src = `/picture/${encodeURIComponent(line.picture)}`;
      picture.alt = "图片";
      item.append(picture);
    }
    if (line.text && !(line.picture && line.text === "［图片］")) item.append(make("p", line.text));
    item.append(make("small", ...under(line)));
    return item;
  }

  function draw(channel, lines) {
    const now = JSON.stringify(lines);
    if (drawn.get(channel) === now) return;
    drawn.set(channel, now);
    const list = phones.get(channel).querySelector(".lines");
    list.replaceChildren(...(lines.length ? lines.map(row) : [make("li", "还没有往来。写一句试试，例如：滨江路12号门口的路灯坏了。", "nothing")]));
    list.scrollTop = list.scrollHeight;
  }

  const who = (channel) => phones.get(channel).querySelector("[name=who]").value.trim();

  async function look() {
    const asked = new URLSearchParams(played.channels.map((channel) => [channel, who(channel)]));
    try {
      const found = await (await fetch(`/threads?${asked}`)).json();
      for (const channel of played.channels) draw(channel, found[channel] || []);
    } catch { /* it is starting again; the next time */ }
  }

  async function send(channel, what, more = {}) {
    const phone = phones.get(channel);
    const form = new FormData();
    const words = { what, who: who(channel), gateway: phone.querySelector("[name=gateway]")?.value || "", ...more };
    for (const [name, value] of Object.entries(words)) form.append(name, value);
    if (!words.who) return;
    for (const button of phone.querySelectorAll("form .btn")) button.disabled = true;
    try {
      await fetch(`/write/${channel}`, { method: "POST", body: form });
    } finally {
      for (const button of phone.querySelectorAll("form .btn")) button.disabled = false;
    }
    await look();
  }

  function spoken(phone) {
    const field = phone.querySelector("textarea");
    const text = field.value.trim();
    field.value = "";
    return text;
  }

  function attend(channel, phone) {
    const kept = sessionStorage.getItem(channel);
    const field = phone.querySelector("[name=who]");
    field.value = kept || someone[channel]();
    const remember = () => { sessionStorage.setItem(channel, field.value.trim()); look(); };
    remember();
    field.addEventListener("change", remember);
    phone.querySelector("[data-someone]").addEventListener("click", () => { field.value = someone[channel](); remember(); });
    phone.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = spoken(phone);
      if (text) send(channel, "text", { text });
    });
    phone.querySelector("textarea").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      phone.querySelector("form").requestSubmit();
    });
    phone.querySelector("input[type=file]").addEventListener("change", (event) => {
      const file = event.target.files[0];
      if (file) send(channel, "picture", { file, text: channel === "wechat" ? "" : spoken(phone) });
      event.target.value = "";
    });
    for (const button of phone.querySelectorAll("button[data-what]")) {
      button.addEventListener("click", () => send(channel, button.dataset.what, enclosed[button.dataset.what]?.(phone) ?? {}));
    }
    phone.querySelector("[data-position]")?.addEventListener("change", (event) => {
      const place = event.target.selectedOptions[0];
      if (place.value) send(channel, "position", { position: place.value, text: place.textContent });
      event.target.value = "";
    });
  }

  // The smallest AMR: its beginning and one silent frame.
  function voice(phone) {
    const silence = new Uint8Array([...new TextEncoder().encode("#!AMR\n"), 0x7c, ...new Array(12).fill(0)]);
    return { text: spoken(phone), file: new File([silence], "voice.amr", { type: "audio/amr" }) };
  }

  // The smallest MP4: its kind, nothing to tell and nothing to show.
  function video() {
    const boxes = ["ftyp", "moov", "mdat"].flatMap((kind) => [0, 0, 0, 8, ...new TextEncoder().encode(kind)]);
    return { file: new File([new Uint8Array(boxes)], "video.mp4", { type: "video/mp4" }) };
  }

  const link = (phone) => ({ text: spoken(phone), key: "https://news.example/12345" });
  const enclosed = { voice, video, link };

  function menuKey(button) {
    const key = make("button", button.name, "btn tiny");
    key.type = "button";
    key.addEventListener("click", () => {
      send("wechat", "menu", { key: button.url || button.key || "", text: button.name });
      if (button.url) window.open(button.url, "_blank", "noopener");
    });
    return key;
  }

  async function begin() {
    played = await (await fetch("/played")).json();
    const gateways = phones.get("sms").querySelector("[name=gateway]");
    gateways.replaceChildren(...played.gateways.map((name) => new Option(NAMES[name] || name, name)));
    const picture = phones.get("sms").querySelector("input[type=file]");
    const offer = () => { picture.closest("label").hidden = !played.pictures.includes(gateways.value); };
    gateways.addEventListener("change", offer);
    offer();
    const buttons = played.menu.flatMap((button) => (button.sub_button?.length ? button.sub_button : [button]));
    phones.get("wechat").querySelector("[data-menu]").replaceChildren(...buttons.map(menuKey));
    for (const [channel, phone] of phones) {
      if (played.channels.includes(channel)) {
        attend(channel, phone);
        continue;
      }
      phone.classList.add("off");
      phone.querySelector(".lines").replaceChildren(make("li", "这一路按您自己的设置连接，这里不代替服务商。", "nothing"));
    }
    // Until here nobody is at the other end of a form, and the browser would send it to nowhere.
    document.querySelector("main").inert = false;
    await look();
    setInterval(() => { if (!document.hidden) look(); }, EVERY);
  }
  begin();
})();
