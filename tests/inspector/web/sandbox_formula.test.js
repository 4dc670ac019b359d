import assert from "node:assert/strict";
import { test } from "node:test";

import { formulaWords, misfit } from "#inspector/sandbox_formula.js";
import { sizes } from "#inspector/sandbox_math.js";

const told = (n, settings) => formulaWords(n, settings, sizes(n, settings));

test("what the numbers mean", () => {
  assert.equal(
    told(7, { kernel: 3, stride: 1, padding: 0, dilation: 1 }),
    "The window reaches over 3 pixels of 7, and can go 4 further in steps of 1: 5 places along each side. " +
      "Padding 1 would keep the picture's size.",
  );
  assert.match(told(7, { kernel: 3, stride: 1, padding: 1, dilation: 1 }), /The map is as large as the picture\.$/);
  assert.match(told(8, { kernel: 3, stride: 2, padding: 0, dilation: 1 }), /The last of them is left out/);
  assert.match(told(9, { kernel: 3, stride: 4, padding: 0, dilation: 1 }), /The last 2 of them are left out/);
  assert.match(told(5, { kernel: 2, stride: 1, padding: 2, dilation: 1 }), /see nothing but zeros/);
  assert.match(told(9, { kernel: 3, stride: 1, padding: 0, dilation: 3 }), /dilation leaves out 2\.$/);
});

test("why there is no map", () => {
  const why = (n, settings) => misfit(settings, sizes(n, settings));
  assert.equal(
    why(4, { kernel: 5, stride: 1, padding: 0, dilation: 1 }),
    "The window does not fit: it reaches over 5 pixels, and the picture has 4. " +
      "Make the kernel smaller, or the padding or the picture larger.",
  );
  assert.equal(
    why(4, { kernel: 5, stride: 1, padding: 1, dilation: 2 }),
    "The window does not fit: it reaches over 9 pixels (2 · (5 − 1) + 1), and the picture with its padding has 6. " +
      "Make the kernel or the dilation smaller, or the padding or the picture larger.",
  );
});
