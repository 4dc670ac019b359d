// Of a network that finds objects: its boxes over the picture, the regions that it looked at and the anchors that it
// tried, as many as the slider says, and, of the box that is chosen, the sums behind its score and its four numbers.

import { shown, swatch } from "./answer.js";
import { element, Latest, telling } from "./api.js";
import { largest } from "./pixel.js";
import { store } from "./store.js";
import { step } from "./sums.js";

const MOST_BUTTONS = 20;
const section = document.querySelector("#objects");
const list = document.querySelector("#objects-list");
const regions = document.querySelector("#objects-regions");
const regionsField = document.querySelector("#objects-regions-field");
const regionsWords = document.querySelector("#objects-regions-words");
const anchors = document.querySelector("#objects-anchors");
const anchorsField = document.querySelector("#objects-anchors-field");
const root = document.querySelector("#object");
const latest = [new Latest(), new Latest()];
const latestSums = new Latest();
let found = null; // what the active side's network says
let chosen = null; // {number, read}: the box that is asked about, and where it was read

/** `views`: gives the picture views, one a side. */
export function startObjects(views) {
  store.on("network", () => {
    section.hidden = !store.network.finds_boxes;
    found = null;
    close(views);
  });
  store.on(
    "run sides",
    telling(() => Promise.all(views().map((view) => look(view, views)))),
  );
  regions.addEventListener("input", () => overlay(views));
  anchors.addEventListener("change", () => overlay(views));
  list.addEventListener(
    "click",
    telling(async (event) => {
      const button = event.target.closest("button[data-box]");
      if (button) await explain(Number(button.dataset.box), "score", views);
    }),
  );
  root.addEventListener(
    "click",
    telling(async (event) => {
      const button = event.target.closest("button[data-of]");
      if (button) await explain(chosen.number, button.dataset.of, views);
    }),
  );
}

async function look(view, views) {
  if (!store.network.finds_boxes || !view.side?.run) return;
  const told = await latest[view.index].run((signal) => store.boxesOf(view.side, signal));
  if (!told || view.index !== store.active) return;
  found = told;
  close(views);
  list.replaceChildren(...buttons(told));
  regions.max = told.regions.length;
  regions.value = 0;
  regionsField.hidden = told.regions.length === 0;
  anchorsField.hidden = told.anchors.length === 0;
  anchors.replaceChildren(
    element("option", { value: "", textContent: "none" }),
    ...told.anchors.map((shapes, level) =>
      element("option", { value: level, textContent: `level ${level + 1}: ${shapes.map(size).join(", ")}` }),
    ),
  );
  overlay(views);
}

function buttons({ boxes, told }) {
  if (boxes.length === 0) return [element("p", { className: "soft small", textContent: "It finds nothing." })];
  return boxes.slice(0, Math.max(told, Math.min(boxes.length, MOST_BUTTONS))).map((one, number) => {
    const button = element(
      "button",
      { type: "button", className: number < told ? "pixel-class" : "pixel-class soft" },
      swatch(one.class),
      element("span", { className: "label" }, element("bdi", { textContent: one.label })),
      element("span", { className: "number", textContent: shown(one.score) }),
    );
    button.dataset.box = number;
    return button;
  });
}

const size = ([width, height]) => `${Math.round(width)}×${Math.round(height)}`;

/** Boxes, regions, anchors and what was read, over the picture. */
function overlay(views) {
  const count = Number(regions.value);
  regionsWords.textContent = `${count} of the ${regions.max} likeliest regions`;
  for (const view of views()) {
    if (view.index !== store.active) continue;
    view.objects = found && {
      boxes: found.boxes
        .filter((_, number) => number < found.told || number === chosen?.number)
        .map((one) => ({ box: one.box, colour: store.network.palette[one.class] })),
      regions: found.regions.slice(0, count),
      anchors: anchors.value === "" ? [] : around(found.anchors[Number(anchors.value)]),
      read: chosen?.read ?? null,
    };
    view.draw();
  }
}

/** Anchors around the middle of the picture. */
function around(shapes) {
  const [x, y] = [store.input.width / 2, store.input.height / 2];
  return shapes.map(([width, height]) => [x - width / 2, y - height / 2, x + width / 2, y + height / 2]);
}

/** The sums behind a box's score, or one of the numbers that make its corners. */
async function explain(number, what, views) {
  const { side } = store;
  const why = await latestSums.run((signal) => store.boxOf(side, number, what, signal));
  if (!why) return;
  chosen = { number, read: { region: why.region, points: why.points } };
  overlay(views);
  const shut = element("button", { type: "button", textContent: "Close" });
  shut.addEventListener("click", () => close(views));
  const head = element(
    "header",
    { className: "panel-head" },
    element("h2", { id: "object-title" }, "Why this box of ", element("bdi", { textContent: why.label }), "?"),
    element("span", { className: "soft small grow", textContent: readWords(why) }),
    shut,
  );
  root.replaceChildren(head, choices(why), element("div", { className: "sums" }, ...why.sums.map(sum(what))));
  root.hidden = false;
}

function readWords({ region, points, stride }) {
  if (!region) return `said by one place of the map of stride ${stride}`;
  const words = `it looked at the region ${region.map(Math.round).join(", ")}`;
  return points.length ? `${words}, at ${points.length} points of the map of stride ${stride}` : words;
}

function choices({ of, what }) {
  const named = of.map((name) => {
    const button = element("button", { type: "button", textContent: name, ariaPressed: String(name === what) });
    button.dataset.of = name;
    return button;
  });
  return element("div", { className: "row", role: "group", ariaLabel: "Which of its numbers" }, ...named);
}

const sum = (what) => (one, at) => {
  const node = store.nodes.get(one.node);
  const made = step(node, one, largest(one));
  const words = at === 0 ? `what ${what} is made of` : "the largest part of it";
  made
    .querySelector("h3")
    .append(
      element("span", { className: "soft small", textContent: ` ${words}${node.module ? `: ${node.module}` : ""}` }),
    );
  return made;
};

function close(views) {
  chosen = null;
  root.hidden = true;
  root.replaceChildren();
  overlay(views);
}
