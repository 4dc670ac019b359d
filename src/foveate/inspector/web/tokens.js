// Where the tokens of a vision transformer look: the weights of each head of a block over the picture, from the
// patch that was clicked or from the class token, and the sum behind one of these weights.

import { element, Latest, telling } from "./api.js";
import { paint, rangeOf } from "./draw.js";
import { digits } from "./numbers.js";
import { store } from "./store.js";
import { step } from "./sums.js";

const OPACITY = 0.65;
const root = document.querySelector("#attention");
const section = document.querySelector("#tokens");
const block = document.querySelector("#tokens-block");
const head = document.querySelector("#tokens-head");
const lines = document.querySelector("#tokens-grid");
const words = document.querySelector("#tokens-words");
const latest = [new Latest(), new Latest()];
const latestSum = new Latest();
let target = null; // the token that is looked at: its sum is spelled out; null: the patch of the greatest weight

/** `views`: gives the picture views, one a side. */
export function startTokens(views) {
  const renew = telling(() => Promise.all(views().map(look)));
  const anew = () => {
    target = null;
    renew();
  };
  store.on("network", () => {
    begin();
    for (const view of views()) view.looks = view.patches = null;
  });
  store.on("run sides", renew);
  store.on("token", anew);
  block.addEventListener("change", () => {
    listHeads();
    anew();
  });
  head.addEventListener("change", anew);
  lines.addEventListener("change", renew);
  document.querySelector("#tokens-own").addEventListener("click", () => store.lookFrom(null));
  root.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-head]");
    if (!button) return;
    head.value = button.dataset.head;
    anew();
  });
  root.addEventListener("change", (event) => {
    if (event.target.id !== "attention-target") return;
    target = Number(event.target.value);
    renew();
  });
}

function begin() {
  const { tokens } = store.network;
  section.hidden = !tokens;
  root.hidden = true;
  root.replaceChildren();
  target = null;
  if (!tokens) return;
  const last = tokens.blocks.length - 1;
  block.replaceChildren(
    ...tokens.blocks.map((_, value) => element("option", { value, textContent: `block ${value}` })),
  );
  block.value = String(last);
  head.value = "";
  lines.checked = true;
  listHeads();
}

const chosen = () => store.network.tokens.blocks[Number(block.value)];

function listHeads() {
  const kept = head.value;
  head.replaceChildren(
    element("option", { value: "", textContent: "nothing" }),
    ...Array.from({ length: chosen().heads }, (_, value) => element("option", { value, textContent: `head ${value}` })),
  );
  head.value = kept;
}

/** The number of the token that looks: the class token is the first of all. */
function asking() {
  const { own, grid } = store.network.tokens;
  return store.token ? own + store.token.row * grid[1] + store.token.column : 0;
}

/** What a token is, in words. */
function named(number) {
  const { own, grid } = store.network.tokens;
  if (number < own) return number === 0 ? "the class token" : "the distillation token";
  const place = number - own;
  return `the patch in row ${Math.floor(place / grid[1])}, column ${place % grid[1]}`;
}

async function look(view) {
  const { tokens } = store.network;
  if (!tokens) return;
  const { side } = view;
  const [rows, columns] = tokens.grid;
  view.patches = {
    rows,
    columns,
    side: tokens.patch,
    lines: lines.checked,
    looks: view.index === store.active ? store.token : null,
  };
  view.draw();
  if (!side?.run) return;
  const nodes = store.nodes.get(chosen().node);
  const found = await latest[view.index].run(() =>
    Promise.all(Array.from({ length: chosen().heads }, (_, each) => store.map(side, nodes, each))),
  );
  if (!found) return;
  const maps = found.map((map) => row(map, asking()));
  const range = rangeOf(...maps.map(({ patches }) => patches));
  view.looks = null;
  if (head.value !== "") {
    const image = element("canvas");
    paint(image, maps[head.value].patches, range);
    view.looks = { image, opacity: OPACITY, height: rows * tokens.patch, width: columns * tokens.patch };
  }
  view.draw();
  if (view.index === store.active) await tell(side, maps, range);
}

