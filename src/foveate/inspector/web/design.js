// The design page: joins the network being built, its text, its training, and the sandbox.

import { brief, element, get, Latest, post, tell, telling, whole } from "./api.js";
import { draggable } from "./design_drag.js";
import { read, written } from "./design_fields.js";
import { LayerList, prose } from "./design_list.js";
import { Design } from "./design_model.js";
import { beginning, paletteOf, spoken } from "./design_palette.js";
import { startTabs } from "./design_tabs.js";
import { TrainingPanel } from "./design_train.js";
import { startSandbox } from "./sandbox.js";

const $ = (id) => document.getElementById(id);
const KEPT = "foveate-design";
const WAIT_MS = 120;
const say = (words) => {
  $("spoken").textContent = words;
};

let design,
  list,
  training,
  kinds,
  answer = null;
const checking = new Latest();
let timer = null;

/** Ask the server what the design is; `body` is {blueprint} or {text}. */
function check(body, wait = WAIT_MS) {
  clearTimeout(timer);
  timer = setTimeout(
    telling(async () => {
      const told = await checking.run((signal) => post("api/blueprints", body, { signal }));
      if (told) show(told, "text" in body);
    }),
    wait,
  );
}

function show(told, typed) {
  answer = told;
  if (typed && told.blueprint && !same(told.blueprint, design.toBlueprint())) design.load(told.blueprint, "text");
  if (!typed && told.yaml !== null) $("yaml").value = told.yaml;
  const { error } = told;
  list.show(told);
  const general = Boolean(error && !error.number);
  $("yaml-error").replaceChildren(...(error && (typed || !told.blueprint) ? prose(error.message) : []));
  $("whole-error").hidden = !general || !told.blueprint;
  $("whole-error").replaceChildren(...(general ? prose(error.message) : []));
  $("verdict").textContent = error
    ? error.number
      ? `Layer ${error.number} does not fit.`
      : told.blueprint
        ? "Not finished."
        : "The text is no blueprint."
    : "✓ fits together";
  $("verdict").className = error ? "small error" : "small fits";
  totals(told);
  $("inspect").disabled = $("download").disabled = Boolean(error);
  training.describe(design);
  keep();
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function totals({ parameters, macs, layers, ok }) {
  const top = layers.filter(({ number }) => !number.includes("."));
  const facts = [
    ["parameters", whole(parameters)],
    ["multiply-adds", brief(macs)],
    ["as float32", `${thousands(parameters * 4)}B`],
    ["layers", whole(top.length)],
  ];
  $("sums").replaceChildren(
    ...facts.flatMap(([name, value]) => [
      element("dt", { textContent: name }),
      element("dd", { textContent: ok ? value : `${value} so far` }),
    ]),
  );
}

const thousands = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} k` : `${(bytes / 1e6).toFixed(1)} M`);

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(design.toBlueprint()));
  } catch {
    // it is kept for this visit only
  }
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

/** The fields of name, picture and classes as the design has them; the one in use is left alone. */
function showHead() {
  const put = (id, value) => {
    if (document.activeElement !== $(id)) $(id).value = value;
  };
  put("name", design.name ?? "");
  put("classes", design.classes ?? "");
  const [channels, height, width] = design.input;
  if (![...$("channels").options].some(({ value }) => value === String(channels)))
    $("channels").append(element("option", { value: String(channels), textContent: written(channels) }));
  put("channels", String(channels));
  put("height", written(height));
  put("width", written(width));
  $("input-row").textContent = `picture ${design.input.map(written).join("\u2009×\u2009")}`;
  $("undo").disabled = !design.canUndo;
  $("redo").disabled = !design.canRedo;
}

function startHead() {
  const field = (id, put) => $(id).addEventListener("input", () => design.change(() => put($(id).value.trim()), id));
  field("name", (text) => {
    design.name = text || null;
  });
  field("classes", (text) => {
    design.classes = text ? read(text) : null;
  });
  for (const [axis, id] of ["channels", "height", "width"].entries()) {
    field(id, (text) => {
      design.input[axis] = read(text);
    });
  }
  $("undo").addEventListener("click", () => design.undo());
  $("redo").addEventListener("click", () => design.redo());
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || $("build").hidden) return;
    if (event.target.matches?.("input, textarea")) return; // a field takes back its own typing
    event.preventDefault();
    if (event.shiftKey) design.redo();
    else design.undo();
  });
}

/** Where a layer of this kind goes when it is chosen in the palette: behind the chosen one, else where it fits. */
function place(kind) {
  if (design.selected && design.find(design.selected)) {
    const { list: nodes, index } = design.find(design.selected);
    return [nodes, index + 1];
  }
  const flat = ["dense"].includes(kind.group)
    ? -1
    : design.layers.findIndex(({ kind: one }) =>
        ["flatten", "global_avg_pool", "global_max_pool", "dense"].includes(one),
      );
  return [design.layers, flat < 0 ? design.layers.length : flat];
}

/** The shape that arrives at a place, as far as the server has told. */
function arriving(nodes, index) {
  const shapes = new Map((answer?.layers ?? []).map((row) => [row.number, row.shape]));
  const numbers = design.numbers();
  if (index > 0) return shapes.get(numbers.get(nodes[index - 1].id)) ?? null;
  if (nodes === design.layers) return design.input;
  const owner = [...numbers.keys()].map((id) => design.find(id)).find(({ node }) => node.parts.includes(nodes));
  return owner ? arriving(owner.list, owner.index) : null;
}

function add(kind, nodes, index) {
  const node = design.make(beginning(kind, arriving(nodes, index)));
  design.insert(node, nodes, index);
  say(`${spoken(kind.kind)} added as layer ${design.numbers().get(node.id)}.`);
  return node;
}

function startPalette() {
  const choose = (name) => {
    const kind = kinds.find((one) => one.kind === name);
    add(kind, ...place(kind));
  };
  $("palette-kinds").append(...paletteOf(kinds, choose));
  for (const button of $("palette-kinds").querySelectorAll("button")) {
    const kind = kinds.find((one) => one.kind === button.dataset.kind);
    draggable(button, $("layers"), design, (nodes, index) => add(kind, nodes, index));
  }
  const where = () => {
    const found = design.selected && design.find(design.selected);
    $("palette-where").textContent = found
      ? `Behind layer ${design.numbers().get(found.node.id)}, ${spoken(found.node.kind)}. Or drag it.`
      : "Choose, or drag it to its place.";
  };
  for (const name of ["select", "change"]) design.addEventListener(name, where);
  where();
}

/** The palette as a dialog; what is chosen goes to `index` of `nodes`. */
function startAdder() {
  let target = null;
  $("adder-palette").append(
    ...paletteOf(kinds, (name) => {
      $("adder").close();
      list.focus(
        add(
          kinds.find((one) => one.kind === name),
          ...target,
        ).id,
      );
    }),
  );
  $("adder-close").addEventListener("click", () => $("adder").close());
  $("adder").addEventListener("click", (event) => {
    if (event.target === $("adder")) $("adder").close();
  });
  return (nodes, index) => {
    target = [nodes, index];
    $("adder").showModal();
  };
}

function startFiles(examples) {
  $("example").append(...examples.map(({ name, title }) => element("option", { value: name, textContent: title })));
  $("example").addEventListener("change", () => {
    const chosen = examples.find(({ name }) => name === $("example").value);
    $("example-words").textContent = chosen?.summary ?? "";
    if (chosen) open(chosen.blueprint);
  });
  $("clear").addEventListener("click", () =>
    open({ input: design.input, ...(design.classes === null ? {} : { classes: design.classes }), layers: [] }),
  );
  $("file").addEventListener(
    "change",
    telling(async () => {
      const [file] = $("file").files;
      $("file").value = "";
      if (!file) return;
      $("yaml").value = await file.text();
      check({ text: $("yaml").value }, 0);
    }),
  );
  $("yaml").addEventListener("input", () => check({ text: $("yaml").value }, 3 * WAIT_MS));
  $("download").addEventListener("click", () => {
    const link = element("a", {
      href: URL.createObjectURL(new Blob([$("yaml").value], { type: "application/yaml" })),
      download: `${(design.name ?? "network").replaceAll(/[^\w-]+/g, "-")}.yaml`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  $("copy").addEventListener(
    "click",
    telling(async () => {
      await navigator.clipboard.writeText($("yaml").value);
      $("copied").textContent = "Copied.";
      setTimeout(() => {
        $("copied").textContent = "";
      }, 2000);
    }),
  );
  $("inspect").addEventListener(
    "click",
    telling(async () => {
      const { net } = await post("api/nets", { yaml: $("yaml").value });
      location.assign(`./?net=${encodeURIComponent(net)}`);
    }),
  );
}

function open(blueprint) {
  design.selected = null;
  design.load(blueprint);
}

function fit(input, classes) {
  design.change(() => {
    if (input) design.input = [...input];
    design.classes = classes;
  });
}

const start = telling(async () => {
  const [described, shipped] = await Promise.all([get("api/blueprints/kinds"), get("api/blueprints/examples")]);
  kinds = described.kinds;
  design = new Design(Object.fromEntries(kinds.map(({ kind, scalar }) => [kind, scalar])));
  training = new TrainingPanel({ text: () => (answer?.ok ? answer.yaml : null), fit });
  list = new LayerList($("layers"), design, kinds, { add: startAdder(), say });
  design.addEventListener("change", ({ detail }) => {
    showHead();
    if (detail !== "text") check({ blueprint: design.toBlueprint() }, detail === "load" ? 0 : WAIT_MS);
  });
  startHead();
  startPalette();
  startFiles(shipped.examples);
  open(kept() ?? shipped.examples[0].blueprint);
  await training.load();
});

startTabs({ sandbox: telling(startSandbox) });
start().catch(tell);
