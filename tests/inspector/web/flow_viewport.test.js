import assert from "node:assert/strict";
import { test } from "node:test";

import { fittingZoom } from "#inspector/flow_viewport.js";

const size = { width: 1000, height: 200 };

test("the narrower side decides, and nothing is enlarged", () => {
  assert.equal(fittingZoom(size, { width: 800, height: 400 }, 0.1), 0.8);
  assert.equal(fittingZoom(size, { width: 800, height: 100 }, 0.1), 0.5);
  assert.equal(fittingZoom(size, { width: 5000, height: 5000 }, 0.1), 1);
});

test("it stays readable, and a drawing that flows down may be as deep as it likes", () => {
  assert.equal(fittingZoom(size, { width: 100, height: 100 }, 0.75), 0.75);
  assert.equal(fittingZoom(size, { width: 900, height: Number.POSITIVE_INFINITY }, 0.75), 0.9);
});
