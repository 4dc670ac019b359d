// One convolution to play with: kernel, stride, padding, dilation; the window on the picture and what it gives.

import { element, get, telling } from "./api.js";
import { css, frame, isLight, paintLegend, penFor, rangeOf } from "./draw.js";
import { formulaLines, formulaWords, misfit } from "./sandbox_formula.js";
import { convolve, sizes, terms } from "./sandbox_math.js";
import { PATTERNS, patternOf, pictureOf } from "./sandbox_pictures.js";

const $ = (id) => document.getElementById(id);
const SLIDERS = [
  ["kernel", "kernel", 1, 7, 3],
  ["stride", "stride", 1, 5, 1],
  ["padding", "padding", 0, 6, 1],
  ["dilation", "dilation", 1, 4, 1],
  ["size", "picture", 5, 64, 24],
];
const ROUND_MS = 12_000; // once over the whole map, at most
const minus = (text) => text.replace("-", /[1-9]/.test(text) ? "−" : ""); // and no −0.0
const short = (value) => minus(value.toFixed(Math.abs(value) < 9.9995 ? 3 : 2));

const state = { kernel: 3, stride: 1, padding: 1, dilation: 1, size: 24, row: 0, column: 0 };
let weights = [
  [-1, 0, 1],
  [-2, 0, 2],
  [-1, 0, 1],
];
let source = null; // (side) => picture
let choice = 0; // how often one was chosen: pictures arrive late, and not in order
let picture = null,
  map = null,
  range = null,
  filters = [],
  playing = null;

/** Build the sandbox and show it. */
export async function startSandbox() {
  const [{ filters: known }, { pictures }] = await Promise.all([get("api/filters"), get("api/pictures")]);
  filters = known;
  startControls(pictures);
  startPointing();
  $("play").addEventListener("click", () => (playing ? stop() : play()));
  new ResizeObserver(draw).observe($("pair"));
  addEventListener("themechange", draw);
  $("filter").value = "sobel_x";
  state.row = state.column = Math.floor(state.size / 2);
  await choosePicture($("source").value);
}

function startControls(pictures) {
  $("filter").append(
    ...filters.map(({ name }) => element("option", { value: name, textContent: name.replaceAll("_", " ") })),
  );
  $("filter").addEventListener("change", () => {
    const chosen = filters.find(({ name }) => name === $("filter").value);
    if (!chosen) return;
    weights = chosen.kernel.map((row) => [...row]);
    set("kernel", weights.length);
    showKernel();
    update();
  });
  for (const [name, words, least, most, value] of SLIDERS) {
    const input = element("input", { type: "range", id: `slide-${name}`, min: least, max: most, value });
    const shown = element("output", { htmlFor: input.id, id: `shown-${name}` });
    input.addEventListener("input", () => slide(name, Number(input.value)));
    $("sliders").append(
      element(
        "div",
        { className: "slider" },
        element("label", { htmlFor: input.id, textContent: words }),
        input,
        shown,
      ),
    );
    set(name, value);
  }
  $("source").append(
    element(
      "optgroup",
      { label: "pictures at hand" },
      ...pictures.map(({ id, picture: other, name }) =>
        element("option", { value: `picture:${id ?? other}`, textContent: name ?? "a picture" }),
      ),
    ),
    element(
      "optgroup",
      { label: "drawn" },
      ...Object.entries(PATTERNS).map(([name, { title }]) => element("option", { value: name, textContent: title })),
    ),
  );
  $("source").addEventListener(
    "change",
    telling(() => choosePicture($("source").value)),
  );
  $("own").addEventListener(
    "change",
    telling(async () => {
      const [file] = $("own").files;
      if (file) await useOwn(file);
    }),
  );
  showKernel();
}

function set(name, value) {
  state[name] = value;
  $(`slide-${name}`).value = value;
  $(`shown-${name}`).textContent =
    name === "size" ? `${value}×${value}` : name === "kernel" ? `${value}×${value}` : value;
}

function slide(name, value) {
  set(name, value);
  if (name === "kernel") {
    weights = resized(weights, value);
    $("filter").value = "";
    showKernel();
  }
  if (name === "size" && source) picture = source(value);
  update();
}

/** The same numbers around the same middle, zeros where there were none. */
function resized(old, side) {
  const shift = Math.floor(old.length / 2) - Math.floor(side / 2);
  return Array.from({ length: side }, (_, i) =>
    Array.from({ length: side }, (__, j) => old[i + shift]?.[j + shift] ?? 0),
  );
}

