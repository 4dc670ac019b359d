// A dark square to draw a digit in, and lists of what networks say of it.

import { element } from "./api.js";
import { button, row } from "./controls.js";
import { drawDigit, randoms, SIDE, strokePixels } from "./digits.js";
import { paint } from "./draw.js";

/** {field, pixels}: a square to draw in; `ask(pixels)` is called with SIDE·SIDE values of 0 to 1 at each change. */
export function digitBoard(strokes, ask) {
  const canvas = element("canvas", {
    width: SIDE,
    height: SIDE,
    className: "draw",
    role: "img",
    "aria-label": "your digit",
  });
  const random = randoms(Date.now());
  let [own, pixels] = [[], null];
  const show = (next) => {
    pixels = next;
    paint(canvas, { data: Float32Array.from(pixels), height: SIDE, width: SIDE }, { from: 0, to: 1, signed: false });
    ask(pixels);
  };
  const at = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * SIDE, ((clientY - box.top) / box.height) * SIDE];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    own.push([at(event)]);
    show(strokePixels(own, 0.8));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons || !own.length) return;
    own.at(-1).push(at(event));
    show(strokePixels(own, 0.8));
  });
  const fresh = button("A digit it has never seen", () => {
    own = [];
    show(drawDigit(strokes[Math.floor(random() * strokes.length)], random));
  });
  const clear = button("Clear", () => {
    own = [];
    show(new Float32Array(SIDE * SIDE));
  });
  return {
    field: element("div", {}, canvas, row(fresh, clear)),
    get pixels() {
      return pixels;
    },
  };
}

/** {field, show(shares)}: the three likeliest digits. */
export function answerList(words) {
  const answers = element("ol", { className: "shares", "aria-label": words });
  const show = (shares) => {
    const order = shares.map((share, digit) => [share, digit]).sort(([a], [b]) => b - a);
    answers.replaceChildren(
      ...order
        .slice(0, 3)
        .map(([share, digit]) => element("li", { textContent: `${digit}: ${(100 * share).toFixed(1)} %` })),
    );
  };
  return { field: answers, show };
}
