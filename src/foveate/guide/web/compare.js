// Networks side by side in one measure, as bars; sorted by it.

import { element, whole } from "./api.js";
import { choice, row } from "./controls.js";

const MEASURES = {
  parameters: ["parameters", whole],
  multiplications: ["multiplications for a picture", (value) => `${whole(Math.round(value / 1e6))} M`],
  layers: ["layers", String],
  error: ["top-5 error", (value) => `${value} %`],
  year: ["year", String],
};

/** networks: [{name, year, parameters, multiplications, layers, error (or null)}]. */
export function mount(root, { networks }) {
  const bars = element("ol", { className: "bars" });
  const told = element("p", { className: "told", role: "status" });
  const draw = (measure) => {
    const [words, write] = MEASURES[measure];
    const known = networks.filter((network) => network[measure] !== null);
    known.sort((a, b) => a[measure] - b[measure]);
    const low = measure === "year" ? known[0].year - 2 : 0;
    const most = known.at(-1)[measure] - low;
    bars.replaceChildren(
      ...known.map((network) => {
        const fill = element("span", { className: "fill" });
        fill.style.width = `${(100 * (network[measure] - low)) / most}%`;
        return element(
          "li",
          {},
          element("span", { textContent: network.name }),
          element("span", { className: "track" }, fill),
          element("span", { className: "number", textContent: write(network[measure]) }),
        );
      }),
    );
    const ends = [known[0], known.at(-1)].map((network) => `${write(network[measure])} (${network.name})`);
    told.textContent = `${words}: from ${ends[0]} to ${ends[1]}.`;
  };
  const measure = choice(
    "compare by",
    Object.entries(MEASURES).map(([name, [words]]) => [name, words]),
    draw,
  );
  root.append(row(measure.field), told, bars);
  draw("parameters");
}
