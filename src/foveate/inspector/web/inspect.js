// The network page: joins the parts. The parts talk through the store's events.

import { brief, telling, whole } from "./api.js";
import { startDrawn } from "./drawn.js";
import { startFlow } from "./flow.js";
import { startHeat } from "./heat.js";
import { startEdits } from "./kernels.js";
import { startNets } from "./nets.js";
import { startObjects } from "./objects.js";
import { startPanel } from "./panel.js";
import { PictureView } from "./picture.js";
import { startPixel } from "./pixel.js";
import { help, listSamples, startSources } from "./sources.js";
import { store } from "./store.js";
import { startTokens } from "./tokens.js";
import { startWords } from "./words.js";

const views = [];

function arrangeSides() {
  while (views.length < store.sides.length) views.push(new PictureView(views.length));
  views.length = store.sides.length;
  for (const view of views) view.root.dataset.side = view.index;
  document.querySelector("#sides").replaceChildren(...views.map((view) => view.root));
  document.documentElement.classList.toggle("two", views.length > 1);
}

function describe() {
  const { network } = store;
  document.querySelector("#title").textContent = network.name;
  const { channels, height, width } = network.input;
  const facts = [
    network.title === network.name ? null : network.title,
    `${network.weights} weights`,
    `${whole(network.parameters)} parameters`,
    `${brief(network.macs)} multiply-adds`,
    `sees ${channels === 1 ? "grey" : "colour"}, ${height}\u2009×\u2009${width}`,
  ];
  document.querySelector("#facts").textContent = facts.filter(Boolean).join(" · ");
}

/** Open a network and show a picture in it. */
async function open(net) {
  await store.open(net);
  describe();
  const samples = await listSamples();
  store.sides.forEach((side) => {
    side.picture ??= samples[0];
  });
  store.say("picture");
  store.select(store.boxes.find(({ kind }) => kind === "conv") ?? store.boxes.at(-1));
  await Promise.all(store.sides.map((_, index) => store.rerun(index)));
}

const loadPictures = telling(() => Promise.all(views.map((view) => view.load())));
const drawAll = () => {
  for (const view of views) view.draw();
};
const answerAll = () => {
  for (const view of views) view.showAnswer();
};

/** The receptive field of the chosen number, on the picture of the side it belongs to. */
export function showField(field) {
  for (const view of views) view.field = view.index === store.active ? field : null;
  drawAll();
}

const start = telling(async () => {
  startFlow();
  startHeat(() => views);
  startDrawn(() => views);
  startPixel(showField);
  startTokens(() => views);
  startWords(() => views);
  startObjects(() => views);
  startPanel(showField);
  startSources();
  startEdits();
  document.querySelector("#help-button").addEventListener("click", help);
  arrangeSides();
  store.on("sides", () => {
    arrangeSides();
    loadPictures();
    answerAll();
  });
  store.on("picture", loadPictures);
  store.on("run", () => {
    drawAll();
    answerAll();
  });
  new ResizeObserver(drawAll).observe(document.querySelector("#sides"));
  window.addEventListener("themechange", drawAll);
  await startNets(open);
});

start();
