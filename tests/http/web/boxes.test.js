import assert from "node:assert/strict";
import { test } from "node:test";

import { counted, draw, inWords, laidOut, shownFrom } from "#http/boxes.js";

const prediction = {
  width: 4096,
  height: 1024,
  threshold: 0.5,
  boxes: [
    { label: "car", score: 0.9, bbox: [0, 0, 400, 200] },
    { label: "cat", score: 0.6, bbox: [8, 16, 32, 64] },
  ],
  below: [{ label: "car", score: 0.2, bbox: [1000, 500, 100, 100] }],
};

test("the slider shows more boxes the lower it is, the surest first", () => {
  assert.deepEqual(
    [0.95, 0.6, 0.5, 0.1].map((score) => shownFrom(prediction, score).length),
    [0, 2, 2, 3],
  );
  assert.deepEqual(counted(shownFrom(prediction, 0)), [
    ["car", 2],
    ["cat", 1],
  ]);
  assert.equal(inWords(counted(shownFrom(prediction, 0))), "2 car, 1 cat");
  assert.equal(inWords([]), "Nothing.");
});

test("boxes keep their places on a smaller canvas", () => {
  const laid = laidOut(prediction, prediction.boxes);
  assert.deepEqual([laid.width, laid.height], [2048, 512]);
  assert.deepEqual(laid.boxes[1], [4, 8, 16, 32]);
  assert.deepEqual(laidOut({ width: 20, height: 10 }, []), { width: 20, height: 10, boxes: [] });
});

test("each box is drawn once, the surest last", () => {
  const drawn = [];
  const pen = {
    strokeRect: (...box) => drawn.push(box),
    fillRect: () => {},
    fillText: () => {},
    measureText: () => ({ width: 10 }),
  };
  draw({ getContext: () => pen }, { width: 100, height: 50 }, prediction.boxes, () => "#c80000");
  assert.deepEqual(drawn, [
    [8, 16, 32, 64],
    [0, 0, 400, 200],
  ]);
});
