"use strict";
// Draws the charts of a page. A table on it has the same numbers.
(() => {
  const HEIGHT = 190;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let drawn = [];

  const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
  const two = (number) => String(number).padStart(2, "0");
  const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // Hours and minutes; the day where it begins, or where nothing else fits.
  function ticks(chart, splits, axis, space, step) {
    let before = "";
    return splits.map((split) => {
      const at = chart.daily ? utc(split) : new Date(split * 1000);
      const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
      const time = `${two(at.getHours())}:${two(at.getMinutes())}` + (step < 60 ? `:${two(at.getSeconds())}` : "");
      const text = step >= 86400 ? day : day === before ? time : `${time}\n${day}`;
      before = day;
      return text;
    });
  }

  function seriesOf({ label, color: name, dots }, bars) {
    const series = { label, stroke: color(name) };
    if (dots) return { ...series, paths: () => null, points: { show: true, size: 8, fill: color(name) } };
    if (bars) return { ...series, fill: color(name), width: 0, paths: uPlot.paths.bars({ size: [0.6, 40] }), points: { show: false } };
    return { ...series, width: 1.5, points: { size: 4 }, spanGaps: true };
  }

  // What was expected: an area from the lowest to the highest, with a line in the middle, and one line of legend.
  function bandOf(band) {
    if (!band) return [];
    const quiet = { class: "quiet", stroke: "transparent", points: { show: false } };
    const short = (value) => value == null ? "" : Number(value.toPrecision(4)).toLocaleString("en");
    const usual = (chart, value, _, index) => index == null || value == null ? "" : `${short(band.low[index])} – ${short(value)}`;
    return [
      { ...quiet, class: "usual", label: "usual", value: usual },
      { ...quiet, label: "at least" },
      { ...quiet, label: "in the middle", stroke: color("mute"), width: 1, dash: [4, 4] },
    ];
  }

  function plot({ name, series, bars, band }, at, daily) {
    const figure = document.getElementById(`chart-${name}`);
    const columns = [at, ...(band ? [band.high, band.low, band.middle] : []), ...series.map((one) => one.values)];
    const axis = { stroke: color("mute"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line"), width: 1 }, font: "11px system-ui" };
    const options = {
      width: inner(figure), height: HEIGHT,
      series: [{ label: daily ? "day" : "at", value: daily ? "{YYYY}-{MM}-{DD}" : "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" }, ...bandOf(band), ...series.map((one) => seriesOf(one, bars))],
      bands: band ? [{ series: [1, 2], fill: color("band") }] : [],
      axes: [{ ...axis, values: (chart, ...rest) => ticks({ daily }, ...rest), incrs: daily ? [86400, 172800, 432000, 604800] : undefined }, { ...axis, size: 48, values: (_, splits) => splits.map((split) => COMPACT.format(split)) }],
      scales: { ...(daily && { x: { range: (_, low, high) => [low - 43200, high + 43200] } }), y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      cursor: { drag: { x: false, y: false } },
      // Away from the chart, its legend tells the last point.
      hooks: { setCursor: [(chart) => { if (chart.cursor.idx == null) chart.setLegend({ idx: at.length - 1 }); }] },
    };
    if (daily) options.tzDate = utc;
    const chart = new uPlot(options, columns, figure);
    chart.setLegend({ idx: at.length - 1 });
    drawn.push(chart);
  }

  function draw() {
    for (const chart of drawn) chart.destroy();
    drawn = [];
    const section = document.getElementById("charts");
    if (!section) return;
    const { at, daily, charts } = JSON.parse(section.dataset.charts);
    for (const chart of charts) plot(chart, at, daily);
  }

  function inner(figure) {
    const style = getComputedStyle(figure);
    return Math.max(120, figure.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
  }

  function fit() {
    for (const chart of drawn) chart.setSize({ width: inner(chart.root.parentElement), height: HEIGHT });
  }

  draw();
  dark.addEventListener("change", draw);
  addEventListener("resize", fit);
  document.addEventListener("htmx:after:swap", (event) => { if (event.detail.ctx.target?.id === "past") draw(); });
})();
