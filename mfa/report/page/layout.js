"use strict";

// Places processes of a drawing in stages, from left to right or, on a narrow page, downwards.
// "Along" is the direction of the flow, "across" the other one.

const BAR = 12; // pixels that a process takes along
const CHARACTER = 6.7; // pixels of a letter, about

report.lines2 = function (label, most) {
  // A label in lines of at most so many letters, where words allow it.
  const lines = [];
  for (const word of label.split(" ")) {
    const last = lines[lines.length - 1];
    if (last !== undefined && (last + " " + word).length <= most) lines[lines.length - 1] = last + " " + word;
    else lines.push(word);
  }
  return lines;
};

// Return the boxes of the processes that something flows through, and their links with both ends.
report.place = function (drawing, values, size) {
  const links = drawing.links.map((link, i) => ({ ...link, value: values[i] })).filter((l) => l.value > 0);
  const boxes = new Map();
  const room = new Map(links.flatMap((link) => link.via.map((name) => [name, link])));
  for (const node of drawing.nodes) {
    if (node.rule === "passing") {
      const link = room.get(node.name);
      if (link) boxes.set(node.name, { ...node, into: [], out: [], value: link.value });
      continue;
    }
    const into = links.filter((l) => l.target === node.name);
    const out = links.filter((l) => l.source === node.name);
    if (!into.length && !out.length) continue;
    const sum = (every) => every.reduce((total, l) => total + l.value, 0);
    const gained = into.length && out.length && node.rule === "stock" ? sum(into) - sum(out) : 0;
    boxes.set(node.name, { ...node, into, out, gained, value: Math.max(sum(into), sum(out)) });
  }
  const stages = Math.max(...[...boxes.values()].map((box) => box.column)) + 1;
  const groups = [];
  for (let column = 0; column < stages; column++) {
    for (const lane of ["forth", "back"]) {
      const own = [...boxes.values()].filter((box) => box.column === column && box.lane === lane);
      if (own.length) groups.push({ column, lane, own });
    }
  }
  const entered = links.filter((link) => link.returns).map((link) => boxes.get(link.target).column);
  if (!size.down && entered.includes(0)) size.start += 80; // room for what returns to the first stage
  const place = size.down ? placeDown : placeRight;
  place(groups, stages, size);
  ports(boxes, links, size.k);
  const reach = courses(boxes, links, size.k) + 16;
  if (reach > size.end) {
    size.end = reach;
    place(groups, stages, size);
    ports(boxes, links, size.k);
    courses(boxes, links, size.k);
  }
  return { boxes: [...boxes.values()].filter((box) => box.rule !== "passing"), links, size };
};

// Width of a flow of one unit, the largest with which everything fits.
function widest(fits, largest) {
  let low = 0, high = 4000 / largest;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle; else high = middle;
  }
  return low;
}

function placeRight(groups, stages, size) {
  const gap = 8, between = 30;
  const slot = (box, k) => Math.max(box.value * k, box.rule === "passing" ? 2 : 30) + gap;
  const tall = (lane, k) =>
    Math.max(0, ...groups.filter((g) => g.lane === lane).map((g) => g.own.reduce((sum, b) => sum + slot(b, k), 0)));
  const total = (k) => tall("forth", k) + tall("back", k) + between;
  size.height = Math.max(size.height, total(0) * 1.5);
  const largest = Math.max(...groups.flatMap((g) => g.own.map((b) => b.value)));
  const k = widest((own) => total(own) <= size.height - 16, largest);
  const below = tall("forth", k) + between + 8;
  const step = (size.width - size.start - size.end - BAR) / Math.max(1, stages - 1);
  size.step = step;
  for (const { column, lane, own } of groups) {
    let across = lane === "forth" ? 8 : below;
    for (const box of own) {
      box.along = size.start + column * step;
      box.width = Math.max(box.value * k, 1);
      box.across = across + (slot(box, k) - gap - box.width) / 2;
      across += slot(box, k);
    }
  }
  size.k = k;
  size.height = total(k) + 16;
}

function placeDown(groups, stages, size) {
  const gap = 8, least = 18;
  const rows = new Map();
  for (const { column, own } of groups) rows.set(column, [...(rows.get(column) || []), ...own]);
  const named = (box) =>
    CHARACTER * Math.max(...report.lines2(box.label, 9).map((l) => l.length), ...box.told.split(" ").map((l) => 1.2 * l.length));
  for (const own of rows.values()) {
    // What has no room for its name gets a number, the smallest first.
    const bySize = own.filter((box) => box.rule !== "passing").sort((a, b) => a.value - b.value);
    for (const box of own) box.room = box.rule === "passing" ? 2 : named(box);
    while (own.reduce((sum, b) => sum + b.room + gap, 0) > size.width * 0.86 && bySize.length) {
      const box = bySize.shift();
      box.numbered = true;
      box.room = least;
    }
  }
  const slot = (box, k) => Math.max(box.value * k, box.room) + gap;
  const wide = (k) => Math.max(...[...rows.values()].map((own) => own.reduce((sum, b) => sum + slot(b, k), 0)));
  const largest = Math.max(...[...rows.values()].flatMap((own) => own.map((b) => b.value)));
  const k = widest((own) => wide(own) <= size.width, largest);
  size.step = 112;
  for (const [column, own] of rows) {
    const free = size.width - own.reduce((sum, b) => sum + slot(b, k), 0);
    let across = 0;
    for (const box of own) {
      if (box.lane === "back" && !own.moved) { across += free; own.moved = true; }
      box.along = size.start + column * size.step;
      box.width = Math.max(box.value * k, 1);
      box.across = across;
      across += slot(box, k);
    }
  }
  size.k = k;
  size.height = size.start + (stages - 1) * size.step + size.end;
}

