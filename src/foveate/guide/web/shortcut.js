// How much of a gradient arrives at the first of many layers, with shortcuts and without.

import { element } from "./api.js";
import { row, slider } from "./controls.js";
import { lines } from "./plot.js";

const written = (value) => (value >= 0.001 && value < 10000 ? Number(value.toPrecision(3)) : value.toExponential(1));

export function mount(root) {
  const chart = element("div", { className: "plot" });
  const told = element("p", { className: "told", role: "status" });
  const layers = slider("layers", { least: 1, most: 100, value: 20 }, () => draw());
  const part = slider("part that a layer passes on", { least: 0.5, most: 1.5, step: 0.05, value: 0.8 }, () => draw());
  const draw = () => {
    const steps = Array.from({ length: layers.value + 1 }, (_, i) => i);
    const plain = steps.map((i) => [i, part.value ** i]);
    const straight = steps.map((i) => [i, 1]);
    chart.replaceChildren(
      lines(
        "what is left of the gradient, layer by layer back from the last",
        [
          { points: plain, style: "s1" },
          { points: straight, style: "s0" },
        ],
        { low: 0, high: 2, across: "layers back" },
      ),
    );
    told.textContent =
      `Through ${layers.value} layers, ${written(part.value ** layers.value)} of the gradient arrives. ` +
      "Along the shortcuts all of it arrives, and what comes through the layers is added.";
  };
  const key = element("p", {
    className: "soft",
    textContent: "Orange: through the layers. Blue: along the shortcuts.",
  });
  root.append(row(layers.field, part.field), told, chart, key);
  draw();
}
