// From maps to scores, on two ways: flatten and dense, or global average pooling and a map a class.

import { element } from "./api.js";
import { numberGrid, short } from "./controls.js";

const CLASSES = ["cat", "dog"];

const softmax = (scores) => {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
};

/** maps: (C, H, W); weights: (classes, C·H·W). */
export function mount(root, { maps, weights }) {
  const state = { channel: 0, row: 1, column: 1 };
  const [side, each] = [maps[0][0].length, maps[0].length * maps[0][0].length];
  const [above, flat, below] = ["maps", "flat", "scores"].map(() => element("div", { className: "grids" }));
  const told = element("p", { className: "told", role: "status" });
  const choose = (channel, row, column) => {
    Object.assign(state, { channel, row, column });
    draw();
  };
  const draw = () => {
    const at = state.channel * each + state.row * side + state.column;
    const values = maps.flat(2);
    above.replaceChildren(
      ...maps.map((rows, channel) =>
        numberGrid(`map ${channel + 1}`, rows, {
          marked: (r, c) => (channel === state.channel && r === state.row && c === state.column ? "chosen" : ""),
          change: (r, c, value) => {
            maps[channel][r][c] = value;
            choose(channel, r, c);
          },
        }),
      ),
    );
    flat.replaceChildren(
      numberGrid("flattened", [values], {
        marked: (_, c) => (c === at ? "chosen" : ""),
        pick: (_, c) => choose(Math.floor(c / each), Math.floor((c % each) / side), c % side),
      }),
      ...weights.map((line, k) =>
        numberGrid(`weights of ${CLASSES[k]}`, [line], {
          marked: (_, c) => (c === at ? "chosen" : ""),
          change: (_, c, value) => {
            weights[k][c] = value;
            draw();
          },
        }),
      ),
    );
    const dense = weights.map((line) => line.reduce((sum, weight, i) => sum + weight * values[i], 0));
    const means = maps.map((rows) => rows.flat().reduce((a, b) => a + b) / each);
    below.replaceChildren(outcome("flatten, dense", dense), outcome("mean of each map", means));
    const terms = weights.map((line, k) => `${short(values[at])} · ${short(line[at])} to ${CLASSES[k]}`);
    told.textContent = `Place ${at + 1} of the row adds ${terms.join(" and ")}.`;
  };
  root.append(above, flat, told, below);
  draw();
}

function outcome(title, scores) {
  const shares = softmax(scores);
  const body = scores.map((score, k) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", textContent: CLASSES[k] }),
      element("td", { textContent: short(score) }),
      element("td", { textContent: `${(100 * shares[k]).toFixed(1)} %` }),
    ),
  );
  return element(
    "table",
    { className: "number-grid" },
    element("caption", { textContent: `${title}: score and share` }),
    element("tbody", {}, ...body),
  );
}
