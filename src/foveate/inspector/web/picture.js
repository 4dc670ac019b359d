// The picture as the network sees it: what is covered (drag, or the keyboard), the heat map over it, and what the
// chosen number sees of it.

import { bars, legend, shown } from "./answer.js";
import { element, getPicture, telling } from "./api.js";
import { frame, penFor, token } from "./draw.js";
import { store } from "./store.js";

const WIDEST = 288; // CSS pixels
const LEAST_COVER_PX = 6; // on the screen: less was not meant
const WAIT_MS = 60;

/** The view of one side: a canvas, its controls and its answer. */
export class PictureView {
  #image = null;
  #drag = null;
  #timer = 0;
  field = null; // {top, left, bottom, right}: what the chosen number sees
  heat = null; // {image, opacity}
  patches = null; // {side, looks: {row, column} or null}: the lines between patches, and the one that looks
  looks = null; // {image, opacity}: where it looks
  objects = null; // {boxes, regions, anchors, read}: what a network finds, and where it looked
  drawn = null; // {image, opacity}: the answer, where it is a picture itself

  constructor(index) {
    this.index = index;
    this.canvas = element("canvas", { className: "picture", tabIndex: 0, role: "application" });
    this.canvas.setAttribute("aria-roledescription", "picture that can be covered");
    this.name = element("p", { className: "side-name soft small" });
    this.answer = element("div", { className: "answer" });
    this.clear = element("button", { type: "button", className: "clear", textContent: "Uncover", hidden: true });
    this.clear.addEventListener("click", () => this.#cover([]));
    this.root = element(
      "div",
      { className: "side" },
      element("div", { className: "frame" }, this.canvas, this.clear),
      this.name,
      this.answer,
    );
    this.#listen();
  }

  get side() {
    return store.sides[this.index];
  }

  get scale() {
    return this.canvas.clientWidth / store.input.width;
  }

  /** Load the picture of the side and draw it. */
  async load() {
    const { picture } = this.side;
    if (!picture) return;
    const image = await getPicture(`api/pictures/${picture.id}.png?net=${store.network.net}`);
    if (this.side?.picture !== picture) return;
    this.#image = image;
    this.draw();
  }

  draw() {
    if (!this.#image || !store.network) return;
    const { width, height } = store.input;
    const across = Math.min(WIDEST, this.root.clientWidth || WIDEST);
    const down = Math.round((across * height) / width);
    const pen = penFor(this.canvas, across, down);
    this.canvas.style.width = this.canvas.style.height = ""; // the style sheet's
    const scale = across / width;
    pen.imageSmoothingEnabled = scale < 1;
    pen.drawImage(this.#image, 0, 0, across, down);
    if (this.drawn) {
      pen.globalAlpha = this.drawn.opacity;
      pen.imageSmoothingEnabled = false; // between two classes lies none
      pen.drawImage(this.drawn.image, 0, 0, across, down);
      pen.globalAlpha = 1;
    }
    if (this.heat) {
      pen.globalAlpha = this.heat.opacity;
      pen.imageSmoothingEnabled = true;
      pen.drawImage(this.heat.image, 0, 0, across, down);
      pen.globalAlpha = 1;
    }
    if (this.looks) {
      pen.globalAlpha = this.looks.opacity;
      pen.imageSmoothingEnabled = false; // a patch has one weight
      pen.drawImage(this.looks.image, 0, 0, this.looks.width * scale, this.looks.height * scale);
      pen.globalAlpha = 1;
    }
    if (this.objects) outlined(pen, this.objects, scale);
    if (this.patches) ruled(pen, this.patches, scale);
    for (const covered of [...this.side.cover, ...(this.#drag?.now ? [this.#drag.now] : [])])
      hatch(pen, covered, scale);
    if (this.field) {
      const { top, left, bottom, right } = this.field; // ends included
      frame(pen, { top, left, height: bottom - top + 1, width: right - left + 1 }, scale);
    }
    const spot = this.index === store.active ? store.spot : null;
    if (spot) mark(pen, (spot.column + 0.5) * scale, (spot.row + 0.5) * scale);
    this.canvas.setAttribute("aria-label", this.#spoken());
    this.clear.hidden = this.side.cover.length === 0;
  }

  #spoken() {
    const parts = [`The picture as the network sees it, ${store.input.width} by ${store.input.height}.`];
    const [covered] = this.side.cover;
    if (covered)
      parts.push(`Covered: ${covered.width} by ${covered.height} at row ${covered.top}, column ${covered.left}.`);
    if (!store.network.whole_picture && !covered) parts.push("Arrows go to a pixel and say why it got its class.");
    if (store.network.tokens && !covered) parts.push("Arrows go from patch to patch and show where each looks.");
    parts.push("Enter covers a part, arrows move it, plus and minus size it, Delete uncovers.");
    return parts.join(" ");
  }

  showAnswer() {
    const { run, picture } = this.side;
    this.name.textContent = store.sides.length > 1 ? `${"AB"[this.index]} · ${picture?.name ?? "picture"}` : "";
    this.name.hidden = store.sides.length === 1;
    this.root.classList.toggle("active", store.sides.length > 1 && store.active === this.index);
    if (!run) return;
    if (run.drawn) {
      this.answer.replaceChildren(legend(run.drawn));
      return;
    }
    const [best] = run.top;
    const verdict = element(
      "p",
      { className: "verdict" },
      element("bdi", { textContent: best.label ?? store.className(best.class) }),
      ` ${shown(best.probability)}`,
    );
    this.answer.replaceChildren(verdict, bars(run));
  }

  // Covering

  #listen() {
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.#image) return;
      canvas.setPointerCapture(event.pointerId);
      this.#drag = { from: this.#pixel(event), now: null };
      store.activate(this.index);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.#drag) return;
      this.#drag.now = between(this.#drag.from, this.#pixel(event));
      this.draw();
      this.#soon(() => [...this.side.cover, this.#drag?.now].filter(Boolean));
    });
    canvas.addEventListener("pointerup", () => this.#dropped());
    canvas.addEventListener("pointercancel", () => this.#dropped(true));
    canvas.addEventListener("keydown", (event) => this.#pressed(event));
  }

  #dropped(cancelled = false) {
    const { now: covered, from } = this.#drag ?? {};
    this.#drag = null;
    clearTimeout(this.#timer);
    if (!covered) {
      if (from && !cancelled) this.#ask(from);
      return;
    }
    const meant = !cancelled && Math.max(covered.width, covered.height) * this.scale >= LEAST_COVER_PX;
    this.#cover(meant ? [...this.side.cover, covered] : this.side.cover);
    if (!meant && !cancelled) this.#ask(from);
  }

  /** Why the pixel at a place of the picture has its answer, where pixels have one. */
  #ask({ row, column }) {
    const { tokens } = store.network;
    if (tokens) {
      const [down, across] = tokens.grid;
      const patch = (place, most) => clip(Math.floor(place / tokens.patch), 0, most - 1);
      store.lookFrom({ row: patch(row, down), column: patch(column, across) }, this.index);
    }
    if (store.network.whole_picture) return;
    const { height, width } = store.input;
    const spot = { row: clip(Math.floor(row), 0, height - 1), column: clip(Math.floor(column), 0, width - 1) };
    store.lookAt(spot, this.index);
  }

  /** While the mouse moves the network follows, as fast as it answers. */
  #soon(covered) {
    if (this.#timer) return;
    this.#timer = setTimeout(
      telling(async () => {
        if (this.#drag) await store.tryCover(covered(), this.index);
        this.#timer = 0;
      }),
      WAIT_MS,
    );
  }

  #cover = telling(async (rectangles) => {
    this.#timer = 0;
    await store.cover(rectangles, this.index);
  });

  #pixel(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const inside = (value, most) => Math.min(most, Math.max(0, value));
    return {
      row: inside(((event.clientY - bounds.top) / bounds.height) * store.input.height, store.input.height),
      column: inside(((event.clientX - bounds.left) / bounds.width) * store.input.width, store.input.width),
    };
  }

  #pressed(event) {
    const { width, height } = store.input;
    const last = this.side.cover.at(-1);
    const others = this.side.cover.slice(0, -1);
    const step = Math.max(1, Math.round(width / 28));
    const moves = { ArrowLeft: [0, -step], ArrowRight: [0, step], ArrowUp: [-step, 0], ArrowDown: [step, 0] };
    if (!last && event.key in moves && store.network.tokens) {
      const { patch } = store.network.tokens;
      const [down, across] = moves[event.key].map(Math.sign);
      const from = store.token ?? { row: height / patch / 2, column: width / patch / 2 };
      this.#ask({ row: (from.row + down) * patch, column: (from.column + across) * patch });
      event.preventDefault();
      return;
    }
    if (!last && event.key in moves && !store.network.whole_picture) {
      const { row, column } = store.spot ?? { row: height >> 1, column: width >> 1 };
      const far = event.shiftKey ? 8 : 1;
      const [down, across] = store.spot ? moves[event.key].map((way) => Math.sign(way) * far) : [0, 0];
      this.#ask({ row: row + down, column: column + across });
      event.preventDefault();
      return;
    }
    const grow = { "+": step, "=": step, "-": -step }[event.key];
    if ((event.key === "Enter" || event.key === " ") && !last) {
      const [h, w] = [Math.ceil(height / 4), Math.ceil(width / 4)];
      this.#cover([{ top: (height - h) >> 1, left: (width - w) >> 1, height: h, width: w }]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.#cover([]);
    } else if (last && (event.key in moves || grow)) {
      const [down, across] = moves[event.key] ?? [0, 0];
      const h = clip(last.height + (grow ?? 0), 1, height),
        w = clip(last.width + (grow ?? 0), 1, width);
      this.#cover([
        ...others,
        {
          top: clip(last.top + down, 0, height - h),
          left: clip(last.left + across, 0, width - w),
          height: h,
          width: w,
        },
      ]);
    } else return;
    event.preventDefault();
  }
}

