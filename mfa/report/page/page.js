"use strict";

// The panels of the page: what each shows of a scenario, or why it has nothing to show.

const RECYCLING = ["indicator_recycled_content", "indicator_eol_recycling_input_rate"];
const WITHOUT_ROLES = "The system does not say which of its flows are demand and supply (roles: in its file), nor has it a market.";

const where = (id) => document.querySelector(`#${id} .panels`);
const none = (text) => report.element("p", { class: "none" }, text);
const mineralName = () => report.scenario.materials[report.material] || "All mass";

function panel(id, title, draw) {
  return { id, title, draw };
}

function lineOf(one, label = one.label) {
  return { name: one.name, label, unit: one.unit, values: one.values, dash: report.dash(one.name) };
}

function alive(one) {
  return report.middle(one.values).some((value) => value > 0);
}

function change(one) {
  const own = report.middle(one.values);
  const [first, last] = report.scenario.years;
  const now = report.at(one.values);
  return `${one.label} ${report.tell(now, one.unit)} in ${report.year} (${first}: ${report.tell(own[0], one.unit)}, ${last}: ${report.tell(own[own.length - 1], one.unit)})`;
}

function worst(one) {
  const own = report.middle(one.values);
  const most = Math.max(...own);
  const short = own.filter((value) => value > 0).length;
  return `${one.label}, at most ${report.tell(most, one.unit)} in ${report.scenario.years[0] + own.indexOf(most)}, above 0 in ${short} ${short === 1 ? "year" : "years"}`;
}

function lines(found, words = change) {
  return (figure) => report.lines(figure, found.map((one) => lineOf(one)), `${mineralName()}: ${found.slice(0, 4).map(words).join("; ")}.`);
}

function named(names) {
  return names.map(report.find).filter(Boolean);
}

// ------------------------------------------------------------------- panels

const SECTIONS = {
  flows() {
    if (report.scenario.sankey === null) return [none(report.scenario.no_sankey)];
    return [panel("sankey", "Sankey of one year", report.sankey)];
  },
  supply() {
    const markets = report.scenario.indicators.filter((one) => one.role && one.role !== "share");
    const found = markets.length ? markets : named(["demand", "primary_supply", "secondary_supply"]);
    const shares = report.scenario.indicators.filter((one) => one.role === "share");
    const share = shares.length ? shares : named(RECYCLING);
    const potential = named(["secondary_potential_theoretical", "secondary_potential_technical", "secondary_potential_economic"]);
    const panels = [];
    if (found.length) panels.push(panel("demand", "Demand and supply", lines(found)));
    if (share.length) panels.push(panel("share", "Secondary share of supply", lines(share)));
    const recycled = report.find("old_scrap_supply") || report.find("secondary_supply");
    if (potential.length) panels.push(panel("potential", "What could be recycled of used products, and what is", lines([...potential, recycled].filter(Boolean))));
    const stocks = report.scenario.stocks.filter((one) => (one.rule || "stock") === "stock");
    if (stocks.length) panels.push(panel("stocks", "Stocks of products", stocksOf(stocks)));
    return panels.length ? panels : [none(WITHOUT_ROLES)];
  },
  indicators() {
    const rates = report.scenario.indicators.filter((one) => one.unit === "share" && one.role !== "share");
    const panels = [];
    if (rates.length) panels.push(panel("rates", "Recycling rates", lines(rates)));
    panels.push(milestones(), targets(), everyIndicator());
    return panels;
  },
  risk() {
    const stages = report.scenario.concentration;
    if (!stages.length) return [none("No trade between places of origin was kept in this result, so that the concentration of supply is unknown.")];
    return [panel("concentration", "Concentration of supply (Herfindahl–Hirschman index)", concentrationOf(stages)), largest(stages)];
  },
  shortage() {
    const unmet = report.find("unmet_demand");
    if (!unmet) return [none("No capacity was limited in this run, so that all demand was met.")];
    if (!alive(unmet)) return [none(`${mineralName()}: all demand was met in every year.`)];
    return [panel("unmet", "Demand that could not be met", lines([unmet], worst))];
  },
  drawing() {
    return [panel("system", "Processes and flows", report.system)];
  },
};

