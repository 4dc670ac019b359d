// The maps of a network at several depths, in colours; the number under the pointer.

import { element } from "./api.js";
import { row, slider } from "./controls.js";
import { paint, rangeOf } from "./draw.js";

/** levels: [{stride, channels, maps: [(h, w)]}], from the picture on. */
export function mount(root, { levels }) {
  const grid = element("div", { className: "canvases" });
  const told = element("p", { className: "told", role: "status" });
  const point = element("p", { className: "soft", textContent: "Point at a map to read its numbers." });
  const depth = slider(
    "depth",
    { least: 1, most: levels.length, value: 1, words: (v) => `${v} of ${levels.length}` },
    () => draw(),
  );
  const draw = () => {
    const { stride, channels, maps } = levels[depth.value - 1];
    const side = maps[0].length;
    told.textContent =
      `${channels} maps of ${side} by ${side} numbers, one for every ${stride} by ${stride} pixels; ` +
      `the ${maps.length} that differ most from place to place:`;
    grid.replaceChildren(...maps.map((rows, i) => one(rows, i, point)));
  };
  root.append(row(depth.field), told, grid, point);
  draw();
}

function one(rows, index, point) {
  const map = { data: Float32Array.from(rows.flat()), height: rows.length, width: rows[0].length };
  const canvas = element("canvas", { role: "img", "aria-label": `map ${index + 1}` });
  paint(canvas, map, rangeOf(map));
  canvas.addEventListener("pointermove", ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    const place = (value, size, count) => Math.min(count - 1, Math.max(0, Math.floor((value / size) * count)));
    const [r, c] = [place(clientY - box.top, box.height, map.height), place(clientX - box.left, box.width, map.width)];
    point.textContent = `Map ${index + 1}, row ${r + 1}, column ${c + 1}: ${rows[r][c]} of its largest.`;
  });
  return canvas;
}

/** The `count` maps {data, height, width} whose numbers differ most from place to place. */
export function strongest(maps, count) {
  const spread = ({ data }) => {
    const mean = data.reduce((a, b) => a + b) / data.length;
    return data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  };
  return maps
    .map((map) => [spread(map), map])
    .sort(([a], [b]) => b - a)
    .slice(0, count)
    .map(([, map]) => map);
}
