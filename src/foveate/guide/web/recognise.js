// A network that has learnt from a million photographs, in the reader's browser: what it says of a picture, at a
// glance and looking closely, where in the picture it finds that, and what its layers see on the way.

import { element } from "./api.js";
import { button, choice, row, slider } from "./controls.js";
import { paint, rangeOf } from "./draw.js";
import { strongest } from "./maps.js";
import { open, run, shares } from "./networks.js";
import { ownPicture, pixelsOf, squarePixels } from "./pictures.js";
import { prepared } from "./preprocess.js";

const MAPS = 6;
const PATIENCE_MS = 200; // until the page says that it is looking: to draw that takes time, too
const FIRST_RUNS = 8; // which are slow: a browser compiles better what has run often

/** network: its file; labels: of its classes; sizes: preprocessing as Python has it, of a glance and of a look;
 *  pictures: name -> address or rows. */
export function mount(root, { network, labels, sizes, pictures }) {
  const state = { asked: 0, input: null, outputs: null, shares: [], chosen: 0 };
  const inputs = inputsOf(pictures, sizes);
  const told = element("p", { className: "told", role: "status" });
  const view = {
    canvas: element("canvas", { role: "img" }),
    bars: element("ol", { className: "bars" }),
    maps: element("div", { className: "canvases" }),
    words: element("p", { className: "soft" }),
  };
  const depth = slider("depth of the maps", { least: 1, most: 4, value: 1, words: (v) => `${v} of 4` }, () =>
    drawMaps(view, state.outputs, depth.value),
  );
  const look = (reading) => lookTwice(root, told, state, network, reading, show);
  const show = (glance) => {
    [state.chosen] = state.order;
    told.textContent = inWords(state, labels, glance);
    draw();
    if (!glance) drawMaps(view, state.outputs, depth.value);
  };
  const choose = (which) => {
    state.chosen = which;
    draw();
    view.bars.querySelector(`[data-which="${which}"]`).focus();
  };
  const draw = () => {
    drawBars(view.bars, state, labels, choose);
    drawPlaces(view.canvas, state, labels[state.chosen]);
  };
  const picture = choice(
    "picture",
    Object.keys(pictures).map((name) => [name, name]),
    (name) => look(inputs.named(name)),
  );
  const tools = element(
    "div",
    { hidden: true },
    row(picture.field),
    ownPicture(inputs.side, (pixels) => look(inputs.made(pixels))),
    element("div", { className: "seen" }, element("figure", {}, view.canvas), view.bars),
    row(depth.field),
    view.words,
    view.maps,
  );
  const start = button(
    "Fetch the network",
    async () => {
      start.disabled = true;
      told.textContent = "Fetching the network and its engine …";
      try {
        await open(network);
        await look(firstRuns(state, network, inputs, picture.select.value));
        start.hidden = !!state.outputs;
        tools.hidden = !state.outputs; // there is nothing to turn before it has looked
      } catch (error) {
        told.textContent = error.message;
      }
      start.disabled = false;
    },
    { className: "main" },
  );
  root.append(row(start), told, tools);
}

/** Shows what a glance at few pixels gives, then what a look at all of them gives; a later question stops it. */
async function lookTwice(root, told, state, network, reading, show) {
  state.asked += 1;
  const { asked } = state;
  const latest = () => asked === state.asked;
  root.ariaBusy = "true";
  root.dataset.seen = "";
  const soon = setTimeout(() => {
    told.textContent = "Looking …";
  }, PATIENCE_MS);
  try {
    for (const [i, input] of (await reading).entries()) {
      if (latest()) await answer(state, network, input());
      if (!latest()) break;
      clearTimeout(soon);
      show(i === 0);
      root.dataset.seen = i === 0 ? "glance" : "whole";
      await drawn();
    }
  } catch (error) {
    told.textContent = error.message;
  }
  clearTimeout(soon);
  if (latest()) root.ariaBusy = "false";
}

function inWords({ input, order, shares: found, milliseconds }, labels, glance) {
  const seen = `${glance ? "at a glance" : "looking closely"}, ${input.height} by ${input.width} pixels`;
  const percent = (100 * found[order[0]]).toFixed(0);
  return `${labels[order[0]]}: ${percent} % (${seen}, ${milliseconds.toFixed(0)} ms).`;
}

/** The inputs of a picture, after runs that nobody waits for; all others are made on the way. */
async function firstRuns(state, network, inputs, name) {
  await inputs.all();
  const both = await inputs.named(name);
  for (let i = 0; i < FIRST_RUNS; i++) for (const input of both) await answer(state, network, input());
  return both;
}

/** Inputs of the network of each size, prepared as Python does when they are asked for: of pictures by name,
 *  each once, and of pixels. */
