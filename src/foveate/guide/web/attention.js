// A picture in patches: choose one, and see how much it attends to each other.

import { element } from "./api.js";
import { row, slider } from "./controls.js";
import { frame } from "./draw.js";
import { pixelsOf } from "./pictures.js";

const SCALE = 6;

/** picture: rows of [r, g, b]; patch: its side in pixels; weights: (T, T), each row of sum 1. */
export function mount(root, { picture, patch, weights }) {
  const { data, height, width } = pixelsOf(picture);
  const count = width / patch;
  const small = element("canvas", { width, height });
  small.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  const canvas = element("canvas", { width: width * SCALE, height: height * SCALE, role: "img" });
  const told = element("p", { className: "told", role: "status" });
  const sliders = ["row", "column"].map((name) =>
    slider(`patch, ${name}`, { least: 1, most: count, value: 5 }, () => draw()),
  );
  const draw = () => {
    const [r, c] = sliders.map(({ value }) => value - 1);
    const line = weights[r * count + c];
    const most = Math.max(...line);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, canvas.width, canvas.height);
    const side = patch * SCALE;
    line.forEach((weight, i) => {
      pen.fillStyle = `rgb(0 0 0 / ${0.82 * (1 - weight / most)})`;
      pen.fillRect((i % count) * side, Math.floor(i / count) * side, side, side);
    });
    frame(pen, { top: r, left: c, height: 1, width: 1 }, side);
    const attended = line.filter((weight) => weight > most / 10).length;
    told.textContent =
      `${attended} of ${line.length} patches get more than a tenth of the largest weight, ` +
      `${(100 * most).toFixed(1)} %.`;
    canvas.setAttribute("aria-label", told.textContent);
  };
  canvas.addEventListener("pointerdown", ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    const place = (value, size) => Math.min(count, Math.max(1, 1 + Math.floor((value / size) * count)));
    sliders[0].value = place(clientY - box.top, box.height);
    sliders[1].value = place(clientX - box.left, box.width);
    draw();
  });
  root.append(row(...sliders.map(({ field }) => field)), element("div", { className: "canvases two" }, canvas), told);
  draw();
}
