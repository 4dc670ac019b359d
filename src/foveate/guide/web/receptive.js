// The receptive field of a stack of layers along one axis: which pixels the middle number at the top looks at.

import { element } from "./api.js";
import { button, row, slider } from "./controls.js";

const [MOST, PIXELS] = [7, 41];

/** [[field, jump] after each layer] of layers [kernel, stride]: field + (k − 1)·jump, jump·s. */
export function fields(layers) {
  let [field, jump] = [1, 1];
  return layers.map(([kernel, stride]) => {
    field += (kernel - 1) * jump;
    jump *= stride;
    return [field, jump];
  });
}

/** layers: [kernel, stride] of each, the first at the picture. */
export function mount(root, { layers: begin }) {
  let layers = begin.map((pair) => [...pair]);
  const list = element("div", { className: "stack" });
  const drawing = element("div", { className: "rows", role: "img" });
  const told = element("p", { className: "told", role: "status" });
  const draw = () => {
    const found = fields(layers);
    const [field, jump] = found.at(-1);
    drawing.setAttribute("aria-label", `${field} of the pixels in a row are seen`);
    const strip = (reach) => {
      const first = Math.floor((PIXELS - reach) / 2);
      const seen = (i) => (i >= first && i < first + reach ? "seen" : "");
      const cells = Array.from({ length: PIXELS }, (_, i) => element("span", { className: seen(i) }));
      return element("div", { className: "strip" }, ...cells);
    };
    drawing.replaceChildren(...found.map(([reach]) => strip(reach)).reverse());
    const clipped = field > PIXELS ? " (more than is drawn)" : "";
    told.textContent =
      `One number at the top sees ${field} by ${field} pixels${clipped}; ` +
      `its neighbour looks ${jump} ${jump === 1 ? "pixel" : "pixels"} further. From the top layer to the first: ` +
      `${found
        .map(([reach]) => reach)
        .reverse()
        .join(", ")}.`;
  };
  const controls = () => {
    list.replaceChildren(
      ...layers.map((pair, i) =>
        row(
          ...["kernel", "stride"].map(
            (name, which) =>
              slider(`layer ${i + 1}: ${name}`, { least: 1, most: which ? 3 : MOST, value: pair[which] }, (value) => {
                pair[which] = value;
                draw();
              }).field,
          ),
        ),
      ),
    );
    add.disabled = layers.length === MOST;
    less.disabled = layers.length === 1;
    draw();
  };
  const add = button("One layer more", () => {
    layers.push([3, 1]);
    controls();
  });
  const less = button("One layer less", () => {
    layers = layers.slice(0, -1);
    controls();
  });
  root.append(list, row(add, less), told, drawing);
  controls();
}
