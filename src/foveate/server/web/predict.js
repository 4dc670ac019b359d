// Pictures dropped, chosen or pasted go to POST predict, one after the other; each answer becomes a card.
// All text is set as text, never as HTML: labels and file names are not ours.

import { counted, draw, inWords, shownFrom } from "./boxes.js";
import { painted } from "./masks.js";

const byId = (id) => document.getElementById(id);
const form = byId("form"),
  drop = byId("drop"),
  files = byId("files"),
  top_ = byId("top"),
  key = byId("key");
const answers = byId("answers"),
  status = byId("status");
const MAX_CARDS = 50;
const GREY = "#808080";
const palette = form.dataset.palette && new Map(JSON.parse(form.dataset.palette)); // where answers have colours
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

let line = Promise.resolve(); // one request at a time: a folder of pictures must not fill the server's queue
let waiting = 0;

function add(list) {
  const pictures = [...list];
  if (!pictures.length) return;
  if (key && !key.reportValidity()) return;
  waiting += pictures.length;
  for (const picture of pictures) line = line.then(() => answer(picture));
}

async function answer(picture) {
  status.textContent = waiting > 1 ? `${waiting} pictures to go …` : "Looking …";
  const card = makeCard(picture);
  try {
    const prediction = await ask(picture);
    (prediction.boxes ? showBoxes : palette ? showMask : show)(card, prediction);
  } catch (error) {
    const verdict = card.querySelector(".verdict");
    verdict.textContent = error.message;
    verdict.classList.add("error");
  }
  waiting -= 1;
  status.textContent = waiting ? `${waiting} pictures to go …` : card.querySelector(".verdict").textContent;
}

async function ask(picture) {
  if (picture.size > Number(form.dataset.maxBytes)) {
    throw new Error("This file is larger than the server takes.");
  }
  const body = new FormData(); // with the file's name, which an error then says
  body.append("image", picture);
  const headers = key ? { Authorization: `Bearer ${key.value}` } : {};
  const query = top_ ? `?top_k=${top_.value}` : ""; // where the model ranks labels
  let response;
  try {
    response = await fetch(`predict${query}`, { method: "POST", body, headers });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const document_ = await response.json();
  if (!response.ok) throw new Error(document_.error);
  return document_.predictions[0];
}

function makeCard(picture) {
  const card = byId("card").content.firstElementChild.cloneNode(true);
  card.querySelector("h2").textContent = picture.name;
  card.querySelector(".verdict").textContent = "…";
  const image = card.querySelector("img");
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth < 88));
  image.addEventListener("error", () => image.remove()); // no picture, or of a format only the server reads
  image.src = URL.createObjectURL(picture);
  answers.prepend(card);
  if (answers.children.length > MAX_CARDS) {
    const last = answers.lastElementChild.querySelector("img");
    if (last) URL.revokeObjectURL(last.src);
    answers.lastElementChild.remove();
  }
  return card;
}

/** A class for each pixel: the mask over the picture, and what its colours mean. */
function showMask(card, prediction) {
  const [first] = prediction.classes;
  card.querySelector(".verdict").textContent = first
    ? `${first.label}  ${percent.format(first.share)}`
    : "Nothing that has a name here.";
  const remark = card.querySelector(".remark");
  remark.hidden = !prediction.unsure_share;
  remark.textContent = `unsure of ${percent.format(prediction.unsure_share)} of the pixels`;
  const canvas = card.querySelector("canvas");
  const classes = prediction.classes.map((one) => ({ ...one, colour: palette.get(one.label) ?? GREY }));
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
  const rows = classes.map(({ label, share, colour }) => {
    const row = byId("bar").content.firstElementChild.cloneNode(true);
    row.querySelector(".swatch").style.background = colour;
    row.querySelector(".label").textContent = label;
    row.querySelector(".number").textContent = share < 0.0005 ? `< ${percent.format(0.001)}` : percent.format(share);
    return row;
  });
  card.querySelector(".legend").replaceChildren(...rows);
}

/** Boxes over the picture from a score on, which the slider chooses, and how many of which class they are. */
function showBoxes(card, prediction) {
  const canvas = card.querySelector("canvas"),
    label = card.querySelector(".opacity"),
    slider = label.querySelector("input"),
    colour = (name) => palette?.get(name) ?? GREY;
  slider.value = Math.ceil(100 * prediction.threshold);
  const drawAgain = () => {
    const boxes = shownFrom(prediction, slider.value / 100);
    const counts = counted(boxes);
    draw(canvas, prediction, boxes, colour);
    canvas.setAttribute("aria-label", `Boxes over the picture: ${inWords(counts)}`);
    card.querySelector(".verdict").textContent = inWords(counts);
    label.querySelector("span").textContent = `From a score of ${slider.value} %`;
    const rows = counts.map(([name, count]) => {
      const row = byId("bar").content.firstElementChild.cloneNode(true);
      row.querySelector(".swatch").style.background = colour(name);
      row.querySelector(".label").textContent = name;
      row.querySelector(".number").textContent = count;
      return row;
    });
    card.querySelector(".legend").replaceChildren(...rows);
  };
  slider.addEventListener("input", drawAgain);
  drawAgain();
  canvas.hidden = label.hidden = false;
}

function show(card, prediction) {
  card.querySelector(".verdict").textContent = `${prediction.label}  ${percent.format(prediction.probability)}`;
  const remarks = [];
  if (prediction.unsure) remarks.push("unsure");
  if (prediction.unlike) remarks.push("unlike the training pictures: no answer need be right");
  const remark = card.querySelector(".remark");
  remark.textContent = remarks.join("; ");
  remark.hidden = remarks.length === 0;
  const bars = prediction.top.map(({ label, probability }) => {
    const bar = byId("bar").content.firstElementChild.cloneNode(true);
    bar.querySelector(".label").textContent = label;
    bar.querySelector(".fill").style.width = `${100 * probability}%`;
    bar.querySelector(".number").textContent = percent.format(probability);
    return bar;
  });
  card.querySelector(".bars").replaceChildren(...bars);
}

files.addEventListener("change", () => {
  add(files.files);
  files.value = ""; // the same file may be chosen again
});
form.addEventListener("submit", (event) => event.preventDefault());
for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault(); // a picture dropped beside the field must not replace the page
    drop.classList.toggle("over", type === "dragenter" || type === "dragover");
    if (type === "drop") add(event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) add(event.clipboardData.files);
});
