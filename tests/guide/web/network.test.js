// The network that learns in the page: its gradients are those of finite differences, and it learns.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawDigits, randoms, SIDE } from "#guide/digits.js";
import { tinyNetwork } from "#guide/network.js";

const line = [
  [0.2, 0.2],
  [0.8, 0.8],
];
const hook = [
  [0.8, 0.1],
  [0.2, 0.1],
  [0.2, 0.9],
];

test("gradients are those of finite differences", () => {
  const random = randoms(1);
  const network = tinyNetwork(random, SIDE, 2);
  const x = Float32Array.from({ length: SIDE * SIDE }, random);
  const loss = () => -Math.log(network.answer(x)[1]);
  network.learn(x, 1);
  for (const { values, gradients } of network.learnt) {
    for (let k = 0; k < 6; k++) {
      const at = Math.floor(random() * values.length);
      const [kept, by] = [values[at], 2e-3];
      values[at] = kept + by;
      const above = loss();
      values[at] = kept - by;
      const slope = (above - loss()) / (2 * by);
      values[at] = kept;
      assert.ok(Math.abs(slope - gradients[at]) < 2e-3 + 0.03 * Math.abs(slope), `${slope} ${gradients[at]}`);
    }
  }
});

test("a step follows momentum, and clears the gradients", () => {
  const network = tinyNetwork(randoms(2), SIDE, 2);
  const [{ values, gradients, velocities }] = network.learnt;
  const before = values[0];
  gradients[0] = 4;
  network.step(0.1, 0.5, 2); // v = 4/2
  gradients[0] = 4;
  network.step(0.1, 0.5, 2); // v = 0.5·2 + 2
  assert.ok(Math.abs(velocities[0] - 3) < 1e-6);
  assert.ok(Math.abs(values[0] - (before - 0.1 * (2 + 3))) < 1e-6);
  assert.equal(gradients[0], 0);
});

test("two strokes are told apart after a few steps", () => {
  const random = randoms(3);
  const network = tinyNetwork(random, SIDE, 2);
  const { pixels, labels } = drawDigits([line, hook], 160, random);
  for (let i = 0; i < 80; i++) {
    network.learn(pixels[i], labels[i]);
    if (i % 8 === 7) network.step(0.05, 0.9, 8);
  }
  const right = pixels.slice(80).filter((x, i) => (network.answer(x)[1] > 0.5 ? 1 : 0) === labels[80 + i]);
  assert.ok(right.length >= 76, `${right.length} of 80`);
});
