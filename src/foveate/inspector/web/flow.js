// The network drawn as it flows: boxes are buttons (one is in the tab order, arrows go along the lines), lines are
// SVG, thumbnails are canvases cut from one picture of all layers.

import { brief, element, shapeWords, telling } from "./api.js";
import { Thumbnails } from "./flow_thumbnails.js";
import { LEAST_ZOOM, Viewport } from "./flow_viewport.js";
import { arrange, itemsOf, neighbour, place, stagesOf } from "./graph.js";
import { store } from "./store.js";

const FOLD_ABOVE = 36; // boxes; smaller networks are drawn whole
const THUMB = { across: 72, down: 56 };
const BAND_PX = 14; // from the boxes of a stage to the edge of the field behind them
const SVG = "http://www.w3.org/2000/svg";
const narrow = matchMedia("(max-width: 60rem)");
const way = () => (narrow.matches ? "down" : "across");
const across = () => way() === "across";

export function startFlow() {
  new Flow(document.querySelector("#flow"), document.querySelector("#world"), document.querySelector("#lines"));
}

class Flow {
  #world;
  #lines;
  #viewport;
  #thumbnails;
  #stages = new Map();
  #folded = new Set();
  #items = [];
  #drawn = null; // what `place` gave: {width, height, size, lines}
  #sides = 1;

  constructor(view, world, lines) {
    this.#world = world;
    this.#lines = lines;
    this.#viewport = new Viewport(view, world, across);
    this.#thumbnails = new Thumbnails(() =>
      this.#items.map(({ id, shown }) => ({
        shown,
        canvas: this.#button(id).querySelector(".thumb"),
        size: THUMB[way()],
      })),
    );
    this.#followStore();
    narrow.addEventListener("change", () => {
      this.#draw();
      this.#viewport.fit();
    });
    world.addEventListener("click", (event) => this.#clicked(event));
    world.addEventListener("dblclick", (event) => this.#closer(event));
    view.addEventListener("keydown", (event) => this.#pressed(event));
    this.#startToolbar();
  }

  #followStore() {
    store.on("network", () => {
      this.#stages = stagesOf(store.boxes);
      this.#folded = new Set(store.boxes.length > FOLD_ABOVE ? this.#stages.keys() : []);
      this.#thumbnails.forget();
      this.#draw();
      this.#viewport.fit();
    });
    store.on("select", () => this.#mark());
    store.on(
      "run sides",
      telling(() => this.#thumbnails.load()),
    );
    store.on("sides", () => {
      if (store.network && store.sides.length !== this.#sides) this.#viewport.fit();
      this.#sides = store.sides.length;
    });
  }

  #startToolbar() {
    const on = (name, act) => document.querySelector(`[data-flow="${name}"]`).addEventListener("click", act);
    on("zoom-in", () => this.#viewport.zoomTo(this.#viewport.zoom * 1.25));
    on("zoom-out", () => this.#viewport.zoomTo(this.#viewport.zoom / 1.25));
    on("fit", () => this.#viewport.fit(LEAST_ZOOM));
    on("fold", () => this.#foldAll(this.#folded.size < this.#stages.size));
  }

  // Drawing

  #draw() {
    if (!store.network) return;
    this.#items = arrange(itemsOf(store.boxes, this.#stages, this.#folded));
    this.#drawn = place(this.#items, across());
    const { width, height, lines } = this.#drawn;
    this.#world.dataset.way = way();
    this.#world.replaceChildren(
      this.#lines,
      ...this.#bands(),
      ...this.#items.map((item) => box(item, this.#drawn.size)),
    );
    this.#lines.replaceChildren(...lines.map(drawnLine));
    this.#lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#lines.setAttribute("width", width);
    this.#lines.setAttribute("height", height);
    const fold = document.querySelector('[data-flow="fold"]');
    fold.hidden = this.#stages.size === 0;
    fold.textContent = this.#folded.size < this.#stages.size ? "Fold stages" : "Unfold stages";
    this.#rove(store.box ? this.#itemOf(store.box)?.id : this.#items[0].id);
    this.#viewport.hold({ width, height });
    this.#mark();
    this.#thumbnails.paint();
    telling(() => this.#thumbnails.load())();
  }

  /** Behind the boxes of an unfolded stage: a field with its name, which folds it again. */
  #bands() {
    if (store.boxes.length <= FOLD_ABOVE && this.#stages.size < 2) return [];
    const open = [...this.#stages.keys()].filter((key) => !this.#folded.has(key));
    return open.map((key) =>
      band(
        key,
        this.#items.filter((item) => item.stageKey === key),
        this.#drawn.size,
      ),
    );
  }

  #itemOf(box) {
    return this.#items.find((item) => item.id === box.id || item.run?.includes(box));
  }

  #button(id) {
    return this.#world.querySelector(`.node[data-id="${CSS.escape(id ?? "")}"]`);
  }

  #mark() {
    const chosen = store.box && this.#itemOf(store.box)?.id;
    for (const each of this.#world.querySelectorAll(".node")) {
      if (each.dataset.id === chosen) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    for (const { classList, dataset } of this.#lines.children) {
      classList.toggle("on", dataset.from === chosen || dataset.to === chosen);
    }
  }

  // Choosing, folding, walking

  #clicked(event) {
    const fold = event.target.closest("[data-fold]");
    const item = this.#items.find(({ id }) => id === event.target.closest(".node")?.dataset.id);
    if (fold) this.#toggle(fold.dataset.fold);
    else if (item) this.#choose(item);
  }

  #choose(item) {
    this.#rove(item.id);
    if (item.folded) {
      this.#toggle(item.folded);
      return;
    }
    store.select(store.boxes.find((box) => box.id === item.id));
    if (narrow.matches) document.querySelector("#panel").scrollIntoView({ block: "start", behavior: "smooth" });
  }

  #toggle(key) {
    const opens = this.#folded.delete(key);
    if (!opens) this.#folded.add(key);
    this.#draw();
    if (opens && this.#viewport.zoom < 0.6) this.#viewport.setZoom(0.8);
    const target = this.#button(opens ? this.#stages.get(key)[0].id : key);
    this.#rove(target.dataset.id);
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "nearest", inline: opens ? "start" : "center" });
  }

  #foldAll(close) {
    this.#folded = new Set(close ? this.#stages.keys() : []);
    this.#draw();
    this.#viewport.fit();
    const chosen = this.#button(store.box && this.#itemOf(store.box).id);
    chosen?.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
  }

  /** Make a box the one that Tab comes to. */
  #rove(id) {
    for (const each of this.#world.querySelectorAll(".node")) each.tabIndex = each.dataset.id === id ? 0 : -1;
    if (!this.#button(id)) this.#world.querySelector(".node").tabIndex = 0;
  }

  #pressed(event) {
    if (event.target.closest(".toolbar") || event.ctrlKey || event.metaKey || event.altKey) return;
    const here = this.#items.find(({ id }) => id === document.activeElement?.dataset?.id);
    const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
    if (zooms) this.#viewport.zoomTo(this.#viewport.zoom * zooms);
    else if (event.key === "0") this.#viewport.fit(LEAST_ZOOM);
    else if (here && event.key === "Delete" && here.stageKey && !here.folded) this.#toggle(here.stageKey);
    else {
      const next = here && neighbour(this.#items, here, event.key, across());
      if (!next) return;
      this.#rove(next.id);
      this.#button(next.id).focus({ preventScroll: true });
      this.#button(next.id).scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    event.preventDefault();
  }

  #closer(event) {
    if (!event.target.closest(".node")) return;
    this.#viewport.zoomTo(Math.max(1.5, this.#viewport.zoom), event.clientX, event.clientY);
  }
}

