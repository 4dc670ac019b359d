// How a picture becomes the network's input, by the settings that config.json holds (`Preprocessing` in Python).

import { resized } from "./resample.js";

/** {width, height, channels: 3, data} of the settings' size, from a picture of any size; grey stands three times. */
export function prepared(picture, settings) {
  const { width, height, channels, fill, interpolation } = settings;
  const source = channels === 1 ? grey(picture) : picture;
  const { part, place } = placement(picture, settings);
  const [left, top, right, bottom] = place;
  const inner = resized(source, right - left, bottom - top, interpolation, part);
  const whole = inner.width === width && inner.height === height;
  const input = whole ? inner : onCanvas(inner, { width, height, channels, fill, left, top });
  return channels === 1 ? thrice(input) : input;
}

/** Which part of a picture is scaled, and to which pixels of the input: [left, top, right, bottom] both. */
export function placement({ width: wide, height: high }, { width, height, fit, crop_fraction: fraction }) {
  const all = [0, 0, wide, high];
  if (fit === "stretch") return { part: all, place: [0, 0, width, height] };
  if (fit === "pad") {
    const scale = Math.min(height / high, width / wide);
    const innerHigh = Math.min(height, Math.max(1, Math.floor(high * scale + 0.5)));
    const innerWide = Math.min(width, Math.max(1, Math.floor(wide * scale + 0.5)));
    const [down, across] = [Math.floor((height - innerHigh) / 2), Math.floor((width - innerWide) / 2)];
    return { part: all, place: [across, down, across + innerWide, down + innerHigh] };
  }
  const scale = Math.max(height / high, width / wide) / fraction;
  const halfWide = Math.min(wide, width / scale) / 2;
  const halfHigh = Math.min(high, height / scale) / 2;
  const [x, y] = [wide / 2, high / 2];
  return { part: [x - halfWide, y - halfHigh, x + halfWide, y + halfHigh], place: [0, 0, width, height] };
}

/** The map from places on the input back to the picture: x -> x * scale + shift, of columns and of rows. */
export function wayBack(picture, settings) {
  const { part, place } = placement(picture, settings);
  return [0, 1].map((axis) => {
    const scale = (part[axis + 2] - part[axis]) / (place[axis + 2] - place[axis]);
    return { scale, shift: part[axis] - place[axis] * scale };
  });
}

/** Luma as Pillow has it: weights of ITU-R BT.601 that add up to 65,536. */
function grey({ width, height, data }) {
  const found = new Uint8ClampedArray(width * height);
  for (let i = 0, at = 0; i < found.length; i += 1, at += 3)
    found[i] = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 32768) >> 16;
  return { width, height, channels: 1, data: found };
}

function thrice({ width, height, data }) {
  const found = new Uint8ClampedArray(3 * data.length);
  for (let i = 0; i < data.length; i += 1) found.fill(data[i], 3 * i, 3 * i + 3);
  return { width, height, channels: 3, data: found };
}

function onCanvas(inner, { width, height, channels, fill, left, top }) {
  const colour = channels === 1 ? grey({ width: 1, height: 1, data: fill }).data : fill;
  const data = new Uint8ClampedArray(width * height * channels);
  for (let i = 0; i < data.length; i += 1) data[i] = colour[i % channels];
  const length = inner.width * channels;
  for (let row = 0; row < inner.height; row += 1)
    data.set(inner.data.subarray(row * length, (row + 1) * length), ((top + row) * width + left) * channels);
  return { width, height, channels, data };
}
