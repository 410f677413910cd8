// Small comforts of the citizens' pages; each of them works without this file.
(() => {
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const MiB = 1024 * 1024;
  const size = (bytes) => (bytes < MiB ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / MiB).toFixed(1)} MB`);

  each("[data-focus]", (box) => box.focus());

  each("[data-count]", (area) => {
    const shown = document.getElementById(area.dataset.count);
    const most = area.maxLength;
    const tell = () => {
      shown.textContent = `还可以写 ${(most - area.value.length).toLocaleString("en")} 字`;
    };
    if (area.value.length > most) area.removeAttribute("maxlength");
    area.addEventListener("input", tell);
    tell();
  });

  // A second press of the button sends nothing: the first is on its way.
  each("form:has([data-once])", (form) => {
    const button = form.querySelector("[data-once]");
    const name = button.textContent;
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "yes";
      button.textContent = "正在提交…";
    });
    addEventListener("pageshow", () => {
      delete form.dataset.sent;
      button.textContent = name;
    });
  });

  // Files added in several goes, shown by name, taken away one by one.
  each("[data-files]", (field) => {
    const list = field.parentElement.querySelector("[data-file-list]");
    const most = Number(field.dataset.files);
    let kept = [];
    const put = () => {
      const bag = new DataTransfer();
      kept.forEach((file) => bag.items.add(file));
      field.files = bag.files;
      list.replaceChildren(...kept.map(line));
      if (kept.length > most) list.append(item(`最多 ${most} 个，请去掉 ${kept.length - most} 个`, true));
    };
    const item = (text, bad) => {
      const row = document.createElement("li");
      const words = document.createElement("span");
      words.textContent = text;
      row.className = bad ? "bad" : "";
      row.append(words);
      return row;
    };
    const line = (file) => {
      const large = file.size > 10 * MiB;
      const row = item(`${file.name}　${size(file.size)}${large ? "，超过 10 MB" : ""}`, large);
      const drop = document.createElement("button");
      drop.type = "button";
      drop.textContent = "去掉";
      drop.setAttribute("aria-label", `去掉 ${file.name}`);
      drop.addEventListener("click", () => {
        kept = kept.filter((other) => other !== file);
        put();
        field.focus();
      });
      row.append(drop);
      return row;
    };
    field.addEventListener("change", () => {
      const known = new Set(kept.map((file) => file.name + file.size + file.lastModified));
      kept = kept.concat([...field.files].filter((file) => !known.has(file.name + file.size + file.lastModified)));
      put();
    });
  });

  each("[data-copy]", (button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "已复制";
    });
  });
  each("[data-print]", (button) => {
    button.hidden = false;
    button.addEventListener("click", () => print());
  });
})();
