// The clock of the wall, in the city's time whatever the machine's zone; a wall is dark unless somebody chose otherwise.
(() => {
  "use strict";
  if (!window.hotline.kept("theme")) document.documentElement.dataset.theme = "dark";
  const clock = document.querySelector("[data-clock]");
  const zone = { timeZone: "Asia/Shanghai" };
  const day = new Intl.DateTimeFormat("zh-CN", { ...zone, month: "long", day: "numeric", weekday: "long" });
  const time = new Intl.DateTimeFormat("zh-CN", { ...zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  const ahead = new Date(clock.dateTime).getTime() - Date.now();
  const tick = () => {
    const at = new Date(Date.now() + ahead);
    clock.textContent = `${day.format(at)}　${time.format(at)}`;
  };
  tick();
  setInterval(tick, 1000);
})();
