// What goes into the chosen number: for each input map the map with its padding, the window on it, the kernel.

import { element, whole } from "./api.js";
import { commonRange, drawMap } from "./bigmap.js";
import { frame, penFor, rangeOf, token } from "./draw.js";
import { isEdited } from "./kernels.js";
import { digits } from "./numbers.js";
import { store } from "./store.js";

const WEIGHED = new Set(["conv2d", "gaussian_pool"]);
const PAGE = 12,
  TILE = 88,
  KERNEL = 48,
  LEAST_FRAME = 5;

export class Operands {
  term = 0; // the number of the term that the arithmetic spells out
  #from = 0;
  #largest = false;
  #order = [];
  #sum = null;
  #node = null;

  constructor(chosen) {
    this.#chosen = chosen;
    this.list = element("div", { className: "terms", role: "group", ariaLabel: "Input maps" });
    this.where = element("span", { className: "soft small" });
    this.before = this.#turner("‹", "The input maps before", -PAGE);
    this.after = this.#turner("›", "The next input maps", PAGE);
    this.sort = element("button", { type: "button", textContent: "Largest first", ariaPressed: "false" });
    this.sort.addEventListener("click", () => {
      this.#largest = !this.#largest;
      this.sort.setAttribute("aria-pressed", String(this.#largest));
      this.#from = 0;
      this.#arrange();
      this.#build();
    });
    this.title = element("h3", { textContent: "Input" });
    this.root = element(
      "section",
      { className: "operands", ariaLabel: "Input maps and kernels" },
      this.title,
      element("div", { className: "row" }, this.before, this.where, this.after, this.sort),
      this.list,
    );
    this.list.addEventListener("click", (event) => this.#clicked(event));
    this.list.addEventListener("keydown", (event) => this.#pressed(event));
  }

  #chosen;

  #turner(textContent, ariaLabel, step) {
    const button = element("button", { type: "button", textContent, ariaLabel });
    button.addEventListener("click", () => {
      this.#from += step;
      this.#build();
    });
    return button;
  }

  /** Another map is looked into: which terms there are, and in what order. */
  open(node, sum) {
    this.#node = node;
    this.#sum = sum;
    this.#from = 0;
    this.#arrange();
    this.term = this.#order[0] ?? 0;
    this.#build();
  }

  /** Another pixel, or another run: the same terms with new numbers. */
  update(sum) {
    this.#sum = sum;
    this.#paint();
  }

  #arrange() {
    this.#order = this.#sum.terms.map((_, at) => at);
    const size = (at) => Math.abs(this.#sum.terms[at].sum ?? 0);
    if (this.#largest) this.#order.sort((a, b) => size(b) - size(a));
  }

  #build() {
    const shown = this.#order.slice(this.#from, this.#from + PAGE);
    const many = this.#order.length > PAGE;
    const kernels = WEIGHED.has(this.#node.op);
    this.title.textContent = kernels ? "Input maps and kernels" : this.#order.length > 1 ? "Inputs" : "Input";
    this.where.textContent = many
      ? `${this.#from + 1} to ${this.#from + shown.length} of ${whole(this.#order.length)}`
      : "";
    this.before.hidden = this.after.hidden = this.where.hidden = !many;
    this.before.disabled = this.#from === 0;
    this.after.disabled = this.#from + PAGE >= this.#order.length;
    this.sort.hidden = this.#order.length < 3;
    this.list.replaceChildren(
      ...shown.map((at, i) => {
        const term = this.#sum.terms[at];
        const button = element(
          "button",
          { type: "button", className: "term", tabIndex: i ? -1 : 0 },
          element("canvas", { className: "tile" }),
          element(
            "span",
            { className: "term-words small" },
            element("span", { textContent: this.#nameOf(term) }),
            kernels ? element("canvas", { className: "kernel" }) : null,
            element("span", { className: "mono term-sum" }),
          ),
        );
        button.dataset.at = at;
        return button;
      }),
    );
    this.#paint();
  }

  /** Two operands of a sum have the same map's number: they are told apart by where they come from. */
  #nameOf(term) {
    const from = store.nodes.get(term.node);
    const name = store.mapName(term);
    return this.#node.inputs.length > 1 && from ? `${from.module ?? from.label}, ${name}` : name;
  }

  async #paint() {
    const sum = this.#sum,
      { side } = store;
    const buttons = [...this.list.children];
    const terms = buttons.map((button) => sum.terms[button.dataset.at]);
    if (terms.some((term) => !term)) return;
    const maps = await Promise.all(terms.map((term) => mapOf(side, term)));
    if (sum !== this.#sum || buttons[0] !== this.list.firstElementChild) return;
    const range = commonRange(maps);
    const kernelRange = rangeOf({ data: terms.flatMap((term) => [term.weight].flat(2)) });
    buttons.forEach((button, i) => {
      const term = terms[i];
      button.setAttribute("aria-pressed", String(Number(button.dataset.at) === this.term));
      button.setAttribute("aria-label", `${this.#nameOf(term)}: ${digits(term.sum, 3)}`);
      button.querySelector(".term-sum").textContent = typeof term.sum === "number" ? digits(term.sum, 3) : "";
      const tile = button.querySelector(".tile");
      tile.hidden = !maps[i]; // a number of a vector, or a constant
      if (maps[i]) this.#tile(tile, maps[i], range, sum.window ?? this.#place(maps[i]));
      const kernel = button.querySelector(".kernel");
      if (kernel) this.#kernel(kernel, term.weight, kernelRange, term);
    });
  }

  /** Where there is no window, the number itself, if it has a place on the input map. */
  #place(map) {
    const [, height, width] = this.#node.shape;
    const { pixel } = store;
    if (!pixel || map.height !== height || map.width !== width) return null;
    return { top: pixel.row, left: pixel.column, height: 1, width: 1 };
  }

  /** A map in its padding (hatched), with the window framed. */
  #tile(canvas, map, range, window_) {
    const [[down, under], [across, beside]] = paddingOf(this.#node);
    const [high, wide] = [map.height + down + under, map.width + across + beside];
    const scale = TILE / Math.max(high, wide);
    const pen = penFor(canvas, wide * scale, high * scale);
    if (high > map.height || wide > map.width) hatched(pen, wide * scale, high * scale);
    drawMap(pen, map, range, scale, across * scale, down * scale);
    if (!window_) return;
    const grown = (size) => Math.max(size, LEAST_FRAME / scale);
    const [h, w] = [grown(window_.height), grown(window_.width)];
    frame(
      pen,
      {
        top: window_.top + down - (h - window_.height) / 2,
        left: window_.left + across - (w - window_.width) / 2,
        height: h,
        width: w,
      },
      scale,
    );
  }

  #kernel(canvas, rows, range, term) {
    const scale = KERNEL / Math.max(rows.length, rows[0].length);
    const pen = penFor(canvas, rows[0].length * scale, rows.length * scale);
    drawMap(pen, { data: rows.flat(), height: rows.length, width: rows[0].length }, range, scale);
    canvas.classList.toggle("edited", isEdited(this.#node, store.channel, term.channel));
  }

  #clicked(event) {
    const button = event.target.closest(".term");
    if (button) this.#choose(button);
  }

  #choose(button) {
    this.term = Number(button.dataset.at);
    for (const each of this.list.children) {
      each.tabIndex = each === button ? 0 : -1;
      each.setAttribute("aria-pressed", String(each === button));
    }
    this.#chosen();
  }

  #pressed(event) {
    const buttons = [...this.list.children];
    const at = buttons.indexOf(document.activeElement);
    const next = buttons[at + ({ ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0)];
    if (at < 0 || !next || next === buttons[at]) return;
    event.preventDefault();
    next.focus();
    this.#choose(next);
  }
}

/** [[top, bottom], [left, right]] */
const paddingOf = (node) =>
  node.padding ?? [
    [0, 0],
    [0, 0],
  ];

async function mapOf(side, term) {
  const node = store.nodes.get(term.node);
  if (node?.shape.length !== 3 || typeof term.channel !== "number") return null;
  return store.map(side, node, term.channel);
}

function hatched(pen, width, height) {
  pen.fillStyle = token("--field");
  pen.fillRect(0, 0, width, height);
  pen.strokeStyle = token("--edge");
  pen.lineWidth = 1;
  for (let at = -height; at < width; at += 5) {
    pen.beginPath();
    pen.moveTo(at, height);
    pen.lineTo(at + height, 0);
    pen.stroke();
  }
}
