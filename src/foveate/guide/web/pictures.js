// The picture that a widget looks at: the chapter's own, a file of the reader's, or one of the camera.
// It never leaves the page.

import { element } from "./api.js";
import { button, row } from "./controls.js";

/** {data (RGBA), height, width} of an image, its middle square made `side` pixels wide. */
export function squarePixels(image, side) {
  const [wide, tall] = [image.videoWidth || image.width, image.videoHeight || image.height];
  const least = Math.min(wide, tall);
  const canvas = element("canvas", { width: side, height: side });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, (wide - least) / 2, (tall - least) / 2, least, least, 0, 0, side, side);
  return { data: pen.getImageData(0, 0, side, side).data, height: side, width: side };
}

/** {data (RGBA), height, width} of rows of pixels: numbers (grey) or [r, g, b], 0 to 255. */
export function pixelsOf(rows) {
  const [height, width] = [rows.length, rows[0].length];
  const data = new Uint8ClampedArray(4 * height * width);
  rows.forEach((line, r) => {
    line.forEach((pixel, c) => {
      const [red, green, blue] = typeof pixel === "number" ? [pixel, pixel, pixel] : pixel;
      data.set([red, green, blue, 255], 4 * (r * width + c));
    });
  });
  return { data, height, width };
}

/** One channel of RGBA pixels as a map, 0 to 255. */
export function channel({ data, height, width }, which) {
  return { data: Float32Array.from({ length: height * width }, (_, i) => data[4 * i + which]), height, width };
}

/** Controls that give the reader's own picture to `use(pixels)`, `side` pixels wide. */
export function ownPicture(side, use) {
  const words = element("span", { className: "soft", role: "status" });
  const input = element("input", { type: "file", accept: "image/*", className: "own-file" });
  const label = element("label", { className: "button" }, "A picture of yours", input);
  input.addEventListener("change", async () => {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    try {
      use(squarePixels(await createImageBitmap(file), side));
      words.textContent = "It stays on this machine.";
    } catch {
      words.textContent = `${file.name} is no picture that this browser reads.`;
    }
  });
  return row(label, navigator.mediaDevices?.getUserMedia ? camera(side, use, words) : "", words);
}

function camera(side, use, words) {
  let stream = null;
  const video = element("video", { autoplay: true, muted: true, playsInline: true, hidden: true });
  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.hidden = true;
    start.textContent = "The camera";
  };
  const start = button("The camera", async () => {
    if (stream) {
      use(squarePixels(video, side));
      return stop();
    }
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
    } catch (error) {
      words.textContent = `No camera: ${error.message}`;
      return undefined;
    }
    video.srcObject = stream;
    video.hidden = false;
    start.textContent = "Take the picture";
    return undefined;
  });
  return element("span", { className: "camera" }, start, video);
}
