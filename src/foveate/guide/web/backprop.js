// Forward and backward through two units and two classes, number by number; steps of gradient descent.

import { element } from "./api.js";
import { button, choice, numberGrid, row, short, slider } from "./controls.js";
import { softmax } from "./network.js";

const times = (weights, values) => weights.map((line) => line.reduce((sum, w, i) => sum + w * values[i], 0));
const outer = (grads, values) => grads.map((grad) => values.map((value) => grad * value));

/** All values and gradients of the network x → w1 → ReLU → w2 → softmax → −log. */
export function passes({ x, w1, w2, label }) {
  const sums = times(w1, x);
  const units = sums.map((sum) => Math.max(0, sum));
  const scores = times(w2, units);
  const shares = softmax(scores);
  const toScores = shares.map((share, k) => share - (k === label ? 1 : 0));
  const toUnits = units.map((_, i) => toScores.reduce((sum, grad, k) => sum + grad * w2[k][i], 0));
  const toSums = toUnits.map((grad, i) => (sums[i] > 0 ? grad : 0));
  return {
    sums,
    units,
    scores,
    shares,
    loss: -Math.log(shares[label]),
    gradients: { scores: toScores, w2: outer(toScores, units), sums: toSums, w1: outer(toSums, x) },
  };
}

export function mount(root, begin) {
  const state = structuredClone(begin);
  const grids = element("div", { className: "grids" });
  const backward = element("div", { className: "grids" });
  const told = element("p", { className: "told", role: "status" });
  const rate = slider("learning rate", { least: 0.05, most: 2, step: 0.05, value: 0.1, words: short }, () => {});
  const field = (title, rows, set) =>
    numberGrid(
      title,
      rows.map((line) => line.map((value) => Math.round(value * 1000) / 1000)),
      {
        change: (r, c, value) => {
          set(r, c, value);
          draw();
        },
      },
    );
  const draw = () => {
    const found = passes(state);
    grids.replaceChildren(
      field("inputs", [state.x], (_, c, value) => {
        state.x[c] = value;
      }),
      field("weights one", state.w1, (r, c, value) => {
        state.w1[r][c] = value;
      }),
      numberGrid("sums", [found.sums]),
      numberGrid("units (ReLU)", [found.units]),
      field("weights two", state.w2, (r, c, value) => {
        state.w2[r][c] = value;
      }),
      numberGrid("scores", [found.scores]),
      numberGrid("shares", [found.shares]),
    );
    const { gradients } = found;
    backward.replaceChildren(
      numberGrid("gradient: weights one", gradients.w1),
      numberGrid("sums", [gradients.sums]),
      numberGrid("weights two", gradients.w2),
      numberGrid("scores", [gradients.scores]),
    );
    const share = 100 * found.shares[state.label];
    told.textContent = `The right class has ${share.toFixed(1)} %; loss ${short(found.loss)}.`;
  };
  const step = button("Take a step", () => {
    const { gradients } = passes(state);
    for (const name of ["w1", "w2"]) {
      state[name] = state[name].map((line, r) => line.map((w, c) => w - rate.value * gradients[name][r][c]));
    }
    draw();
  });
  const reset = button("Begin anew", () => {
    Object.assign(state, structuredClone(begin));
    right.select.value = state.label;
    draw();
  });
  const right = choice(
    "right class",
    [
      [0, "the first"],
      [1, "the second"],
    ],
    (value) => {
      state.label = Number(value);
      draw();
    },
  );
  right.select.value = state.label;
  root.append(row(right.field, rate.field, step, reset), told, grids, backward);
  draw();
}
