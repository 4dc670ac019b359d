// Where a window stands: stride for height and width, padding of each side with its fill, "same" worked out.

import { element } from "./api.js";
import { button, choice, numberGrid, row, slider } from "./controls.js";

const SIDES = ["above", "below", "left", "right"];
const FILLS = [
  ["zeros", "zeros"],
  ["reflect", "reflect"],
  ["replicate", "replicate"],
  ["circular", "circular"],
];

/** The index that stands at place `at` of a padded axis of n pixels, or -1 for a zero. */
export function source(at, n, fill) {
  if (at >= 0 && at < n) return at;
  if (fill === "replicate") return Math.min(Math.max(at, 0), n - 1);
  if (fill === "circular") return ((at % n) + n) % n;
  if (fill === "reflect") return at < 0 ? -at : 2 * (n - 1) - at;
  return -1;
}

/** [before, after] so that ceil(n / s) places fit: the odd pixel behind. */
export function same(n, kernel, stride) {
  const total = Math.max((Math.ceil(n / stride) - 1) * stride + kernel - n, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** Rows of a picture with its border: null where a zero stands that the picture does not have. */
export function padded(rows, [above, below, left, right], fill) {
  const [height, width] = [rows.length, rows[0].length];
  return Array.from({ length: height + above + below }, (_, r) =>
    Array.from({ length: width + left + right }, (__, c) => {
      const [y, x] = [source(r - above, height, fill), source(c - left, width, fill)];
      return y < 0 || x < 0 ? 0 : rows[y][x];
    }),
  );
}

/** side, kernel, strides [down, across], padding [above, below, left, right]; show: "stride" or "padding". */
export function mount(root, { side, kernel, strides, padding, show }) {
  const rows = Array.from({ length: side }, (_, r) => Array.from({ length: side }, (__, c) => (r * 3 + c * 5) % 10));
  const state = { row: 0, column: 0, fill: "zeros" };
  const grids = element("div", { className: "grids" });
  const told = element("p", { className: "told", role: "status" });
  const number = (label, least, most, value) => slider(label, { least, most, value }, () => draw());
  const size = number("kernel", 1, 4, kernel);
  const steps = [number("stride down", 1, 3, strides[0]), number("stride across", 1, 3, strides[1])];
  const around = SIDES.map((name, i) => number(`padding ${name}`, 0, 3, padding[i]));
  const fill = choice("what stands there", FILLS, (value) => {
    state.fill = value;
    draw();
  });
  const draw = () => {
    const [k, down, across] = [size.value, steps[0].value, steps[1].value];
    const border = around.map(({ value }) => value);
    const wide = padded(rows, border, state.fill);
    const out = [Math.floor((wide.length - k) / down) + 1, Math.floor((wide[0].length - k) / across) + 1];
    state.row = Math.min(state.row, out[0] - 1);
    state.column = Math.min(state.column, out[1] - 1);
    const [top, left] = [state.row * down, state.column * across];
    const means = Array.from({ length: out[0] }, (_, r) =>
      Array.from({ length: out[1] }, (__, c) => sum(wide, r * down, c * across, k)),
    );
    grids.replaceChildren(
      numberGrid("the picture with its padding", wide, {
        marked: (r, c) => {
          const outside = r < border[0] || c < border[2] || r >= border[0] + side || c >= border[2] + side;
          const inside = r >= top && c >= left && r < top + k && c < left + k;
          return `${outside ? "padding " : ""}${inside ? "window" : ""}`;
        },
      }),
      numberGrid("the map: sums of the window", means, {
        marked: (r, c) => (r === state.row && c === state.column ? "chosen" : ""),
        pick: (r, c) => {
          Object.assign(state, { row: r, column: c });
          draw();
        },
      }),
    );
    const line = (name, before, after, step, places) =>
      `${name}: floor((${side} + ${before} + ${after} − ${k}) / ${step}) + 1 = ${places}`;
    const high = line("height", border[0], border[1], down, out[0]);
    told.textContent = `${high}; ${line("width", border[2], border[3], across, out[1])}`;
  };
  const work = button("same", () => {
    const axes = [same(side, size.value, steps[0].value), same(side, size.value, steps[1].value)].flat();
    around.forEach((one, i) => {
      one.value = axes[i];
    });
    draw();
  });
  const fields = show === "stride" ? [size, ...steps] : [size, ...steps, ...around];
  root.append(row(...fields.map(({ field }) => field)), show === "stride" ? "" : row(fill.field, work), grids, told);
  draw();
}

function sum(rows, top, left, k) {
  let total = 0;
  for (let r = top; r < top + k; r++) for (let c = left; c < left + k; c++) total += rows[r][c];
  return total;
}
