// Where pictures come from: files, drop, paste, the server's own, the camera (only when asked), a drawing pad.

import { element, get, tell, telling } from "./api.js";
import { store } from "./store.js";

const PAD_PX = 280;
const LIFTED_MS = 200; // of rest, before the network looks at a drawing
const dialog = document.querySelector("#dialog");
const upload = telling(async (blob) => {
  const picture = await store.upload(blob);
  await listSamples();
  return picture;
});

export function startSources() {
  const file = document.querySelector("#file");
  file.addEventListener("change", () => {
    if (file.files.length) upload(file.files[0]);
    file.value = "";
  });
  dropAnywhere();
  document.addEventListener("paste", (event) => {
    const [picture] = [...event.clipboardData.files].filter((item) => item.type.startsWith("image/"));
    if (picture) upload(picture);
  });
  document.querySelector("#draw").addEventListener("click", pad);
  document.querySelector("#camera").addEventListener("click", telling(camera));
  if (!navigator.mediaDevices?.getUserMedia) document.querySelector("#camera").hidden = true;
  document.querySelector("#compare").addEventListener("click", telling(compare));
  store.on("sides picture", markSamples);
  store.on("sides", () =>
    document.querySelector("#compare").setAttribute("aria-pressed", String(store.sides.length > 1)),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

function dropAnywhere() {
  let depth = 0;
  const over = (inside) => document.documentElement.classList.toggle("dropping", inside);
  document.addEventListener("dragenter", () => over(++depth > 0));
  document.addEventListener("dragleave", () => over(--depth > 0));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    over(false);
    const side = event.target.closest?.("[data-side]");
    if (side) store.activate(Number(side.dataset.side));
    if (event.dataTransfer.files.length) upload(event.dataTransfer.files[0]);
  });
}

let samples = [];
const passed = new Set(); // drawings that went on: only the last state of each stays at hand

/** The server's pictures, as small buttons. */
export async function listSamples() {
  const found = await get("api/pictures", { net: store.network.net });
  samples = found.pictures.filter(({ id }) => !passed.has(id));
  document.querySelector("#samples").replaceChildren(
    ...samples.map((picture, index) => {
      const name = picture.name ?? `picture ${index + 1}`;
      const image = element("img", {
        src: `api/pictures/${picture.id}.png?net=${store.network.net}`,
        alt: "",
        loading: "lazy",
      });
      const button = element("button", { type: "button", className: "sample", ariaLabel: name, title: name }, image);
      button.dataset.picture = picture.id;
      button.addEventListener(
        "click",
        telling(() => store.usePicture(picture)),
      );
      return button;
    }),
  );
  markSamples();
  return samples;
}

function markSamples() {
  for (const button of document.querySelectorAll("#samples button")) {
    button.setAttribute("aria-pressed", String(button.dataset.picture === store.side.picture?.id));
  }
}

async function compare() {
  if (store.sides.length > 1) return store.dropSide();
  const other = samples.find(({ id }) => id !== store.side.picture?.id) ?? store.side.picture;
  return store.addSide(other);
}

