// Units, some of them left out at random; learning and use.

import { element } from "./api.js";
import { button, numberGrid, row, short, slider } from "./controls.js";

/** values: of the units. */
export function mount(root, { values }) {
  const state = { learning: true, kept: values.map(() => true), sums: [] };
  const grids = element("div", { className: "grids" });
  const told = element("p", { className: "told", role: "status" });
  const share = slider(
    "share left out",
    { least: 0, most: 0.9, step: 0.1, value: 0.5, words: (v) => `${Math.round(100 * v)} %` },
    () => {
      state.sums = [];
      step();
    },
  );
  const step = () => {
    state.kept = values.map(() => Math.random() >= share.value);
    draw();
  };
  const draw = () => {
    const scale = 1 / (1 - share.value);
    const after = values.map((value, i) => (state.learning ? (state.kept[i] ? value * scale : 0) : value));
    const sum = after.reduce((a, b) => a + b);
    if (state.learning) state.sums.push(sum);
    grids.replaceChildren(
      numberGrid("the units", [values]),
      numberGrid(state.learning ? "while learning" : "in use", [after], {
        marked: (_, c) => (state.learning && !state.kept[c] ? "padding" : ""),
      }),
    );
    const whole = values.reduce((a, b) => a + b);
    const mean = state.sums.reduce((a, b) => a + b, 0) / Math.max(state.sums.length, 1);
    told.textContent = state.learning
      ? `Sum ${short(sum)}; mean over all steps so far: ${short(mean)}; without dropout: ${short(whole)}.`
      : `Sum ${short(sum)}: nothing is left out, nothing is scaled.`;
  };
  const again = button("another step", step);
  const hundred = button("a hundred steps", () => {
    for (let i = 0; i < 100; i++) step();
  });
  const use = button("in use", () => {
    state.learning = !state.learning;
    use.setAttribute("aria-pressed", String(!state.learning));
    again.disabled = hundred.disabled = !state.learning;
    draw();
  });
  use.setAttribute("aria-pressed", "false");
  root.append(row(share.field, again, hundred, use), grids, told);
  step();
}
