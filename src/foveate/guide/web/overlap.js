// Two boxes on a picture, and how much they overlap.

import { element } from "./api.js";
import { row, slider } from "./controls.js";
import { pixelsOf } from "./pictures.js";

const SCALE = 6;

/** Area that two boxes [left, top, right, bottom] share, over the area that they cover together. */
export function iou(a, b) {
  const wide = Math.max(Math.min(a[2], b[2]) - Math.max(a[0], b[0]), 0);
  const high = Math.max(Math.min(a[3], b[3]) - Math.max(a[1], b[1]), 0);
  const area = ([left, top, right, bottom]) => (right - left) * (bottom - top);
  return (wide * high) / (area(a) + area(b) - wide * high);
}

/** picture: rows of [r, g, b]; box: the true one, in pixels. */
export function mount(root, { picture, box }) {
  const { data, height, width } = pixelsOf(picture);
  const small = element("canvas", { width, height });
  small.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  const canvas = element("canvas", { width: width * SCALE, height: height * SCALE, role: "img" });
  const told = element("p", { className: "told", role: "status" });
  const begin = [box[0] + 5, box[1] + 4, box[2] - box[0], box[3] - box[1]];
  const all = ["left", "top", "width", "height"].map((label, i) =>
    slider(label, { least: i < 2 ? 0 : 1, most: width, value: begin[i] }, () => draw()),
  );
  const draw = () => {
    const [left, top, wide, high] = all.map(({ value }) => value);
    const own = [left, top, left + wide, top + high];
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, canvas.width, canvas.height);
    for (const [rect, colour, dash] of [
      [box, "#fff", [8, 6]],
      [own, "#ffb000", []],
    ]) {
      pen.setLineDash(dash);
      for (const [ink, thick] of [
        ["#10151a", 6],
        [colour, 3],
      ]) {
        pen.lineWidth = thick;
        pen.strokeStyle = ink;
        pen.strokeRect(rect[0] * SCALE, rect[1] * SCALE, (rect[2] - rect[0]) * SCALE, (rect[3] - rect[1]) * SCALE);
      }
    }
    const found = iou(box, own);
    told.textContent = `IoU ${found.toFixed(2)}: ${found >= 0.5 ? "counts as right" : "does not count as right"}.`;
    canvas.setAttribute("aria-label", told.textContent);
  };
  canvas.addEventListener("pointermove", ({ buttons, movementX, movementY }) => {
    if (!buttons) return;
    const scale = width / canvas.getBoundingClientRect().width;
    all[0].value += movementX * scale;
    all[1].value += movementY * scale;
    draw();
  });
  root.append(row(...all.map(({ field }) => field)), told, element("div", { className: "canvases two" }, canvas));
  draw();
}
