// The network drawn as it flows: boxes are buttons (one is in the tab order, arrows go along the lines), lines are
// SVG, thumbnails are canvases cut from one picture of all layers.

import { brief, element, shapeWords, telling } from "./api.js";
import { penFor } from "./draw.js";
import { arrange, itemsOf, place, stagesOf } from "./graph.js";
import { store } from "./store.js";

const FOLD_ABOVE = 36; // boxes; smaller networks are drawn whole
const YIELD_MS = 20;
const READABLE = 0.75, LEAST_ZOOM = 0.1, MOST_ZOOM = 2;
const SPRITE = 72; // pixels of a thumbnail as it is asked for
const THUMB = { across: 72, down: 56 };
const narrow = matchMedia("(max-width: 60rem)");

const view = document.querySelector("#flow");
const world = document.querySelector("#world");
const lines = document.querySelector("#lines");
let stages = new Map();
let folded = new Set();
let items = [];
let drawn = { width: 0, height: 0 };
let zoom = 1;
let sides = 1;
let sprites = []; // one {draw} a side

export function startFlow() {
  store.on("network", () => {
    stages = stagesOf(store.boxes);
    folded = new Set(store.boxes.length > FOLD_ABOVE ? stages.keys() : []);
    sprites = [];
    draw();
    fit();
  });
  store.on("select", mark);
  store.on("run sides", telling(thumbnails));
  store.on("sides", () => { if (store.network && store.sides.length !== sides) fit(); sides = store.sides.length; });
  narrow.addEventListener("change", () => { draw(); fit(); });
  new ResizeObserver(sizeView).observe(view);
  world.addEventListener("click", clicked);
  world.addEventListener("dblclick", closer);
  view.addEventListener("keydown", pressed);
  view.addEventListener("wheel", wheeled, { passive: false });
  dragToPan();
  byAction("zoom-in", () => zoomTo(zoom * 1.25));
  byAction("zoom-out", () => zoomTo(zoom / 1.25));
  byAction("fit", () => fit(LEAST_ZOOM));
  byAction("fold", () => foldAll(folded.size < stages.size));
}

function byAction(name, act) {
  document.querySelector(`[data-flow="${name}"]`).addEventListener("click", act);
}

const across = () => !narrow.matches;

function draw() {
  if (!store.network) return;
  items = arrange(itemsOf(store.boxes, stages, folded));
  drawn = place(items, across());
  world.dataset.way = across() ? "across" : "down";
  world.replaceChildren(lines, ...bands(), ...items.map(button));
  lines.replaceChildren(...drawn.lines.map(drawnLine));
  lines.setAttribute("viewBox", `0 0 ${drawn.width} ${drawn.height}`);
  for (const side of ["width", "height"]) lines.setAttribute(side, drawn[side]);
  const fold = document.querySelector('[data-flow="fold"]');
  fold.hidden = stages.size === 0;
  fold.textContent = folded.size < stages.size ? "Fold stages" : "Unfold stages";
  rove(store.box ? itemOf(store.box)?.id : items[0].id);
  setZoom(zoom);
  mark();
  paintThumbnails();
  telling(thumbnails)();
}

function drawnLine({ from, to, path }) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "path");
  made.setAttribute("d", path);
  made.dataset.from = from;
  made.dataset.to = to;
  return made;
}

function button(item) {
  const thumb = THUMB[across() ? "across" : "down"];
  const made = element("button", { type: "button", className: `node kind-${item.kind}`, tabIndex: -1, ariaLabel: spoken(item) },
    element("canvas", { className: "thumb", width: thumb, height: thumb }),
    element("span", { className: "words" },
      element("span", { className: "name", textContent: item.title }),
      element("span", { className: "more", textContent: item.detail }),
      element("span", { className: "shape", textContent: shapeWords(item.shape) }),
      item.parameters ? element("span", { className: "count", textContent: `${brief(item.parameters)} par.` }) : null));
  made.dataset.id = item.id;
  Object.assign(made.style, { left: `${item.left}px`, top: `${item.top}px`, width: `${drawn.size.width}px`, height: `${drawn.size.height}px` });
  if (item.folded) made.setAttribute("aria-expanded", "false");
  return made;
}

