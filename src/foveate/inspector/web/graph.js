// From the network's nodes to boxes, and from boxes to places on the page. Pure: no page is touched.
//
// A box is a layer with what only changes its numbers: convolution · batch norm · ReLU. Boxes of one stage can be
// folded into one. Ranks follow the longest path; the longest branch behind a fork keeps its lane, the others
// take lanes beside it (the drawing of `foveate summary` is made the same way).

const JOINS = new Set(["add", "mul", "sub", "div", "concat"]);
const ALONE = new Set([...JOINS, "input", "conv2d", "linear", "other"]); // never share the box of the layer before

/** Whether a node's values are taken from windows of its input. */
export const isPool = (node) => node.op.endsWith("_pool");

/** Whether a node applies one function to every number. */
export const isActivation = (node) =>
  !ALONE.has(node.op) && !isPool(node) && !["batch_norm", "dropout", "flatten", "softmax"].includes(node.op);

function kindOf({ op }) {
  if (op === "input") return "input";
  if (JOINS.has(op)) return "join";
  if (op.endsWith("_pool")) return "pool";
  return { conv2d: "conv", linear: "dense", batch_norm: "norm" }[op] ?? "other";
}

/** Boxes in topological order: {id, nodes, stage, inputs, readers, kind, title, detail, shape, parameters}. */
export function boxesOf(nodes) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const reads = new Map();
  for (const node of nodes) for (const input of node.inputs) reads.set(input, (reads.get(input) ?? 0) + 1);
  const home = new Map();
  const boxes = [];
  for (const node of nodes) {
    const before = node.inputs.length === 1 ? byId.get(node.inputs[0]) : null;
    if (before && before.op !== "input" && reads.get(before.id) === 1 && follows(node, before)) {
      const box = home.get(before.id);
      box.nodes.push(node);
      home.set(node.id, box);
      continue;
    }
    const inputs = [...new Set(node.inputs.map((input) => home.get(input).id))];
    const box = { id: node.id, nodes: [node], stage: node.stage ?? "", inputs };
    boxes.push(box);
    home.set(node.id, box);
  }
  return boxes.map(finished);
}

function follows(node, before) {
  if (node.op === "flatten" || node.op === "dropout") return true;
  return !ALONE.has(node.op) && !isPool(node) && String(node.shape) === String(before.shape);
}

function finished(box) {
  const [head, ...rest] = box.nodes;
  const shown = box.nodes.findLast((node) => node.op !== "flatten" && node.op !== "dropout") ?? head;
  return {
    ...box,
    shown,
    kind: kindOf(head),
    title: head.op === "input" ? "picture" : head.label,
    detail: rest
      .filter((node) => node.op !== "dropout")
      .map((node) => node.label)
      .join(" · "),
    shape: shown.shape,
    parameters: box.nodes.reduce((sum, node) => sum + (node.parameters ?? 0), 0),
  };
}

/** Runs of boxes of one stage, at least two boxes long: Map from a run's key to its boxes. */
export function stagesOf(boxes) {
  const runs = [];
  for (const box of boxes) {
    if (runs.length && runs.at(-1)[0].stage === box.stage) runs.at(-1).push(box);
    else runs.push([box]);
  }
  const long = runs.filter((run) => run.length > 1 && run[0].stage);
  return new Map(long.map((run) => [`stage-${run[0].id}`, run]));
}

/** What is drawn: boxes, and one item {folded: key} for each stage in `folded`. */
export function itemsOf(boxes, stages, folded) {
  const home = new Map();
  const items = [];
  for (const [key, run] of stages) for (const box of run) home.set(box.id, { key, run });
  const at = new Map(); // box id -> item id
  for (const box of boxes) {
    const stage = home.get(box.id);
    if (!stage || !folded.has(stage.key)) {
      at.set(box.id, box.id);
      items.push({ ...box, stageKey: stage?.key ?? null });
    } else {
      at.set(box.id, stage.key);
      if (stage.run[0] === box) items.push(foldedItem(stage));
    }
  }
  for (const item of items) {
    item.inputs = [...new Set(item.inputs.map((input) => at.get(input)))].filter((input) => input !== item.id);
  }
  return items;
}

function foldedItem({ key, run }) {
  const inside = new Set(run.map((box) => box.id));
  const last = run.at(-1);
  return {
    id: key,
    folded: key,
    stageKey: key,
    run,
    kind: "stage",
    stage: run[0].stage,
    title: run[0].stage,
    detail: `${run.length} layers`,
    shape: last.shape,
    shown: last.shown,
    nodes: run.flatMap((box) => box.nodes),
    parameters: run.reduce((sum, box) => sum + box.parameters, 0),
    inputs: [...new Set(run.flatMap((box) => box.inputs).filter((input) => !inside.has(input)))],
  };
}

