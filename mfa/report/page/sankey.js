"use strict";

// What flows, by the kinds of links; the colours are those of the lines over the years.
const KINDS = {
  primary: ["#0072B2", "from mines"],
  made: ["#56B4E9", "made into products"],
  used: ["#CC79A7", "in used products"],
  secondary: ["#009E73", "recycled, returns"],
  lost: ["#8A8F98", "lost or stored away"],
};

report.valuesOf = function (drawing) {
  const flows = new Map(report.scenario.flows.map((flow) => [flow.name, flow]));
  return drawing.links.map((link) => report.at(flows.get(link.flows[0]).values));
};

function path(curves, down) {
  const point = ([along, across]) => (down ? [across, along] : [along, across]).map((v) => v.toFixed(1)).join(",");
  return curves.map(([a, b, c, d], i) => `${i ? "" : `M${point(a)}`}C${point(b)} ${point(c)} ${point(d)}`).join("");
}

function label(svg, box, size, number) {
  const down = size.down;
  const bold = { class: "value" };
  const texts = box.numbered
    ? [[String(number), bold]]
    : [...(down ? report.lines2(box.label, 9) : [box.label]).map((text) => [text, {}]), ...(down ? box.told.split(" ") : [box.told]).map((text) => [text, bold])];
  const left = !down && box.lane === "back";
  const group = report.drawn("text", { class: "label", "text-anchor": left ? "end" : "start" });
  const height = 14;
  texts.forEach(([text, attributes], i) => {
    const x = down ? box.across : left ? box.along - 5 : box.along + BAR + 5;
    const y = down ? box.along + BAR + 13 + i * height : box.across + box.width / 2 + 4 + (i - (texts.length - 1) / 2) * height;
    group.append(report.drawn("tspan", { x: x.toFixed(1), y: y.toFixed(1), ...attributes }, text));
  });
  svg.append(group);
}

// Draw the boxes and links of a placed drawing; widths are to scale unless it says otherwise.
report.render = function (placed, hint) {
  const { boxes, links, size } = placed;
  const svg = report.drawn("svg", { viewBox: `0 0 ${size.width} ${Math.ceil(size.height)}`, width: size.width, height: Math.ceil(size.height), "aria-hidden": "true", focusable: "false" });
  for (const link of [...links].sort((a, b) => b.width - a.width)) {
    const drawn = report.drawn("path", { d: path(link.curves, size.down), stroke: KINDS[link.kind][0], "stroke-width": link.width.toFixed(2), class: "link", "data-flow": link.flows[0] });
    drawn.append(report.drawn("title", {}, hint(link)));
    svg.append(drawn);
  }
  for (const box of boxes) {
    const [x, y, w, h] = size.down ? [box.across, box.along, box.width, BAR] : [box.along, box.across, BAR, box.width];
    const bar = report.drawn("rect", { x: x.toFixed(1), y: y.toFixed(1), width: w.toFixed(1), height: h.toFixed(1), class: `bar ${box.rule}`, "data-process": box.name });
    bar.append(report.drawn("title", {}, `${box.label} (${box.rule}): ${box.told}`));
    svg.append(bar);
  }
  let number = 0;
  const key = [];
  for (const box of boxes) {
    if (box.numbered) key.push([++number, box]);
    label(svg, box, size, number);
  }
  return { svg, key };
};

