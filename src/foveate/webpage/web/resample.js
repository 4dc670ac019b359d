// Pillow's resampling of 8-bit pictures, to the byte: `Image.resize(size, filter, box)`, as training saw them.
//
// Each pass weighs whole numbers by weights of 22 binary places, rounds, and cuts to 0..255. So the result does not
// depend on the machine, and a network answers here as it does in Python.

const PLACES = 22;
const HALF = 1 << (PLACES - 1);

const triangle = (x) => Math.max(0, 1 - Math.abs(x));

/** Keys (1981), with a = -0.5. */
function cubic(x) {
  const at = Math.abs(x);
  if (at < 1) return (1.5 * at - 2.5) * at * at + 1;
  return at < 2 ? ((-0.5 * at + 2.5) * at - 4) * at + 2 : 0;
}

const FILTERS = { bilinear: [triangle, 1], bicubic: [cubic, 2] };

/**
 * A picture {width, height, channels, data} scaled: the part in `box`, [left, top, right, bottom], to
 * width x height. `filter`: "nearest", "bilinear" or "bicubic"; the last two are antialiased when they shrink.
 */
export function resized(picture, width, height, filter, box = [0, 0, picture.width, picture.height]) {
  const [left, top, right, bottom] = box.map(Math.fround); // as Pillow keeps them
  const asItIs = right - left === width && bottom - top === height && left % 1 === 0 && top % 1 === 0;
  if (filter === "nearest" || asItIs) return picked(picture, width, height, [left, top, right, bottom]);
  const passes = [];
  if (width !== picture.width || left !== 0 || right !== width)
    passes.push((some) => alongRows(some, weightsFor(picture.width, left, right, width, FILTERS[filter])));
  if (height !== picture.height || top !== 0 || bottom !== height)
    passes.push((some) => alongColumns(some, weightsFor(picture.height, top, bottom, height, FILTERS[filter])));
  // Since Pillow 13, where the height shrinks by far more pixels than the width.
  const shorter = picture.height - height;
  if (shorter > 0 && shorter > 2 * (picture.width - width)) passes.reverse();
  return passes.reduce((some, pass) => pass(some), picture);
}

/** For each of `count` places: the first pixel that it is made of, and what each counts. */
function weightsFor(size, from, to, count, [filter, reach]) {
  const scale = Math.fround(to - from) / count;
  const stretch = Math.max(scale, 1);
  const support = reach * stretch;
  return Array.from({ length: count }, (_, place) => {
    const centre = from + (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), size);
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let i = 0; i < weights.length; i += 1) {
      weights[i] = filter((i + first - centre + 0.5) * (1 / stretch));
      sum += weights[i];
    }
    const whole = Array.from(weights, (weight) => {
      const share = sum === 0 ? weight : weight / sum;
      return Math.trunc(share * 2 ** PLACES + (share < 0 ? -0.5 : 0.5));
    });
    return { first, whole };
  });
}

/** Sums are below 2^31: 255 times weights that add up to about 2^22. */
const cut = (sum) => Math.min(Math.max(sum >> PLACES, 0), 255);

function alongRows({ height, width, channels, data }, places) {
  const found = new Uint8ClampedArray(height * places.length * channels);
  let to = 0;
  for (let row = 0; row < height; row += 1)
    for (const { first, whole } of places)
      for (let channel = 0; channel < channels; channel += 1, to += 1) {
        let sum = HALF;
        let from = (row * width + first) * channels + channel;
        for (let i = 0; i < whole.length; i += 1, from += channels) sum += data[from] * whole[i];
        found[to] = cut(sum);
      }
  return { height, width: places.length, channels, data: found };
}

function alongColumns({ width, channels, data }, places) {
  const length = width * channels;
  const found = new Uint8ClampedArray(places.length * length);
  let to = 0;
  for (const { first, whole } of places)
    for (let at = 0; at < length; at += 1, to += 1) {
      let sum = HALF;
      let from = first * length + at;
      for (let i = 0; i < whole.length; i += 1, from += length) sum += data[from] * whole[i];
      found[to] = cut(sum);
    }
  return { height: places.length, width, channels, data: found };
}

function picked({ width: wide, height: high, channels, data }, width, height, [left, top, right, bottom]) {
  const columns = steps(width, left, Math.fround(right - left) / width, wide);
  const rows = steps(height, top, Math.fround(bottom - top) / height, high);
  const found = new Uint8ClampedArray(width * height * channels);
  let to = 0;
  for (const row of rows)
    for (const column of columns)
      for (let channel = 0; channel < channels; channel += 1, to += 1)
        found[to] = data[(row * wide + column) * channels + channel];
  return { width, height, channels, data: found };
}

/** Which pixel holds each centre; the step is added each time, as Pillow does, and not multiplied. */
function steps(count, from, step, size) {
  const found = [];
  for (let i = 0, at = from + step * 0.5; i < count; i += 1, at += step)
    found.push(Math.min(Math.max(Math.trunc(at), 0), size - 1));
  return found;
}
