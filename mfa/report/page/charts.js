"use strict";

// The colours of Okabe and Ito; a quantity has the same one in every figure of the page.
const COLOURS = {
  demand: "#000000",
  primary_supply: "#0072B2",
  secondary_supply: "#009E73",
  old_scrap_supply: "#009E73",
  new_scrap_supply: "#999999",
  secondary_potential_theoretical: "#CC79A7",
  secondary_potential_technical: "#E69F00",
  secondary_potential_economic: "#56B4E9",
  indicator_recycled_content: "#009E73",
  indicator_collection_rate: "#E69F00",
  indicator_process_efficiency: "#56B4E9",
  indicator_eol_recycling_rate: "#0072B2",
  indicator_nonfunctional_recycling_rate: "#8A8F98",
  indicator_eol_recycling_input_rate: "#CC79A7",
  indicator_old_scrap_ratio: "#D55E00",
  unmet_demand: "#D55E00",
};
const OTHERS = ["#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#999999", "#009E73"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];

// A quantity keeps its colour also where others are missing: it follows from its name.
report.colour = function (name) {
  if (name in COLOURS) return COLOURS[name];
  const every = report.data.named;
  return OTHERS[every.indexOf(name) % OTHERS.length];
};

report.dash = function (name) {
  if (name in COLOURS) return name.endsWith("_rate") ? "dash" : "solid";
  return DASHES[Math.floor(report.data.named.indexOf(name) / OTHERS.length) % DASHES.length];
};

// Plotly reads a few tags in its texts; what comes from files is shown as it is.
const safe = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const faded = (colour, part) => colour + Math.round(part * 255).toString(16).padStart(2, "0");

function traces(line, years, factor) {
  const colour = line.colour || report.colour(line.name);
  const values = (quantile) => Array.from(report.series(line.values, quantile), (v) => v / factor);
  const edge = { mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false, x: years };
  const found = [];
  if (report.hasBand(line.values)) {
    for (const [low, high, part] of [[0, 4, 0.16], [1, 3, 0.22]]) {
      found.push({ ...edge, y: values(low) });
      found.push({ ...edge, y: values(high), fill: "tonexty", fillcolor: faded(colour, part) });
    }
  }
  found.push({
    x: years, y: values(report.hasBand(line.values) ? 2 : 0), name: safe(line.label), mode: "lines",
    line: { color: colour, width: 2.5, dash: line.dash || "solid" }, connectgaps: false,
    ...(line.stack ? { stackgroup: "one", fillcolor: faded(colour, 0.75), line: { color: colour, width: 0.5 } } : {}),
  });
  return found;
}

function layout(unit, percent, narrow) {
  const year = report.year;
  return {
    height: narrow ? 330 : 340,
    margin: { l: narrow ? 48 : 62, r: 14, t: 12, b: 40 },
    font: { family: "system-ui, sans-serif", size: 13, color: "#1b1f24" },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hovermode: "x unified",
    hoverlabel: { font: { size: 13 } },
    showlegend: true,
    legend: { orientation: "h", y: -0.16, x: 0, font: { size: 13 } },
    xaxis: { showgrid: false, ticks: "outside", tickcolor: "#6b7280", linecolor: "#6b7280", showline: true, nticks: narrow ? 5 : 9, tickformat: "d" },
    yaxis: { title: { text: safe(unit), standoff: 6 }, rangemode: "tozero", gridcolor: "#e2e5e9", zeroline: false, nticks: 6, ...(percent ? { range: [0, percent] } : {}) },
    shapes: [{ type: "line", x0: year, x1: year, yref: "paper", y0: 0, y1: 1, line: { color: "#6b7280", width: 1, dash: "dot" } }],
  };
}

// Draw lines over the years; return the rows of the table behind them.
report.lines = function (figure, lines, told) {
  const years = report.years();
  const quantiles = (line) => (report.hasBand(line.values) ? [0, 1, 2, 3, 4] : [0]);
  const every = lines.flatMap((line) => quantiles(line).map((q) => report.series(line.values, q)));
  const stacked = lines.some((line) => line.stack);
  const sums = stacked ? years.map((_, i) => lines.reduce((sum, l) => sum + report.middle(l.values)[i], 0)) : [];
  const largest = [...every, sums].reduce((most, own) => own.reduce((m, v) => (v > m ? v : m), most), 0);
  const { factor, unit } = report.scale(lines[0].unit, largest);
  const narrow = figure.canvas.clientWidth < 560;
  const percent = unit === "%" ? Math.min(100, Math.max(5, Math.ceil((largest * 105) / 5) * 5)) : 0;
  Plotly.react(
    figure.canvas,
    lines.flatMap((line) => traces(line, years, factor)),
    layout(unit, percent, narrow),
    { displayModeBar: false, responsive: true },
  );
  figure.drawn = lines.map((line) => line.name);
  const head = lines.flatMap((line) =>
    report.hasBand(line.values)
      ? report.data.band.map((q) => `${line.label} p${Math.round(100 * q)} [${unit}]`)
      : [`${line.label} [${unit}]`]);
  const rows = years.map((year, i) => [year, ...every.map((own) => own[i] / factor)]);
  const sampled = lines.some((line) => report.hasBand(line.values));
  const band = sampled ? " Lines are medians; bands hold 50 and 90 % of the samples." : "";
  figure.show(told + band, [["year", ...head], ...rows], 5);
};
