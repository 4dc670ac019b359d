import assert from "node:assert/strict";
import { test } from "node:test";

import { painted, parts, runLengths } from "#http/masks.js";

// Packed by the COCO API (pycocotools 2.0): a block in 4 x 5, all of 3 x 3, and 70 x 60 with long and short runs.
const BLOCK = "5220003",
  ALL = "09",
  MANY = "l6l1PS1R\\1iKVbNl[O";

test("run lengths are those that the COCO API packs", () => {
  assert.deepEqual(runLengths(BLOCK), [5, 2, 2, 2, 2, 2, 5]);
  assert.deepEqual(runLengths(ALL), [0, 9]);
  assert.deepEqual(runLengths(MANY).slice(0, 6), [220, 60, 1120, 1470, 985, 4]);
  assert.equal(
    runLengths(MANY).reduce((all, length) => all + length, 0),
    70 * 60,
  );
  assert.deepEqual(runLengths(""), []);
});

const at = ({ width, data }, row, column) => [
  ...data.slice(4 * (row * width + column), 4 * (row * width + column) + 4),
];

test("a mask is painted where it is, down one column after the other", () => {
  const found = painted({ width: 5, height: 4, classes: [{ colour: "#c80010", rle: { counts: BLOCK } }] });
  assert.deepEqual([found.width, found.height], [5, 4]);
  for (let row = 0; row < 4; row++)
    for (let column = 0; column < 5; column++) {
      const inside = row >= 1 && row < 3 && column >= 1 && column < 4;
      assert.deepEqual(at(found, row, column), inside ? [200, 0, 16, 255] : [0, 0, 0, 0], `${row}, ${column}`);
    }
});

test("of a large picture every n-th pixel is taken", () => {
  const [width, height] = [2050, 3000]; // three to one
  const half = 1025 * height;
  const classes = [{ colour: "#0000ff", rle: { counts: packed([half, half]) } }];
  const found = painted({ width, height, classes });
  assert.deepEqual([found.width, found.height], [684, 1000]);
  assert.deepEqual(at(found, 0, 341), [0, 0, 0, 0]); // column 1023
  assert.deepEqual(at(found, 999, 342), [0, 0, 255, 255]); // column 1026
  assert.deepEqual(at(found, 500, 683), [0, 0, 255, 255]); // column 2049, the last
});

test("colours are read", () => {
  assert.deepEqual(parts("#0a80ff"), [10, 128, 255]);
});

/** The first three lengths as the COCO API packs them: groups of five bits, the lowest first. */
function packed(lengths) {
  let text = "";
  for (let value of lengths) {
    let more = true;
    while (more) {
      let group = value & 0x1f;
      value >>= 5;
      more = group & 0x10 ? value !== -1 : value !== 0;
      if (more) group |= 0x20;
      text += String.fromCharCode(group + 48);
    }
  }
  return text;
}
