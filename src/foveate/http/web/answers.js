// What a prediction says, on a card. Which of the ways below shows it, its document tells: each task has another.

import { counted, draw, inWords, shownFrom } from "./boxes.js";
import { painted } from "./masks.js";

const GREY = "#808080";
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });

// A field that only its documents have -> what shows them.
const WAYS = [
  ["sentence", showSentence],
  ["boxes", showBoxes],
  ["classes", showMask],
  ["numbers", showNumbers],
  ["labels", showLabels],
  ["label", showLabel],
];

/** Show a prediction on a card. colours: label -> "#c80000", where answers are drawn in colours. */
export function show(card, prediction, colours) {
  const [, way] = WAYS.find(([field]) => field in prediction) ?? [null, showPlainly];
  way(card, prediction, colours);
}

/** The likeliest label, and the bars of the next. */
function showLabel(card, prediction) {
  say(card, `${prediction.label}  ${percent.format(prediction.probability)}`);
  remark(card, [prediction.unsure && "unsure", unlike(prediction)]);
  fill(card, ".bars", prediction.top.map(bar));
}

/** All labels that reach their thresholds; the bars of those that do not are paler. */
function showLabels(card, prediction) {
  say(card, prediction.labels.join(", ") || "No label.");
  remark(card, [unlike(prediction)]);
  const rows = prediction.top.map((one) => {
    const row = bar(one);
    row.classList.toggle("below", one.probability < one.threshold);
    return row;
  });
  fill(card, ".bars", rows);
}

/** Numbers, each with the interval that nine of ten true ones lie in. */
function showNumbers(card, prediction) {
  const told = ({ value, low, high }) =>
    low === undefined
      ? number.format(value)
      : `${number.format(value)}  (${number.format(low)} to ${number.format(high)})`;
  const { numbers } = prediction;
  const alone = numbers.length === 1;
  say(card, numbers.map((one) => `${one.name} ${alone ? told(one) : number.format(one.value)}`).join(", "));
  remark(card, [unlike(prediction)]);
  if (alone) return;
  const rows = numbers.map((one) => row("", { label: one.name, number: told(one) }));
  for (const one of rows) one.classList.add("numbers");
  fill(card, ".bars", rows);
}

/** A class for each pixel: the mask over the picture, and what its colours mean. */
function showMask(card, prediction, colours) {
  const [first] = prediction.classes;
  say(card, first ? `${first.label}  ${percent.format(first.share)}` : "Nothing that has a name here.");
  remark(card, [prediction.unsure_share && `unsure of ${percent.format(prediction.unsure_share)} of the pixels`]);
  const canvas = card.querySelector("canvas");
  const classes = prediction.classes.map((one) => ({ ...one, colour: colours?.get(one.label) ?? GREY }));
  const { width, height, data } = painted({ ...prediction, classes });
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  canvas.setAttribute("aria-label", `Classes over the picture: ${classes.map(({ label }) => label).join(", ")}`);
  canvas.hidden = false;
  const slider = card.querySelector(".opacity input");
  const shine = () => {
    canvas.style.opacity = slider.value / 100;
  };
  slider.addEventListener("input", shine);
  shine();
  card.querySelector(".opacity").hidden = false;
  const least = (share) => (share < 0.0005 ? `< ${percent.format(0.001)}` : percent.format(share));
  fill(
    card,
    ".legend",
    classes.map(({ label, share, colour }) => row(colour, { label, number: least(share) })),
  );
}

/** Boxes over the picture from a score on, which the slider chooses, and how many of which class they are. */
function showBoxes(card, prediction, colours) {
  const canvas = card.querySelector("canvas"),
    label = card.querySelector(".opacity"),
    slider = label.querySelector("input"),
    colour = (name) => colours?.get(name) ?? GREY;
  slider.value = Math.ceil(100 * prediction.threshold);
  const drawAgain = () => {
    const boxes = shownFrom(prediction, slider.value / 100);
    const counts = counted(boxes);
    draw(canvas, prediction, boxes, colour);
    canvas.setAttribute("aria-label", `Boxes over the picture: ${inWords(counts)}`);
    say(card, inWords(counts));
    label.querySelector("span").textContent = `From a score of ${slider.value} %`;
    fill(
      card,
      ".legend",
      counts.map(([name, count]) => row(colour(name), { label: name, number: count })),
    );
  };
  slider.addEventListener("input", drawAgain);
  drawAgain();
  canvas.hidden = label.hidden = false;
}

/** A sentence, in the direction of its script; how sure each word is, and what else a search found. */
function showSentence(card, prediction) {
  say(card, prediction.sentence || "It has no words for this.");
  card.querySelector(".verdict").dir = "auto";
  const others = prediction.candidates.map(({ sentence }) => sentence).filter((one) => one !== prediction.sentence);
  remark(card, [others.length > 0 && `or: ${others.join("; ")}`]);
  const rows = prediction.words.map(({ word, probability }) => bar({ label: word, probability }));
  fill(card, ".bars", rows);
}

/** What a task of somebody's own says: each field with its value. */
function showPlainly(card, prediction) {
  say(
    card,
    Object.entries(prediction)
      .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
      .join(", "),
  );
}

const unlike = (prediction) => prediction.unlike && "unlike the training pictures: no answer need be right";

function say(card, text) {
  card.querySelector(".verdict").textContent = text;
}

function remark(card, remarks) {
  const place = card.querySelector(".remark");
  place.textContent = remarks.filter(Boolean).join("; ");
  place.hidden = place.textContent === "";
}

function fill(card, list, rows) {
  card.querySelector(list).replaceChildren(...rows);
}

function bar({ label, probability }) {
  const one = row("", { label, number: percent.format(probability) });
  one.querySelector(".fill").style.width = `${100 * probability}%`;
  return one;
}

/** A row of a list, as the page's template has it; colour: of its swatch, where it has one. */
function row(colour, { label, number }) {
  const one = document.getElementById("bar").content.firstElementChild.cloneNode(true);
  if (colour) one.querySelector(".swatch").style.background = colour;
  one.querySelector(".label").textContent = label;
  one.querySelector(".number").textContent = number;
  return one;
}