function open(title, ...content) {
  const close = element("button", { type: "button", className: "quiet", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(
    element(
      "div",
      { className: "row dialog-head" },
      element("h2", { id: "dialog-title", textContent: title }),
      element("span", { className: "grow" }),
      close,
    ),
    ...content,
  );
  dialog.showModal();
}

/** Help: what keys do. */
export function help() {
  const keys = [
    ["Tab", "from part to part; a part is one stop, arrows go on inside it"],
    [
      "← → ↑ ↓",
      "in the network: along the lines; among maps: to the next; on a map: pixel by pixel (with Shift, eight)",
    ],
    ["Enter", "opens a layer, a map, a folded stage"],
    ["Delete", "in the network: folds the stage; on the picture: uncovers it"],
    ["Escape", "one step back out"],
    ["+ − 0", "in the network: larger, smaller, fit; on the picture: size of what is covered"],
  ];
  open(
    "How to look around",
    element(
      "table",
      { className: "keys" },
      element(
        "tbody",
        {},
        ...keys.map(([key, what]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, element("kbd", { textContent: key })),
            element("td", { textContent: what }),
          ),
        ),
      ),
    ),
    element("p", {
      className: "soft",
      textContent:
        "Colours: unsigned maps go from dark violet (0) to pale yellow (largest); signed maps from blue (below 0) " +
        "over white to orange (above). Hatched parts are padding: zeros around the map.",
    }),
  );
}

async function camera() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    tell(error.name === "NotFoundError" ? "There is no camera." : "The camera was not allowed.");
    return;
  }
  const video = element("video", { autoplay: true, muted: true, playsInline: true, ariaLabel: "What the camera sees" });
  video.srcObject = stream;
  const take = element("button", { type: "button", className: "main", textContent: "Take the picture" });
  take.addEventListener("click", () => {
    const canvas = element("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => upload(new File([blob], "camera", { type: blob.type })), "image/png");
    dialog.close();
  });
  const release = () => {
    for (const track of stream.getTracks()) track.stop();
  };
  dialog.addEventListener("close", release, { once: true });
  open("Camera", video, element("div", { className: "row" }, take));
}

/** A black pad with a white pen, as digits and garments are in their data sets; black on white for photographs. */
function pad() {
  const canvas = element("canvas", {
    className: "pad",
    width: PAD_PX,
    height: PAD_PX,
    ariaLabel: "Drawing pad: draw with the mouse, a finger or a pen",
    role: "img",
  });
  const pen = canvas.getContext("2d");
  const grey = store.input.channels === 1;
  const width = element("input", { type: "range", min: 4, max: 48, value: grey ? 20 : 8 });
  const dark = element("input", { type: "checkbox", checked: grey });
  const clear = () => {
    pen.fillStyle = dark.checked ? "#000" : "#fff";
    pen.fillRect(0, 0, PAD_PX, PAD_PX);
  };
  dark.addEventListener("change", clear);
  clear();
  let before = null;
  const looked = async (blob) => {
    if (before) passed.add(before.id);
    before = await upload(new File([blob], "drawing", { type: blob.type }));
  };
  drawWith(
    canvas,
    pen,
    () => ({ width: Number(width.value), colour: dark.checked ? "#fff" : "#000" }),
    () => canvas.toBlob(looked, "image/png"),
  );
  const wipe = element("button", { type: "button", textContent: "Wipe" });
  wipe.addEventListener("click", clear);
  const done = element("button", { type: "button", className: "main", textContent: "Done" });
  done.addEventListener("click", () => dialog.close());
  open(
    "Draw",
    canvas,
    element(
      "div",
      { className: "row" },
      element("label", { className: "field" }, element("span", { textContent: "Pen" }), width),
      element("label", { className: "row" }, dark, "white on black"),
      element("span", { className: "grow" }),
      wipe,
      done,
    ),
    element("p", { className: "soft small", textContent: "The network looks whenever you lift the pen." }),
  );
}

function drawWith(canvas, pen, style, lifted) {
  let last = null;
  const at = (event) => {
    const bounds = canvas.getBoundingClientRect();
    return [
      ((event.clientX - bounds.left) / bounds.width) * PAD_PX,
      ((event.clientY - bounds.top) / bounds.height) * PAD_PX,
    ];
  };
  const stroke = (event) => {
    const now = at(event),
      { width, colour } = style();
    Object.assign(pen, { lineWidth: width, strokeStyle: colour, lineCap: "round", lineJoin: "round" });
    pen.beginPath();
    pen.moveTo(...(last ?? now));
    pen.lineTo(...now);
    pen.stroke();
    last = now;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last) stroke(event);
  });
  let timer = 0;
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (!last) return;
      last = null;
      clearTimeout(timer);
      timer = setTimeout(lifted, LIFTED_MS);
    });
  }
}