function drawnLine({ from, to, path }) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("d", path);
  made.dataset.from = from;
  made.dataset.to = to;
  return made;
}

function box(item, { width, height }) {
  const thumb = THUMB[way()];
  const words = (className, textContent) => element("span", { className, textContent });
  const made = element(
    "button",
    { type: "button", className: `node kind-${item.kind}`, tabIndex: -1, ariaLabel: spoken(item) },
    element("canvas", { className: "thumb", width: thumb, height: thumb }),
    element(
      "span",
      { className: "words" },
      words("name", item.title),
      words("more", item.detail),
      words("shape", shapeWords(item.shape)),
      item.parameters ? words("count", `${brief(item.parameters)} par.`) : null,
    ),
  );
  made.dataset.id = item.id;
  lay(made, { left: item.left, top: item.top, width, height });
  if (item.folded) made.setAttribute("aria-expanded", "false");
  return made;
}

function spoken(item) {
  const parts = [[item.title, item.detail].filter(Boolean).join(", "), shapeWords(item.shape)];
  if (item.parameters) parts.push(`${brief(item.parameters)} parameters`);
  return parts.join("; ");
}

function band(key, inside, size) {
  const [left, top] = ["left", "top"].map((side) => Math.min(...inside.map((item) => item[side])) - BAND_PX);
  const right = Math.max(...inside.map((item) => item.left)) + size.width + BAND_PX;
  const bottom = Math.max(...inside.map((item) => item.top)) + size.height + BAND_PX;
  const name = element("button", {
    type: "button",
    className: "fold quiet",
    tabIndex: -1,
    textContent: inside[0].stage,
    title: "Fold this stage",
  });
  name.dataset.fold = key;
  const made = element("div", { className: "band" }, name);
  lay(made, { left, top, width: right - left, height: bottom - top });
  return made;
}

function lay(made, pixels) {
  for (const [side, value] of Object.entries(pixels)) made.style[side] = `${value}px`;
}
