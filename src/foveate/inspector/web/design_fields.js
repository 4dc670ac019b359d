// The options of a layer as form fields. What is typed goes to the server as it is; the server says what is wrong.

import { element } from "./api.js";

/** How a value is written in its field: 3, 3×5, [[1, 2], [0, 0]]. */
export function written(value) {
  if (value === null || value === undefined) return "";
  if (!Array.isArray(value)) return String(value);
  if (value.every(Number.isInteger))
    return value.length === 2 && value[0] === value[1] ? String(value[0]) : value.join("×");
  return JSON.stringify(value);
}

/** What a person wrote: a whole number, a number, a pair (3×5, 3x5, 3,5), a word, or JSON. */
export function read(text) {
  const trimmed = text.trim();
  if (/^-?\d+$/.test(trimmed)) return Number(trimmed);
  const pair = /^(\d+)\s*[×x*, ]\s*(\d+)$/.exec(trimmed);
  if (pair) return [Number(pair[1]), Number(pair[2])];
  if (/^[[{"-]|^[.\d]/.test(trimmed)) {
    try {
      return JSON.parse(trimmed);
    } catch {
      const number = Number(trimmed);
      return Number.isNaN(number) ? trimmed : number;
    }
  }
  return trimmed;
}

/** One more or one less of what stands in the field; what is no number stays. */
export function stepped(value, by, least = 0) {
  if (Number.isInteger(value)) return Math.max(least, value + by);
  return Array.isArray(value) && value.every(Number.isInteger) ? value.map((one) => Math.max(least, one + by)) : value;
}

/** Fields for a node. `set(name, value)` changes an argument; undefined takes it away (back to the default). */
export function fieldsOf(node, description, set) {
  const known = description?.arguments ?? [];
  return known.map((argument) => fieldOf(node, argument, (value) => set(argument.name, value)));
}

function fieldOf(node, argument, set) {
  const given = node.args[argument.name];
  const label = (control, ...more) =>
    element(
      "label",
      { className: "field" },
      element("span", { textContent: argument.name.replaceAll("_", " ") }),
      control,
      ...more,
    );
  if (argument.type === "flag") {
    const box = element("input", { type: "checkbox", checked: given ?? argument.default });
    box.addEventListener("change", () => set(box.checked === argument.default ? undefined : box.checked));
    return label(box);
  }
  if (argument.type === "choice") {
    const choice = element(
      "select",
      {},
      ...argument.words.map((word) => element("option", { value: word, textContent: word })),
    );
    choice.value = given ?? argument.default;
    choice.addEventListener("change", () => set(choice.value === argument.default ? undefined : choice.value));
    return label(choice);
  }
  return stepper(given, argument, set);
}

/** A field with a button on either side that takes one off or adds one; the arrow keys do the same. */
function stepper(given, argument, set) {
  const name = argument.name.replaceAll("_", " ");
  const shown = argument.default === null ? "as size" : written(argument.default);
  const input = element("input", {
    value: written(given),
    placeholder: argument.required ? "" : shown,
    autocomplete: "off",
    spellcheck: false,
    inputMode: argument.type === "real" ? "decimal" : "text",
    name: argument.name,
  });
  const take = () => {
    const value = input.value.trim() === "" ? undefined : read(input.value);
    set(JSON.stringify(value) === JSON.stringify(plainDefault(argument)) ? undefined : value);
  };
  const by = (step) => {
    const now = input.value.trim() === "" ? (argument.default ?? argument.least ?? 1) : read(input.value);
    const next =
      argument.type === "real"
        ? Math.round((Number(now) + step * 0.05) * 100) / 100
        : stepped(now, step, argument.least ?? 0);
    input.value = written(next);
    take();
  };
  input.addEventListener("input", take);
  input.addEventListener("keydown", (event) => {
    if (event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    by(event.key === "ArrowUp" ? 1 : -1);
  });
  const button = (text, words, step) => {
    const made = element("button", {
      type: "button",
      textContent: text,
      tabIndex: -1,
      "aria-label": `${words} ${name}`,
    });
    made.addEventListener("click", () => by(step));
    return made;
  };
  const id = `field-${++count}`;
  input.id = id;
  const field = element(
    "div",
    { className: "field" },
    element("label", { htmlFor: id, textContent: name }),
    element("div", { className: "stepper" }, button("−", "less", -1), input, button("+", "more", 1)),
  );
  if (argument.type === "count") {
    const classes = element("button", { type: "button", className: "quiet small", textContent: "one per class" });
    classes.addEventListener("click", () => {
      input.value = "classes";
      take();
    });
    field.append(classes);
  }
  return field;
}

let count = 0;

function plainDefault({ required, default: value }) {
  if (required || value === null) return undefined;
  return Array.isArray(value) && value.length === 2 && value[0] === value[1] ? value[0] : value;
}

/** A layer's options in a few words: "16 filters, 5×5, padding 2". */
export function inWords(node) {
  const { filters, units, kernel, size, times, ...rest } = node.args;
  const square = (value) => (Number.isInteger(value) ? `${value}×${value}` : written(value));
  const words = [];
  if (filters !== undefined) words.push(filters === "classes" ? "a filter a class" : `${written(filters)} filters`);
  if (units !== undefined) words.push(units === "classes" ? "one score a class" : `${written(units)} units`);
  if (kernel !== undefined) words.push(square(kernel));
  if (size !== undefined) words.push(square(size));
  if (times !== undefined) words.push(`${written(times)} times`);
  for (const [name, value] of Object.entries(rest)) {
    if (name === "bias") words.push(value ? "with bias" : "no bias");
    else words.push(`${name.replaceAll("_", " ")} ${written(value)}`);
  }
  return words.join(", ");
}
