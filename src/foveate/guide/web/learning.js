// The thread in which the tiny network learns: a batch at a time, so that it hears what the page says between.

import { drawDigits, randoms } from "./digits.js";
import { tinyNetwork } from "./network.js";

const [PICTURES, UNSEEN] = [2000, 500];
const TELL_MS = 60;
let state = null;

self.onmessage = ({ data }) => {
  if (data.start) begin(data.start);
  else if (data.settings) Object.assign(state.settings, data.settings);
  else if (data.run !== undefined) run(data.run);
  else if (data.ask) postMessage({ shares: [...state.network.answer(Float32Array.from(data.ask))] });
};

function begin({ strokes, settings, seed }) {
  const random = randoms(seed);
  state = {
    random,
    settings,
    network: tinyNetwork(random),
    pictures: drawDigits(strokes, PICTURES, random),
    unseen: drawDigits(strokes, UNSEEN, random),
    order: [],
    step: 0,
    seen: 0,
    running: false,
    recent: [],
    told: 0,
  };
  tell();
}

function run(running) {
  const idle = !state.running;
  state.running = running;
  if (running && idle) setTimeout(work);
}

function work() {
  if (!state.running) return tell();
  const until = performance.now() + TELL_MS;
  while (performance.now() < until) batch();
  tell();
  return setTimeout(work);
}

function batch() {
  const { network, pictures, settings } = state;
  let loss = 0;
  for (let i = 0; i < settings.batch; i++) {
    if (!state.order.length) state.order = shuffled(PICTURES);
    const at = state.order.pop();
    loss += network.learn(pictures.pixels[at], pictures.labels[at]);
  }
  network.step(settings.rate, settings.momentum, settings.batch);
  state.step += 1;
  state.seen += settings.batch;
  state.recent.push(loss / settings.batch);
}

function shuffled(count) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(state.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function tell() {
  const { network, unseen, step, seen, recent } = state;
  const right = unseen.pixels.filter((pixels, i) => best(network.answer(pixels)) === unseen.labels[i]).length;
  const mean = recent.length ? recent.reduce((a, b) => a + b) / recent.length : null;
  state.recent = [];
  const kernels = Array.from(network.layers[0].weights.values);
  postMessage({ step, epochs: seen / PICTURES, loss: mean, accuracy: right / UNSEEN, kernels, learnt: network.count });
}

function best(shares) {
  return shares.indexOf(Math.max(...shares));
}
