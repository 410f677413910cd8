// Draws the weeks of the model's page from the figures that stand beside it; the tables say the same without script.
(() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("drift-figures").textContent);
  const style = getComputedStyle(document.documentElement);
  const ink = (name) => style.getPropertyValue(name).trim();
  const colours = [ink("--accent"), ink("--warn")];
  const percent = (value) => (value === null || value === undefined ? "—" : `${Math.round(100 * value)}%`);
  const index = (value) => (value === null || value === undefined ? "—" : value.toFixed(2));

  const draw = (box) => {
    const shown = box.dataset.plot === "changed" ? percent : index;
    const chart = window.echarts.init(box, null, { renderer: "svg" });
    chart.setOption({
      animation: false,
      color: colours,
      grid: { left: 44, right: 16, top: 32, bottom: 28 },
      legend: { top: 0, right: 0, textStyle: { color: ink("--ink-2") } },
      tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: shown },
      xAxis: { type: "category", data: figures.weeks, axisLabel: { color: ink("--ink-2") } },
      yAxis: { type: "value", min: 0, axisLabel: { color: ink("--ink-2"), formatter: shown }, splitLine: { lineStyle: { color: ink("--line") } } },
      series: figures[box.dataset.plot].map((line) => ({ type: "line", symbolSize: 6, connectNulls: false, ...line })),
    });
    addEventListener("resize", () => chart.resize());
  };
  document.querySelectorAll("[data-plot]").forEach(draw);
})();