function showKernel() {
  const grid = $("kernel");
  grid.style.gridTemplateColumns = `repeat(${weights.length}, minmax(0, 1fr))`;
  grid.classList.toggle("tight", weights.length > 5);
  grid.replaceChildren(
    ...weights.flatMap((row, i) =>
      row.map((weight, j) => {
        const input = element("input", {
          value: String(Math.round(weight * 1e4) / 1e4),
          inputMode: "decimal",
          autocomplete: "off",
          "aria-label": `row ${i + 1}, column ${j + 1}`,
        });
        input.addEventListener("input", () => {
          const [above, below = 1] = input.value.replace("−", "-").replace(",", ".").split("/").map(Number);
          const value = above / below;
          const wrong = input.value.trim() === "" || !Number.isFinite(value);
          input.setAttribute("aria-invalid", String(wrong));
          if (wrong) return;
          weights[i][j] = value;
          $("filter").value = "";
          update();
        });
        return input;
      }),
    ),
  );
}

/** A picture of the person's: it never leaves this page. */
async function useOwn(file) {
  const mine = ++choice,
    url = URL.createObjectURL(file);
  let chosen = null;
  try {
    chosen = await pictureOf(url);
  } finally {
    URL.revokeObjectURL(url);
    $("own").value = "";
  }
  if (mine !== choice) return;
  source = chosen;
  $("source").prepend(element("option", { value: "own", textContent: file.name, disabled: true }));
  $("source").selectedIndex = 0;
  picture = source(state.size);
  update();
}

async function choosePicture(value) {
  const mine = ++choice;
  const chosen = value.startsWith("picture:")
    ? await pictureOf(`api/pictures/${value.slice(8)}.png?original=1`)
    : patternOf(value);
  if (mine !== choice) return; // another was chosen while this one was on its way
  source = chosen;
  picture = source(state.size);
  update();
}

function update() {
  if (!picture) return; // it is still on its way, and will be drawn as the sliders then stand
  map = convolve(picture, weights, state);
  range = map && rangeOf(map);
  if (map) {
    state.row = Math.min(state.row, map.height - 1);
    state.column = Math.min(state.column, map.width - 1);
  } else {
    stop();
  }
  const axis = { kernel: state.kernel, stride: state.stride, padding: state.padding, dilation: state.dilation };
  const found = sizes(state.size, axis);
  $("formula-lines").replaceChildren(formulaLines(state.size, axis, found));
  $("formula-words").textContent = formulaWords(state.size, axis, found);
  $("misfit").hidden = Boolean(map);
  $("misfit").textContent = map ? "" : misfit(axis, found);
  $("in-size").textContent = `${state.size}×${state.size}${state.padding ? ` and ${state.padding} around it` : ""}`;
  $("out-size").textContent = map ? `${map.height}×${map.width}` : "none";
  $("sum").hidden = $("legend").hidden = $("play-row").hidden = !map;
  draw();
}

// Drawing: both canvases have cells of the same size, so that it is seen how the map shrinks or grows.

function cell() {
  const room = Math.min($("in").parentElement.clientWidth, 420);
  const most = Math.min(room / Math.max(state.size + 2 * state.padding, map?.width ?? 1), 34);
  return most > 3 ? Math.floor(most) : most; // whole pixels: no seams between the cells
}

function draw() {
  if (!picture || !$("pair").clientWidth) return;
  drawPicture();
  if (!map) {
    penFor($("out"), 1, 1);
    return;
  }
  drawMap();
  showSum();
}

function drawPicture() {
  const px = cell(),
    { size, padding } = state,
    side = (size + 2 * padding) * px;
  const pen = penFor($("in"), side, side);
  pen.fillStyle = hatched(pen);
  pen.fillRect(0, 0, side, side);
  picture.data.forEach((value, i) => {
    const level = Math.round(255 * value);
    pen.fillStyle = `rgb(${level} ${level} ${level})`;
    pen.fillRect((padding + (i % size)) * px, (padding + Math.floor(i / size)) * px, px + 0.5, px + 0.5);
  });
  $("in").setAttribute(
    "aria-label",
    `The picture, ${size} by ${size} pixels${padding ? `, with ${padding} of padding around it` : ""}.`,
  );
  if (!map) return;
  const { row, column, stride, dilation, kernel } = state;
  const window_ = {
    top: row * stride,
    left: column * stride,
    height: dilation * (kernel - 1) + 1,
    width: dilation * (kernel - 1) + 1,
  };
  if (dilation > 1 || px >= 12) {
    for (let i = 0; i < kernel; i++) {
      for (let j = 0; j < kernel; j++) {
        const [x, y] = [(window_.left + j * dilation) * px, (window_.top + i * dilation) * px];
        pen.lineWidth = 1;
        pen.strokeStyle = "#10151a";
        pen.strokeRect(x + 0.5, y + 0.5, px - 1, px - 1);
        pen.strokeStyle = "#ffffff";
        pen.strokeRect(x + 1.5, y + 1.5, Math.max(px - 3, 0.5), Math.max(px - 3, 0.5));
      }
    }
  }
  frame(pen, window_, px);
}

