// Kernels as photo filters: the reader's picture, a kernel by name or by hand, and what comes out.

import { element } from "./api.js";
import { choice, numberGrid, row, sumOfProducts } from "./controls.js";
import { frame, paint, rangeOf } from "./draw.js";
import { ownPicture, pixelsOf } from "./pictures.js";
import { convolve, grey, terms } from "./sandbox_math.js";

const PLAIN = { stride: 1, padding: 1, dilation: 1 };
const SCALE = 6;

/** picture: rows of [r, g, b]; kernels: name -> rows. */
export function mount(root, { picture, kernels }) {
  const state = { kernel: [], row: 0, column: 0, grey: null };
  const canvases = ["before", "after"].map((name) => element("canvas", { role: "img", "aria-label": name }));
  const figures = canvases.map((canvas) =>
    element("figure", {}, canvas, element("figcaption", { textContent: canvas.getAttribute("aria-label") })),
  );
  const grids = element("div", { className: "grids" });
  const told = element("p", { className: "told sum", role: "status" });
  const look = (pixels) => {
    state.grey = grey(pixels.data, pixels.height, pixels.width);
    state.row = state.column = Math.floor(pixels.height / 2);
    draw();
  };
  const draw = () => {
    const shape = { ...PLAIN, padding: (state.kernel.length - 1) / 2 };
    const map = convolve(state.grey, state.kernel, shape);
    show(canvases[0], state.grey, { from: 0, to: 1, signed: false, plain: true });
    show(canvases[1], map, rangeOf(map));
    const reach = state.kernel.length;
    const top = state.row - (reach - 1) / 2;
    const left = state.column - (reach - 1) / 2;
    frame(canvases[0].getContext("2d"), { top, left, height: reach, width: reach }, SCALE);
    frame(canvases[1].getContext("2d"), { top: state.row, left: state.column, height: 1, width: 1 }, SCALE);
    const pairs = terms(state.grey, state.kernel, shape, state.row, state.column);
    const seen = Array.from({ length: reach }, (_, r) => pairs.slice(r * reach, (r + 1) * reach).map((t) => t.value));
    grids.replaceChildren(
      numberGrid("the window", seen),
      numberGrid(
        "the kernel",
        state.kernel.map((line) => line.map((w) => Math.round(w * 1e4) / 1e4)),
        {
          change: (r, c, value) => {
            state.kernel[r][c] = value;
            draw();
          },
        },
      ),
    );
    told.textContent = sumOfProducts(pairs.map(({ weight, value }) => [weight, value]));
  };
  for (const canvas of canvases) {
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      const place = (value, size, count) => Math.min(count - 1, Math.max(0, Math.floor((value / size) * count)));
      state.row = place(event.clientY - box.top, box.height, state.grey.height);
      state.column = place(event.clientX - box.left, box.width, state.grey.width);
      draw();
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
  }
  const named = choice(
    "kernel",
    Object.keys(kernels).map((name) => [name, name.replaceAll("_", " ")]),
    (name) => {
      state.kernel = kernels[name].map((line) => [...line]);
      draw();
    },
  );
  named.select.value = "sobel_x";
  state.kernel = kernels.sobel_x.map((line) => [...line]);
  root.append(
    row(named.field),
    element("div", { className: "canvases two" }, ...figures),
    grids,
    told,
    ownPicture(64, look),
  );
  look(pixelsOf(picture));
}

/** A map as large pixels: grey where `plain`, else in the colours of its range. */
function show(canvas, map, range) {
  const small = element("canvas", {});
  if (range.plain) {
    small.width = map.width;
    small.height = map.height;
    const image = new ImageData(map.width, map.height);
    map.data.forEach((value, i) => {
      image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i);
    });
    small.getContext("2d").putImageData(image, 0, 0);
  } else paint(small, map, range);
  canvas.width = map.width * SCALE;
  canvas.height = map.height * SCALE;
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, canvas.width, canvas.height);
}
