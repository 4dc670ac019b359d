// Boxes as the server tells them: which of them are shown from a score on, and how they lie over the picture.

const MOST_SIDE = 2048; // of what is drawn on: a photograph's every pixel would be more than a screen shows

/** The boxes with at least this score, the surest first. */
export const shownFrom = ({ boxes, below }, score) => [...boxes, ...below].filter((one) => one.score >= score);

/** [[label, how many], ...], the most frequent first. */
export function counted(boxes) {
  const counts = new Map();
  for (const { label } of boxes) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}

/** "3 car, 1 person" */
export const inWords = (counts) => counts.map(([label, count]) => `${count} ${label}`).join(", ") || "Nothing.";

/**
 * Where boxes lie on a canvas that is no larger than is needed: {width, height, boxes: [[x, y, width, height], ...]}.
 */
export function laidOut({ width, height }, boxes) {
  const scale = Math.min(1, MOST_SIDE / Math.max(width, height));
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
    boxes: boxes.map(({ bbox }) => bbox.map((side) => side * scale)),
  };
}

/** Draw boxes with their names on a canvas; the surest last, so that it lies above. colours: label -> "#c80000". */
export function draw(canvas, prediction, boxes, colours) {
  const laid = laidOut(prediction, boxes);
  [canvas.width, canvas.height] = [laid.width, laid.height];
  const pen = canvas.getContext("2d");
  const size = Math.max(11, Math.round(Math.max(laid.width, laid.height) / 50));
  pen.lineWidth = Math.max(2, size / 6);
  pen.font = `${size}px sans-serif`;
  pen.textBaseline = "top";
  for (let i = boxes.length - 1; i >= 0; i -= 1) {
    const [x, y, width, height] = laid.boxes[i];
    const text = `${boxes[i].label} ${Math.round(100 * boxes[i].score)} %`;
    const wide = pen.measureText(text).width + 6;
    const top = y >= size + 4 ? y - size - 4 : y;
    pen.strokeStyle = pen.fillStyle = colours(boxes[i].label);
    pen.strokeRect(x, y, width, height);
    pen.fillRect(x, top, wide, size + 4);
    pen.fillStyle = "#fff";
    pen.fillText(text, x + 3, top + 2);
  }
}
