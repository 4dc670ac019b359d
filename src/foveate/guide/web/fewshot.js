// How much is right with so many pictures of each kind, from pixels and from features.

import { element } from "./api.js";
import { row, slider } from "./controls.js";
import { lines } from "./plot.js";

/** points: [{pictures, pixels, features}], shares of 0 to 1. */
export function mount(root, { points }) {
  const chart = element("div", { className: "plot" });
  const told = element("p", { className: "told", role: "status" });
  const count = slider("pictures a kind", { least: 1, most: points.length, value: points.length }, () => draw());
  const series = (name) => points.map((point) => [point.pictures, 100 * point[name]]);
  const draw = () => {
    const { pictures, pixels, features } = points[count.value - 1];
    chart.replaceChildren(
      lines(
        "per cent right, from features and from pixels",
        [
          { points: series("features"), style: "s0" },
          { points: series("pixels"), style: "s1" },
          { dot: [pictures, 100 * features] },
          { dot: [pictures, 100 * pixels] },
        ],
        { low: 0, high: 100, across: "pictures a kind" },
      ),
    );
    const [known, raw] = [features, pixels].map((share) => Math.round(100 * share));
    told.textContent = `${pictures} a kind: ${known} % from features, ${raw} % from pixels.`;
  };
  const key = element("p", { className: "soft", textContent: "Blue: from features. Orange: from pixels." });
  root.append(row(count.field), told, chart, key);
  draw();
}
