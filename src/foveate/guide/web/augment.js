// What augmentation does to a picture: shift, turn, zoom, mirror, brightness; by hand or at random.

import { element } from "./api.js";
import { button, row, short, slider } from "./controls.js";
import { ownPicture, pixelsOf } from "./pictures.js";

const SIDE = 64;
const SHOWN = 288;

/** picture: rows of [r, g, b]. */
export function mount(root, { picture }) {
  const canvases = ["the picture", "changed"].map((name) =>
    element("canvas", { width: SHOWN, height: SHOWN, role: "img", "aria-label": name }),
  );
  const small = element("canvas", { width: SIDE, height: SIDE });
  const make = (label, least, most, value, step, words = short) =>
    slider(label, { least, most, value, step, words }, () => draw());
  const all = {
    right: make("shift to the right", -16, 16, 4, 1),
    down: make("shift down", -16, 16, 0, 1),
    turn: make("turn, degrees", -45, 45, 10, 1),
    zoom: make("zoom", 0.5, 2, 1.1, 0.05),
    light: make("brightness", 0.3, 1.7, 1, 0.05),
  };
  let mirrored = false;
  const mirror = button("Mirror", () => {
    mirrored = !mirrored;
    draw();
  });
  const chance = button("At random", () => {
    for (const { input } of Object.values(all)) {
      const [least, most] = [Number(input.min), Number(input.max)];
      input.value = least + (most - least) * (0.3 + 0.4 * Math.random());
      input.dispatchEvent(new Event("input"));
    }
    mirrored = Math.random() < 0.5;
    draw();
  });
  const paint = (canvas, change) => {
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = "#777";
    pen.fillRect(0, 0, SHOWN, SHOWN);
    pen.save();
    pen.translate(SHOWN / 2, SHOWN / 2);
    change(pen);
    pen.drawImage(small, -SHOWN / 2, -SHOWN / 2, SHOWN, SHOWN);
    pen.restore();
  };
  const draw = () => {
    mirror.setAttribute("aria-pressed", String(mirrored));
    paint(canvases[0], () => {});
    paint(canvases[1], (pen) => {
      pen.filter = `brightness(${all.light.value})`;
      pen.translate((all.right.value * SHOWN) / SIDE, (all.down.value * SHOWN) / SIDE);
      pen.rotate((all.turn.value * Math.PI) / 180);
      pen.scale(all.zoom.value * (mirrored ? -1 : 1), all.zoom.value);
    });
  };
  const look = ({ data, height, width }) => {
    small.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(data), width, height), 0, 0);
    draw();
  };
  root.append(
    row(...Object.values(all).map(({ field }) => field), mirror, chance),
    element("div", { className: "canvases two" }, ...canvases.map((canvas) => element("figure", {}, canvas))),
    ownPicture(SIDE, look),
  );
  look(pixelsOf(picture));
}
