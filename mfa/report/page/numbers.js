"use strict";

// What the page knows: unpacked data, and what is chosen in its pickers.
const report = { data: null, numbers: null, scenario: null, material: 0, year: 0 };

report.unpack = async function (id) {
  const text = document.getElementById(id).textContent.trim();
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const whole = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(whole).arrayBuffer();
};

// A packed file: the length of its JSON in four bytes, the JSON, and 32-bit floats.
report.read = function (buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  report.data = JSON.parse(text);
  report.numbers = new Float32Array(buffer, 4 + length);
};

// The years of one mineral; a quantity without minerals has one row for all.
report.series = function (values, quantile = 0, material = report.material) {
  const shape = values.shape;
  const years = shape[shape.length - 1];
  const materials = shape[shape.length - 2];
  const row = quantile * materials + (materials === 1 ? 0 : material);
  return report.numbers.subarray(values.at + row * years, values.at + (row + 1) * years);
};

report.hasBand = (values) => values.shape.length === 3 && values.shape[0] > 1;
report.middle = (values) => report.series(values, report.hasBand(values) ? 2 : 0);
report.years = (scenario = report.scenario) =>
  Array.from({ length: scenario.years[1] - scenario.years[0] + 1 }, (_, i) => scenario.years[0] + i);
report.at = (values) => report.middle(values)[report.year - report.scenario.years[0]];
report.find = (name) => report.scenario.indicators.find((one) => one.name === name);

const SCALES = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];

// Tonnes as kt or Mt, so that the largest is a short number.
report.scale = function (unit, largest) {
  if (unit === "share") return { factor: 0.01, unit: "%" };
  if (unit === "1" || unit === "index") return { factor: 1, unit: "" };
  if (unit !== "t" && !unit.startsWith("t/")) return { factor: 1, unit };
  const [factor, prefix] = SCALES.find(([size]) => largest >= size) || SCALES[3];
  return { factor, unit: prefix + unit };
};

report.format = function (value) {
  if (Number.isNaN(value)) return "undefined";
  const size = Math.abs(value);
  if (size && size < 0.001) return value.toExponential(1);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
};

report.tell = function (value, unit) {
  if (Number.isNaN(value)) return "undefined";
  const scale = report.scale(unit, Math.abs(value));
  return `${report.format(value / scale.factor)} ${scale.unit}`.trim();
};

// ------------------------------------------------------------------ elements

report.element = function (name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

report.drawn = function (name, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
};

report.table = function (head, rows, caption, numeric = []) {
  const make = report.element;
  const cells = (kind, row) =>
    row.map((text, i) => {
      const attributes = kind === "th" ? { scope: "col" } : {};
      if (numeric.includes(i)) attributes.class = "number";
      return make(kind, attributes, text);
    });
  return make(
    "table", {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...cells("th", head))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells("td", row)))),
  );
};

// ----------------------------------------------------------------- downloads

// A text that a spreadsheet would take for a formula is marked as text.
report.field = function (value) {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(Number(value.toPrecision(6)));
  const text = /^[=+\-@]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

report.csv = (rows) => rows.map((row) => row.map(report.field).join(",") + "\n").join("");

report.download = function (name, rows) {
  const link = report.element("a", { download: name });
  link.href = URL.createObjectURL(new Blob([report.csv(rows)], { type: "text/csv" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

report.fileName = (what) =>
  [what, report.scenario.name, report.scenario.materials[report.material]]
    .filter(Boolean).join("_").replace(/[^\w.-]+/g, "_") + ".csv";

// A figure with its heading, the sentence that tells it, its numbers and their download.
report.figure = function (id, title) {
  const make = report.element;
  const heading = make("h3", { id: `${id}-title` }, title);
  const canvas = make("div", { id: `${id}-canvas`, class: "canvas", role: "img" });
  const caption = make("figcaption", { id: `${id}-caption` });
  const button = make("button", { type: "button", id: `${id}-download` }, "Download CSV");
  button.setAttribute("aria-label", `Download the data of “${title}” as CSV`);
  const numbers = make("div", { class: "wide", tabindex: "0", role: "region" });
  numbers.setAttribute("aria-label", `Numbers of “${title}”`);
  const details = make("details", {}, make("summary", {}, "Show the numbers"), numbers);
  const figure = make("figure", { id, "aria-labelledby": `${id}-title` },
    heading, canvas, caption, make("p", { class: "tools" }, button), details);
  figure.canvas = canvas;
  figure.show = function (told, rows, every = 1) {
    canvas.setAttribute("aria-label", told);
    caption.textContent = told;
    button.onclick = () => report.download(report.fileName(id), rows);
    const fill = () => {
      if (!details.open) return;
      const [head, ...body] = rows;
      const shown = body.filter((row, i) => every === 1 || row[0] % every === 0 || i === body.length - 1);
      const numeric = head.map((_, i) => i).filter((i) => typeof body[0]?.[i] === "number");
      const texts = shown.map((row) => row.map((cell, i) =>
        typeof cell === "number" ? (head[i] === "year" ? String(cell) : report.format(cell)) : cell));
      numbers.replaceChildren(report.table(head, texts, title, numeric));
    };
    details.ontoggle = fill;
    fill();
  };
  return figure;
};
