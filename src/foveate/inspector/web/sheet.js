// All maps of a layer as a sheet of buttons: one stop in the tab order, arrows go from map to map. With two
// pictures every button shows both.

import { element, whole } from "./api.js";
import { store } from "./store.js";

const PAGE = 64;

export class Sheet {
  #from = 0;
  #listening;

  constructor(node) {
    this.node = node;
    this.sides = store.sides.length;
    this.count = node.shape[0];
    this.grid = element("div", { className: "maps", role: "group", ariaLabel: `The maps of ${node.label}` });
    this.where = element("span", { className: "soft" });
    this.before = this.#turner("‹", "The maps before", -PAGE);
    this.after = this.#turner("›", "The next maps", PAGE);
    const pages = element("div", { className: "row" }, this.before, this.where, this.after);
    this.root = element("div", {}, pages, this.grid);
    this.#listening = () => this.load().catch(() => undefined);
    store.on("run", this.#listening);
    this.grid.addEventListener("click", (event) => this.#clicked(event));
    this.grid.addEventListener("keydown", (event) => this.#pressed(event));
  }

  stop() {
    store.removeEventListener("run", this.#listening);
  }

  #turner(textContent, ariaLabel, step) {
    const button = element("button", { type: "button", textContent, ariaLabel });
    button.addEventListener("click", () => this.#turn(step));
    return button;
  }

  async #turn(step) {
    this.#from += step;
    this.grid.replaceChildren();
    await this.load();
    this.grid.firstElementChild.focus();
  }

  /** Ask for the page's maps and draw them. */
  async load() {
    const shown = Math.min(PAGE, this.count - this.#from);
    if (this.grid.children.length !== shown) this.#build(shown);
    const many = this.count > PAGE;
    this.where.textContent = many
      ? `Maps ${this.#from} to ${this.#from + shown - 1} of ${whole(this.count)}`
      : this.count === 1
        ? "One map"
        : `${this.count} maps`;
    this.before.hidden = this.after.hidden = !many;
    this.before.disabled = this.#from === 0;
    this.after.disabled = this.#from + shown >= this.count;
    await Promise.all(store.sides.map((side, index) => this.#draw(side, index, shown)));
  }

  #build(shown) {
    const [, height, width] = this.node.shape;
    this.grid.replaceChildren(
      ...Array.from({ length: shown }, (_, i) => {
        const button = element("button", {
          type: "button",
          className: "map",
          tabIndex: i ? -1 : 0,
          ariaLabel: `Map ${this.#from + i}`,
        });
        for (let side = 0; side < this.sides; side++)
          button.append(element("canvas", { className: "pixels", width, height }));
        button.append(element("span", { className: "number small", textContent: this.#from + i }));
        return button;
      }),
    );
  }

  async #draw(side, index, shown) {
    if (!side.run) return;
    const from = this.#from;
    const found = await store.sheet(side, this.node, from, shown);
    if (from !== this.#from) return;
    [...this.grid.children].forEach((button, i) => {
      const canvas = button.querySelectorAll("canvas")[index];
      if (canvas) found.draw(canvas, i);
    });
  }

  /** Put the focus on a map. */
  async focus(channel) {
    const from = PAGE * Math.floor(channel / PAGE);
    if (from !== this.#from || !this.grid.children.length) {
      this.#from = from;
      await this.load();
    }
    this.#rove(this.grid.children[channel - from]);
  }

  #rove(button) {
    for (const each of this.grid.children) each.tabIndex = each === button ? 0 : -1;
    button.focus();
  }

  #clicked(event) {
    const button = event.target.closest(".map");
    if (button) store.open_(this.#from + [...this.grid.children].indexOf(button));
  }

  #pressed(event) {
    const buttons = [...this.grid.children];
    const at = buttons.indexOf(document.activeElement);
    if (at < 0) return;
    const across = buttons.filter((button) => button.offsetTop === buttons[0].offsetTop).length;
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -across,
      ArrowDown: across,
      Home: -at,
      End: buttons.length - 1 - at,
    };
    const next = buttons[at + steps[event.key]];
    if (!next) return;
    event.preventDefault();
    this.#rove(next);
  }
}
