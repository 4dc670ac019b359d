// The layers as a list of rows: what each leaves, costs and sees; options of the chosen one; blocks hold lists.

import { brief, element, shapeWords, whole } from "./api.js";
import { dragging } from "./design_drag.js";
import { fieldsOf, inWords } from "./design_fields.js";
import { BLOCKS } from "./design_model.js";
import { COLOURS, spoken } from "./design_palette.js";

export class LayerList {
  #design;
  #kinds;
  #root;
  #add;
  #say;
  #rows = new Map(); // node id -> {item, name, leaves, parameters, macs, sees, error, options}
  #answer = null;

  /** `add(list, index)` asks for a kind of layer to put there; `say(words)` speaks to screen readers. */
  constructor(root, design, kinds, { add, say }) {
    this.#root = root;
    this.#design = design;
    this.#kinds = new Map(kinds.map((kind) => [kind.kind, kind]));
    this.#add = add;
    this.#say = say;
    design.addEventListener("change", ({ detail }) => (detail === "field" ? this.#words() : this.render()));
    design.addEventListener("select", () => this.#choose());
    dragging(root, design, (done) => done && this.#say("Moved."));
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  render() {
    const focused = document.activeElement?.closest?.("#layers [data-focus]")?.dataset.focus;
    this.#rows.clear();
    this.#root.replaceChildren(this.#list(this.#design.layers, null, 0));
    this.#choose();
    this.#words();
    if (focused) this.#root.querySelector(`[data-focus="${focused}"]`)?.focus();
  }

  /** Put the keyboard on a layer's row. */
  focus(id) {
    this.#rows.get(id)?.name.focus();
  }

  #list(nodes, owner, part) {
    const list = element("ol", { className: "list" }, ...nodes.map((node) => this.#row(node)));
    list.dataset.owner = owner?.id ?? "";
    list.dataset.part = part;
    const where = owner ? `in ${spoken(owner.kind)}, ${partName(owner, part).toLowerCase()}` : "at the end";
    const add = element("button", {
      type: "button",
      className: `add quiet small${owner ? " inner" : ""}`,
      textContent: owner ? "+ add" : "+ Add a layer",
      "aria-label": `Add a layer ${where}`,
    });
    add.dataset.focus = `add-${list.dataset.owner}-${part}`;
    add.addEventListener("click", () => this.#add(nodes, nodes.length));
    return element("div", { className: "holder" }, list, add);
  }

  #row(node) {
    const kind = this.#kinds.get(node.kind);
    const cell = (className) => element("span", { className });
    const row = {
      words: element("span", { className: "words soft" }),
      number: element("span", { className: "number soft" }),
      leaves: cell("leaves"),
      bar: cell("bar"),
      parameters: cell("n"),
      macs: cell("n"),
      sees: cell("n sees"),
      error: element("p", { className: "error small", hidden: true }),
      options: element("div", { className: "options", hidden: true }),
    };
    row.error.id = `error-${node.id}`;
    row.options.id = `options-${node.id}`;
    row.name = element(
      "button",
      { type: "button", className: "name quiet", "aria-expanded": "false", "aria-controls": row.options.id },
      row.number,
      element("span", {}, element("b", { textContent: spoken(node.kind) }), " ", row.words),
    );
    row.name.dataset.focus = node.id;
    row.name.addEventListener("click", () => this.#design.select(this.#design.selected === node.id ? null : node.id));
    const grip = element("span", { className: "grip", title: "Drag to move", textContent: "⠿", ariaHidden: "true" });
    const facts = element(
      "div",
      { className: "facts" },
      element("span", { className: "funnel", "aria-hidden": "true" }, row.bar),
      row.leaves,
      row.parameters,
      row.macs,
      row.sees,
    );
    row.item = element(
      "li",
      { className: `layer of-${COLOURS[kind?.group] ?? "other"}` },
      element("div", { className: "line" }, grip, row.name, facts),
      row.error,
      row.options,
      ...this.#parts(node),
    );
    row.item.dataset.id = node.id;
    this.#rows.set(node.id, row);
    return row.item;
  }

  #parts(node) {
    if (!(node.kind in BLOCKS)) return [];
    const parts = node.parts.map((part, i) => {
      const head = element(
        "div",
        { className: "row part-head small" },
        element("span", { className: "soft", textContent: partName(node, i) }),
      );
      if (node.kind === "residual" && i === 1 && !part.length)
        head.append(element("span", { className: "soft", textContent: "none: the input as it is" }));
      if (node.kind === "parallel" && node.parts.length > 1) {
        const remove = element("button", { type: "button", className: "quiet small", textContent: "Remove path" });
        remove.addEventListener("click", () => this.#design.change(() => node.parts.splice(i, 1)));
        head.append(remove);
      }
      return element("div", { className: "part" }, head, this.#list(part, node, i));
    });
    if (node.kind === "parallel") {
      const path = element("button", { type: "button", className: "quiet small", textContent: "+ Add a path" });
      path.addEventListener("click", () => this.#design.change(() => node.parts.push([])));
      parts.push(path);
    }
    return parts;
  }

  #choose() {
    for (const [id, row] of this.#rows) {
      const chosen = id === this.#design.selected;
      if (chosen === !row.options.hidden) continue;
      row.item.classList.toggle("chosen", chosen);
      row.name.setAttribute("aria-expanded", String(chosen));
      row.options.hidden = !chosen;
      row.options.replaceChildren(...(chosen ? this.#options(this.#design.find(id).node) : []));
    }
  }

  #options(node) {
    const kind = this.#kinds.get(node.kind);
    const set = (name, value) => {
      const work = () => {
        if (value === undefined) delete node.args[name];
        else node.args[name] = value;
      };
      this.#design.change(work, `${node.id}.${name}`);
    };
    const fields = element("div", { className: "fields" }, ...fieldsOf(node, kind, set));
    for (const field of fields.querySelectorAll("input, select")) {
      field.dataset.focus = `${node.id}.${field.name || field.closest(".field").textContent}`;
    }
    const tool = (text, work) => {
      const button = element("button", { type: "button", textContent: text });
      button.dataset.focus = `${node.id}.${text}`;
      button.addEventListener("click", work);
      return button;
    };
    const below = () => {
      const { list, index } = this.#design.find(node.id);
      this.#add(list, index + 1);
    };
    const tools = element(
      "div",
      { className: "row tools small" },
      tool("Up", () => this.#step(node.id, "up")),
      tool("Down", () => this.#step(node.id, "down")),
      tool("Add below …", below),
      tool("Duplicate", () => this.#design.duplicate(node.id)),
      tool("Remove", () => this.#remove(node.id)),
    );
    return [
      element("p", { className: "soft small", textContent: kind?.summary ?? "No layer has this name." }),
      fields,
      tools,
    ];
  }

  #step(id, way) {
    const moved = this.#design.step(id, way);
    const numbers = this.#design.numbers();
    this.#say(moved ? `Now layer ${numbers.get(id)}.` : "It cannot go further that way.");
    if (moved) this.#rows.get(id)?.item.scrollIntoView({ block: "nearest" });
  }

  #remove(id) {
    const { node } = this.#design.find(id);
    this.#design.remove(id);
    this.#say(`${spoken(node.kind)} removed.`);
    if (this.#design.selected) this.focus(this.#design.selected);
    else this.#root.querySelector(".add")?.focus();
  }

  #key(event) {
    const id = event.target.closest?.("button.name")?.dataset.focus;
    if (!id || event.ctrlKey || event.metaKey) return;
    const moves = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "in", ArrowLeft: "out" };
    if (event.altKey && event.key in moves) {
      this.#step(id, moves[event.key]);
      this.focus(id);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const names = [...this.#root.querySelectorAll("button.name")];
      names[names.indexOf(event.target) + (event.key === "ArrowUp" ? -1 : 1)]?.focus();
    } else if (event.key === "Delete") {
      this.#remove(id);
    } else if (event.key === "+") {
      const { list, index } = this.#design.find(id);
      this.#add(list, index + 1);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** What the server says of the layers, and where it found a fault. */
  show(answer) {
    this.#answer = answer;
    const told = new Map();
    for (const row of answer.layers) {
      const node = this.#design.at(row.number);
      if (node && !told.has(node.id)) told.set(node.id, row);
    }
    const faulty = answer.error?.number ? this.#design.at(answer.error.number)?.id : null;
    for (const [id, row] of this.#rows) this.#facts(row, told.get(id), id === faulty ? answer.error : null);
  }

  #facts(row, told, error) {
    row.item.classList.toggle("unknown", !told && !error);
    row.item.classList.toggle("faulty", Boolean(error));
    row.error.hidden = !error;
    row.error.replaceChildren(...(error ? prose(withoutNumber(error.message)) : []));
    if (error) row.name.setAttribute("aria-describedby", row.error.id);
    else row.name.removeAttribute("aria-describedby");
    const [, height, width] = this.#design.input;
    const share = told?.shape.length === 3 ? Math.sqrt((told.shape[1] * told.shape[2]) / (height * width)) : 0;
    row.bar.style.width = told ? `${Math.min(100, Math.max(5, 100 * share))}%` : "0";
    row.bar.classList.toggle("flat", told?.shape.length === 1);
    labelled(row.leaves, "leaves", told ? shapeWords(told.shape) : "");
    labelled(
      row.parameters,
      "parameters",
      told?.parameters ? (told.parameters < 1e7 ? whole : brief)(told.parameters) : "",
    );
    labelled(row.macs, "MACs", told?.macs ? brief(told.macs) : "");
    labelled(row.sees, "sees", told?.sees_all ? "all" : told?.receptive_field ? shapeWords(told.receptive_field) : "");
  }

  #words() {
    for (const [id, number] of this.#design.numbers()) {
      const row = this.#rows.get(id);
      if (!row) continue;
      const { node } = this.#design.find(id);
      const said = inWords(node);
      row.number.textContent = number.split(".").at(-1);
      row.words.textContent = said ? said : "";
    }
    if (this.#answer) this.show(this.#answer);
  }
}

/** "Layer 3 (conv): it takes a map" -> "It takes a map": it stands at the layer. */
function withoutNumber(sentence) {
  const rest = sentence.replace(/^Layer [\d.]+( \([^)]*\))?: /, "");
  return rest[0].toUpperCase() + rest.slice(1);
}

/** A sentence with what stands between backticks as code. */
export function prose(sentence) {
  return sentence.split("`").map((part, i) => (i % 2 ? element("code", { textContent: part }) : part));
}

function labelled(cell, words, value) {
  cell.replaceChildren(...(value ? [element("span", { className: "unit", textContent: `${words} ` }), value] : []));
}

function partName(node, part) {
  return node.kind === "parallel" ? `Path ${part + 1}` : BLOCKS[node.kind].names[part];
}
