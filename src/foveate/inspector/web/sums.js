// How one number came about, spelled out, step by step of a box: products, sum, bias, batch norm, activation.
// Every result stands beside the network's own number, with as many digits as both have alike.

import { shown } from "./answer.js";
import { element, whole } from "./api.js";
import { paint, rangeOf } from "./draw.js";
import { grid, sign } from "./grids.js";
import { agreement, digits, inFormula } from "./numbers.js";
import { store } from "./store.js";

const ROUNDING = 1e-5; // of the largest part, for float32
const TOP_TERMS = 12,
  TOP_MAPS = 8;
const MOST_CELLS = 144; // of a pooling window; a larger one is seen on the map
const matrix = (rows) => rangeOf({ data: rows.flat().filter((value) => value !== null) });

/** All steps: `parts` is a list of {node, sum}; `term` the number of the term of the first that is shown whole. */
export function arithmetic(parts, term) {
  const lines = element("div", { className: "sums" });
  for (const [at, { node, sum }] of parts.entries()) lines.append(step(node, sum, at === 0 ? term : 0));
  return lines;
}

/** One step: the arithmetic of `sum`, of which the term of this number is shown whole. */
export function step(node, sum, term) {
  const view = VIEWS[node.op] ?? (node.op.endsWith("_pool") ? pool : formulas);
  const made = element(
    "section",
    { className: "step" },
    element("h3", { textContent: node.label }),
    ...view(sum, term, node),
  );
  made.append(result(sum));
  return made;
}

/** "= 1.18274", and whether the network has the same: float32 sums in another order differ in the last digits. */
function result({ value, total, terms, bias }) {
  if (total === null)
    return element("p", { className: "result" }, element("output", { textContent: `= ${digits(value, 6)}` }));
  const largest = Math.max(
    Math.abs(value),
    Math.abs(bias ?? 0),
    ...(terms ?? []).map((term) => Math.abs(term.sum ?? 0)),
  );
  const same = Math.abs(value - total) <= ROUNDING * largest;
  const count = Math.min(6, Math.max(same ? 1 : 4, agreement(value, total)));
  return element(
    "p",
    { className: "result" },
    element("output", { textContent: `= ${digits(total, count)}` }),
    element(
      "span",
      same
        ? { className: "soft small agree", textContent: "the network's own number" }
        : { className: "error small", textContent: `the network has ${digits(value, count)}` },
    ),
  );
}

const line = (name, value, className = "") =>
  element(
    "tr",
    { className },
    element("th", { scope: "row", textContent: name }),
    element("td", { className: "mono", textContent: value }),
  );
const lines = (...rows) => element("table", { className: "lines" }, element("tbody", {}, ...rows.filter(Boolean)));
const formula = (text) => element("p", { className: "mono formula", textContent: text });
/** The server's steps; the last one's result stands below it anyway. */
const formulas = ({ steps, total }) =>
  steps.map(({ text, result }, i) => {
    const below = total !== null && i === steps.length - 1;
    return formula(below || result === null ? text : `${text} = ${result}`);
  });

const VIEWS = {
  conv2d: convolution,
  conv_transpose2d: convolution,
  bilinear: convolution,
  linear: dense,
  matmul: dense,
  softmax,
  concat: taken,
};

/** What the numbers under a window are multiplied by, in words. */
const WEIGHTS = { conv2d: "kernel", conv_transpose2d: "taps", bilinear: "shares" };

function convolution(sum, at, node) {
  const { terms } = sum;
  const term = terms[at] ?? terms[0];
  const products = term.input.map((row, r) =>
    row.map((value, c) => (value === null ? null : value * term.weight[r][c])),
  );
  const count = products.flat().length;
  const others = terms.reduce((all, each) => all + each.sum, 0) - term.sum;
  return [
    element(
      "div",
      { className: "grids" },
      grid(`window on ${store.mapName(term)}`, term.input, matrix(term.input)),
      sign("·"),
      grid(WEIGHTS[node.op], term.weight, matrix(term.weight)),
      sign("="),
      grid(count > 1 ? "products" : "product", products, matrix(products)),
    ),
    lines(
      line(count > 1 ? `sum of the ${count} products` : "product", digits(term.sum, 6)),
      terms.length > 1
        ? line(`+ ${whole(terms.length - 1)} other input map${terms.length > 2 ? "s" : ""}`, digits(others, 6))
        : null,
      sum.bias === null ? null : line("+ bias", digits(sum.bias, 6)),
    ),
  ];
}

function dense(sum) {
  const parts = contributions(sum);
  const rest = parts.slice(TOP_TERMS).reduce((all, { product }) => all + product, 0);
  const most = Math.abs(parts[0]?.product) || 1;
  const where = sum.map_shape?.[1] * sum.map_shape?.[2] > 1 ? "map (row, column): " : "";
  const factors = sum.op === "matmul" ? "row · column" : "input · weight";
  return [
    ...byMap(sum),
    element(
      "table",
      { className: "lines shares" },
      element("caption", {
        className: "soft small",
        textContent: `the weightiest of ${whole(parts.length)} products; ${where}${factors}`,
      }),
      element("tbody", {}, ...parts.slice(0, TOP_TERMS).map((part) => share(part, most))),
    ),
    lines(
      parts.length > TOP_TERMS ? line(`+ ${whole(parts.length - TOP_TERMS)} others`, digits(rest, 6)) : null,
      sum.bias !== null && sum.bias !== undefined ? line("+ bias", digits(sum.bias, 6)) : null,
    ),
  ];
}

