// What a network writes of a picture: its words as buttons. Of the word that is pointed at, where it looked and what
// else it might have said; of the one that is chosen, the sums behind its score.

import { shown } from "./answer.js";
import { element, Latest, telling } from "./api.js";
import { paint, rangeOf } from "./draw.js";
import { store } from "./store.js";
import { step } from "./sums.js";

const OPACITY = 0.65;
const section = document.querySelector("#words");
const list = document.querySelector("#words-list");
const likely = document.querySelector("#words-likely");
const root = document.querySelector("#word");
const latest = [new Latest(), new Latest()];
const latestSums = new Latest();
let said = null; // the words of the active side
let pointed = 0;

/** `views`: gives the picture views, one a side. */
export function startWords(views) {
  const renew = telling(() => Promise.all(views().map((view) => write(view, views))));
  store.on("network", () => {
    section.hidden = !store.network.writes;
    close();
    said = null;
  });
  store.on("run sides", renew);
  const point = (event) => {
    const button = event.target.closest("button[data-word]");
    if (button) look(Number(button.dataset.word), views);
  };
  list.addEventListener("pointerover", point);
  list.addEventListener("focusin", point);
  list.addEventListener(
    "click",
    telling(async (event) => {
      const button = event.target.closest("button[data-word]");
      if (button) await explain(Number(button.dataset.word), null);
    }),
  );
  likely.addEventListener(
    "click",
    telling(async (event) => {
      const button = event.target.closest("button[data-class]");
      if (button) await explain(pointed, Number(button.dataset.class));
    }),
  );
}

async function write(view, views) {
  if (!store.network.writes || !view.side?.run) return;
  const found = await latest[view.index].run((signal) => store.wordsOf(view.side, signal));
  if (!found || view.index !== store.active) return;
  said = found;
  close();
  list.replaceChildren(
    ...found.words.flatMap(({ label, probability }, number) => {
      const button = element("button", { type: "button", className: "word", title: shown(probability) });
      button.dataset.word = number;
      button.append(element("bdi", { textContent: label }));
      button.style.setProperty("--sure", probability.toFixed(3));
      return [button, " "];
    }),
  );
  look(Math.min(pointed, found.words.length - 1), views);
}

/** Where it looked while it wrote a word, over the picture, and the likeliest words in its place. */
function look(number, views) {
  if (!said) return;
  pointed = number;
  for (const button of list.querySelectorAll("button")) {
    button.classList.toggle("chosen", Number(button.dataset.word) === number);
  }
  const { attention, top } = said.words[number];
  for (const view of views()) {
    if (view.index !== store.active) continue;
    view.looks = attention && { image: map(attention), opacity: OPACITY, ...store.input };
    view.draw();
  }
  likely.replaceChildren(
    ...top.map(({ class: index, label, probability }) => {
      const button = element(
        "button",
        { type: "button", className: "pixel-class" },
        element("span", { className: "label" }, element("bdi", { textContent: label })),
        element("span", { className: "number", textContent: shown(probability) }),
      );
      button.dataset.class = index;
      return button;
    }),
  );
}

function map(attention) {
  const [height, width] = [attention.length, attention[0].length];
  const values = { data: Float32Array.from(attention.flat()), height, width };
  const canvas = element("canvas");
  paint(canvas, values, rangeOf(values));
  return canvas;
}

/** The sums behind a word's score: the largest part of each stands next, as far as the gates of the cell. */
async function explain(number, index) {
  const { side } = store;
  const found = await latestSums.run((signal) => store.wordOf(side, number, index, signal));
  if (!found) return;
  const shut = element("button", { type: "button", textContent: "Close" });
  shut.addEventListener("click", close);
  const head = element(
    "header",
    { className: "panel-head" },
    element("h2", { id: "word-title" }, "Why ", element("bdi", { textContent: found.label }), "?"),
    element("span", {
      className: "soft small grow",
      textContent: `word ${number + 1} of the sentence, ${shown(found.probability)}`,
    }),
    shut,
  );
  const parts = found.sums.map((sum, at) => {
    const made = step({ op: "written", label: sum.label }, sum, 0);
    const place = `number ${sum.channel}${sum.module ? ` of ${sum.module}` : ""}`;
    const words = at === 0 ? "the score of the word" : "the largest part of it";
    made.querySelector("h3").append(element("span", { className: "soft small", textContent: ` ${words}: ${place}` }));
    return made;
  });
  root.replaceChildren(head, element("div", { className: "sums" }, ...parts));
  root.hidden = false;
}

function close() {
  root.hidden = true;
  root.replaceChildren();
}
