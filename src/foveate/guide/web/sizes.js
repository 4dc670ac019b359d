// The size of a map and the number of weights, live: convolution beside a dense layer.

import { element, whole } from "./api.js";
import { row, slider } from "./controls.js";
import { formulaLines, formulaWords, misfit } from "./sandbox_formula.js";
import { sizes } from "./sandbox_math.js";

/** input, kernel, stride, padding, channels, filters: where the sliders begin. */
export function mount(root, begin) {
  const formula = element("div", { className: "formula" });
  const words = element("p", {});
  const counts = element("p", { className: "told", role: "status" });
  const draw = () => {
    const [n, k, s, p, channels, filters] = all.map(({ value }) => value);
    const axis = { kernel: k, stride: s, padding: p, dilation: 1 };
    const found = sizes(n, axis);
    formula.replaceChildren(formulaLines(n, axis, found));
    words.textContent = found.out ? formulaWords(n, axis, found) : misfit(axis, found);
    const weights = filters * (channels * k * k + 1);
    const dense = channels * n * n * filters * found.out * found.out;
    counts.textContent = found.out
      ? `Weights of the convolution: ${filters}·(${channels}·${k}·${k} + 1) = ${whole(weights)}. ` +
        `A dense layer from ${channels}×${n}×${n} to ${filters}×${found.out}×${found.out}: ${whole(dense)}, ` +
        `${whole(Math.round(dense / weights))} times as many.`
      : "No place for the window, so no map.";
  };
  const all = [
    ["side of the picture", 1, 256, begin.input],
    ["kernel", 1, 11, begin.kernel],
    ["stride", 1, 4, begin.stride],
    ["padding", 0, 5, begin.padding],
    ["channels in", 1, 512, begin.channels],
    ["filters (channels out)", 1, 512, begin.filters],
  ].map(([label, least, most, value]) => slider(label, { least, most, value }, draw));
  root.append(row(...all.map(({ field }) => field)), formula, words, counts);
  draw();
}