/** The weights of a token that looks: of all tokens, and of the patches as they lie in the picture. */
function row({ data, width }, number) {
  const { own, grid } = store.network.tokens;
  const weights = data.subarray(number * width, (number + 1) * width);
  return { weights, patches: { data: weights.subarray(own), height: grid[0], width: grid[1] } };
}

async function tell(side, maps, range) {
  const at = head.value === "" ? 0 : Number(head.value);
  const { weights } = maps[at];
  const looked = target ?? greatest(weights);
  const from = asking();
  const nodes = chosen().sum.map((id) => store.nodes.get(id));
  const sums = await latestSum.run((signal) =>
    Promise.all(nodes.map((node) => store.sum(side, node, at, { row: from, column: looked }, signal))),
  );
  if (!sums) return;
  const focused = root.contains(document.activeElement) ? document.activeElement : null;
  const [kept, id] = [focused?.dataset.head, focused?.id];
  root.replaceChildren(
    element(
      "header",
      { className: "panel-head" },
      element("h2", { id: "attention-title", textContent: `Where does ${named(from)} look?` }),
      element("span", {
        className: "soft small grow",
        textContent: `block ${block.value}; a map a head, all on one scale`,
      }),
    ),
    heads(maps, range),
    element("div", { className: "sums" }, choice(at, weights, looked), ...spelled(nodes, sums)),
  );
  root.hidden = false;
  if (kept !== undefined) root.querySelector(`[data-head="${kept}"]`)?.focus();
  else if (id) document.getElementById(id)?.focus();
  const share = digits(weights[looked], 3);
  words.textContent = `${capital(named(from))} looks: head ${at} gives ${share} to ${named(looked)}.`;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** The patch with the greatest weight. */
function greatest(weights) {
  let best = store.network.tokens.own;
  weights.forEach((weight, i) => {
    if (i >= store.network.tokens.own && weight > weights[best]) best = i;
  });
  return best;
}

/** A button with its map for each head: the pressed one lies over the picture. */
function heads(maps, range) {
  const { own } = store.network.tokens;
  const group = element("div", { className: "maps", role: "group", ariaLabel: "Attention of each head" });
  maps.forEach(({ weights, patches }, number) => {
    const canvas = element("canvas", { className: "pixels" });
    paint(canvas, patches, range);
    const kept = weights.subarray(0, own).reduce((all, weight) => all + weight, 0);
    const before = own > 1 ? "the tokens before them" : "the class token";
    const button = element(
      "button",
      {
        type: "button",
        className: "map",
        ariaLabel: `Head ${number}`,
        ariaPressed: String(head.value === String(number)),
        title: `${digits(kept, 3)} of 1 goes to no patch but to ${before}`,
      },
      canvas,
      element("span", { className: "number small", textContent: number }),
    );
    button.dataset.head = number;
    group.append(button);
  });
  return group;
}

/** Which weight is spelled out: those of the largest, and the class token's. */
function choice(at, weights, looked) {
  const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).slice(0, 8);
  for (const token of [...Array(store.network.tokens.own).keys(), looked])
    if (!order.includes(token)) order.push(token);
  const select = element("select", { id: "attention-target" });
  for (const value of order)
    select.append(element("option", { value, textContent: `${named(value)}: ${digits(weights[value], 3)}` }));
  select.value = String(looked);
  return element(
    "label",
    { className: "field" },
    element("span", { textContent: `The sum behind one weight of head ${at}, that of` }),
    select,
  );
}

const SAID = {
  matmul: "query of the token that looks · key of the one looked at",
  div: "divided by √d, d numbers a head",
  softmax: "against those of all tokens",
};

function spelled(nodes, sums) {
  return nodes.map((node, i) => {
    const made = step(node, sums[i], 0);
    const heading = made.querySelector("h3");
    heading.append(element("span", { className: "soft small", textContent: ` ${SAID[node.op] ?? ""}` }));
    return made;
  });
}
