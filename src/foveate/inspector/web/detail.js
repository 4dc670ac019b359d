// One map (or one unit of a vector) looked into: what goes in, the map itself, and the arithmetic of the number
// under the mouse. What the chosen number sees is framed on the picture.

import { element, Latest, shapeWords, telling, whole } from "./api.js";
import { BigMap, commonRange } from "./bigmap.js";
import { editor } from "./kernels.js";
import { Operands } from "./operands.js";
import { store } from "./store.js";
import { arithmetic } from "./sums.js";
import { Units } from "./units.js";

const SKIPPED = new Set(["dropout"]);

export function startDetail(showField) {
  const detail = new Detail(showField);
  store.on("pixel", () => detail.point());
  store.on(
    "run",
    telling(() => detail.refresh()),
  );
  window.addEventListener("themechange", () => detail.redraw());
  return detail;
}

class Detail {
  #on = false;
  #key = "";
  #parts = [];
  #latest = new Latest();
  #waiting = false;
  #showField;

  constructor(showField) {
    this.#showField = showField;
    this.bigs = [];
    this.units = new Units();
    this.operands = new Operands(() => this.#spell());
    this.heading = element("div", { className: "row detail-head" });
    this.maps = element("div", { className: "big-maps" });
    this.where = element("p", { className: "small soft where" });
    this.sums = element("div", {});
    this.editing = element(
      "details",
      { className: "editing" },
      element("summary", { textContent: "Change this kernel" }),
      element("div", {}),
    );
    this.editing.addEventListener("toggle", () => this.#edit());
    this.root = element(
      "div",
      { className: "detail" },
      this.heading,
      this.operands.root,
      element("section", { className: "output-map", ariaLabel: "The map" }, this.maps, this.where, this.editing),
      element("section", { className: "arithmetic", ariaLabel: "The arithmetic" }, this.sums),
    );
  }

  get #vector() {
    return store.node.shape.length === 1;
  }

  /** The nodes of the box from its first to the shown one: the number's history within the box. */
  get #chain() {
    const { nodes } = store.box;
    const chain = nodes.slice(0, nodes.indexOf(store.node) + 1).filter((node) => !SKIPPED.has(node.op));
    return chain.filter((node, at) => node.op !== "flatten" || at === chain.length - 1);
  }

  close() {
    this.#on = false;
    this.#key = "";
    this.#showField(null);
  }

  /** Put the focus on what arrows move. */
  focus() {
    const target = this.#vector ? this.units.list.querySelector('[tabindex="0"]') : this.bigs[store.active]?.canvas;
    target?.focus({ preventScroll: true });
  }

  /** Show store.node's map store.channel. */
  async open() {
    this.#on = true;
    const key = `${store.node.id}/${store.channel}/${store.sides.length}`;
    const fresh = !this.#key.startsWith(`${store.box.id} `);
    this.#key = `${store.box.id} ${key}`;
    if (fresh) this.editing.open = false;
    this.#head();
    await this.refresh(true);
  }

