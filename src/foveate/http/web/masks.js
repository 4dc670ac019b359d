// Masks as the server tells them, COCO's run lengths column by column, and the picture that their colours make.

const FIRST = 48; // "0": a group of five bits with nothing in it
const BITS = 5,
  MORE = 0x20,
  SIGN = 0x10;
const MOST_SIDE = 1024; // of what is painted: a photograph's every pixel would be more than a screen shows

/** The lengths of the runs, outside and inside by turns, of the text that packs them. */
export function runLengths(text) {
  const lengths = [];
  for (let at = 0; at < text.length; ) {
    let value = 0,
      places = 0,
      group;
    do {
      group = text.charCodeAt(at++) - FIRST;
      value += (group & (MORE - 1)) * 2 ** places; // not <<: a length may have more than 32 bits
      places += BITS;
    } while (group & MORE && at < text.length);
    if (group & SIGN) value -= 2 ** places;
    // from the fourth on they are told by how they differ from the one two before
    lengths.push(lengths.length > 2 ? value + lengths[lengths.length - 2] : value);
  }
  return lengths;
}

/** [red, green, blue] of "#c80000". */
export const parts = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/**
 * A class for each pixel as a picture: {width, height, data}, RGBA; where no class is, nothing covers.
 * `classes`: [{colour: "#c80000", rle: {counts}}] of a picture of `width` x `height`, of which every n-th pixel of a
 * large one is taken.
 */
export function painted({ width, height, classes }) {
  const step = Math.max(1, Math.ceil(Math.max(width, height) / MOST_SIDE));
  const [wide, high] = [Math.ceil(width / step), Math.ceil(height / step)];
  const data = new Uint8ClampedArray(4 * wide * high);
  for (const { colour, rle } of classes) {
    const pixel = [...parts(colour), 255];
    let end = 0;
    for (const [i, length] of runLengths(rle.counts).entries()) {
      const start = end;
      end += length;
      if (i % 2 === 1) paintRun(data, wide, { start, end, height, step, pixel });
    }
  }
  return { width: wide, height: high, data };
}

/** The pixels from `start` to `end`, counted down one column after the other. */
function paintRun(data, wide, { start, end, height, step, pixel }) {
  const last = Math.floor((end - 1) / height);
  for (let column = step * Math.ceil(Math.floor(start / height) / step); column <= last; column += step) {
    const from = Math.max(0, start - column * height),
      to = Math.min(height, end - column * height);
    for (let row = step * Math.ceil(from / step); row < to; row += step)
      data.set(pixel, 4 * ((row / step) * wide + column / step));
  }
}

/**
 * The text that packs where a map of classes, row by row, is `number`: COCO's run lengths, column by column.
 */
export function packed(map, { width, height }, number) {
  const lengths = [];
  let [inside, length] = [false, 0];
  for (let column = 0; column < width; column += 1)
    for (let at = column; at < width * height; at += width) {
      if ((map[at] === number) !== inside) {
        lengths.push(length);
        [inside, length] = [!inside, 0];
      }
      length += 1;
    }
  lengths.push(length);
  return lengths.map((one, i) => text(i > 2 ? one - lengths[i - 2] : one)).join("");
}

/** A whole number in groups of five bits, the lowest first; the last says whether it is negative. */
function text(value) {
  let [rest, found, more] = [value, "", true];
  while (more) {
    const group = rest & (MORE - 1);
    rest >>= BITS;
    more = group & SIGN ? rest !== -1 : rest !== 0;
    found += String.fromCharCode(FIRST + (more ? group | MORE : group));
  }
  return found;
}