function stocksOf(stocks) {
  return (figure) => {
    const there = stocks.filter(alive);
    const found = (there.length ? there : stocks).map((one) => ({ name: one.name, label: (one.process || one.name).replaceAll("_", " "), unit: "t", values: one.values, stack: true }));
    const mean = report.scenario.samples ? " Means over samples." : "";
    report.lines(figure, found, `${mineralName()}, at the end of each year: ${found.slice(0, 4).map(change).join("; ")}.${mean}`);
  };
}

function concentrationOf(stages) {
  return (figure) => {
    const found = stages.map((one) => ({ name: `hhi of ${one.stage}`, label: one.stage, unit: "index", values: one.values, dash: report.dash(`hhi of ${one.stage}`) }));
    const now = stages.map((one) => `${one.stage} ${report.format(report.at(one.values))} in ${report.year}`);
    report.lines(figure, found, `${mineralName()}: ${now.join("; ")}. 1 is one producer, above 0.18 supply is highly concentrated (US Merger Guidelines of 2023); a lump such as the rest of the world counts as one producer.`);
  };
}

function largest(stages) {
  const rows = stages.map((one) => {
    const share = report.at(one.share);
    return [one.stage, Number.isNaN(share) ? "nobody" : one.places[report.at(one.largest)], report.tell(share, "share")];
  });
  return held(report.table(["stage", "largest", "share"], rows, `The largest in ${report.year}`, [2]));
}

function milestones() {
  const found = report.scenario.milestones;
  if (!found.length) return none("The system has no milestones: they need the roles primary_supply and, for the crossing, a scrap supply.");
  const rows = found.map((one) => [one.label, one.texts[Math.min(report.material, one.texts.length - 1)], one.about]);
  return held(report.table(["milestone", "year", "meaning"], rows, `Milestones, ${mineralName()}`));
}

function targets() {
  const found = report.scenario.targets;
  if (!found.length) return none("The scenario asks for no targets.");
  return held(report.table(["target", "for", "result"], found.map((one) => [one.name, one.cell, one.text]), "Targets, all minerals"));
}

function everyIndicator() {
  const found = report.scenario.indicators;
  if (!found.length) return none("The system has no roles, so that there are no indicators.");
  const rows = found.map((one) => [one.label, report.tell(report.at(one.values), one.unit), one.about]);
  return held(report.table(["quantity", String(report.year), "meaning"], rows, `Every quantity in ${report.year}, ${mineralName()}`, [1]), true);
}

// A table that may be wider than a narrow page scrolls by itself, also with the keyboard.
function held(table, closed = false) {
  const box = report.element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": table.caption.textContent }, table);
  if (!closed) return box;
  const all = report.element("details", { class: "every" }, report.element("summary", {}, table.caption.textContent), box);
  all.open = report.openAll === true;
  all.ontoggle = () => { report.openAll = all.open; };
  return all;
}

// ------------------------------------------------------------------- drawing

const figures = new Map();

function fill(id) {
  const parent = where(id);
  const wanted = SECTIONS[id]();
  const elements = wanted.map((one) => {
    if (!one.draw) return one;
    if (!figures.has(one.id)) figures.set(one.id, report.figure(one.id, one.title));
    return figures.get(one.id);
  });
  const same = elements.length === parent.children.length && elements.every((e, i) => e === parent.children[i]);
  if (!same) parent.replaceChildren(...elements);
  for (const one of wanted) if (one.draw) one.draw(figures.get(one.id));
}

report.drawAll = function () {
  clearTimeout(resting);
  document.getElementById("year-shown").textContent = report.year;
  for (const id of Object.keys(SECTIONS)) fill(id);
  about();
  assumptions();
};

// The Sankey follows the slider; what else tells the year waits until it rests.
let resting = 0;
report.drawYear = function () {
  fill("flows");
  clearTimeout(resting);
  resting = setTimeout(() => ["supply", "indicators", "risk", "shortage"].forEach(fill), 150);
};

