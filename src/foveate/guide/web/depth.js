// Filters over several channels: what each channel adds to the chosen number of a map.

import { element } from "./api.js";
import { numberGrid, short } from "./controls.js";
import { convolve } from "./sandbox_math.js";

const PLAIN = { stride: 1, padding: 0, dilation: 1 };
const COLOURS = ["red", "green", "blue"];

/** picture: (C, H, W); filters: (N, C, k, k); bias: (N). */
export function mount(root, { picture, filters, bias }) {
  const state = { filter: 0, row: 0, column: 0 };
  const asMap = (rows) => ({ data: rows.flat(), height: rows.length, width: rows[0].length });
  const partial = filters.map((kernels) => kernels.map((kernel, c) => convolve(asMap(picture[c]), kernel, PLAIN)));
  const maps = partial.map((each, f) =>
    picture[0]
      .slice(0, each[0].height)
      .map((_, r) =>
        Array.from({ length: each[0].width }, (__, c) =>
          each.reduce((sum, m) => sum + m.data[r * m.width + c], bias[f]),
        ),
      ),
  );
  const side = filters[0][0].length;
  const [above, middle, below] = ["channels", "kernels", "maps"].map(() => element("div", { className: "grids" }));
  const told = element("p", { className: "told sum", role: "status" });
  const draw = () => {
    const inside = (r, c) =>
      r >= state.row && c >= state.column && r < state.row + side && c < state.column + side ? "window" : "";
    above.replaceChildren(...picture.map((rows, c) => numberGrid(COLOURS[c], rows, { marked: inside })));
    middle.replaceChildren(
      ...filters[state.filter].map((kernel, c) => numberGrid(`filter ${state.filter + 1}, on ${COLOURS[c]}`, kernel)),
    );
    below.replaceChildren(
      ...maps.map((rows, f) =>
        numberGrid(`map ${f + 1}`, rows, {
          marked: (r, c) => (f === state.filter && r === state.row && c === state.column ? "chosen" : ""),
          pick: (r, c) => {
            Object.assign(state, { filter: f, row: r, column: c });
            draw();
          },
        }),
      ),
    );
    const adds = partial[state.filter].map((m) => m.data[state.row * m.width + state.column]);
    const terms = adds.map((value, c) => `${COLOURS[c]} ${short(value)}`).join(", ");
    const together = maps[state.filter][state.row][state.column];
    told.textContent = `${terms}, bias ${short(bias[state.filter])}: together ${short(together)}`;
  };
  root.append(above, middle, below, told);
  draw();
}
