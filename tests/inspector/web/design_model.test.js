import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Design, entryOf, nodeOf } from "#inspector/design_model.js";

globalThis.CustomEvent ??= class extends Event {
  // node 18 has none
  constructor(type, { detail }) {
    super(type);
    this.detail = detail;
  }
};

const SCALARS = { conv: "filters", dense: "units", max_pool: "size" };
const BLUEPRINT = {
  name: "net",
  input: [1, 28, 28],
  layers: [
    { conv: { filters: 16, kernel: 5 } },
    "relu",
    { residual: { layers: [{ conv: 16 }, "batch_norm"], shortcut: [{ conv: 8 }] } },
    { repeat: { times: 3, layers: ["relu", { max_pool: 2 }] } },
    { parallel: { branches: [["relu"], [{ conv: 4 }, "tanh"]] } },
    { unpool: { size: [2, 1], layers: [{ conv: 4 }] } },
    { dense: 10 },
  ],
};
let design;
const kinds = (list = design.layers) => list.map(({ kind }) => kind);
const idOf = (number) => design.at(number).id;

beforeEach(() => {
  design = new Design(SCALARS);
  design.load(structuredClone(BLUEPRINT));
});

test("a blueprint comes out as it went in", () => {
  assert.deepEqual(design.toBlueprint(), BLUEPRINT);
});

test("the shortest form is written", () => {
  const again = (entry) => entryOf(nodeOf(entry, SCALARS), SCALARS);
  assert.deepEqual(again({ conv: { filters: 16 } }), { conv: 16 });
  assert.equal(again({ relu: {} }), "relu");
  assert.deepEqual(again({ unheard_of: 3 }), { unheard_of: 3 });
  assert.deepEqual(again({ residual: { layers: [] } }), { residual: { layers: [] } });
});

test("what is no layer is kept as its text, so that the server can say what is wrong", () => {
  assert.equal(nodeOf(7, SCALARS).kind, "7");
  assert.equal(nodeOf({ a: 1, b: 2 }, SCALARS).kind, '{"a":1,"b":2}');
});

test("numbers are the server's, and lead back to their layers", () => {
  const numbers = design.numbers();
  assert.equal(design.at("3.1.2").kind, "batch_norm");
  assert.equal(design.at("3.2.1").args.filters, 8);
  assert.equal(design.at("5.2.2").kind, "tanh");
  for (const [id, number] of numbers) assert.equal(design.at(number).id, id);
  assert.equal(numbers.size, 16);
  assert.equal(design.at("4.3.1"), design.at("4.1.1")); // every round of a repeat is the same layers
  assert.equal(design.at("9"), null);
});

test("every change is taken back and done again", () => {
  design.remove(idOf("2"));
  design.insert(design.make("tanh"), design.layers, 0);
  assert.deepEqual(kinds().slice(0, 2), ["tanh", "conv"]);
  design.undo();
  design.undo();
  assert.deepEqual(design.toBlueprint(), BLUEPRINT);
  assert(!design.canUndo);
  design.redo();
  design.redo();
  assert.equal(kinds()[0], "tanh");
  assert(!design.canRedo);
});

test("typing in one field is one change, in two fields two", () => {
  const heard = [];
  design.addEventListener("change", ({ detail }) => heard.push(detail));
  const type = (field, value) =>
    design.change(() => {
      design[field] = value;
    }, field);
  type("name", "a");
  type("name", "ab");
  type("classes", 3);
  assert.deepEqual(heard, ["field", "field", "field"]);
  design.undo();
  assert.deepEqual([design.name, design.classes], ["ab", null]);
  design.undo();
  assert.equal(design.name, "net");
});

test("a new change forgets what was taken back", () => {
  design.remove(idOf("1"));
  design.undo();
  design.remove(idOf("6"));
  assert(!design.canRedo);
});

test("the chosen layer stays chosen when a blueprint is read again", () => {
  design.select(idOf("3.1.1"));
  design.load(structuredClone(BLUEPRINT));
  assert.equal(design.selected, idOf("3.1.1"));
});

test("after a removal the next layer is chosen, or the block around", () => {
  const [third, fourth] = [idOf("3"), idOf("4")];
  design.remove(third);
  assert.equal(design.selected, fourth);
  const block = idOf("3"); // the repeat
  design.remove(idOf("3.1.1"));
  design.remove(idOf("3.1.1"));
  assert.equal(design.selected, block);
});

test("layers move up, down, into the block above and out behind it", () => {
  const relu = idOf("2");
  assert(design.step(relu, "up"));
  assert.equal(idOf("1"), relu);
  assert(!design.step(relu, "up"));
  assert(design.step(relu, "down"));
  assert(design.step(relu, "down")); // behind the residual block
  assert.equal(idOf("3"), relu);
  assert(design.step(relu, "in"));
  assert.equal(design.numbers().get(relu), "2.1.3");
  assert(design.step(relu, "out"));
  assert.equal(design.numbers().get(relu), "3");
  assert(!design.step(relu, "out"));
});

test("no block is put into itself", () => {
  const before = design.toBlueprint();
  const block = design.at("3");
  assert(!design.move(block.id, block.parts[0], 0));
  assert.deepEqual(design.toBlueprint(), before);
});

test("a copy is another layer with the same options", () => {
  design.duplicate(idOf("3"));
  assert.deepEqual(design.toBlueprint().layers[3], BLUEPRINT.layers[2]);
  assert.notEqual(idOf("3"), idOf("4"));
});