function inputsOf(pictures, sizes) {
  const side = Math.max(...sizes.map(({ width, crop_fraction }) => Math.round(width / crop_fraction)));
  const known = new Map();
  const made = (pixels) => {
    const colours = withoutAlpha(pixels);
    return sizes.map((size) => once(() => prepared(colours, size)));
  };
  const named = async (name) => {
    if (!known.has(name)) known.set(name, made(await given(pictures[name], side)));
    return known.get(name);
  };
  /** Makes those that nobody has asked for yet; what goes wrong is told when one asks. */
  const all = () =>
    Promise.allSettled(
      Object.keys(pictures).map(async (name) => {
        for (const input of await named(name)) input();
      }),
    );
  return { side, made, named, all };
}

function once(make) {
  let made = null;
  return () => {
    made ??= make();
    return made;
  };
}

/** When what has been changed stands on the screen. */
const drawn = () => new Promise((go) => requestAnimationFrame(() => setTimeout(go)));

/** The pixels of a picture: an address, whose middle becomes `side` pixels wide, or rows of numbers. */
async function given(picture, side) {
  if (typeof picture !== "string") return pixelsOf(picture);
  const image = new Image();
  image.src = picture;
  await image.decode();
  return squarePixels(image, side);
}

function withoutAlpha({ data, height, width }) {
  const three = new Uint8ClampedArray(3 * height * width);
  for (let i = 0; i < height * width; i++) for (let c = 0; c < 3; c++) three[3 * i + c] = data[4 * i + c];
  return { width, height, channels: 3, data: three };
}

/** Runs the network on an input, prepared as Python does, and keeps what it gave. */
async function answer(state, network, input) {
  state.input = input;
  const began = performance.now();
  const values = new Uint8Array(state.input.data);
  const dims = [1, state.input.height, state.input.width, 3];
  state.outputs = await run(network, { name: "images", type: "uint8", values, dims });
  state.milliseconds = performance.now() - began;
  state.shares = shares(state.outputs.scores.data);
  state.order = Array.from(state.outputs.likeliest.data, Number);
}

function drawBars(bars, state, labels, choose) {
  bars.replaceChildren(
    ...state.order.map((which) => {
      const fill = element("span", { className: "fill" });
      fill.style.width = `${100 * state.shares[which]}%`;
      const name = button(labels[which], () => choose(which));
      name.dataset.which = which;
      name.setAttribute("aria-pressed", String(which === state.chosen));
      const number = element("span", {
        className: "number",
        textContent: `${(100 * state.shares[which]).toFixed(1)} %`,
      });
      return element("li", {}, name, element("span", { className: "track" }, fill), number);
    }),
  );
}

/** The picture, darker where nothing speaks for the chosen class. */
function drawPlaces(canvas, { input, outputs, order, chosen }, label) {
  const { data } = outputs.places;
  const [high, wide] = outputs.stride32.shape.slice(2);
  const row = order.indexOf(chosen);
  const scores = data.subarray(row * high * wide, (row + 1) * high * wide);
  const most = Math.max(...scores, 1e-6);
  [canvas.width, canvas.height] = [input.width, input.height];
  const pen = canvas.getContext("2d");
  const image = new ImageData(input.width, input.height);
  image.data.fill(255);
  for (let i = 0; i < input.width * input.height; i++)
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = input.data[3 * i + c];
  pen.putImageData(image, 0, 0);
  const veil = element("canvas", { width: wide, height: high });
  const dark = new ImageData(wide, high);
  scores.forEach((score, i) => {
    dark.data[4 * i + 3] = Math.round(215 * (1 - Math.max(score, 0) / most));
  });
  veil.getContext("2d").putImageData(dark, 0, 0);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(veil, 0, 0, canvas.width, canvas.height);
  canvas.setAttribute("aria-label", `the picture, bright where it finds: ${label}`);
}

function drawMaps({ maps, words }, outputs, depth) {
  const stride = 2 ** (depth + 1);
  const { data, shape } = outputs[`stride${stride}`];
  const [channels, high, wide] = shape.slice(1);
  const all = Array.from({ length: channels }, (_, c) => ({
    data: data.subarray(c * high * wide, (c + 1) * high * wide),
    height: high,
    width: wide,
  }));
  words.textContent =
    `${channels} maps of ${high} by ${wide} numbers, one for every ${stride} by ${stride} pixels; ` +
    `the ${MAPS} that differ most from place to place:`;
  maps.replaceChildren(
    ...strongest(all, MAPS).map((map, i) => {
      const canvas = element("canvas", { role: "img", "aria-label": `map ${i + 1}` });
      paint(canvas, map, rangeOf(map));
      return canvas;
    }),
  );
}