/** What each input map gives to a dense sum, place by place: the maps that give most. */
function byMap({ terms: [{ weight, input }], map_shape: shape }) {
  if (!shape || shape[1] * shape[2] === 1) return [];
  const [count, height, width] = shape;
  const maps = Array.from({ length: count }, (_, map) => {
    const data = Float64Array.from(
      { length: height * width },
      (__, i) => input[map * height * width + i] * weight[map * height * width + i],
    );
    return { map, data, height, width, sum: data.reduce((all, value) => all + value, 0) };
  });
  const shown = maps.sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum)).slice(0, TOP_MAPS);
  const range = { ...rangeOf(...shown), signed: true };
  range.from = -range.to;
  return [
    element("p", {
      className: "soft small",
      textContent: "the maps that give most, place by place: orange speaks for it, blue against",
    }),
    element(
      "div",
      { className: "given" },
      ...shown.map((each) => {
        const canvas = element("canvas", {
          className: "pixels",
          role: "img",
          ariaLabel: `map ${each.map} gives ${digits(each.sum, 3)}`,
        });
        paint(canvas, each, range);
        return element(
          "figure",
          {},
          canvas,
          element(
            "figcaption",
            { className: "small" },
            element("span", { textContent: `map ${each.map}` }),
            element("span", { className: "mono", textContent: digits(each.sum, 2) }),
          ),
        );
      }),
    ),
  ];
}

/** The products of a dense sum, the largest first: {name, input, weight, product}. */
function contributions({ terms: [{ weight, input }], map_shape: shape }) {
  const found = input.map((value, i) => ({
    name: place(i, shape),
    input: value,
    weight: weight[i],
    product: value * weight[i],
  }));
  return found.sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
}

/** What input `index` is: a place of a map, where maps were laid flat. */
function place(index, shape) {
  if (!shape) return `input ${whole(index)}`;
  const [, height, width] = shape;
  const within = index % (height * width);
  const map = Math.floor(index / (height * width));
  return height * width === 1 ? `map ${map}` : `map ${map} (${Math.floor(within / width)}, ${within % width})`;
}

function share({ name, input, weight, product }, most) {
  const bar = element("span", { className: product < 0 ? "bar below" : "bar" });
  bar.style.width = `${(100 * Math.abs(product)) / most}%`;
  return element(
    "tr",
    {},
    element("th", { scope: "row", textContent: name }),
    element("td", { className: "mono soft", textContent: `${digits(input, 3)} · ${inFormula(weight, 3)}` }),
    element("td", { className: "mono", textContent: digits(product, 3) }),
    element("td", { className: "bar-cell" }, bar),
  );
}

function pool(sum) {
  const [term] = sum.terms;
  if (!Array.isArray(term?.input)) return formulas(sum);
  const marked = (r, c) => Boolean(sum.at) && r === sum.at[0] && c === sum.at[1];
  const size = term.input.length * term.input[0].length;
  const shown =
    size <= MOST_CELLS
      ? [
          element(
            "div",
            { className: "grids" },
            grid(`window on ${store.mapName(term)}`, term.input, matrix(term.input), { marked }),
          ),
        ]
      : [];
  return [...shown, ...formulas(sum)];
}

function softmax(sum, _, node) {
  const { logits, exp, axis } = sum;
  const chosen = [sum.channel, sum.row, sum.column][axis];
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, TOP_TERMS);
  if (!order.includes(chosen)) order.push(chosen);
  const named = axis === 0 && store.network.classes?.length === node.shape[0];
  const one = axis === 0 ? "unit" : "token"; // attention shares out each row among the tokens
  const scaled = `(number − greatest) ÷ ${digits(sum.temperature, 4)}`;
  const power = sum.temperature === 1 ? "number − greatest" : scaled;
  return [
    element("p", { className: "soft small", textContent: `e to the power of ${power}, divided by the sum of all` }),
    element(
      "div",
      { className: "scroll" },
      element(
        "table",
        { className: "lines" },
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            ...[named ? "class" : one, "number", "e to it", "share"].map((textContent) =>
              element("th", { scope: "col", textContent }),
            ),
          ),
        ),
        element(
          "tbody",
          {},
          ...order.map((index) =>
            element(
              "tr",
              { className: index === chosen ? "chosen" : "" },
              element("th", { scope: "row", textContent: named ? store.className(index) : `${one} ${index}` }),
              element("td", { className: "mono", textContent: digits(logits[index], 4) }),
              element("td", { className: "mono", textContent: digits(exp[index], 4) }),
              element("td", { className: "mono", textContent: shown(exp[index] / sum.sum) }),
            ),
          ),
        ),
      ),
    ),
    ...formulas(sum),
  ];
}

function taken(sum) {
  const [term] = sum.terms;
  const from = store.nodes.get(term.node);
  return [
    element("p", {
      textContent: `This is map ${term.channel} of ${from.label}${from.module ? ` (${from.module})` : ""}, as it is.`,
    }),
  ];
}