/** Give every item `rank` and `lane` (whole numbers). Items are in topological order. */
export function arrange(items) {
  const byId = new Map(items.map((item) => [item.id, item]));
  const readers = new Map(items.map((item) => [item.id, []]));
  for (const item of items) {
    item.rank = Math.max(0, ...item.inputs.map((input) => byId.get(input).rank + 1));
    for (const input of item.inputs) readers.get(input).push(item);
  }
  const rest = new Map();
  for (const item of [...items].reverse()) {
    rest.set(item.id, Math.max(0, ...readers.get(item.id).map((reader) => rest.get(reader.id) + 1)));
  }
  const heir = (id) =>
    readers.get(id).reduce((best, reader) => (!best || rest.get(reader.id) > rest.get(best.id) ? reader : best), null);
  const filled = []; // lane -> the last rank that is taken in it
  for (const item of [...items].sort((a, b) => a.rank - b.rank)) {
    const parents = item.inputs.map((input) => byId.get(input));
    const joins = parents.length > 1;
    if (parents.length === 1) item.lane = parents[0].lane + (heir(parents[0].id) === item ? 0 : 1);
    else item.lane = parents.length ? Math.min(...parents.map((parent) => parent.lane)) : 0;
    while (!joins && (filled[item.lane] ?? -1) >= item.rank) item.lane += 1;
    while (filled.length <= item.lane) filled.push(-1);
    // A lane is kept until the branch in it is joined, so that lines do not run through boxes.
    const ends = readers.get(item.id).map((reader) => reader.rank - 1);
    filled[item.lane] = item.lane && ends.length ? Math.max(item.rank, ...ends) : item.rank;
  }
  return items;
}

/** The item that an arrow key leads to from `here`, along the lines or to the lane beside; undefined or null where
 *  there is none. `across`: the network flows from left to right, not down. */
export function neighbour(items, here, key, across) {
  const [back, on, up, down] = across
    ? ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]
    : ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
  if (key === "Home") return items[0];
  if (key === "End") return items.at(-1);
  if (key === on) return nearest(here, (item) => item.inputs.includes(here.id), items);
  if (key === back) return nearest(here, (item) => here.inputs.includes(item.id), items);
  if (key === up) return beside(here, (lanes) => lanes < 0, items);
  if (key === down) return beside(here, (lanes) => lanes > 0, items);
  return null;
}

const least = (items, distance) => items.sort((a, b) => distance(a) - distance(b))[0];

function nearest(here, wanted, items) {
  return least(items.filter(wanted), (item) => Math.abs(item.lane - here.lane));
}

function beside(here, wanted, items) {
  const near = items.filter((item) => wanted(item.lane - here.lane) && Math.abs(item.rank - here.rank) < 4);
  return least(near, (item) => Math.abs(item.lane - here.lane) * 2 + Math.abs(item.rank - here.rank));
}

export const SIZES = {
  across: { width: 132, height: 150, rankGap: 32, laneGap: 36, margin: 30, lead: 40 }, // left to right
  down: { width: 236, height: 76, rankGap: 26, laneGap: 34, margin: 30, lead: 40 }, // top to bottom, on a phone
};

/** Places: every item gets left and top; returns {width, height, size, lines: [{from, to, path}]}. */
export function place(items, across) {
  const size = across ? SIZES.across : SIZES.down;
  const stepRank = (across ? size.width : size.height) + size.rankGap;
  const stepLane = (across ? size.height : size.width) + size.laneGap;
  for (const item of items) {
    const along = size.margin + item.rank * stepRank,
      beside = size.lead + item.lane * stepLane;
    [item.left, item.top] = across ? [along, beside] : [beside, along];
  }
  const byId = new Map(items.map((item) => [item.id, item]));
  const lines = items.flatMap((item) =>
    item.inputs.map((input) => ({
      from: input,
      to: item.id,
      path: line(byId.get(input), item, size, across),
    })),
  );
  return {
    width: Math.max(...items.map((item) => item.left)) + size.width + size.margin,
    height: Math.max(...items.map((item) => item.top)) + size.height + size.margin,
    size,
    lines,
  };
}

/** A line as an SVG path. Worked out left to right; top to bottom is its mirror image on the diagonal. */
function line(from, to, size, across) {
  const [w, h] = across ? [size.width, size.height] : [size.height, size.width];
  const corner = (item) => (across ? [item.left, item.top] : [item.top, item.left]);
  const [fx, fy] = corner(from),
    [tx, ty] = corner(to);
  const point = (x, y) => (across ? `${x} ${y}` : `${y} ${x}`);
  const span = to.rank - from.rank;
  if (from.lane === to.lane && span > 1) {
    // around the boxes between
    const rise = Math.min(14 + 5 * span, size.laneGap) * 1.2;
    const [x0, x1] = [fx + w * 0.72, tx + w * 0.28];
    return `M${point(x0, fy)} C${point(x0, fy - rise)} ${point(x1, ty - rise)} ${point(x1, ty)}`;
  }
  const [x0, y0, x1, y1] = [fx + w, fy + h / 2, tx, ty + h / 2];
  const bend = size.rankGap * 0.6;
  if (span === 1) return `M${point(x0, y0)} C${point(x0 + bend, y0)} ${point(x1 - bend, y1)} ${point(x1, y1)}`;
  const late = to.lane < from.lane; // along the branch's own lane, then over; or over first
  const xs = late ? x1 - size.rankGap : x0 + size.rankGap;
  return late
    ? `M${point(x0, y0)} L${point(xs, y0)} C${point(xs + bend, y0)} ${point(x1 - bend, y1)} ${point(x1, y1)}`
    : `M${point(x0, y0)} C${point(x0 + bend, y0)} ${point(xs - bend, y1)} ${point(xs, y1)} L${point(x1, y1)}`;
}
