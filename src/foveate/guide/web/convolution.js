// One convolution by hand: the window on the input, the kernel, and the sum behind the chosen number.

import { element } from "./api.js";
import { button, choice, numberGrid, row, sumOfProducts } from "./controls.js";
import { convolve, terms } from "./sandbox_math.js";

const STEP_MS = 700;

/** examples: [{name, input, kernel}]. */
export function mount(root, { examples }) {
  const plain = { stride: 1, padding: 0, dilation: 1 };
  const state = { input: [], kernel: [], row: 0, column: 0 };
  const grids = element("div", { className: "grids" });
  const sum = element("p", { className: "told sum", role: "status" });
  const load = (index) => {
    state.input = examples[index].input.map((line) => [...line]);
    state.kernel = examples[index].kernel.map((line) => [...line]);
    state.row = state.column = 0;
    draw();
  };
  const pick = (r, c) => {
    state.row = r;
    state.column = c;
    draw();
  };
  const draw = () => {
    const picture = { data: state.input.flat(), height: state.input.length, width: state.input[0].length };
    const map = convolve(picture, state.kernel, plain);
    const inside = (r, c) =>
      r >= state.row &&
      c >= state.column &&
      r < state.row + state.kernel.length &&
      c < state.column + state.kernel[0].length;
    const out = Array.from({ length: map.height }, (_, r) => [...map.data.slice(r * map.width, (r + 1) * map.width)]);
    grids.replaceChildren(
      numberGrid("input", state.input, {
        marked: (r, c) => (inside(r, c) ? "window" : ""),
        change: (r, c, value) => {
          state.input[r][c] = value;
          draw();
        },
      }),
      element("span", { className: "sign", ariaHidden: "true", textContent: "∗" }),
      numberGrid("kernel", state.kernel, {
        change: (r, c, value) => {
          state.kernel[r][c] = value;
          draw();
        },
      }),
      element("span", { className: "sign", ariaHidden: "true", textContent: "=" }),
      numberGrid("output", out, { marked: (r, c) => (r === state.row && c === state.column ? "chosen" : ""), pick }),
    );
    const pairs = terms(picture, state.kernel, plain, state.row, state.column).map(({ weight, value }) => [
      weight,
      value,
    ]);
    sum.textContent = sumOfProducts(pairs);
    state.last = map.height * map.width - 1;
    state.width = map.width;
  };
  const { play, stop } = player(() => {
    const at = state.row * state.width + state.column + 1;
    if (at > state.last) pick(0, 0);
    else pick(Math.floor(at / state.width), at % state.width);
  });
  const chosen = choice(
    "example",
    examples.map(({ name }, i) => [i, name]),
    (value) => {
      stop();
      load(Number(value));
    },
  );
  root.append(row(chosen.field, play), grids, sum);
  load(0);
}

/** A button that calls `next` again and again until it is pressed once more: {play, stop}. */
function player(next) {
  let playing = null;
  const stop = () => {
    clearInterval(playing);
    playing = null;
    play.setAttribute("aria-pressed", "false");
  };
  const play = button("Slide the window", () => {
    if (playing) return stop();
    play.setAttribute("aria-pressed", "true");
    playing = setInterval(next, STEP_MS);
    return undefined;
  });
  return { play, stop };
}