const clip = (value, least, most) => Math.min(most, Math.max(least, value));

function between(a, b) {
  const [top, left] = [Math.floor(Math.min(a.row, b.row)), Math.floor(Math.min(a.column, b.column))];
  return {
    top,
    left,
    height: Math.ceil(Math.max(a.row, b.row)) - top,
    width: Math.ceil(Math.max(a.column, b.column)) - left,
  };
}

/** A cross around a place, dark within light, so that it is seen on every colour. */
function mark(pen, x, y) {
  for (const [lineWidth, strokeStyle] of [
    [4, "rgb(255 255 255 / .95)"],
    [2, "#10151a"],
  ]) {
    Object.assign(pen, { lineWidth, strokeStyle });
    pen.beginPath();
    for (const [across, down] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      pen.moveTo(x + 4 * across, y + 4 * down);
      pen.lineTo(x + 10 * across, y + 10 * down);
    }
    pen.stroke();
  }
}

/** Boxes in their classes' colours; regions and anchors as thin lines; the points at which a region was read. */
function outlined(pen, { boxes, regions, anchors, read }, scale) {
  const rectangle = ([x1, y1, x2, y2]) => pen.strokeRect(x1 * scale, y1 * scale, (x2 - x1) * scale, (y2 - y1) * scale);
  Object.assign(pen, { lineWidth: 1, strokeStyle: "rgb(255 255 255 / .7)" });
  regions.forEach(rectangle);
  pen.setLineDash([4, 3]);
  for (const strokeStyle of ["#fff", "#10151a"]) {
    pen.strokeStyle = strokeStyle;
    pen.lineDashOffset = strokeStyle === "#fff" ? 0 : 4;
    anchors.forEach(rectangle);
  }
  pen.setLineDash([]);
  for (const { box, colour } of boxes) {
    Object.assign(pen, { lineWidth: 4, strokeStyle: "rgb(255 255 255 / .9)" });
    rectangle(box);
    Object.assign(pen, { lineWidth: 2, strokeStyle: colour });
    rectangle(box);
  }
  if (!read) return;
  if (read.region) {
    const [left, top, right, bottom] = read.region;
    frame(pen, { left, top, width: right - left, height: bottom - top }, scale);
  }
  for (const [x, y] of read.points) {
    pen.fillStyle = "#10151a";
    pen.fillRect(x * scale - 1.5, y * scale - 1.5, 3, 3);
    pen.fillStyle = "#fff";
    pen.fillRect(x * scale - 0.5, y * scale - 0.5, 1, 1);
  }
}

