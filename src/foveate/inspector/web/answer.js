// What the network answers, as bars: the likeliest classes, or numbers.

import { element } from "./api.js";
import { store } from "./store.js";

const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Bars for a run's answer; `before` (a run without cover and edits) shows how far each has moved. */
export function bars(run, most = 5) {
  const list = element("ol", { className: "bars", ariaLabel: tellsValues() ? "The numbers" : "The likeliest classes" });
  const whole = tellsValues() ? Math.max(...run.top.map(({ probability }) => Math.abs(probability))) || 1 : 1;
  for (const { class: index, label, probability } of run.top.slice(0, most)) {
    const fill = element("span", { className: "fill" });
    fill.style.width = `${((100 * Math.abs(probability)) / whole).toFixed(2)}%`;
    list.append(
      element(
        "li",
        {},
        element("span", { className: "label" }, element("bdi", { textContent: label ?? store.className(index) })),
        element("span", { className: "number", textContent: shown(probability) }),
        element("span", { className: "track" }, fill),
      ),
    );
  }
  return list;
}

const MOST_SHARES = 12;

/** The classes that a drawn answer shows, each with its colour and share of the picture. */
export function legend({ shares }) {
  const list = element("ol", {
    className: "legend-list",
    ariaLabel: "The classes, and how much of the picture they take",
  });
  for (const { class: index, label, share } of shares.slice(0, MOST_SHARES)) {
    list.append(
      element(
        "li",
        {},
        swatch(index),
        element("span", { className: "label" }, element("bdi", { textContent: label })),
        element("span", { className: "number", textContent: shown(share) }),
      ),
    );
  }
  const more = shares.length - MOST_SHARES;
  if (more > 0) list.append(element("li", { className: "soft", textContent: `… ${more} more` }));
  return list;
}

/** A patch of a class's colour. */
export function swatch(index) {
  const patch = element("span", { className: "swatch", ariaHidden: "true" });
  patch.style.background = store.network.palette[index];
  return patch;
}

const value = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

/** Whether the network tells numbers, and not how probable something is. */
export function tellsValues() {
  return store.network?.says === "value";
}

/** 97.3 %; what is next to nothing as "< 0.1%"; of numbers, 31.25. */
export function shown(probability) {
  if (tellsValues()) return value.format(probability);
  return probability > 0 && probability < 0.0005 ? `< ${percent.format(0.001)}` : percent.format(probability);
}
