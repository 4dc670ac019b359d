import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, boxesOf, itemsOf, neighbour, place, SIZES, stagesOf } from "#inspector/graph.js";

const node = (id, op, inputs, more = {}) => ({ id, op, inputs, label: op, shape: [4, 8, 8], ...more });

/** input → conv · norm · relu → conv ─┐
 *                     └──────────────add → linear */
const RESIDUAL = [
  node("n0", "input", [], { shape: [3, 8, 8] }),
  node("n1", "conv2d", ["n0"], { stage: "stem", parameters: 100 }),
  node("n2", "batch_norm", ["n1"], { stage: "stem", parameters: 8 }),
  node("n3", "relu", ["n2"], { stage: "stem" }),
  node("n4", "conv2d", ["n3"], { stage: "block", parameters: 50 }),
  node("n5", "add", ["n4", "n3"], { stage: "block" }),
  node("n6", "flatten", ["n5"], { shape: [256] }),
  node("n7", "linear", ["n6"], { shape: [10], parameters: 2570 }),
];
const arranged = (folded = []) => {
  const boxes = boxesOf(RESIDUAL);
  return arrange(itemsOf(boxes, stagesOf(boxes), new Set(folded)));
};
const byId = (items) => Object.fromEntries(items.map((item) => [item.id, item]));

test("what only changes numbers shares the box of the layer before", () => {
  const boxes = boxesOf(RESIDUAL);
  assert.deepEqual(
    boxes.map((box) => box.nodes.map(({ id }) => id).join(" ")),
    ["n0", "n1 n2 n3", "n4", "n5 n6", "n7"],
  );
  const [picture, conv, , sum] = boxes;
  assert.deepEqual([picture.title, picture.kind], ["picture", "input"]);
  assert.deepEqual([conv.kind, conv.detail, conv.parameters], ["conv", "batch_norm · relu", 108]);
  assert.deepEqual([sum.inputs, sum.kind, sum.shown.id], [["n4", "n1"], "join", "n5"]);
});

test("a layer that is read twice ends its box", () => {
  const nodes = [
    node("a", "conv2d", []),
    node("b", "relu", ["a"]),
    node("c", "add", ["a", "b"]), // a is needed as it was before the relu
  ];
  assert.equal(boxesOf(nodes).length, 3);
});

test("a stage is a run of at least two boxes", () => {
  assert.deepEqual([...stagesOf(boxesOf(RESIDUAL)).keys()], ["stage-n4"]);
});

test("a folded stage stands for its boxes", () => {
  const [folded] = arranged(["stage-n4"]).filter((item) => item.folded);
  assert.deepEqual([folded.inputs, folded.detail, folded.parameters], [["n1"], "2 layers", 50]);
  assert.deepEqual(byId(arranged(["stage-n4"])).n7.inputs, ["stage-n4"]);
});

test("ranks follow the longest path", () => {
  const ranks = arranged().map(({ id, rank }) => [id, rank]);
  assert.deepEqual(ranks, [
    ["n0", 0],
    ["n1", 1],
    ["n4", 2],
    ["n5", 3],
    ["n7", 4],
  ]);
});

test("the longest branch keeps its lane, the others lie beside and lead back into it", () => {
  const items = arrange([
    { id: "a", inputs: [] },
    { id: "short", inputs: ["a"] },
    { id: "long1", inputs: ["a"] },
    { id: "long2", inputs: ["long1"] },
    { id: "join", inputs: ["long2", "short"] },
  ]);
  assert.deepEqual(Object.fromEntries(items.map(({ id, lane }) => [id, lane])), {
    a: 0,
    long1: 0,
    short: 1,
    long2: 0,
    join: 0,
  });
});

test("no two boxes overlap, and all lie within the drawing", () => {
  for (const across of [true, false]) {
    const items = arranged();
    const { width, height, size, lines } = place(items, across);
    for (const one of items) {
      assert(one.left >= 0 && one.left + size.width <= width && one.top >= 0 && one.top + size.height <= height);
      for (const other of items) {
        const apart = Math.abs(one.left - other.left) >= size.width || Math.abs(one.top - other.top) >= size.height;
        assert(one === other || apart, `${one.id} ${other.id}`);
      }
    }
    assert.equal(lines.length, 5); // one for every input
    assert(lines.every(({ path }) => /^M[\d. -]+( [CL][\d. -]+)+$/.test(path)));
  }
});

test("a line runs from one box's edge to the next box's", () => {
  const items = arranged();
  const { lines } = place(items, true);
  const { n0, n1 } = byId(items);
  const { width, height } = SIZES.across;
  const [start, end] = [`M${n0.left + width} ${n0.top + height / 2} `, ` ${n1.left} ${n1.top + height / 2}`];
  const { path } = lines.find(({ from, to }) => from === "n0" && to === "n1");
  assert(path.startsWith(start) && path.endsWith(end), path);
});

test("arrows lead along the lines and to the lane beside", () => {
  const items = arrange([
    { id: "a", inputs: [] },
    { id: "b", inputs: ["a"] },
    { id: "side", inputs: ["a"] },
    { id: "c", inputs: ["b"] },
    { id: "d", inputs: ["c", "side"] },
  ]);
  const at = byId(items);
  const to = (from, key, across = true) => neighbour(items, at[from], key, across)?.id;
  assert.equal(to("a", "ArrowRight"), "b"); // the same lane first
  assert.equal(to("d", "ArrowLeft"), "c");
  assert.equal(to("b", "ArrowDown"), "side");
  assert.equal(to("side", "ArrowUp"), "b");
  assert.equal(to("a", "ArrowUp"), undefined);
  assert.equal(to("c", "Home"), "a");
  assert.equal(to("a", "End"), "d");
  assert.equal(to("a", "x"), undefined);
  assert.equal(to("a", "ArrowDown", false), "b"); // where the network flows down
  assert.equal(to("b", "ArrowRight", false), "side");
});
