// The numbers of a vector: the largest as bars, all of them as a strip, one of them chosen.

import { element, whole } from "./api.js";
import { css, rangeOf } from "./draw.js";
import { digits } from "./numbers.js";
import { store } from "./store.js";

const MOST = 10;

export class Units {
  constructor() {
    this.list = element("div", { className: "units", role: "group", ariaLabel: "The largest numbers" });
    this.number = element("input", { type: "number", min: 0, step: 1 });
    this.strip = element("canvas", { className: "strip pixels", role: "img" });
    this.root = element(
      "div",
      {},
      this.list,
      element(
        "label",
        { className: "field unit-number" },
        element("span", { textContent: "Any other, by its number" }),
        this.number,
      ),
      this.strip,
    );
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) store.open_(Number(button.dataset.unit));
    });
    this.list.addEventListener("keydown", (event) => this.#pressed(event));
    this.number.addEventListener("change", () => {
      const unit = this.number.valueAsNumber;
      if (this.number.validity.valid && Number.isInteger(unit)) store.open_(unit);
    });
  }

  /** `vector`: all numbers of the node. */
  show(vector, chosen) {
    const { data } = vector;
    const named = store.network.classes?.length === data.length;
    const order = [...data.keys()].sort((a, b) => data[b] - data[a]).slice(0, MOST);
    if (!order.includes(chosen)) order.splice(MOST - 1, 1, chosen);
    const range = rangeOf(vector);
    const focused = this.list.contains(document.activeElement);
    this.list.replaceChildren(
      ...order.map((unit) => {
        const bar = element("span", { className: data[unit] < 0 ? "bar below" : "bar" });
        bar.style.width = `${(100 * Math.abs(data[unit])) / range.to}%`;
        const button = element(
          "button",
          {
            type: "button",
            className: "unit",
            tabIndex: unit === chosen ? 0 : -1,
            ariaPressed: String(unit === chosen),
          },
          element(
            "span",
            { className: "label" },
            element("bdi", { textContent: named ? store.className(unit) : `unit ${whole(unit)}` }),
          ),
          element("span", { className: "mono", textContent: digits(data[unit], 4) }),
          element("span", { className: "bar-cell" }, bar),
        );
        button.dataset.unit = unit;
        return button;
      }),
    );
    if (focused) this.list.querySelector('[tabindex="0"]').focus();
    this.number.max = data.length - 1;
    this.number.value = chosen;
    this.number.parentElement.hidden = data.length <= MOST;
    this.strip.hidden = data.length <= MOST;
    this.#drawStrip(data, range);
  }

  #drawStrip(data, range) {
    const columns = Math.ceil(Math.sqrt(data.length * 4)),
      rows = Math.ceil(data.length / columns);
    this.strip.width = columns;
    this.strip.height = rows;
    const pen = this.strip.getContext("2d");
    data.forEach((value, i) => {
      pen.fillStyle = css(value, range);
      pen.fillRect(i % columns, Math.floor(i / columns), 1, 1);
    });
    this.strip.setAttribute("aria-label", `All ${whole(data.length)} numbers, row by row`);
  }

  #pressed(event) {
    const buttons = [...this.list.children];
    const at = buttons.indexOf(document.activeElement);
    const next = buttons[at + ({ ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0)];
    if (at < 0 || !next || next === buttons[at]) return;
    event.preventDefault();
    next.focus();
    store.open_(Number(next.dataset.unit));
  }
}
