// A blueprint as a tree that can be edited: no page in here, only data.
// A node is {id, kind, args, parts}; parts are the lists of layers that a block holds.

export const BLOCKS = {
  residual: { fixed: true, names: ["What is added", "Shortcut"] },
  parallel: { fixed: false, names: ["Path"] },
  repeat: { fixed: true, names: ["What is repeated"] },
  unpool: { fixed: true, names: ["On the pooled map"] },
};

let born = 0;

/** A node from one entry of a blueprint's list of layers; `scalars` holds the argument that a bare value means. */
export function nodeOf(entry, scalars) {
  const single =
    entry !== null && typeof entry === "object" && !Array.isArray(entry) && Object.keys(entry).length === 1;
  const [kind, given] = single ? Object.entries(entry)[0] : [entry, null];
  const node = {
    id: `layer-${++born}`,
    kind: typeof kind === "string" ? kind : JSON.stringify(kind),
    args: {},
    parts: [],
  };
  if (kind in BLOCKS && given !== null && typeof given === "object" && !Array.isArray(given)) {
    const lists = { residual: [given.layers, given.shortcut], parallel: given.branches ?? [] }[kind] ?? [given.layers];
    node.parts = (Array.isArray(lists) ? lists : []).map((list) =>
      (Array.isArray(list) ? list : []).map((one) => nodeOf(one, scalars)),
    );
    if (kind === "repeat") node.args = { times: given.times ?? 1 };
    if (kind === "unpool") node.args = { size: given.size ?? 2 };
  } else if (given !== null && given !== undefined) {
    node.args =
      typeof given === "object" && !Array.isArray(given) ? { ...given } : { [scalars[kind] ?? "value"]: given };
  }
  return node;
}

/** The entry that a node is written as: the shortest form. */
export function entryOf(node, scalars) {
  const lists = node.parts.map((part) => part.map((one) => entryOf(one, scalars)));
  if (node.kind === "residual")
    return { residual: { layers: lists[0] ?? [], ...(lists[1]?.length ? { shortcut: lists[1] } : {}) } };
  if (node.kind === "parallel") return { parallel: { branches: lists } };
  if (node.kind === "repeat") return { repeat: { times: node.args.times, layers: lists[0] ?? [] } };
  if (node.kind === "unpool") return { unpool: { size: node.args.size, layers: lists[0] ?? [] } };
  const names = Object.keys(node.args);
  if (!names.length) return node.kind;
  if (names.length === 1 && names[0] === (scalars[node.kind] ?? "value")) return { [node.kind]: node.args[names[0]] };
  return { [node.kind]: { ...node.args } };
}

/** The network at hand, with its past: every change can be taken back. */
export class Design extends EventTarget {
  name = null;
  input = [3, 32, 32];
  classes = null;
  layers = [];
  selected = null; // a node's id
  #scalars;
  #past = [];
  #future = [];

  constructor(scalars) {
    super();
    this.#scalars = scalars;
  }

