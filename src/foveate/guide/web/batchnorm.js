// The numbers of a channel before and after batch normalisation, as dots on two lines.

import { element } from "./api.js";
import { row, short, slider } from "./controls.js";
import { lines } from "./plot.js";

const EPS = 1e-5;

/** values: of the channel, around zero with spread one. */
export function mount(root, { values }) {
  const charts = element("div", { className: "canvases two" });
  const told = element("p", { className: "told", role: "status" });
  const make = (label, least, most, value) =>
    slider(label, { least, most, step: 0.1, value, words: short }, () => draw());
  const [shift, spread] = [make("moved by", -5, 5, 3), make("stretched by", 0.1, 3, 2)];
  const [gamma, beta] = [make("learnt scale", 0.1, 3, 1), make("learnt shift", -3, 3, 0)];
  const draw = () => {
    const before = values.map((value) => value * spread.value + shift.value);
    const [mean, deviation] = moments(before);
    const after = before.map((value) => (gamma.value * (value - mean)) / Math.sqrt(deviation ** 2 + EPS) + beta.value);
    charts.replaceChildren(
      ...[
        ["before", before],
        ["after", after],
      ].map(([name, all]) => histogram(name, all)),
    );
    const positive = after.filter((value) => value > 0).length / after.length;
    told.textContent =
      `Before: mean ${short(mean)}, spread ${short(deviation)}. After: mean ${short(moments(after)[0])}, ` +
      `spread ${short(moments(after)[1])}; ${Math.round(100 * positive)} % would pass a ReLU.`;
  };
  root.append(row(...[shift, spread, gamma, beta].map(({ field }) => field)), charts, told);
  draw();
}

function moments(all) {
  const mean = all.reduce((a, b) => a + b) / all.length;
  return [mean, Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length)];
}

/** How many values lie where, from -10 to 10. */
function histogram(name, all) {
  const counts = Array.from({ length: 41 }, (_, i) => {
    const middle = -10 + i / 2;
    return [middle, all.filter((value) => Math.abs(value - middle) <= 0.25).length];
  });
  const chart = lines(
    `${name}: how many numbers lie where`,
    [{ points: counts, style: name === "after" ? "s0" : "s1" }],
    {
      low: 0,
      high: 30,
    },
  );
  return element("figure", {}, chart, element("figcaption", { textContent: name }));
}
