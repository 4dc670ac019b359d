// Small grids of numbers: the window, the kernel, their products; cells wear the colours of their values.

import { element } from "./api.js";
import { css, isLight } from "./draw.js";
import { cellStyle, digits } from "./numbers.js";

const SIDES = [3, 4, 5, 7]; // as wide as a class of the style sheet lets cells be

/**
 * A titled grid. `rows`: numbers, null where the window reaches outside of the map (padding).
 * `marked(row, column)`: whether a cell is framed; `note`: words beneath.
 */
export function grid(title, rows, range, { marked = () => false, note = "" } = {}) {
  const { write, power } = cellStyle(rows.flat());
  const side = rows[0].length;
  const table = element(
    "table",
    { className: `grid side-${SIDES.find((most) => side <= most) ?? "many"}` },
    element("caption", {}, title, power ? element("span", { className: "soft", textContent: ` ${power}` }) : null),
  );
  const body = element("tbody", {});
  rows.forEach((row, r) => {
    const line = element("tr", {});
    for (const [c, value] of row.entries()) line.append(cell(value, write, range, marked(r, c)));
    body.append(line);
  });
  table.append(body);
  const holder = element("div", { className: "grid-holder" }, table);
  if (note) holder.append(element("p", { className: "soft small", textContent: note }));
  return holder;
}

function cell(value, write, range, marked) {
  const outside = value === null || value === undefined;
  const made = element("td", {
    textContent: outside ? "0" : write(value),
    title: outside ? "padding: 0" : digits(value, 7),
  });
  if (outside) made.className = "padded";
  else {
    made.style.background = css(value, range);
    made.style.color = isLight(value, range) ? "#000" : "#fff";
  }
  if (marked) made.classList.add("marked");
  return made;
}

/** An operator between two grids. */
export const sign = (text) => element("span", { className: "sign", textContent: text, ariaHidden: "true" });
