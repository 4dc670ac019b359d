// Pooling of every kind on a small map: the window, the number that is kept, and who gets the gradient.

import { element } from "./api.js";
import { choice, numberGrid, row, short, slider } from "./controls.js";

/** What a window's values give, and the share of the gradient that each gets. `k`: the window's side. */
export const POOLINGS = {
  max: (values) => one(values, values.indexOf(Math.max(...values))),
  average: (values) =>
    weighed(
      values,
      values.map(() => 1 / values.length),
    ),
  min: (values) => one(values, values.indexOf(Math.min(...values))),
  sum: (values) =>
    weighed(
      values,
      values.map(() => 1),
    ),
  l2: (values) => {
    const norm = Math.hypot(...values);
    return { value: norm, shares: values.map((v) => (norm > 0 ? v / norm : 0)) };
  },
  distance_weighted: (values, k) => weighed(values, distanceWeights(k)),
};

function one(values, at) {
  return { value: values[at], shares: values.map((_, i) => (i === at ? 1 : 0)) };
}

function weighed(values, weights) {
  return { value: values.reduce((sum, v, i) => sum + v * weights[i], 0), shares: weights };
}

/** k·k weights of sum 1 that fall with the distance from the middle: a bell whose spread is a quarter of k. */
export function distanceWeights(k) {
  const middle = (k - 1) / 2;
  const raw = Array.from({ length: k * k }, (_, i) => {
    const [y, x] = [Math.floor(i / k) - middle, (i % k) - middle];
    return Math.exp(-0.5 * ((y * y + x * x) / (k / 4) ** 2));
  });
  const total = raw.reduce((a, b) => a + b);
  return raw.map((weight) => weight / total);
}

/** grid: rows of numbers; kinds: names in POOLINGS. */
export function mount(root, { grid, kinds }) {
  const rows = grid.map((line) => [...line]);
  const state = { kind: kinds[0], row: 0, column: 0 };
  const grids = element("div", { className: "grids" });
  const told = element("p", { className: "told", role: "status" });
  const kind = choice(
    "kind",
    kinds.map((name) => [name, name.replaceAll("_", " ")]),
    (value) => {
      state.kind = value;
      draw();
    },
  );
  const size = slider("window", { least: 1, most: 4, value: 2 }, () => draw());
  const step = slider("stride", { least: 1, most: 3, value: 2 }, () => draw());
  const draw = () => {
    const [k, s] = [size.value, step.value];
    const places = Math.floor((rows.length - k) / s) + 1;
    state.row = Math.min(state.row, places - 1);
    state.column = Math.min(state.column, places - 1);
    const look = (r, c) => {
      const values = Array.from({ length: k * k }, (_, i) => rows[r * s + Math.floor(i / k)][c * s + (i % k)]);
      return { values, ...POOLINGS[state.kind](values, k) };
    };
    const found = Array.from({ length: places }, (_, r) => Array.from({ length: places }, (__, c) => look(r, c)));
    const chosen = found[state.row][state.column];
    const share = (r, c) => {
      const [y, x] = [r - state.row * s, c - state.column * s];
      return y >= 0 && x >= 0 && y < k && x < k ? chosen.shares[y * k + x] : null;
    };
    grids.replaceChildren(
      numberGrid("the map", rows, {
        marked: (r, c) => (share(r, c) === null ? "" : share(r, c) > 0.999 ? "window winner" : "window"),
        change: (r, c, value) => {
          rows[r][c] = value;
          draw();
        },
      }),
      numberGrid(
        "what comes out",
        found.map((line) => line.map(({ value }) => value)),
        {
          marked: (r, c) => (r === state.row && c === state.column ? "chosen" : ""),
          pick: (r, c) => {
            Object.assign(state, { row: r, column: c });
            draw();
          },
        },
      ),
      numberGrid(
        "its gradient, handed back",
        rows.map((line, r) => line.map((_, c) => share(r, c))),
        { marked: (r, c) => (share(r, c) ? "window" : "") },
      ),
    );
    const seen = chosen.values.map(short).join(", ");
    told.textContent = `${state.kind.replaceAll("_", " ")} of ${seen}: ${short(chosen.value)}`;
  };
  root.append(row(kind.field, size.field, step.field), grids, told);
  draw();
}
