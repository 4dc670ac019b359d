import assert from "node:assert/strict";
import { test } from "node:test";

import { convolve, grey, sizes, terms } from "#inspector/sandbox_math.js";

const PLAIN = { stride: 1, padding: 0, dilation: 1 };
const picture = { data: Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]), height: 3, width: 3 };

test("the size formula on the cases that books give", () => {
  const out = (n, kernel, stride, padding, dilation) => sizes(n, { kernel, stride, padding, dilation }).out;
  assert.equal(out(28, 5, 1, 2, 1), 28);
  assert.equal(out(224, 7, 2, 3, 1), 112); // ResNet's stem
  assert.equal(out(227, 11, 4, 0, 1), 55); // AlexNet's
  assert.equal(out(7, 3, 1, 0, 2), 3);
  assert.equal(out(4, 5, 1, 0, 1), 0);
});

test("how far the window reaches, and what it leaves out", () => {
  const found = sizes(10, { kernel: 3, stride: 3, padding: 0, dilation: 2 });
  assert.deepEqual(found, { out: 2, span: 5, room: 5, padded: 10, left: 2 });
});

test("a window that does not fit makes no map", () => {
  const kernel = Array.from({ length: 4 }, () => [1, 1, 1, 1]);
  assert.equal(convolve(picture, kernel, PLAIN), null);
});

test("a map by hand: no turning of the kernel, zeros around", () => {
  const kernel = [
    [1, 0],
    [0, -1],
  ];
  assert.deepEqual([...convolve(picture, kernel, PLAIN).data], [1 - 5, 2 - 6, 4 - 8, 5 - 9]);
  const padded = convolve(picture, kernel, { ...PLAIN, padding: 1 });
  assert.deepEqual([padded.height, padded.width], [4, 4]);
  assert.deepEqual([...padded.data.slice(0, 4)], [-1, -2, -3, 0]);
  const strided = convolve(picture, kernel, { stride: 2, padding: 1, dilation: 1 });
  assert.deepEqual([...strided.data], [-1, -3, -7, 5 - 9]);
});

test("the terms of a number are those of the map", () => {
  const kernel = [
    [1, 2],
    [3, 4],
  ];
  for (const settings of [PLAIN, { stride: 2, padding: 1, dilation: 2 }]) {
    const map = convolve(picture, kernel, settings);
    for (let at = 0; at < map.data.length; at++) {
      const found = terms(picture, kernel, settings, Math.floor(at / map.width), at % map.width);
      assert.equal(found.length, 4);
      assert.equal(
        found.reduce((sum, { weight, value }) => sum + weight * value, 0),
        map.data[at],
      );
    }
  }
  const [corner] = terms(picture, kernel, { ...PLAIN, padding: 1 }, 0, 0);
  assert.deepEqual(corner, { weight: 1, value: 0, padded: true, y: -1, x: -1 });
});

test("grey is what ITU-R 601 says", () => {
  const rgba = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255];
  const found = [...grey(rgba, 2, 2).data];
  const wanted = [0.299, 0.587, 0.114, 1];
  for (const [i, value] of wanted.entries()) assert(Math.abs(found[i] - value) < 1e-6);
});
