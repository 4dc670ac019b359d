// One chart on a canvas: training dashed, validation with dots; told apart without colour.

import { element, whole } from "./api.js";
import { penFor, token } from "./draw.js";

const HEIGHT_PX = 150;
const LEFT_PX = 44,
  RIGHT_PX = 10,
  TOP_PX = 8,
  BOTTOM_PX = 22;

export class Curve {
  #canvas = element("canvas", { role: "img" });
  #write;
  #title;
  #rises;

  /** `write(value)` as the axis says it; `rises`: a good run's curve ends high. */
  constructor(title, write, rises) {
    this.#title = title;
    this.#write = write;
    this.#rises = rises;
    this.figure = element(
      "figure",
      {},
      element("figcaption", { className: "small soft", textContent: `${title}, by steps` }),
      this.#canvas,
    );
  }

  /** series: [{name, dashed, points: [[step, value], ...]}]. */
  draw(series) {
    const width = this.figure.clientWidth;
    if (!width) return;
    const pen = penFor(this.#canvas, width, HEIGHT_PX);
    const points = series.flatMap((one) => one.points);
    const told = series
      .filter((one) => one.points.length)
      .map((one) => `${one.name} ${this.#write(one.points.at(-1)[1])}`);
    this.#canvas.setAttribute("aria-label", `${this.#title} over the steps: ${told.join(", ") || "nothing yet"}.`);
    const inner = { width: width - LEFT_PX - RIGHT_PX, height: HEIGHT_PX - TOP_PX - BOTTOM_PX };
    const xs = points.map(([x]) => x),
      ys = points.map(([, y]) => y);
    const end = Math.max(...xs, 1);
    const xTicks = ticks(0, end, Math.max(2, Math.floor(inner.width / 70))).filter(
      (value) => value <= end && Number.isInteger(value),
    );
    const yTicks = points.length ? ticks(Math.min(...ys), Math.max(...ys), 4) : [0, 1];
    const at = ([x, y]) => [
      LEFT_PX + (inner.width * x) / end,
      TOP_PX + inner.height * (1 - (y - yTicks[0]) / (yTicks.at(-1) - yTicks[0] || 1)),
    ];
    this.#axes(pen, xTicks, yTicks, at, width);
    for (const one of series) line(pen, one, at);
    legend(
      pen,
      series.filter((one) => one.points.length),
      width,
      this.#rises,
    );
  }

  #axes(pen, xTicks, yTicks, at, width) {
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = token("--soft");
    pen.strokeStyle = token("--line");
    pen.lineWidth = 1;
    for (const value of yTicks) {
      const y = Math.round(at([0, value])[1]) + 0.5;
      pen.beginPath();
      pen.moveTo(LEFT_PX, y);
      pen.lineTo(width - RIGHT_PX, y);
      pen.stroke();
      pen.textAlign = "right";
      pen.fillText(this.#write(value), LEFT_PX - 5, y + 4);
    }
    pen.textAlign = "center";
    for (const value of xTicks) {
      const x = Math.min(at([value, 0])[0], width - RIGHT_PX - 8);
      pen.fillText(whole(value), x, HEIGHT_PX - 6);
    }
  }
}

function line(pen, { dashed, points }, at) {
  pen.strokeStyle = pen.fillStyle = token(dashed ? "--miss" : "--hit");
  pen.lineWidth = 2;
  pen.setLineDash(dashed ? [5, 4] : []);
  pen.beginPath();
  for (const point of points) pen.lineTo(...at(point)); // the first of a path moves there
  pen.stroke();
  pen.setLineDash([]);
  if (dashed) return;
  for (const point of points) {
    pen.beginPath();
    pen.arc(...at(point), 3, 0, 7);
    pen.fill();
  }
}

/** In the corner that curves leave free: below right where they rise, above right where they fall. */
function legend(pen, series, width, rising) {
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "right";
  series.forEach(({ name, dashed }, i) => {
    const y = rising ? HEIGHT_PX - BOTTOM_PX - 8 - 15 * (series.length - 1 - i) : TOP_PX + 12 + 15 * i;
    pen.fillStyle = token("--card");
    const wide = pen.measureText(name).width;
    pen.fillRect(width - RIGHT_PX - wide - 40, y - 11, wide + 40, 15);
    pen.fillStyle = token("--ink");
    pen.fillText(name, width - RIGHT_PX - 4, y);
    const right = width - RIGHT_PX - wide - 10;
    pen.strokeStyle = token(dashed ? "--miss" : "--hit");
    pen.lineWidth = 2;
    pen.setLineDash(dashed ? [5, 4] : []);
    pen.beginPath();
    pen.moveTo(right - 22, y - 4);
    pen.lineTo(right, y - 4);
    pen.stroke();
    pen.setLineDash([]);
  });
}

/** About `count` round numbers that enclose low..high. */
function ticks(low, high, count) {
  const rough = (high - low || Math.abs(high) || 1) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * size).find((one) => one >= rough);
  const first = Math.floor(low / step + 1e-9),
    last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: Math.max(last - first, 1) + 1 }, (_, i) => (first + i) * step);
}
