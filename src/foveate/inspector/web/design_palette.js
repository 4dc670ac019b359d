// The palette: every kind of layer, by group. The same in the column of the page and in the dialog.

import { element } from "./api.js";

const GROUPS = {
  convolution: "Convolution",
  activation: "Activation",
  pooling: "Pooling",
  normalisation: "Steadying",
  dense: "Towards the classes",
  block: "Blocks",
};

/** The token of base.css that colours a kind of layer. */
export const COLOURS = {
  convolution: "conv",
  activation: "other",
  pooling: "pool",
  normalisation: "norm",
  dense: "dense",
  block: "join",
};

/** conv -> "conv", batch_norm -> "batch norm". */
export const spoken = (kind) => kind.replaceAll("_", " ");

/** Buttons for all kinds; `choose(kind)` is called for the one that is pressed. */
export function paletteOf(kinds, choose) {
  return Object.entries(GROUPS).map(([group, title]) =>
    element(
      "div",
      { className: "group", role: "group", "aria-label": title },
      element("h3", { className: "small soft", textContent: title }),
      element(
        "div",
        { className: "row" },
        ...kinds
          .filter((kind) => kind.group === group)
          .map((kind) => {
            const button = element("button", {
              type: "button",
              className: `kind of-${COLOURS[group]}`,
              title: kind.summary,
              textContent: spoken(kind.kind),
            });
            button.dataset.kind = kind.kind;
            button.addEventListener("click", () => choose(kind.kind));
            return button;
          }),
      ),
    ),
  );
}

/** The entry that a new layer begins as; `arriving` is the shape (C, H, W) that comes in there, or null. */
export function beginning(description, arriving) {
  const channels = arriving?.length === 3 ? arriving[0] : 16;
  const conv = (filters, kernel) => ({
    conv: { filters, kernel, ...(kernel > 1 ? { padding: (kernel - 1) / 2 } : {}) },
  });
  if (description.kind === "residual") return { residual: { layers: [conv(channels, 3), "batch_norm"] } };
  if (description.kind === "parallel") return { parallel: { branches: [[conv(8, 1)], [conv(8, 3)]] } };
  if (description.kind === "unpool") return { unpool: { size: 2, layers: [conv(channels, 3), "relu"] } };
  if (description.kind === "repeat") return { repeat: { times: 2, layers: [conv(channels, 3), "relu"] } };
  return Object.keys(description.start).length ? { [description.kind]: { ...description.start } } : description.kind;
}
