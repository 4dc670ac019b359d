// Why a pixel of the picture got its class: the likeliest classes with their scores, the sum behind one of these
// scores, back to the layer that made it, and, on the picture, what it saw.

import { shown, swatch } from "./answer.js";
import { element, Latest, shapeWords, telling } from "./api.js";
import { digits } from "./numbers.js";
import { store } from "./store.js";
import { step } from "./sums.js";

const root = document.querySelector("#pixel");
const words = document.querySelector("#pixel-words");
const latest = new Latest();
let chosen = null; // the class whose score is taken apart; null: the pixel's own

/** `showField(field)` frames what a number saw on the picture. */
export function startPixel(showField) {
  const renew = telling(() => look(showField));
  store.on("spot", () => {
    if (store.spot) {
      renew();
      return;
    }
    hide();
    showField(null);
  });
  store.on("network", hide);
  store.on("run sides", renew);
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-class]");
    if (!button) return;
    chosen = Number(button.dataset.class);
    renew();
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
}

function hide() {
  root.hidden = true;
  words.textContent = "";
  chosen = null;
}

function close() {
  store.lookAt(null);
  document.querySelector(".picture").focus();
}

async function look(showField) {
  const { side, spot } = store;
  if (!spot || !side?.run) return;
  const found = await latest.run((signal) => store.pixelOf(side, spot, chosen, signal));
  if (!found) return;
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.class : undefined;
  root.replaceChildren(head(found), element("div", { className: "pixel-body" }, classes(found), sums(found)));
  root.hidden = false;
  if (focused !== undefined) root.querySelector(`[data-class="${focused}"]`)?.focus();
  showField(found.field);
  tell(found);
}

/** Beside the picture, in a line: what is said of the pixel. */
function tell({ row, column, class: index, label, top: [{ probability }] }) {
  const why = element("a", { href: "#pixel", textContent: "Why?" });
  words.replaceChildren(`Row ${row}, column ${column}: `, swatch(index), " ", element("bdi", { textContent: label }));
  words.append(`, ${shown(probability)}. `, why);
}

function head({ row, column, class: index, label, field }) {
  const shut = element("button", { type: "button", textContent: "Close" });
  shut.addEventListener("click", close);
  const size = [field.bottom - field.top + 1, field.right - field.left + 1];
  const all = size[0] >= store.input.height && size[1] >= store.input.width;
  return element(
    "header",
    { className: "panel-head" },
    element(
      "h2",
      { id: "pixel-title" },
      "Why is this pixel ",
      swatch(index),
      " ",
      element("bdi", { textContent: label }),
      "?",
    ),
    element("span", {
      className: "soft small grow",
      textContent: `row ${row}, column ${column}; it sees ${all ? "the whole picture" : `${shapeWords(size)} pixels`}`,
    }),
    shut,
  );
}

/** The likeliest classes as buttons: the pressed one's score is spelled out. */
function classes({ top, chosen: index }) {
  const list = element("div", { className: "pixel-classes", role: "group", ariaLabel: "The likeliest classes" });
  for (const { class: each, label, score, probability } of top) {
    const button = element(
      "button",
      { type: "button", className: "pixel-class", ariaPressed: String(each === index) },
      swatch(each),
      element("span", { className: "label" }, element("bdi", { textContent: label })),
      element("span", { className: "mono", textContent: digits(score, 4) }),
      element("span", { className: "number", textContent: shown(probability) }),
    );
    button.dataset.class = each;
    list.append(button);
  }
  return element(
    "div",
    {},
    element("p", {
      className: "soft small",
      textContent: "The likeliest classes here: score, and probability. Choose one to see the sum behind its score.",
    }),
    list,
  );
}

/** The sums, from the pixel back; behind each the largest part of the one before. */
function sums({ sums: way, chosen: index, top }) {
  const { label } = top.find(({ class: each }) => each === index);
  const parts = way.map((sum, at) => {
    const node = store.nodes.get(sum.node);
    const made = step(node, sum, largest(sum));
    const where = `row ${sum.row}, column ${sum.column} of map ${sum.channel}${node.module ? `, ${node.module}` : ""}`;
    const words = at === 0 ? `the score of ${label}` : "the largest part of it";
    made.querySelector("h3").append(element("span", { className: "soft small", textContent: ` ${words}: ${where}` }));
    const open = element("button", { type: "button", className: "small", textContent: "Look into this layer" });
    open.addEventListener("click", () => show(sum));
    made.append(open);
    return made;
  });
  return element("div", { className: "sums" }, ...parts);
}

/** The number of the term that gives most: it is spelled out. */
export function largest({ terms }) {
  const size = (at) => Math.abs(terms[at].sum ?? 0);
  return terms.reduce((best, _, at) => (size(at) > size(best) ? at : best), 0);
}

function show({ node, channel, row, column }) {
  const box = store.boxes.find(({ nodes }) => nodes.some(({ id }) => id === node));
  store.select(box, store.nodes.get(node));
  store.open_(channel, { row, column });
  document.querySelector("#panel").focus();
}
