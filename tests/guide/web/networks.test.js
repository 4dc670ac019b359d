// What a network's scores become: shares, also of scores whose powers no number holds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { shares } from "#guide/networks.js";

test("shares add up to one and keep the order, whatever the size of scores", () => {
  const [a, b, c] = shares(Float32Array.of(0, Math.log(3), 0));
  assert.ok(Math.abs(a - 0.2) < 1e-6 && Math.abs(b - 0.6) < 1e-6 && a === c);
  assert.deepEqual(shares(Float32Array.of(2000, -2000)), [1, 0]);
});

test("a page without the engine is told so, and may ask again", async () => {
  const made = [];
  globalThis.Worker = class {
    constructor() {
      made.push(this);
    }
    postMessage() {
      queueMicrotask(() => this.onerror());
    }
  };
  const { open } = await import("#guide/networks.js");
  await assert.rejects(open("a.gz"), /foveate guide --download/);
  await assert.rejects(open("a.gz"), /foveate guide --download/);
  assert.equal(made.length, 2);
});