  /** The whole as blueprint data. */
  toBlueprint() {
    return {
      ...(this.name ? { name: this.name } : {}),
      input: [...this.input],
      ...(this.classes === null ? {} : { classes: this.classes }),
      layers: this.layers.map((node) => entryOf(node, this.#scalars)),
    };
  }

  /** Take over a blueprint. `why` goes to the listeners ("text": it was typed, so the text stays as it is). */
  load(blueprint, why = "load") {
    this.#remember();
    this.#read(blueprint);
    this.#say(why);
  }

  #read(blueprint) {
    const before = this.selected === null ? null : this.numbers().get(this.selected);
    this.name = typeof blueprint.name === "string" ? blueprint.name : null;
    this.input = Array.isArray(blueprint.input) ? blueprint.input : [];
    this.classes = blueprint.classes ?? null;
    this.layers = (Array.isArray(blueprint.layers) ? blueprint.layers : []).map((one) => nodeOf(one, this.#scalars));
    this.selected = before ? (this.at(before)?.id ?? null) : null;
  }

  /** Change something. `same` names a change that follows on one before (typing in a field): it is taken back
   *  together with it, and listeners are told "field" instead of "change". */
  change(work, same = null) {
    if (same === null || same !== this.lastChange) this.#remember();
    this.lastChange = same;
    work();
    this.#say(same === null ? "change" : "field");
  }

  #remember() {
    this.#past.push(JSON.stringify(this.toBlueprint()));
    if (this.#past.length > 200) this.#past.shift();
    this.#future = [];
    this.lastChange = null;
  }

  get canUndo() {
    return this.#past.length > 1; // the first is the empty design before anything was loaded
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  undo() {
    if (this.canUndo) this.#travel(this.#past, this.#future);
  }

  redo() {
    if (this.canRedo) this.#travel(this.#future, this.#past);
  }

  #travel(from, to) {
    to.push(JSON.stringify(this.toBlueprint()));
    this.#read(JSON.parse(from.pop()));
    this.lastChange = null;
    this.#say("change");
  }

  #say(why) {
    this.dispatchEvent(new CustomEvent("change", { detail: why }));
  }

  select(id) {
    this.selected = id;
    this.dispatchEvent(new Event("select"));
  }

  /** Where a node stands: {list, index, owner (the block's node or null), part}. */
  find(id, list = this.layers, owner = null, part = 0) {
    for (const [index, node] of list.entries()) {
      if (node.id === id) return { list, index, owner, part, node };
      for (const [number, inner] of node.parts.entries()) {
        const found = this.find(id, inner, node, number);
        if (found) return found;
      }
    }
    return null;
  }

  /** The node that the server calls by this number ("7.2.1"); every round of a repeat is the same nodes. */
  at(number) {
    const steps = number.split(".").map(Number);
    let list = this.layers,
      node = null;
    while (steps.length) {
      node = list[steps.shift() - 1];
      if (!node || !steps.length) break;
      const part = node.kind === "repeat" ? 0 : steps[0] - 1;
      steps.shift();
      list = node.parts[part] ?? [];
    }
    return node ?? null;
  }

  /** Node id -> number, those of a repeat in its first round. */
  numbers(list = this.layers, prefix = "", found = new Map()) {
    list.forEach((node, index) => {
      const number = `${prefix}${index + 1}`;
      found.set(node.id, number);
      for (const [i, part] of node.parts.entries()) this.numbers(part, `${number}.${i + 1}.`, found);
    });
    return found;
  }

  make(entry) {
    return nodeOf(entry, this.#scalars);
  }

  insert(node, list, index) {
    this.change(() => list.splice(index, 0, node));
    this.select(node.id);
  }

  remove(id) {
    const { list, index, owner } = this.find(id);
    this.change(() => list.splice(index, 1));
    this.select(list[Math.min(index, list.length - 1)]?.id ?? owner?.id ?? null);
  }

  duplicate(id) {
    const { list, index, node } = this.find(id);
    this.insert(this.make(entryOf(node, this.#scalars)), list, index + 1);
  }

  /** Put a node at `index` of `list` (counted before it is taken away); false where it would hold itself. */
  move(id, list, index) {
    const from = this.find(id);
    if (holds(from.node, list)) return false;
    const to = list === from.list && index > from.index ? index - 1 : index;
    if (list === from.list && to === from.index) return false;
    this.change(() => {
      from.list.splice(from.index, 1);
      list.splice(to, 0, from.node);
    });
    return true;
  }

  /** One step with the keyboard: "up", "down", "in" (to the end of the block above) or "out" (behind its block). */
  step(id, way) {
    const { list, index, owner } = this.find(id);
    if (way === "up") return index > 0 && this.move(id, list, index - 1);
    if (way === "down") return index < list.length - 1 && this.move(id, list, index + 2);
    if (way === "in") {
      const above = list[index - 1];
      return Boolean(above?.parts.length) && this.move(id, above.parts[0], above.parts[0].length);
    }
    if (!owner) return false;
    const outside = this.find(owner.id);
    return this.move(id, outside.list, outside.index + 1);
  }
}

function holds(node, list) {
  return node.parts.some((part) => part === list || part.some((one) => holds(one, list)));
}
