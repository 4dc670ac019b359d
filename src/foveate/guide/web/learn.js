// A network that learns in this page: the loss while it falls, the kernels while they form, and a digit of yours.

import { element, whole } from "./api.js";
import { button, choice, row, short, slider } from "./controls.js";
import { paint } from "./draw.js";
import { answerList, digitBoard } from "./own_digit.js";
import { lines } from "./plot.js";

const KERNEL = 5;

/** strokes: of the ten digits. */
export function mount(root, { strokes }) {
  const settings = { rate: 0.05, momentum: 0.9, batch: 16 };
  const state = { losses: [], rights: [], running: false, worker: null };
  const told = element("p", { className: "told", role: "status" });
  const charts = element("div", { className: "canvases two" });
  const kernels = element("div", { className: "kernels", role: "img", "aria-label": "the kernels of the first layer" });
  const change = (name) => (value) => {
    settings[name] = value;
    state.worker.postMessage({ settings });
  };
  const rate = slider(
    "learning rate",
    {
      least: -4,
      most: 0.5,
      step: 0.1,
      value: Math.log10(settings.rate),
      words: (v) => short(Number((10 ** v).toPrecision(2))),
    },
    (value) => change("rate")(10 ** value),
  );
  const momentum = slider(
    "momentum",
    { least: 0, most: 0.95, step: 0.05, value: settings.momentum, words: short },
    change("momentum"),
  );
  const batch = choice(
    "batch",
    [1, 4, 16, 64].map((n) => [n, n]),
    (value) => change("batch")(Number(value)),
  );
  batch.select.value = settings.batch;
  const go = button("Learn", () => run(!state.running), { className: "main" });
  const again = button("Begin anew", () => begin());
  const run = (running) => {
    state.running = running;
    go.textContent = running ? "Pause" : "Learn";
    state.worker.postMessage({ run: running });
  };
  const own = drawing(strokes, (pixels) => state.worker.postMessage({ ask: [...pixels] }));
  const begin = () => {
    state.worker?.terminate();
    state.losses = [];
    state.rights = [];
    state.worker = new Worker(new URL("./learning.js", import.meta.url), { type: "module" });
    state.worker.onmessage = ({ data }) => (data.shares ? own.show(data.shares) : hear(data));
    state.worker.postMessage({
      start: { strokes, settings: { ...settings }, seed: Math.floor(Math.random() * 2 ** 31) },
    });
    run(false);
  };
  const hear = ({ step, epochs, loss, accuracy, kernels: weights, learnt }) => {
    if (loss !== null) state.losses.push([step, loss]);
    state.rights.push([step, 100 * accuracy]);
    charts.replaceChildren(
      chart("loss", state.losses.length ? state.losses : [[0, Math.log(10)]], "s1", { low: 0 }),
      chart("per cent right of unseen digits", state.rights, "s0", { low: 0, high: 100 }),
    );
    kernels.replaceChildren(...firstKernels(weights));
    const broken =
      loss !== null && !Number.isFinite(loss) ? " The numbers have run away: the learning rate is too high." : "";
    told.textContent =
      `${whole(learnt)} numbers to learn; ${whole(step)} steps, ${epochs.toFixed(1)} epochs; ` +
      `${(100 * accuracy).toFixed(1)} % of unseen digits right.${broken}`;
    own.ask();
  };
  root.append(row(rate.field, momentum.field, batch.field, go, again), told, charts, kernels, own.field);
  begin();
}

function chart(name, points, style, range) {
  const finite = points.filter(([, y]) => Number.isFinite(y));
  const drawn = lines(name, [{ points: finite.length ? finite : [[0, 0]], style }], { ...range, across: "steps" });
  return element("figure", {}, drawn, element("figcaption", { textContent: name }));
}

function firstKernels(weights) {
  return Array.from({ length: weights.length / KERNEL ** 2 }, (_, f) => {
    const canvas = element("canvas", { className: "kernel" });
    const data = Float32Array.from(weights.slice(f * KERNEL ** 2, (f + 1) * KERNEL ** 2), (w) =>
      Number.isFinite(w) ? w : 0,
    );
    paint(canvas, { data, height: KERNEL, width: KERNEL });
    return canvas;
  });
}

/** A square to draw a digit in, and what the network says of it, also while it learns. */
function drawing(strokes, ask) {
  const board = digitBoard(strokes, ask);
  const answers = answerList("what the network says");
  const words = "Draw a digit into the dark square. The network says:";
  const said = element("div", {}, element("p", { className: "soft", textContent: words }), answers.field);
  return {
    field: element("div", { className: "own-digit" }, board.field, said),
    ask: () => board.pixels && ask(board.pixels),
    show: answers.show,
  };
}
