// The sandbox's pictures as grey values of any size: pictures of the server, and drawn ones.

import { Refusal } from "./api.js";
import { grey } from "./sandbox_math.js";

const disc = (x, y) => Math.hypot(x, y) < 0.62;
const ring = (x, y) => Math.abs(Math.hypot(x, y) - 0.6) < 0.16;

/** name -> {title, at}: brightness 0 to 1 at x, y from -1 to 1. */
export const PATTERNS = {
  square: { title: "a square", at: (x, y) => (Math.max(Math.abs(x), Math.abs(y)) < 0.55 ? 1 : 0.1) },
  disc: { title: "a disc", at: (x, y) => (disc(x, y) ? 0.95 : 0.1) },
  ring: { title: "a ring", at: (x, y) => (ring(x, y) ? 1 : 0) },
  stripes: { title: "stripes, ever finer", at: (x) => 0.5 + 0.5 * Math.cos(9 * (x + 1) ** 2) },
  ramp: { title: "dark to light", at: (x) => (x + 1) / 2 },
  point: { title: "one point: the kernel itself comes out, turned", at: null },
};

/** side -> picture for a drawn one. */
export function patternOf(name) {
  const { at } = PATTERNS[name];
  return (side) => {
    const data = new Float32Array(side * side);
    if (at === null) data[Math.floor(side / 2) * side + Math.floor(side / 2)] = 1;
    else
      data.forEach((_, i) => {
        data[i] = at((((i % side) + 0.5) / side) * 2 - 1, ((Math.floor(i / side) + 0.5) / side) * 2 - 1);
      });
    return { data, height: side, width: side };
  };
}

/** side -> picture for one of the server's: its middle square, made so small. */
export async function pictureOf(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    throw new Refusal("The picture cannot be loaded; choose another one.", 0);
  }
  return (side) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.imageSmoothingQuality = "high";
    const least = Math.min(image.naturalWidth, image.naturalHeight);
    pen.drawImage(
      image,
      (image.naturalWidth - least) / 2,
      (image.naturalHeight - least) / 2,
      least,
      least,
      0,
      0,
      side,
      side,
    );
    return grey(pen.getImageData(0, 0, side, side).data, side, side);
  };
}
