// The controls that widgets share: sliders, choices, grids of numbers, the sum of products behind one number.

import { element } from "./api.js";

let made = 0;

/** A labelled slider: {field, get value, set value}. `words(value)` is what stands beside it. */
export function slider(label, { least, most, value, step = 1, words = String }, changed) {
  const id = `slider-${++made}`;
  const input = element("input", { type: "range", id, min: least, max: most, step, value });
  const shown = element("output", { htmlFor: id, textContent: words(Number(input.value)) });
  const show = () => {
    shown.textContent = words(Number(input.value));
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  input.addEventListener("input", () => {
    show();
    changed(Number(input.value));
  });
  show();
  const field = element(
    "div",
    { className: "slider" },
    element("label", { htmlFor: id, textContent: label }),
    input,
    shown,
  );
  return {
    field,
    input,
    get value() {
      return Number(input.value);
    },
    set value(next) {
      input.value = next;
      show();
    },
  };
}

/** A labelled choice of [value, words] pairs: {field, select}. */
export function choice(label, options, changed) {
  const id = `choice-${++made}`;
  const select = element(
    "select",
    { id },
    ...options.map(([value, textContent]) => element("option", { value, textContent })),
  );
  select.addEventListener("change", () => changed(select.value));
  const field = element("div", { className: "choice" }, element("label", { htmlFor: id, textContent: label }), select);
  return { field, select };
}

/** A button. */
export function button(textContent, pressed, properties = {}) {
  const one = element("button", { type: "button", textContent, ...properties });
  one.addEventListener("click", pressed);
  return one;
}

/** A row of controls. */
export const row = (...children) => element("div", { className: "controls" }, ...children);

/** 19, −3, 0.25: at most three places, a real minus. */
export function short(value) {
  const rounded = Math.round(value * 1000) / 1000;
  return String(rounded === 0 ? 0 : rounded).replace("-", "−");
}

/**
 * A table of numbers. marked(r, c): class names of a cell, or ""; pick(r, c): makes cells buttons that call it;
 * change(r, c, value): makes cells fields.
 */
export function numberGrid(title, rows, { marked = () => "", pick = null, change = null, note = () => "" } = {}) {
  const table = element("table", { className: "number-grid" }, element("caption", { textContent: title }));
  const body = element("tbody", {});
  rows.forEach((line, r) => {
    const tr = element("tr", {});
    tr.append(...line.map((value, c) => cell(value, r, c, { title, marked, pick, change, note })));
    body.append(tr);
  });
  table.append(body);
  return table;
}

function cell(value, r, c, { title, marked, pick, change, note }) {
  const where = `${title}, row ${r + 1}, column ${c + 1}`;
  const td = element("td", { className: marked(r, c) });
  if (change) {
    const input = element("input", { value: String(value), inputMode: "decimal", "aria-label": where });
    input.addEventListener("change", () => {
      const next = Number(input.value.replace("−", "-").replace(",", "."));
      if (input.value.trim() === "" || !Number.isFinite(next)) input.value = String(value);
      else change(r, c, next);
    });
    td.append(input);
  } else if (pick) {
    const chosen = td.className.includes("chosen");
    const one = element("button", {
      type: "button",
      textContent: short(value),
      "aria-label": `${where}: ${short(value)}`,
    });
    one.setAttribute("aria-pressed", String(chosen));
    one.addEventListener("click", () => pick(r, c));
    one.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && pick(r, c));
    one.addEventListener("keydown", (event) => arrow(event, td));
    td.append(one);
  } else td.textContent = value === null ? "" : short(value);
  const words = note(r, c);
  if (words) td.title = words;
  return td;
}

/** Arrow keys go from cell to cell. */
function arrow(event, td) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!step) return;
  const next = td.parentElement.parentElement.rows[td.parentElement.rowIndex + step[0]]?.cells[td.cellIndex + step[1]];
  if (!next) return;
  event.preventDefault();
  event.stopPropagation();
  const [r, c] = [next.parentElement.rowIndex, next.cellIndex];
  const table = td.closest("table");
  const holder = table.parentElement;
  const place = [...holder.children].indexOf(table);
  next.querySelector("button").click();
  holder.children[place]?.rows?.[r]?.cells[c]?.querySelector("button")?.focus();
}

/** "0·0 + 1·1 + … = 19" as one line; pairs are [weight, value]. */
export function sumOfProducts(pairs) {
  const total = pairs.reduce((sum, [weight, value]) => sum + weight * value, 0);
  const term = (value) => (value < 0 ? `(${short(value)})` : short(value));
  return `${pairs.map(([weight, value]) => `${term(value)}·${term(weight)}`).join(" + ")} = ${short(total)}`;
}