report.sankey = function (figure) {
  const scenario = report.scenario;
  const drawing = report.data.drawings[scenario.sankey];
  const values = report.valuesOf(drawing);
  const mineral = scenario.materials[report.material];
  const what = `${mineral ? mineral + ", " : ""}${report.year}`;
  const make = report.element;
  const largest = Math.max(...values);
  const head = ["from", "to", "kind", `flow in ${report.year} [t/yr]`];
  const words = (name) => name.replaceAll("_", " ");
  const rows = drawing.links
    .map((link, i) => [words(link.source), words(link.target), KINDS[link.kind][1], values[i]])
    .sort((a, b) => b[3] - a[3]);
  if (!(largest > 0)) {
    figure.canvas.replaceChildren(make("p", { class: "none" }, `Nothing flows in ${what}.`));
    figure.show(`Sankey, ${what}: nothing flows.`, [head, ...rows]);
    return;
  }
  const width = Math.max(280, Math.floor(figure.canvas.clientWidth));
  const down = width < 760;
  const size = down ? { down, width, start: 34, end: 84 } : { down, width, height: 580, start: 14, end: 120 };
  const { factor, unit } = report.scale("t/yr", largest);
  const nodes = drawing.nodes.map((node) => ({ ...node, told: told(node, drawing, values, factor) }));
  const placed = report.place({ ...drawing, nodes }, values, size);
  const name = new Map(drawing.nodes.map((node) => [node.name, node.label]));
  const { svg, key } = report.render(placed, (link) =>
    `${name.get(link.source)} → ${name.get(link.target)}: ${report.format(link.value / factor)} ${unit}, ${KINDS[link.kind][1]}`);
  const used = new Set(placed.links.map((link) => link.kind));
  const legend = make("ul", { class: "legend" }, make("li", {}, make("b", {}, `${what}, ${unit}`)), ...Object.entries(KINDS).filter(([kind]) => used.has(kind)).map(([, [colour, text]]) => {
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = colour;
    return make("li", {}, swatch, text);
  }));
  const listed = key.length
    ? [make("ol", { class: "key" }, ...key.map(([, box]) => make("li", {}, `${box.label} ${box.told}`)))]
    : [];
  figure.canvas.replaceChildren(legend, svg, ...listed);
  const market = placed.boxes.filter((box) => box.rule === "market");
  const main = rows.slice(0, 4).filter((row) => row[3] > 0).map(([from, to, , value]) => `${from} to ${to} ${report.format(value / factor)}`);
  const through = market.length ? `Through ${market.map((box) => `${box.label} ${box.told}`).join(", ")}; ` : "";
  const mean = scenario.samples ? " Means over samples." : "";
  figure.show(
    `Sankey of ${what}, in ${unit}. ${through}${through ? "the" : "The"} largest flows: ${main.join(", ")}. Widths are to scale within a year, all places together; + is what stays in use.${mean}`,
    [head, ...rows],
  );
};

// The number at a process: what flows through it, or what a stock gains.
function told(node, drawing, values, factor) {
  const sum = (end) => drawing.links.reduce((total, l, i) => total + (l[end] === node.name ? values[i] : 0), 0);
  const [into, out] = [sum("target"), sum("source")];
  const through = report.format(Math.max(into, out) / factor);
  if (node.rule !== "stock" || !out || !into) return through;
  const gained = (into - out) / factor;
  return Math.abs(gained) < 1e-9 ? through : `${through} (${gained > 0 ? "+" : "−"}${report.format(Math.abs(gained))})`;
}

// The system as boxes and arrows: the same stages, every process, all links of one width.
report.system = function (figure) {
  const scenario = report.scenario;
  const drawing = report.data.drawings[scenario.system];
  const width = Math.max(280, Math.floor(figure.canvas.clientWidth));
  const down = width < 760;
  const size = down ? { down, width, start: 34, end: 84 } : { down, width, height: 300, start: 14, end: 120 };
  const nodes = drawing.nodes.map((node) => ({ ...node, told: node.rule }));
  const placed = report.place({ ...drawing, nodes }, drawing.links.map(() => 1), size);
  for (const link of placed.links) link.width = 1.6;
  const { svg, key } = report.render(placed, (link) => link.flows.join(", "));
  const listed = key.length
    ? [report.element("ol", { class: "key" }, ...key.map(([, box]) => report.element("li", {}, `${box.label} (${box.rule})`)))]
    : [];
  figure.canvas.replaceChildren(svg, ...listed);
  const rows = drawing.links.map((link) => [link.flows[0], link.source, link.target, link.returns ? "returns" : ""]);
  figure.show(
    `System “${scenario.system_title}”: ${drawing.nodes.filter((node) => node.rule !== "passing").length} processes and ${drawing.links.length} flows; metal flows to the ${down ? "bottom" : "right"}, what is recycled returns ${down ? "beside it" : "below"}.`,
    [["flow", "from", "to", ""], ...rows],
  );
};
