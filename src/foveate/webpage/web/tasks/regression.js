// Numbers, each with its interval: the document of `tasks/regression/answers.py`.

import { unlikeness } from "./ranking.js";

export function document(outputs, { names, margins }) {
  const numbers = names.map((name, i) => {
    const value = outputs.values[i];
    if (margins === null) return { name, value };
    const margin = margins.half_widths[i];
    return { name, value, low: value - margin, high: value + margin };
  });
  return { numbers, ...unlikeness(outputs) };
}
