// The likeliest classes as bars.

import { element } from "./api.js";
import { store } from "./store.js";

const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Bars for a run's answer; `before` (a run without cover and edits) shows how far each has moved. */
export function bars(run, most = 5) {
  const list = element("ol", { className: "bars", ariaLabel: "The likeliest classes" });
  for (const { class: index, label, probability } of run.top.slice(0, most)) {
    const fill = element("span", { className: "fill" });
    fill.style.width = `${(100 * probability).toFixed(2)}%`;
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

/** 97.3 %; what is next to nothing as "< 0.1%". */
export function shown(probability) {
  return probability > 0 && probability < 0.0005 ? `< ${percent.format(0.001)}` : percent.format(probability);
}