// Where each link begins and ends: those to one side stand in the order of their other ends,
// those that turn round in the opposite one, so that they lie in each other and do not cross.
function ports(boxes, links, k) {
  const rank = (box) => (box.lane === "back" ? 1e6 : 0) + box.across;
  const key = (link, other) => {
    const name = other === "target" ? link.via[0] || link.target : link.via[link.via.length - 1] || link.source;
    const turns = link.returns || boxes.get(link.source).lane !== boxes.get(link.target).lane;
    return turns && !(other === "target" && link.via.length) ? 1e7 - rank(boxes.get(name)) : rank(boxes.get(name));
  };
  for (const box of boxes.values()) {
    for (const [own, other, end] of [[box.out, "target", "from"], [box.into, "source", "to"]]) {
      let across = box.across;
      for (const link of [...own].sort((a, b) => key(a, other) - key(b, other))) {
        link[end] = across + (link.value * k) / 2;
        across += link.value * k;
      }
    }
  }
}

const ROUND = 0.5523; // of a cubic curve that is nearly a quarter of a circle

// A line of curves: level steps aside, and turns made of two quarters of a circle.
class Way {
  constructor(along, across, direction) {
    Object.assign(this, { along, across, direction, curves: [] });
  }

  aside(along, across) {
    const bend = (along - this.along) / 2;
    this.curves.push([[this.along, this.across], [this.along + bend, this.across], [along - bend, across], [along, across]]);
    Object.assign(this, { along, across });
  }

  turn(radius, across) {
    const [a, c, d] = [this.along, this.across, this.direction];
    const s = Math.sign(across - c) || 1;
    const r = Math.min(radius, Math.abs(across - c) / 2);
    const out = a + d * r;
    this.curves.push([[a, c], [a + d * r * ROUND, c], [out, c + s * r * (1 - ROUND)], [out, c + s * r]]);
    this.curves.push([[out, c + s * r], [out, c + s * r], [out, across - s * r], [out, across - s * r]]);
    this.curves.push([[out, across - s * r], [out, across - s * r * (1 - ROUND)], [a + d * r * ROUND, across], [a, across]]);
    Object.assign(this, { across, direction: -d });
  }
}

// The curves of all links; return how far those that turn at the last stage reach beyond it.
function courses(boxes, links, k) {
  const every = [...boxes.values()];
  const below = (box) => Math.max(...every.filter((b) => b.lane === "forth" && b.column === box.column).map((b) => b.across + b.width));
  const lowest = Math.max(...every.filter((b) => b.lane === "forth").map((b) => b.across + b.width));
  const last = Math.max(...every.map((box) => box.column));
  const taken = new Map(); // room that turns take beside a stage, from inside to outside
  let reach = 0;
  const turning = (link) => !link.returns && boxes.get(link.source).lane !== boxes.get(link.target).lane;
  const start = (link) => (link.via.length ? boxes.get(link.via[link.via.length - 1]).across : link.from);
  for (const link of links.filter(turning).sort((a, b) => start(b) - start(a))) {
    const stage = Math.max(boxes.get(link.source).column, boxes.get(link.target).column);
    const inner = taken.get(stage) || 6;
    link.radius = inner + (link.value * k) / 2;
    taken.set(stage, inner + link.value * k + 1);
    if (stage === last) reach = Math.max(reach, taken.get(stage));
  }
  for (const link of links) {
    const [source, target] = [boxes.get(link.source), boxes.get(link.target)];
    link.width = Math.max(0.8, link.value * k);
    const forth = source.lane === "forth";
    const way = new Way(source.along + (forth ? BAR : 0), link.from, forth ? 1 : -1);
    for (const name of link.via) {
      const box = boxes.get(name);
      const level = box.across + box.width / 2;
      way.aside(box.along + (forth ? 0 : BAR), level);
      way.aside(box.along + (forth ? BAR : 0), level);
    }
    if (link.returns) {
      const edge = target.across + target.width;
      const radius = edge - link.to + 8;
      if (forth) way.turn(8 + link.width / 2, lowest + 8 + radius);
      way.aside(target.along, below(target) + radius + 8);
      way.turn(radius, link.to);
    } else if (turning(link)) {
      const outer = Math.max(way.along, target.along + BAR);
      if (outer > way.along) way.aside(outer, way.across);
      way.turn(link.radius, link.to);
      way.aside(target.along + BAR, link.to);
    } else {
      way.aside(target.along + (target.lane === "back" ? BAR : 0), link.to);
    }
    link.curves = way.curves;
  }
  return reach;
}
