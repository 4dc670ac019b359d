// Numbers as text: no more digits than are true, and signs that can be told from hyphens.

const MOST_DIGITS = 7; // what a float32 holds

/** With `digits` significant digits and a real minus sign; "0" for zero. */
export function digits(value, count = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(count - 1) : value.toPrecision(count);
  return text
    .replace(/e\+?(-?)(\d+)$/, (_, sign, power) => `\u2009×\u200910${superscript(sign + power)}`)
    .replaceAll("-", "−");
}

const superscript = (text) => [...text].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? "⁻").join("");

/** Significant digits to which two numbers are written alike, 0 to 7. */
export function agreement(a, b) {
  for (let count = MOST_DIGITS; count > 0; count--) {
    if (a.toPrecision(count) === b.toPrecision(count)) return count;
  }
  return 0;
}

/** In parentheses where it is negative, for use within a formula. */
export const inFormula = (value, count = 5) => (value < 0 ? `(${digits(value, count)})` : digits(value, count));

/** How the numbers of a grid are written in narrow cells: {write, power}, each value times 10^-power. */
export function cellStyle(values) {
  let most = 0;
  for (const value of values) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value));
  const power = most > 0 && (most < 0.1 || most >= 10000) ? Math.floor(Math.log10(most)) : 0;
  const places = power ? 1 : most >= 100 ? 0 : most >= 10 ? 1 : 2;
  const write = (value) => {
    const text = (value / 10 ** power).toFixed(places);
    return Number(text) === 0 ? "0" : text.replace(/^(-?)0\./, "$1.").replace("-", "−");
  };
  return { write, power: power ? `×\u200910${superscript(String(power))}` : "" };
}
