// Editing a kernel: its numbers, or a known filter in its place. The network answers at once.

import { element, get, telling } from "./api.js";
import { store } from "./store.js";

const EVERY_INPUT = 64; // input maps up to which "for every input map" is offered
let filters = null;

const same = (edit, node, output, input) =>
  edit.node === node.id && edit.output_channel === output && edit.input_channel === input;

/** Whether a kernel is not the network's own now. */
export const isEdited = (node, output, input) => store.edits.some((edit) => same(edit, node, output, input));

const put = telling(async (node, output, kernels) => {
  const kept = store.edits.filter((edit) => !kernels.some(([input]) => same(edit, node, output, input)));
  const made = kernels.map(([input, kernel]) => ({
    node: node.id,
    output_channel: output,
    input_channel: input,
    kernel,
  }));
  await store.edit([...kept, ...made]);
});

/** Take back what was edited: everything. */
export const reset = telling(() => store.edit([]));

/** Say above the network how many kernels are changed; the button takes it back. */
export function startEdits() {
  const button = document.querySelector("#edited");
  button.addEventListener("click", reset);
  store.on("edits network", () => {
    const count = store.edits.length;
    button.hidden = count === 0;
    button.textContent = `${count} kernel${count > 1 ? "s" : ""} changed: reset`;
  });
}

/** The editor for the kernel of an output map and one of its input maps; `inputs`: all input maps it has. */
export function editor(node, output, term, inputs) {
  const rows = term.weight;
  const boxes = rows.map((row, r) =>
    row.map((value, c) =>
      element("input", {
        type: "number",
        step: "any",
        defaultValue: Number(value.toPrecision(3)),
        required: true,
        ariaLabel: `Row ${r}, column ${c}`,
      }),
    ),
  );
  // What was not touched keeps all its digits.
  const read = () =>
    boxes.map((row, r) => row.map((box, c) => (box.value === box.defaultValue ? rows[r][c] : box.valueAsNumber)));
  const change = () => {
    const kernel = read();
    if (kernel.flat().every(Number.isFinite)) put(node, output, [[term.channel, kernel]]);
  };
  const table = element(
    "table",
    { className: "edit-grid" },
    element("tbody", {}, ...boxes.map((row) => element("tr", {}, ...row.map((box) => element("td", {}, box))))),
  );
  table.addEventListener("change", change);
  const every = element("input", { type: "checkbox" });
  const known = element(
    "select",
    { ariaLabel: "A known filter" },
    element("option", { value: "", textContent: "A known filter …" }),
  );
  listFilters(known, rows.length, rows[0].length);
  known.addEventListener("change", () => {
    if (!known.value) return;
    const kernel = padded(filters[known.value], rows.length, rows[0].length);
    put(
      node,
      output,
      (every.checked ? inputs : [term.channel]).map((input) => [input, kernel]),
    );
  });
  const back = element("button", { type: "button", textContent: "Reset", disabled: !store.edits.length });
  back.addEventListener("click", reset);
  return element(
    "div",
    { className: "editor" },
    element("div", { className: "scroll" }, table),
    element(
      "div",
      { className: "row" },
      known,
      inputs.length > 1 && inputs.length <= EVERY_INPUT
        ? element("label", { className: "row" }, every, "for every input map")
        : null,
      back,
    ),
    element("p", {
      className: "soft small",
      textContent: "Only this page's copy of the network changes, until you reset it.",
    }),
  );
}

/** A smaller filter in the middle of a larger kernel: zeros around it. */
function padded(filter, height, width) {
  const [down, across] = [(height - filter.length) / 2, (width - filter[0].length) / 2];
  return Array.from({ length: height }, (_, r) =>
    Array.from({ length: width }, (__, c) => filter[r - down]?.[c - across] ?? 0),
  );
}

const listFilters = telling(async (select, height, width) => {
  if (!filters) {
    const found = await get("api/filters");
    filters = Object.fromEntries(found.filters.map(({ name, kernel }) => [name, kernel]));
  }
  for (const [name, kernel] of Object.entries(filters)) {
    const fits =
      kernel.length <= height &&
      kernel[0].length <= width &&
      (height - kernel.length) % 2 === 0 &&
      (width - kernel[0].length) % 2 === 0;
    if (fits) select.append(element("option", { value: name, textContent: name.replaceAll("_", " ") }));
  }
});
