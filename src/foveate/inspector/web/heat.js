// Why this answer: a heat map of a method and a class over the picture, as strong as the slider says.

import { shown, tellsValues } from "./answer.js";
import { element, getPicture, Latest, post, telling } from "./api.js";
import { store } from "./store.js";

const METHODS = {
  "grad-cam": "Grad-CAM",
  occlusion: "occlusion",
  "integrated-gradients": "integrated gradients",
  saliency: "saliency",
};
const PIXEL = "pixel"; // in the place of a class: what is said of the pixel that was clicked
const method = document.querySelector("#heat-method");
const target = document.querySelector("#heat-class");
const opacity = document.querySelector("#heat-opacity");
const words = document.querySelector("#heat-words");
const test = document.querySelector("#heat-test");
const latest = [new Latest(), new Latest()];

/** `views`: gives the picture views, one a side. */
export function startHeat(views) {
  for (const [value, textContent] of Object.entries(METHODS)) method.append(element("option", { value, textContent }));
  const rollout = element("option", { value: "rollout", textContent: "attention roll-out" });
  const renew = telling(() => Promise.all(views().map(look)));
  method.addEventListener("change", renew);
  target.addEventListener("change", renew);
  test.firstElementChild.addEventListener(
    "click",
    telling(() => prove(views()[store.active])),
  );
  opacity.addEventListener("input", () => {
    for (const view of views()) {
      if (view.heat) view.heat.opacity = opacity.value / 100;
      view.draw();
    }
  });
  store.on("network", () => {
    if (store.network.tokens) method.append(rollout);
    else rollout.remove();
    method.value = "";
    target.replaceChildren();
    renew();
  });
  store.on("run sides", () => {
    listClasses();
    renew();
  });
  store.on("spot", () => {
    const before = target.value;
    listClasses();
    if (before === PIXEL) renew();
  });
}

/** "the likeliest" follows the answer; the others stay chosen. */
function listClasses() {
  const run = store.side.run;
  if (!run) return;
  const kept = target.value === PIXEL && !store.spot ? "" : target.value;
  const options = [element("option", { value: "", textContent: tellsValues() ? "the first" : "the likeliest" })];
  if (store.spot) options.push(element("option", { value: PIXEL, textContent: "the chosen pixel" }));
  for (const { class: index, label, probability } of run.top) {
    options.push(
      element("option", { value: index, textContent: `${label ?? store.className(index)} (${shown(probability)})` }),
    );
  }
  if (kept && kept !== PIXEL && !run.top.some(({ class: index }) => String(index) === kept)) {
    options.push(element("option", { value: kept, textContent: store.className(Number(kept)) }));
  }
  target.replaceChildren(...options);
  target.value = kept;
}

const question = (side, hiding) => ({
  run: side.run.run,
  method: method.value,
  class: target.value === "" || target.value === PIXEL ? null : Number(target.value),
  pixel: target.value === PIXEL ? store.spot : null,
  node: null,
  hiding,
});

async function look(view) {
  document.querySelector("#heat-opacity-field").hidden = !method.value;
  if (!method.value) {
    view.heat = null;
    words.textContent = "";
    test.hidden = true;
    return view.draw();
  }
  const { side } = view;
  if (!side?.run) return undefined;
  const heat = await latest[view.index].run(async (signal) => {
    const found = await post("api/explain", question(side, false), { signal });
    return { image: await getPicture(found.url.replace(/^\//, ""), { signal }), label: found.label };
  });
  if (!heat) return undefined;
  view.heat = { image: heat.image, opacity: opacity.value / 100 };
  if (view.index === store.active) {
    const empty = isEmpty(heat.image);
    words.textContent = empty ? `${heat.label}: it marks nothing; no place speaks for it.` : "";
    if (method.value === "rollout")
      words.textContent = "Where attention went, through all blocks: the same for every class.";
    test.hidden = empty;
  }
  return view.draw();
}

/** How far the answer falls when what is marked is hidden, and when as much is hidden elsewhere. */
async function prove({ side }) {
  words.textContent = "Hiding …";
  const { hiding, label } = await post("api/explain", question(side, true));
  const points = (value) => (tellsValues() ? shown(value) : `${(100 * value).toFixed(1)} points`);
  const falling = tellsValues() ? "number" : "probability";
  words.textContent =
    `${label}: with the hottest fifth hidden the ${falling} falls by ${points(hiding.drop)}; ` +
    `with the same shape hidden elsewhere, by ${points(hiding.drop_elsewhere)}.`;
}

function isEmpty(image) {
  const canvas = element("canvas", { width: image.width, height: image.height });
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  return pen.getImageData(0, 0, canvas.width, canvas.height).data.every((value, i) => i % 4 !== 3 || value === 0);
}
