import assert from "node:assert/strict";
import { test } from "node:test";

import { inWords, read, stepped, written } from "#inspector/design_fields.js";
import { beginning, spoken } from "#inspector/design_palette.js";

test("what is typed: numbers, pairs, JSON, words", () => {
  assert.deepEqual(["3", " -2 ", "3x5", "3×5", "3, 5", "0.25", ".5", "[[1, 2], [0, 0]]", "same"].map(read), [
    3,
    -2,
    [3, 5],
    [3, 5],
    [3, 5],
    0.25,
    0.5,
    [
      [1, 2],
      [0, 0],
    ],
    "same",
  ]);
});

test("what is no JSON stays the text that it is, for the server to refuse", () => {
  assert.equal(read("[1, 2"), "[1, 2");
  assert.equal(read("3 by 5"), "3 by 5");
});

test("what is written can be read again", () => {
  for (const value of [
    3,
    [3, 5],
    [
      [1, 2],
      [0, 0],
    ],
    0.5,
    "same",
  ])
    assert.deepEqual(read(written(value)), value);
  assert.equal(written([3, 3]), "3"); // both sides alike
  assert.equal(written(null), "");
});

test("one more and one less, for pairs too, and never under the least", () => {
  assert.equal(stepped(3, 1), 4);
  assert.equal(stepped(1, -1, 1), 1);
  assert.deepEqual(stepped([3, 5], -1), [2, 4]);
  assert.equal(stepped("same", 1), "same");
});

test("a layer in a few words", () => {
  const words = (args) => inWords({ args });
  assert.equal(words({ filters: 16, kernel: 5, padding: 2, bias: false }), "16 filters, 5×5, padding 2, no bias");
  assert.equal(words({ filters: "classes", kernel: [3, 5] }), "a filter a class, 3×5");
  assert.equal(words({ units: "classes" }), "one score a class");
  assert.equal(words({ times: 3 }), "3 times");
  assert.equal(words({}), "");
});

test("a new layer begins so that it fits where it is put", () => {
  const block = (kind) => beginning({ kind }, [24, 8, 8]);
  assert.deepEqual(block("residual").residual.layers[0], { conv: { filters: 24, kernel: 3, padding: 1 } });
  assert.deepEqual(block("repeat").repeat.layers[0], { conv: { filters: 24, kernel: 3, padding: 1 } });
  assert.deepEqual(block("unpool").unpool.layers[0], { conv: { filters: 24, kernel: 3, padding: 1 } });
  assert.deepEqual(block("parallel").parallel.branches[0], [{ conv: { filters: 8, kernel: 1 } }]);
  assert.deepEqual(beginning({ kind: "residual" }, null).residual.layers[0].conv.filters, 16);
  assert.deepEqual(beginning({ kind: "dense", start: { units: 10 } }, [5]), { dense: { units: 10 } });
  assert.equal(beginning({ kind: "relu", start: {} }, null), "relu");
  assert.equal(spoken("global_avg_pool"), "global avg pool");
});
