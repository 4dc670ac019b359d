// An activation's curve, what comes out of a sum, and the slope there.

import { element } from "./api.js";
import { choice, row, short, slider } from "./controls.js";
import { lines } from "./plot.js";

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
/** name -> [words, function, slope]. */
export const ACTIVATIONS = {
  relu: ["ReLU", (x) => Math.max(0, x), (x) => (x > 0 ? 1 : 0)],
  leaky: ["leaky ReLU", (x) => (x > 0 ? x : 0.01 * x), (x) => (x > 0 ? 1 : 0.01)],
  sigmoid: ["sigmoid", sigmoid, (x) => sigmoid(x) * (1 - sigmoid(x))],
  tanh: ["tanh", Math.tanh, (x) => 1 - Math.tanh(x) ** 2],
};
const REACH = 6;

export function mount(root) {
  const state = { name: "relu", x: 1 };
  const chart = element("div", { className: "plot" });
  const told = element("p", { className: "told", role: "status" });
  const draw = () => {
    const [words, f, slope] = ACTIVATIONS[state.name];
    const xs = Array.from({ length: 121 }, (_, i) => -REACH + (i * REACH) / 60);
    const [y, d] = [f(state.x), slope(state.x)];
    const tangent = [-1.5, 1.5].map((dx) => [state.x + dx, y + d * dx]);
    chart.replaceChildren(
      lines(`${words}: its curve, and its slope at the chosen sum`, [
        { points: xs.map((x) => [x, f(x)]), style: "s0" },
        { points: xs.map((x) => [x, slope(x)]), style: "quiet" },
        { points: tangent, style: "s1" },
        { dot: [state.x, y] },
      ]),
    );
    const effect =
      d === 0
        ? "nothing is learnt here"
        : d < 0.05
          ? "hardly anything is learnt here"
          : "there is something to learn from";
    told.textContent = `The sum ${short(state.x)} becomes ${short(y)}; the slope is ${short(d)}: ${effect}.`;
  };
  const kind = choice(
    "activation",
    Object.entries(ACTIVATIONS).map(([name, [words]]) => [name, words]),
    (value) => {
      state.name = value;
      draw();
    },
  );
  const place = slider("sum", { least: -REACH, most: REACH, step: 0.1, value: state.x, words: short }, (value) => {
    state.x = value;
    draw();
  });
  const key = element("p", {
    className: "soft",
    textContent: "Blue: what comes out. Grey: the slope everywhere. Orange: the slope at the chosen sum.",
  });
  root.append(row(kind.field, place.field), chart, told, key);
  draw();
}
