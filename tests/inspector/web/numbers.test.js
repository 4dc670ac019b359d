import assert from "node:assert/strict";
import { test } from "node:test";

import { agreement, cellStyle, digits, inFormula } from "#inspector/numbers.js";

test("significant digits, a real minus sign, powers of ten at the far ends", () => {
  assert.equal(digits(2.34567), "2.346");
  assert.equal(digits(-0.5, 3), "−0.500");
  assert.equal(digits(0), "0");
  assert.equal(digits(-0), "0");
  assert.equal(digits(123456, 6), "123456");
  assert.equal(digits(0.00001234, 3), "1.23\u2009×\u200910⁻⁵");
  assert.equal(digits(999999, 6), "999999");
  assert.equal(digits(1234567, 7), "1.234567\u2009×\u200910⁶");
  assert.equal(digits(-2.5e6, 2), "−2.5\u2009×\u200910⁶");
});

test("what is no number is a dash", () => {
  for (const value of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(digits(value), "–");
});

test("how far two numbers agree", () => {
  assert.equal(agreement(1.234567, 1.234567), 7);
  assert.equal(agreement(1.23441, 1.23444), 5);
  assert.equal(agreement(1, 2), 0);
  assert.equal(agreement(1, -1), 0);
});

test("negative numbers stand in parentheses within a formula", () => {
  assert.equal(inFormula(-1.5, 2), "(−1.5)");
  assert.equal(inFormula(1.5, 2), "1.5");
});

test("cells share one power of ten and leave out what says nothing", () => {
  const small = cellStyle([0.012, -0.034]);
  assert.equal(small.power, "×\u200910⁻²");
  assert.equal(small.write(0.012), "1.2");
  assert.equal(small.write(-0.034), "−3.4");
  const plain = cellStyle([0.5, -0.25, Number.NaN]);
  assert.equal(plain.power, "");
  assert.deepEqual([0.5, -0.25, 0.001].map(plain.write), [".50", "−.25", "0"]);
  assert.equal(cellStyle([250.4]).write(250.4), "250");
  assert.equal(cellStyle([]).write(0), "0");
});
