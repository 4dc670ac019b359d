// One digit of the reader's, and several networks that Python has trained: each says what it sees.

import { element } from "./api.js";
import { button, row } from "./controls.js";
import { SIDE } from "./digits.js";
import { open, run, shares } from "./networks.js";
import { answerList, digitBoard } from "./own_digit.js";

/** strokes: of the ten digits; networks: [{name, file}]. */
export function mount(root, { strokes, networks }) {
  const told = element("p", { className: "told", role: "status" });
  const columns = networks.map(({ name }) => answerList(`what the network says that learnt from ${name}`));
  const ask = async (pixels) => {
    root.ariaBusy = "true";
    try {
      const input = { name: "pictures", type: "float32", values: Float32Array.from(pixels), dims: [1, 1, SIDE, SIDE] };
      const found = await Promise.all(networks.map(({ file }) => run(file, input)));
      found.forEach(({ scores }, i) => {
        columns[i].show(shares(scores.data));
      });
      told.textContent = "";
    } catch (error) {
      told.textContent = error.message;
    }
    root.ariaBusy = "false";
  };
  const board = digitBoard(strokes, ask);
  board.field.hidden = true;
  const start = button("Fetch the networks", () => fetched(), { className: "main" });
  const fetched = async () => {
    start.disabled = true;
    told.textContent = "Fetching the engine …";
    try {
      await Promise.all(networks.map(({ file }) => open(file)));
      start.hidden = true;
      board.field.hidden = false;
      told.textContent = "Draw a digit into the dark square.";
    } catch (error) {
      told.textContent = error.message;
    }
    start.disabled = false;
  };
  const answers = networks.map(({ name }, i) =>
    element("div", {}, element("p", { className: "soft", textContent: name }), columns[i].field),
  );
  root.append(row(start), told, element("div", { className: "own-digit" }, board.field, ...answers));
}