/** What lies around the picture: zeros that the picture does not have. */
function hatched(pen) {
  const tile = element("canvas", { width: 6, height: 6 });
  const inner = tile.getContext("2d");
  inner.fillStyle = "#0b0e11";
  inner.fillRect(0, 0, 6, 6);
  inner.strokeStyle = "#59636d";
  inner.beginPath();
  for (const shift of [-6, 0, 6]) {
    inner.moveTo(shift, 6);
    inner.lineTo(shift + 6, 0);
  }
  inner.stroke();
  return pen.createPattern(tile, "repeat");
}

function drawMap() {
  const px = cell();
  const pen = penFor($("out"), map.width * px, map.height * px);
  pen.font = `${Math.min(px / 2.9, 12)}px system-ui, sans-serif`;
  pen.textAlign = "center";
  map.data.forEach((value, i) => {
    const [x, y] = [(i % map.width) * px, Math.floor(i / map.width) * px];
    pen.fillStyle = css(value, range);
    pen.fillRect(x, y, px + 0.5, px + 0.5);
    if (px < 26) return;
    pen.fillStyle = isLight(value, range) ? "#000" : "#fff";
    pen.fillText(minus(value.toFixed(1)), x + px / 2, y + px / 2 + 4);
  });
  frame(pen, { top: state.row, left: state.column, height: 1, width: 1 }, px);
  paintLegend($("legend-strip"), range);
  $("low").textContent = short(range.from);
  $("high").textContent = short(range.to);
}

function showSum() {
  const all = terms(picture, weights, state, state.row, state.column);
  const total = all.reduce((sum, { weight, value }) => sum + weight * value, 0);
  const padded = all.filter((one) => one.padded).length;
  $("value").textContent =
    `Row ${state.row}, column ${state.column}: ${short(total)}, ` +
    `the sum of ${all.length} products of a weight and a pixel` +
    `${padded ? `, ${padded} of them with the padding's 0` : ""}.`;
  const table = element(
    "table",
    { className: "products" },
    element("caption", { className: "visually-hidden", textContent: "weight times pixel, as the window lies" }),
  );
  for (let i = 0; i < weights.length; i++) {
    const cells = all.slice(i * weights.length, (i + 1) * weights.length).map(({ weight, value, padded: outside }) =>
      element(
        "td",
        { className: outside ? "padded" : "" },
        element("span", {
          className: "soft",
          textContent: `${minus(String(Math.round(weight * 1e3) / 1e3))} · ${value.toFixed(2)}`,
        }),
        element("b", { textContent: short(weight * value) }),
      ),
    );
    table.append(element("tr", {}, ...cells));
  }
  $("products").replaceChildren(table);
}

// Moving the window

function startPointing() {
  const at = (event) => {
    if (!map) return;
    const px = cell(),
      box = $("out").getBoundingClientRect();
    stop();
    go(Math.floor((event.clientY - box.top) / px), Math.floor((event.clientX - box.left) / px));
  };
  $("out").addEventListener("pointermove", at);
  $("out").addEventListener("pointerdown", at);
  $("in").addEventListener("pointermove", (event) => {
    if (!map) return;
    const px = cell(),
      box = $("in").getBoundingClientRect(),
      half = (state.dilation * (state.kernel - 1)) / 2;
    stop();
    go(
      Math.round(((event.clientY - box.top) / px - 0.5 - half) / state.stride),
      Math.round(((event.clientX - box.left) / px - 0.5 - half) / state.stride),
    );
  });
  $("out").addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step || !map) return;
    event.preventDefault();
    stop();
    go(state.row + step[0], state.column + step[1]);
  });
}

function go(row, column) {
  const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
  state.row = within(row, map.height);
  state.column = within(column, map.width);
  draw();
}

function play() {
  if (!map) return;
  $("play").setAttribute("aria-pressed", "true");
  const begun = performance.now(),
    from = state.row * map.width + state.column;
  const each = Math.min(250, ROUND_MS / map.data.length);
  playing = requestAnimationFrame(function next(now) {
    const place = (from + Math.floor(Math.max(now - begun, 0) / each)) % map.data.length;
    if (place !== state.row * map.width + state.column) go(Math.floor(place / map.width), place % map.width);
    playing = requestAnimationFrame(next);
  });
}

function stop() {
  if (playing) cancelAnimationFrame(playing);
  playing = null;
  $("play").setAttribute("aria-pressed", "false");
}