/** The lines between patches; the patch that looks is framed. */
function ruled(pen, { rows, columns, side, lines, looks }, scale) {
  const step = side * scale;
  if (lines) {
    Object.assign(pen, { lineWidth: 1, strokeStyle: "rgb(255 255 255 / .55)" });
    pen.beginPath();
    for (let i = 0; i <= rows; i++) {
      pen.moveTo(0, Math.round(i * step) + 0.5);
      pen.lineTo(columns * step, Math.round(i * step) + 0.5);
    }
    for (let j = 0; j <= columns; j++) {
      pen.moveTo(Math.round(j * step) + 0.5, 0);
      pen.lineTo(Math.round(j * step) + 0.5, rows * step);
    }
    pen.stroke();
  }
  if (looks) frame(pen, { top: looks.row * side, left: looks.column * side, height: side, width: side }, scale);
}

/** A covered part: grey with slanting lines, so that it is not taken for a grey part of the picture. */
function hatch(pen, { top, left, height, width }, scale) {
  const [x, y, w, h] = [left * scale, top * scale, width * scale, height * scale];
  pen.save();
  pen.beginPath();
  pen.rect(x, y, w, h);
  pen.clip();
  pen.fillStyle = "#808080";
  pen.fillRect(x, y, w, h);
  pen.strokeStyle = "rgb(255 255 255 / .35)";
  pen.lineWidth = 2;
  for (let at = x - h; at < x + w; at += 9) {
    pen.beginPath();
    pen.moveTo(at, y + h);
    pen.lineTo(at + h, y);
    pen.stroke();
  }
  pen.restore();
  pen.strokeStyle = token("--miss");
  pen.lineWidth = 2;
  pen.strokeRect(x, y, w, h);
}
