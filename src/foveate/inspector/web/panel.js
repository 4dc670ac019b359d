// The chosen layer: what it is, all its maps as a sheet, and one map looked into (detail.js).

import { brief, element, shapeWords, telling, whole } from "./api.js";
import { startDetail } from "./detail.js";
import { Sheet } from "./sheet.js";
import { store } from "./store.js";

const panel = document.querySelector("#panel");
const body = element("div", { id: "layer" });
let sheet = null;
let detail = null;

export function startPanel(showField) {
  detail = startDetail(showField);
  store.on("select", () => {
    showField(null);
    head();
    fill();
  });
  store.on("map", () => {
    tabs();
    fill();
  });
  store.on("sides", fill);
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    back();
  });
}

/** One step back out: from a map to the sheet, from the sheet to the network. */
function back() {
  if (store.channel !== null && !isVector(store.node)) {
    const { channel } = store;
    store.open_(null);
    sheet?.focus(channel);
    return;
  }
  document.querySelector('#world .node[aria-current="true"]')?.focus();
}

export const isVector = (node) => node.shape.length === 1;

function head() {
  const { box } = store;
  if (!box) {
    panel.replaceChildren(
      element("h2", { id: "panel-title", className: "soft", textContent: "Choose a layer to look into it." }),
    );
    return;
  }
  const title = [box.title, box.detail].filter(Boolean).join(" · ");
  const module = box.nodes.find((node) => node.module)?.module;
  panel.replaceChildren(
    element(
      "header",
      { className: "panel-head" },
      element(
        "h2",
        { id: "panel-title" },
        title,
        module ? element("code", { className: "soft", textContent: module }) : null,
      ),
      element("div", { id: "tabs", className: "row", role: "group", ariaLabel: "Step of the layer" }),
    ),
    facts(box),
    body,
  );
  tabs();
}

function tabs() {
  const steps = store.box.nodes.filter(
    (node) => node.op !== "dropout" && !(node.op === "flatten" && store.box.nodes.length > 1),
  );
  const row = document.querySelector("#tabs");
  const focused = [...row.children].indexOf(document.activeElement);
  row.replaceChildren(
    ...(steps.length < 2 ? [] : steps).map((node) => {
      const tab = element("button", {
        type: "button",
        textContent: node.label,
        ariaPressed: String(node === store.node),
      });
      tab.addEventListener("click", () => store.show(node));
      return tab;
    }),
  );
  if (focused >= 0) row.children[focused]?.focus();
}

function facts(box) {
  const [node] = box.nodes;
  const square = (sides) => (sides ? shapeWords(sides) : null);
  const rows = [
    ["output", shapeWords(box.shape)],
    ["kernel", square(node.kernel)],
    ["stride", square(node.stride)],
    ["padding", paddingWords(node.padding)],
    ["dilation", node.dilation?.some((step) => step > 1) ? square(node.dilation) : null],
    ["groups", node.groups > 1 ? whole(node.groups) : null],
    ["parameters", box.parameters ? whole(box.parameters) : null],
    ["multiply-adds", node.macs ? brief(node.macs) : null],
    ["one number sees", node.receptive_field ? `${shapeWords(node.receptive_field)} px` : null],
    ["size", node.formula],
    ["made from what is given", node.op === "input" ? store.network.preprocessing : null],
  ].filter(([, value]) => value);
  return element(
    "dl",
    { className: "facts" },
    ...rows.map(([name, value]) =>
      element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value })),
    ),
  );
}

/** [[top, bottom], [left, right]] in words; null where there is none. */
function paddingWords(padding) {
  if (!padding?.flat().some((side) => side)) return null;
  const [[top, bottom], [left, right]] = padding;
  if (top === bottom && left === right)
    return top === left ? String(top) : `${top} above and below, ${left} left and right`;
  return `${top} above, ${bottom} below, ${left} left, ${right} right`;
}

const fill = telling(async () => {
  if (!store.box) return;
  const inside = body.contains(document.activeElement);
  if (store.channel !== null || isVector(store.node)) {
    body.replaceChildren(detail.root);
    sheet?.stop();
    await detail.open();
    if (inside && document.activeElement === document.body) detail.focus();
    return;
  }
  detail.close();
  if (sheet?.node !== store.node || sheet.sides !== store.sides.length) {
    sheet?.stop();
    sheet = new Sheet(store.node);
  }
  body.replaceChildren(sheet.root);
  await sheet.load();
});