  #head() {
    const { node, channel } = store;
    const parts = [];
    if (!this.#vector) {
      const all = element("button", { type: "button", textContent: "← All maps" });
      all.addEventListener("click", () => store.open_(null));
      const turn = (textContent, ariaLabel, step) => {
        const button = element("button", {
          type: "button",
          textContent,
          ariaLabel,
          disabled: channel + step < 0 || channel + step >= node.shape[0],
        });
        button.addEventListener("click", () => store.open_(channel + step, store.pixel));
        return button;
      };
      parts.push(
        all,
        turn("‹", "The map before", -1),
        turn("›", "The next map", 1),
        element("strong", { textContent: `Map ${channel}` }),
        element("span", { className: "soft", textContent: `of ${whole(node.shape[0])}, counted from 0` }),
      );
    }
    const focused = [...this.heading.children].indexOf(document.activeElement);
    this.heading.replaceChildren(...parts);
    if (focused >= 0) this.heading.children[focused]?.focus();
    this.heading.hidden = parts.length === 0;
  }

  /** Draw the maps of the present runs, then the arithmetic. */
  async refresh(opened = false) {
    if (!this.#on || !store.side.run) return;
    const { node, sides } = store;
    const vector = this.#vector;
    this.root.classList.toggle("of-vector", vector);
    const key = this.#key;
    if (vector) {
      const found = await store.map(store.side, node, 0);
      if (key !== this.#key) return;
      store.channel ??= found.data.indexOf(Math.max(...found.data));
      this.units.show(found, store.channel);
      this.maps.replaceChildren(this.units.root);
    } else {
      const maps = await Promise.all(sides.map((side) => (side.run ? store.map(side, node, store.channel) : null)));
      if (key !== this.#key) return;
      this.#drawMaps(maps);
    }
    await this.#ask(opened);
  }

  #drawMaps(maps) {
    while (this.bigs.length < maps.length) this.bigs.push(new BigMap(this.bigs.length));
    this.bigs.length = maps.length;
    const roots = this.bigs.map((big) => big.root);
    if (roots.length !== this.maps.children.length || roots.some((root, i) => root !== this.maps.children[i]))
      this.maps.replaceChildren(...roots);
    const range = commonRange(maps);
    this.bigs.forEach((big, i) => {
      if (maps[i]) big.show(maps[i], range);
    });
    const { height, width } = this.bigs[store.active].map;
    if (!store.pixel || store.pixel.row >= height || store.pixel.column >= width) {
      store.pixel = this.bigs[store.active].largest;
      this.redraw();
    }
  }

  redraw() {
    if (!this.#on || this.#vector) return;
    for (const big of this.bigs) big.draw();
  }

  /** Another pixel: asked for one at a time, the newest last. */
  async point() {
    if (!this.#on || !store.side.run) return;
    this.redraw();
    if (this.#waiting) return;
    this.#waiting = true;
    try {
      let asked;
      do {
        asked = store.pixel;
        await telling(() => this.#ask())();
      } while (asked !== store.pixel && this.#on);
    } finally {
      this.#waiting = false;
    }
  }

  async #ask(opened = false) {
    const { side, channel } = store;
    const pixel = this.#vector ? null : store.pixel;
    const chain = this.#chain;
    const sums = await this.#latest.run((signal) =>
      Promise.all(chain.map((node) => store.sum(side, node, channel, pixel, signal))),
    );
    if (!sums || !this.#on) return;
    const before = this.#parts[0];
    this.#parts = chain.map((node, i) => ({ node, sum: sums[i] }));
    const [{ node, sum }] = this.#parts;
    const same = before && before.node === node && before.sum.terms?.length === sum.terms?.length && !opened;
    const shown =
      Boolean(sum.terms?.length) &&
      (sum.terms.length > 1 || !this.#vector) &&
      node.op !== "linear" &&
      node.op !== "softmax";
    this.operands.root.hidden = !shown;
    if (shown) same ? this.operands.update(sum) : this.operands.open(node, sum);
    this.#spell();
    this.#showField(sum.field ?? null);
    this.editing.hidden = !(node.editable && node.op === "conv2d");
    if (opened) this.#edit();
  }

  #spell() {
    const [{ sum }] = this.#parts;
    this.sums.replaceChildren(arithmetic(this.#parts, this.operands.term));
    const { pixel } = store;
    const value = this.#parts.at(-1).sum.value;
    this.where.textContent = this.#vector || !pixel ? "" : `row ${pixel.row}, column ${pixel.column}${seen(sum.field)}`;
    document.querySelector("#spoken").textContent = this.#vector ? "" : `${value.toPrecision(4)}`;
    if (this.editing.open) this.#edit();
  }

  /** The editor is made when it is opened, and again for another kernel; not while numbers are typed in. */
  #edit() {
    const [part] = this.#parts;
    const term = part?.sum.terms?.[this.operands.term];
    if (!this.editing.open || !term || part.node.op !== "conv2d") return;
    const holder = this.editing.lastElementChild;
    const key = `${part.node.id}/${store.channel}/${term.channel}/${JSON.stringify(term.weight)}`;
    if (holder.dataset.key === key) return;
    const at = [...holder.querySelectorAll("input")].indexOf(document.activeElement);
    holder.dataset.key = key;
    holder.replaceChildren(
      element("p", {
        className: "small soft",
        textContent: `From ${store.mapName(term)} to map ${store.channel}, ${shapeWords(part.node.kernel)}`,
      }),
      editor(
        part.node,
        store.channel,
        term,
        part.sum.terms.map(({ channel }) => channel),
      ),
    );
    holder.querySelectorAll("input")[at]?.focus();
  }
}

const seen = (field) =>
  field
    ? `; it sees ${field.bottom - field.top + 1}\u2009×\u2009${field.right - field.left + 1} pixels of the picture`
    : "";