function spoken(item) {
  const parts = [[item.title, item.detail].filter(Boolean).join(", "), shapeWords(item.shape)];
  if (item.parameters) parts.push(`${brief(item.parameters)} parameters`);
  return parts.join("; ");
}

/** Behind the boxes of an unfolded stage: a field with its name, which folds it again. */
function bands() {
  if (store.boxes.length <= FOLD_ABOVE && stages.size < 2) return [];
  return [...stages].filter(([key]) => !folded.has(key)).map(([key]) => {
    const inside = items.filter((item) => item.stageKey === key);
    const [left, top] = ["left", "top"].map((side) => Math.min(...inside.map((item) => item[side])) - 14);
    const right = Math.max(...inside.map((item) => item.left)) + drawn.size.width + 14;
    const bottom = Math.max(...inside.map((item) => item.top)) + drawn.size.height + 14;
    const name = element("button", { type: "button", className: "fold quiet", tabIndex: -1, textContent: inside[0].stage, title: "Fold this stage" });
    name.dataset.fold = key;
    const band = element("div", { className: "band" }, name);
    Object.assign(band.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
    return band;
  });
}

const itemOf = (box) => items.find((item) => item.id === box.id || item.run?.includes(box));
const buttonOf = (id) => world.querySelector(`.node[data-id="${CSS.escape(id ?? "")}"]`);

function mark() {
  const chosen = store.box && itemOf(store.box)?.id;
  for (const each of world.querySelectorAll(".node")) {
    if (each.dataset.id === chosen) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
  }
  for (const path of lines.children) path.classList.toggle("on", path.dataset.from === chosen || path.dataset.to === chosen);
}

// Choosing, folding, walking

function clicked(event) {
  const fold = event.target.closest("[data-fold]");
  if (fold) return toggle(fold.dataset.fold);
  const item = items.find(({ id }) => id === event.target.closest(".node")?.dataset.id);
  if (!item) return undefined;
  rove(item.id);
  if (item.folded) return toggle(item.folded);
  store.select(store.boxes.find((box) => box.id === item.id));
  if (narrow.matches) document.querySelector("#panel").scrollIntoView({ block: "start", behavior: "smooth" });
  return undefined;
}

function toggle(key) {
  const opens = folded.delete(key);
  if (!opens) folded.add(key);
  draw();
  if (opens && zoom < 0.6) setZoom(0.8);
  const target = buttonOf(opens ? stages.get(key)[0].id : key);
  rove(target.dataset.id);
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest", inline: opens ? "start" : "center" });
}

function showChosen() {
  buttonOf(store.box && itemOf(store.box).id)?.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
}

function foldAll(close) {
  folded = new Set(close ? stages.keys() : []);
  draw();
  fit();
  showChosen();
}

function rove(id) {
  for (const each of world.querySelectorAll(".node")) each.tabIndex = each.dataset.id === id ? 0 : -1;
  if (!buttonOf(id)) world.querySelector(".node").tabIndex = 0;
}

function pressed(event) {
  if (event.target.closest(".toolbar") || event.ctrlKey || event.metaKey || event.altKey) return;
  const here = items.find(({ id }) => id === document.activeElement?.dataset?.id);
  const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
  if (zooms) zoomTo(zoom * zooms);
  else if (event.key === "0") fit(LEAST_ZOOM);
  else if (here && event.key === "Delete" && here.stageKey && !here.folded) toggle(here.stageKey);
  else if (here) {
    const next = neighbour(here, event.key);
    if (!next) return;
    rove(next.id);
    buttonOf(next.id).focus({ preventScroll: true });
    buttonOf(next.id).scrollIntoView({ block: "nearest", inline: "nearest" });
  } else return;
  event.preventDefault();
}

/** Where an arrow key leads: along the lines, or to the lane beside. */
function neighbour(here, key) {
  const [back, on, up, down] = across()
    ? ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]
    : ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
  const nearest = (list) => list.toSorted((a, b) => Math.abs(a.lane - here.lane) - Math.abs(b.lane - here.lane))[0];
  if (key === "Home") return items[0];
  if (key === "End") return items.at(-1);
  if (key === on) return nearest(items.filter((item) => item.inputs.includes(here.id)));
  if (key === back) return nearest(items.filter((item) => here.inputs.includes(item.id)));
  const beside = (wanted) => items.filter((item) => wanted(item.lane - here.lane) && Math.abs(item.rank - here.rank) < 4)
    .toSorted((a, b) => distance(a, here) - distance(b, here))[0];
  if (key === up) return beside((step) => step < 0);
  if (key === down) return beside((step) => step > 0);
  return null;
}

