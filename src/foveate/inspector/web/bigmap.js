// The chosen map, large: the mouse or the arrow keys choose a number of it. One for each picture.

import { element } from "./api.js";
import { frame, paint, paintLegend, penFor, rangeOf } from "./draw.js";
import { digits } from "./numbers.js";
import { store } from "./store.js";

const LARGEST = 304,
  LEAST_PIXEL = 1;

export class BigMap {
  map = null;
  range = null;

  constructor(index) {
    this.index = index;
    this.canvas = element("canvas", { className: "big", tabIndex: 0, role: "application" });
    this.canvas.setAttribute("aria-roledescription", "map");
    this.legend = element("canvas", { className: "legend", ariaHidden: "true" });
    this.ends = element("div", { className: "ends small soft" });
    this.root = element(
      "figure",
      { className: "big-map" },
      this.canvas,
      element("figcaption", {}, this.legend, this.ends),
    );
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.#pointed(event);
    });
    this.canvas.addEventListener("pointerdown", (event) => this.#pointed(event));
    this.canvas.addEventListener("keydown", (event) => this.#pressed(event));
  }

  show(map, range) {
    this.map = map;
    this.range = range;
    paintLegend(this.legend, range);
    const ends = range.signed ? [range.from, 0, range.to] : [range.from, range.to];
    this.ends.replaceChildren(...ends.map((value) => element("span", { textContent: digits(value, 3) })));
    this.draw();
  }

  get largest() {
    let best = 0;
    this.map.data.forEach((value, i) => {
      if (value > this.map.data[best]) best = i;
    });
    return { row: Math.floor(best / this.map.width), column: best % this.map.width };
  }

  draw() {
    if (!this.map) return;
    const { data, height, width } = this.map;
    const room = Math.min(LARGEST, this.root.clientWidth || LARGEST);
    this.scale = Math.max(LEAST_PIXEL, Math.min(room / width, LARGEST / height));
    const pen = penFor(this.canvas, Math.round(width * this.scale), Math.round(height * this.scale));
    drawMap(pen, this.map, this.range, this.scale);
    const { pixel } = store;
    const inside = pixel && pixel.row < height && pixel.column < width;
    if (inside) frame(pen, { top: pixel.row, left: pixel.column, height: 1, width: 1 }, this.scale);
    const value = inside ? data[pixel.row * width + pixel.column] : null;
    const place = inside ? `Row ${pixel.row}, column ${pixel.column}: ${digits(value, 4)}.` : "";
    this.canvas.setAttribute("aria-label", `Map ${store.channel}, ${height} by ${width}. ${place} Arrow keys move.`);
    this.canvas.dataset.value = value ?? "";
  }

  #pointed(event) {
    if (!this.map) return;
    const bounds = this.canvas.getBoundingClientRect();
    const at = (part, most) => Math.min(most - 1, Math.max(0, Math.floor(part * most)));
    store.activate(this.index);
    store.point({
      row: at((event.clientY - bounds.top) / bounds.height, this.map.height),
      column: at((event.clientX - bounds.left) / bounds.width, this.map.width),
    });
  }

  #pressed(event) {
    const far = event.shiftKey ? 8 : 1;
    const [down, across] =
      { ArrowUp: [-far, 0], ArrowDown: [far, 0], ArrowLeft: [0, -far], ArrowRight: [0, far] }[event.key] ?? [];
    if (down === undefined || !this.map) return;
    event.preventDefault();
    const { row, column } = store.pixel ?? this.largest;
    const within = (value, most) => Math.min(most - 1, Math.max(0, value));
    store.activate(this.index);
    store.point({ row: within(row + down, this.map.height), column: within(column + across, this.map.width) });
  }
}

/** A map with square pixels of `scale`, from (x, y) on. */
export function drawMap(pen, map, range, scale, x = 0, y = 0) {
  const small = document.createElement("canvas");
  paint(small, map, range);
  pen.imageSmoothingEnabled = scale < 1;
  pen.drawImage(small, x, y, map.width * scale, map.height * scale);
}

/** One range for several maps. */
export const commonRange = (maps) => rangeOf(...maps.filter(Boolean));
