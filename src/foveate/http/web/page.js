// A page that answers pictures: those dropped, chosen or pasted are asked one after the other; each has a card.
// All text is set as text, never as HTML: labels and file names are not ours.

import { show } from "./answers.js";

const MAX_CARDS = 50;
const byId = (id) => document.getElementById(id);

/**
 * Open the page. ask: gives the prediction of a File, or throws an Error that people can read.
 * Gives {add}, which takes Files from elsewhere.
 */
export function open(ask) {
  const files = byId("files"),
    drop = byId("drop"),
    form = byId("form"),
    status = byId("status");
  const colours = form.dataset.palette && new Map(JSON.parse(form.dataset.palette)); // where answers have colours
  let line = Promise.resolve(); // one at a time: a folder of pictures must not fill the server's queue
  let waiting = 0;

  async function answer(picture) {
    status.textContent = waiting > 1 ? `${waiting} pictures to go …` : "Looking …";
    const card = makeCard(picture);
    try {
      show(card, await ask(picture), colours);
    } catch (error) {
      const verdict = card.querySelector(".verdict");
      verdict.textContent = error.message;
      verdict.classList.add("error");
    }
    waiting -= 1;
    status.textContent = waiting ? `${waiting} pictures to go …` : card.querySelector(".verdict").textContent;
  }

  function add(list) {
    const pictures = [...list];
    if (!pictures.length || !form.reportValidity()) return;
    waiting += pictures.length;
    for (const picture of pictures) line = line.then(() => answer(picture));
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
  return { add };
}

function makeCard(picture) {
  const card = byId("card").content.firstElementChild.cloneNode(true);
  const answers = byId("answers");
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