const distance = (a, b) => Math.abs(a.lane - b.lane) * 2 + Math.abs(a.rank - b.rank);

// Zooming and panning: the view scrolls, the world inside is scaled.

function setZoom(wanted) {
  zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, wanted));
  world.style.transform = `scale(${zoom})`;
  world.parentElement.style.width = `${drawn.width * zoom}px`;
  world.parentElement.style.height = `${drawn.height * zoom}px`;
  world.classList.toggle("far", zoom < 0.5);
  sizeView();
}

function sizeView() {
  const most = across() ? innerHeight * 0.48 : innerHeight * 0.62;
  const bar = drawn.width * zoom > view.clientWidth ? view.offsetHeight - view.clientHeight : 0; // of scrolling
  view.style.height = `${Math.min(drawn.height * zoom + bar, most)}px`;
}

function zoomTo(wanted, clientX, clientY) {
  const bounds = view.getBoundingClientRect();
  const x = (clientX ?? bounds.left + bounds.width / 2) - bounds.left, y = (clientY ?? bounds.top + bounds.height / 2) - bounds.top;
  const [atX, atY] = [(view.scrollLeft + x) / zoom, (view.scrollTop + y) / zoom];
  setZoom(wanted);
  view.scrollTo({ left: atX * zoom - x, top: atY * zoom - y, behavior: "instant" });
}

/** All of it in view, or as much as can be read. */
function fit(least = READABLE) {
  const room = view.clientWidth / drawn.width;
  const deep = across() ? (innerHeight * 0.48) / drawn.height : 1;
  setZoom(Math.min(1, Math.max(least, Math.min(room, deep))));
  view.scrollTo({ left: 0, top: 0, behavior: "instant" });
}

function wheeled(event) {
  if (!event.ctrlKey && !event.metaKey) return; // plain wheel scrolls the page
  event.preventDefault();
  zoomTo(zoom * Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
}

function closer(event) {
  if (event.target.closest(".node")) zoomTo(Math.max(1.5, zoom), event.clientX, event.clientY);
}

function dragToPan() {
  let from = null;
  view.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button !== 0 || event.target.closest("button")) return;
    from = { x: event.clientX + view.scrollLeft, y: event.clientY + view.scrollTop };
    view.setPointerCapture(event.pointerId);
    view.classList.add("panning");
  });
  view.addEventListener("pointermove", (event) => {
    if (from) view.scrollTo({ left: from.x - event.clientX, top: from.y - event.clientY, behavior: "instant" });
  });
  for (const end of ["pointerup", "pointercancel"]) {
    view.addEventListener(end, () => { from = null; view.classList.remove("panning"); });
  }
}

// Thumbnails: one picture of all layers for each side and run

let drawing = false, again = false;

/** After a run; the chosen layer goes first, and of several runs in a row only the newest is drawn. */
async function thumbnails() {
  again = true;
  if (drawing) return;
  drawing = true;
  try {
    while (again) {
      again = false;
      await new Promise((done) => setTimeout(done, YIELD_MS));
      const shown = items.map((item) => item.shown);
      sprites = await Promise.all(store.sides.filter((side) => side.run).map((side) => store.sprites(side, SPRITE, shown)));
      paintThumbnails();
    }
  } finally {
    drawing = false;
  }
}

/** With two pictures the thumbnails stand side by side, each half as large. */
function paintThumbnails() {
  if (!sprites.length) return;
  const size = THUMB[across() ? "across" : "down"];
  for (const item of items) {
    const canvas = buttonOf(item.id).querySelector(".thumb");
    const pen = penFor(canvas, size, size);
    const large = (item.shown.shape.at(-1) ?? 0) > SPRITE;
    pen.imageSmoothingEnabled = large;
    const each = size / sprites.length;
    sprites.forEach((sprite, i) => sprite.draw(pen, item.shown, i * each, (size - each) / 2, each));
  }
}
