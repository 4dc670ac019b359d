// A class for each pixel of the picture's own: the document of `tasks/segmentation/answers.py`.

import { packed } from "../masks.js";

const IGNORED = 255;

export function document(outputs, { classes: names, unsure }, { picture, input, back }) {
  const { width, height } = picture;
  const [columns, rows] = back.map((axis, i) => nearest(i === 0 ? width : height, axis));
  const mask = broughtBack(outputs.classes, input, columns, rows);
  const sure = broughtBack(outputs.confidence, input, columns, rows);
  const below = (unsure?.unsure_below ?? 0) * 255;
  const counts = new Array(names.length).fill(0);
  const sums = new Array(names.length).fill(0);
  let doubtful = 0;
  for (let i = 0; i < mask.length; i += 1) {
    if (sure[i] < below) doubtful += 1;
    if (mask[i] === IGNORED) continue;
    counts[mask[i]] += 1;
    sums[mask[i]] += sure[i];
  }
  const found = [...counts.keys()].filter((k) => counts[k]).sort((a, b) => counts[b] - counts[a] || a - b);
  const classes = found.map((k) => ({
    label: names[k],
    share: counts[k] / mask.length,
    confidence: sums[k] / counts[k] / 255,
    rle: { size: [height, width], counts: packed(mask, { width, height }, k) },
  }));
  return { width, height, unsure_share: doubtful / mask.length, classes };
}

/** Which pixel of the input holds each centre of the picture's; back: from the input to the picture. */
function nearest(count, { scale, shift }) {
  return Array.from({ length: count }, (_, i) => Math.floor((i + 0.5 - shift) / scale + 1e-9));
}

function broughtBack(map, { width, height }, columns, rows) {
  const found = new Uint8Array(rows.length * columns.length).fill(IGNORED);
  let at = 0;
  for (const row of rows)
    for (const column of columns) {
      if (row >= 0 && row < height && column >= 0 && column < width) found[at] = map[row * width + column];
      at += 1;
    }
  return found;
}
