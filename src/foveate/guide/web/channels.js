// A picture taken apart: its three channels, and the numbers of the patch under the pointer.

import { element } from "./api.js";
import { slider } from "./controls.js";
import { frame } from "./draw.js";
import { ownPicture, pixelsOf } from "./pictures.js";

const PATCH = 5;
const NAMES = ["red", "green", "blue"];

export function mount(root, { picture }) {
  let pixels = pixelsOf(picture);
  const state = { row: Math.floor(pixels.height / 2), column: Math.floor(pixels.width / 2) };
  const canvases = ["the picture", ...NAMES].map((name) => element("canvas", { role: "img", "aria-label": name }));
  const figures = canvases.map((canvas, i) =>
    element("figure", {}, canvas, element("figcaption", { textContent: ["the picture", ...NAMES][i] })),
  );
  const tables = element("div", { className: "grids" });
  const words = element("p", { className: "told", role: "status" });
  const draw = () => {
    canvases.forEach((canvas, i) => {
      paintChannel(canvas, pixels, i - 1, state);
    });
    tables.replaceChildren(...NAMES.map((name, which) => patch(name, pixels, which, state)));
    const at = 4 * (state.row * pixels.width + state.column);
    const [red, green, blue] = pixels.data.slice(at, at + 3);
    words.textContent = `Row ${state.row}, column ${state.column}: red ${red}, green ${green}, blue ${blue}.`;
  };
  const sliders = ["row", "column"].map((name) =>
    slider(name, { least: 0, most: pixels.height - 1, value: state[name] }, (value) => {
      state[name] = value;
      draw();
    }),
  );
  for (const canvas of canvases) {
    canvas.addEventListener("pointermove", (event) => point(event, canvas));
    canvas.addEventListener("pointerdown", (event) => point(event, canvas));
  }
  const point = (event, canvas) => {
    const box = canvas.getBoundingClientRect();
    const place = (value, size, count) => Math.min(count - 1, Math.max(0, Math.floor((value / size) * count)));
    state.row = place(event.clientY - box.top, box.height, pixels.height);
    state.column = place(event.clientX - box.left, box.width, pixels.width);
    sliders[0].value = state.row;
    sliders[1].value = state.column;
    draw();
  };
  const own = ownPicture(pixels.width, (chosen) => {
    pixels = chosen;
    draw();
  });
  root.append(
    element("div", { className: "canvases" }, ...figures),
    words,
    element("div", { className: "controls" }, ...sliders.map(({ field }) => field)),
    tables,
    own,
  );
  draw();
}

/** The picture (which = -1) or one channel in its own colour, large, with a frame around the patch. */
function paintChannel(canvas, { data, height, width }, which, { row, column }) {
  const scale = 8;
  const small = element("canvas", { width, height });
  const image = new ImageData(Uint8ClampedArray.from(data), width, height);
  if (which >= 0) {
    for (let i = 0; i < image.data.length; i++) if (i % 4 !== which && i % 4 !== 3) image.data[i] = 0;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, width * scale, height * scale);
  const half = Math.floor(PATCH / 2);
  frame(pen, { top: row - half, left: column - half, height: PATCH, width: PATCH }, scale);
}

function patch(name, { data, height, width }, which, { row, column }) {
  const table = element("table", { className: `number-grid ${name}` }, element("caption", { textContent: name }));
  const half = Math.floor(PATCH / 2);
  for (let r = row - half; r <= row + half; r++) {
    const tr = table.insertRow();
    for (let c = column - half; c <= column + half; c++) {
      const inside = r >= 0 && c >= 0 && r < height && c < width;
      const value = inside ? data[4 * (r * width + c) + which] : null;
      const td = tr.insertCell();
      td.textContent = inside ? value : "–";
      if (!inside) continue;
      const shade = [0, 0, 0];
      shade[which] = value;
      td.style.background = `rgb(${shade.join(" ")})`;
      td.style.color = luminance(shade) > 0.179 ? "#000" : "#fff";
      if (r === row && c === column) td.className = "chosen";
    }
  }
  return table;
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => (c <= 10 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