function about() {
  const { scenario } = report;
  const make = report.element;
  document.getElementById("title").textContent = scenario.title;
  document.getElementById("about-text").textContent = scenario.about;
  const samples = scenario.samples ? `${scenario.samples.toLocaleString("en")} samples` : "one run, without samples";
  const facts = [
    ["Scenario", scenario.name],
    ["Inherits", scenario.lineage.slice(1).join(" → ") || "nothing"],
    ["System", scenario.system_title],
    ["Years", `${scenario.years[0]} to ${scenario.years[1]}, ${samples}`],
    ["Made by", scenario.made_by],
    ["Command", scenario.command],
    ["Inputs", scenario.sha256 ? `SHA-256 ${scenario.sha256}` : "unknown"],
  ];
  document.getElementById("facts").replaceChildren(
    ...facts.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  document.getElementById("balance-text").textContent = scenario.balance;
  const cited = scenario.sources.map((key) => [key, report.data.sources[key]]);
  const list = cited.length
    ? make("ul", {}, ...cited.map(([key, text]) => make("li", { id: `source-${key}` }, make("b", {}, key), ` ${text}`)))
    : none("The result names no sources.");
  document.getElementById("source-list").replaceChildren(list);
}

function assumptions() {
  const { scenario, data } = report;
  const parent = document.getElementById("assumption-table");
  const search = document.getElementById("search").value.trim().toLowerCase();
  const rows = scenario.rows.map((i) => data.rows[i]);
  const shown = rows.filter((row) => !search || row.join(" ").toLowerCase().includes(search));
  const count = document.getElementById("assumption-count");
  document.getElementById("assumption-download").onclick = () =>
    report.download(report.fileName("assumptions"), [data.columns, ...rows]);
  if (!rows.length) {
    count.textContent = "";
    parent.replaceChildren(none("There is no manifest of this result beside it, so that the values it was made of are unknown."));
    return;
  }
  count.textContent = `${shown.length} of ${rows.length} rows`;
  parent.replaceChildren(report.table(data.columns, shown, `Values of ${scenario.name} and where they come from`));
}

// -------------------------------------------------------------------- start

function choose(scenario) {
  const before = report.scenario;
  const mineral = before && before.materials[report.material];
  report.scenario = scenario;
  report.material = Math.max(0, scenario.materials.indexOf(mineral || report.data.first_mineral));
  const [first, last] = scenario.years;
  const slider = document.getElementById("year");
  slider.min = first;
  slider.max = last;
  report.year = Math.min(last, Math.max(first, report.year || 2035));
  slider.value = report.year;
  const minerals = document.getElementById("mineral");
  minerals.replaceChildren(...scenario.materials.map((name, i) => report.element("option", { value: i }, name || "all mass")));
  minerals.value = report.material;
  document.getElementById("year-first").textContent = first;
  document.getElementById("year-last").textContent = last;
}

report.start = function () {
  const scenarios = document.getElementById("scenario");
  const { data } = report;
  scenarios.replaceChildren(...data.scenarios.map((one, i) =>
    report.element("option", { value: i }, one.title === one.name ? one.title : `${one.title} (${one.name})`)));
  scenarios.onchange = () => { choose(data.scenarios[scenarios.value]); report.drawAll(); };
  document.getElementById("mineral").onchange = (event) => { report.material = Number(event.target.value); report.drawAll(); };
  document.getElementById("search").oninput = assumptions;
  let waiting = 0;
  document.getElementById("year").oninput = (event) => {
    report.year = Number(event.target.value);
    document.getElementById("year-shown").textContent = report.year;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(report.drawYear);
  };
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(report.drawAll);
  });
  choose(data.scenarios[0]);
  report.drawAll();
};

(async function () {
  const status = document.getElementById("status");
  if (typeof DecompressionStream === "undefined") {
    status.textContent = "This page needs a browser of 2023 or later to unpack its data.";
    return;
  }
  const library = new TextDecoder().decode(await report.unpack("plotly"));
  document.head.append(report.element("script", {}, library));
  report.read(await report.unpack("data"));
  report.start();
  status.remove();
  document.body.classList.add("ready");
})();
