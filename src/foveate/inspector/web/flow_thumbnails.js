// The boxes' thumbnails: one picture of all layers for each side and run, cut into the boxes' canvases.

import { penFor } from "./draw.js";
import { store } from "./store.js";

const YIELD_MS = 20;
const SPRITE = 72; // pixels of a thumbnail as it is asked for

export class Thumbnails {
  #boxes;
  #sprites = []; // one {draw} a side
  #drawing = false;
  #again = false;

  /** `boxes()` gives what is drawn now: [{shown, canvas, size}], `size` in CSS pixels. */
  constructor(boxes) {
    this.#boxes = boxes;
  }

  forget() {
    this.#sprites = [];
  }

  /** After a run; the chosen layer goes first, and of several runs in a row only the newest is drawn. */
  async load() {
    this.#again = true;
    if (this.#drawing) return;
    this.#drawing = true;
    try {
      while (this.#again) {
        this.#again = false;
        await new Promise((done) => setTimeout(done, YIELD_MS));
        const shown = this.#boxes().map((box) => box.shown);
        const sides = store.sides.filter((side) => side.run);
        this.#sprites = await Promise.all(sides.map((side) => store.sprites(side, SPRITE, shown)));
        this.paint();
      }
    } finally {
      this.#drawing = false;
    }
  }

  /** With two pictures the thumbnails stand side by side, each half as large. */
  paint() {
    if (!this.#sprites.length) return;
    for (const { shown, canvas, size } of this.#boxes()) {
      const pen = penFor(canvas, size, size);
      pen.imageSmoothingEnabled = (shown.shape.at(-1) ?? 0) > SPRITE;
      const each = size / this.#sprites.length;
      for (const [i, sprite] of this.#sprites.entries()) sprite.draw(pen, shown, i * each, (size - each) / 2, each);
    }
  }
}
