import assert from "node:assert/strict";
import { test } from "node:test";

import { css, HEAT, isLight, rangeOf, rgb, SIGNED } from "#inspector/draw.js";

/** Relative luminance as WCAG 2 defines it. */
function luminance(colour) {
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const colourAt = (colours, i) => [...colours.slice(3 * i, 3 * i + 3)];

test("a range is around zero where there are negative values, else from zero on", () => {
  assert.deepEqual(rangeOf({ data: [1, 4] }), { low: 0, high: 4, signed: false, from: 0, to: 4 });
  assert.deepEqual(rangeOf({ data: [-3, 1] }, { data: [2] }), { low: -3, high: 2, signed: true, from: -3, to: 3 });
  assert.equal(rangeOf({ data: [0, 0] }).to, 1); // nothing divides by zero
});

test("heat grows lighter all the way", () => {
  const light = Array.from({ length: 256 }, (_, i) => luminance(colourAt(HEAT, i)));
  for (let i = 1; i < 256; i++) assert(light[i] > light[i - 1] - 1e-3, `step ${i}`);
  assert(light[0] < 0.02 && light[255] > 0.8);
});

test("signed colours: blue below, orange above, both ends equally dark, white in the middle", () => {
  const [[r0, , b0], [r1, , b1]] = [colourAt(SIGNED, 0), colourAt(SIGNED, 255)];
  assert(b0 > r0 && r1 > b1);
  assert(colourAt(SIGNED, 127).every((c) => c > 235));
  assert(Math.abs(luminance(colourAt(SIGNED, 0)) - luminance(colourAt(SIGNED, 255))) < 0.1);
});

test("values outside the range get its ends, and what is no number the first colour", () => {
  const range = rangeOf({ data: [-2, 1] });
  assert.deepEqual(rgb(-9, range), colourAt(SIGNED, 0));
  assert.deepEqual(rgb(9, range), colourAt(SIGNED, 255));
  assert.deepEqual(rgb(Number.NaN, range), colourAt(SIGNED, 0));
  assert.equal(css(9, range), `rgb(${colourAt(SIGNED, 255).join(" ")})`);
});

test("black or white text has a contrast of 4.5 on every colour", () => {
  for (const data of [[-1], [1]]) {
    const range = rangeOf({ data });
    for (let i = 0; i <= 255; i++) {
      const value = range.from + ((range.to - range.from) * i) / 255;
      const ground = luminance(rgb(value, range));
      const contrast = isLight(value, range) ? (ground + 0.05) / 0.05 : 1.05 / (ground + 0.05);
      assert(contrast >= 4.5, `${value}: ${contrast}`);
    }
  }
});
