// Numbers as colours on a canvas. The two colour maps are those of explanation/colour.py: paths through OKLab cut
// into equal steps. Heat (unsigned) grows lighter all the way; the signed one goes from blue over white to orange.

const FINE = 2048;

/** 256 colours as Uint8 RGB triples: from near black over violet and orange to pale yellow. */
export const HEAT = evenly(256, (t) => ({
  lightness: 0.16 + 0.8 * t,
  chroma: 0.175 * Math.sin(Math.PI * (0.1 + 0.77 * t)),
  hue: 280 + 190 * t ** 0.9,
}));

/** 256 colours: blue for less than zero, near white at zero, orange above; both ends equally dark. */
export const SIGNED = (() => {
  const half = (hue) => evenly(128, (t) => ({ lightness: 0.97 - 0.39 * t, chroma: 0.138 * t, hue }));
  const below = half(255),
    above = half(55),
    all = new Uint8ClampedArray(768);
  for (let i = 0; i < 128; i++) for (let c = 0; c < 3; c++) all[3 * i + c] = below[3 * (127 - i) + c];
  all.set(above, 384);
  return all;
})();

/** The range that a map's colours span: around zero where it has negative values, else from 0. */
export function rangeOf(...maps) {
  let low = 0,
    high = 0;
  for (const { data } of maps) {
    for (const value of data) {
      if (value < low) low = value;
      else if (value > high) high = value;
    }
  }
  const signed = low < 0;
  const limit = Math.max(high, -low) || 1;
  return { low, high, signed, from: signed ? -limit : 0, to: limit };
}

/** The colour of one value as [red, green, blue]. */
export function rgb(value, range) {
  const colours = range.signed ? SIGNED : HEAT;
  const at = Math.round(255 * Math.min(1, Math.max(0, (value - range.from) / (range.to - range.from)))) || 0;
  return [colours[3 * at], colours[3 * at + 1], colours[3 * at + 2]];
}

/** The same as a CSS colour. */
export const css = (value, range) => `rgb(${rgb(value, range).join(" ")})`;

/** Whether black reads better than white on a value's colour; either way the contrast is 4.5 or more. */
export function isLight(value, range) {
  const [r, g, b] = rgb(value, range).map((c) => (c <= 10 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179;
}

/** A map as pixels of its own size; show it large with the class "pixels". */
export function paint(canvas, map, range = rangeOf(map)) {
  const { data, height, width } = map;
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  for (let i = 0; i < data.length; i++) {
    const [r, g, b] = rgb(data[i], range);
    image.data.set([r, g, b, 255], 4 * i);
  }
  pen.putImageData(image, 0, 0);
  return range;
}

/** The colours of a range from left to right, as a strip 256 px wide. */
export function paintLegend(canvas, range) {
  const data = Float32Array.from({ length: 256 }, (_, i) => range.from + ((range.to - range.from) * i) / 255);
  paint(canvas, { data, height: 1, width: 256 }, range);
}

/** A frame around the pixels top..top+height, left..left+width of a map that is drawn `scale` times as large:
 *  dark within light, so that it is seen on every colour. */
export function frame(pen, { top, left, height, width }, scaleX, scaleY = scaleX) {
  const [x, y, w, h] = [left * scaleX, top * scaleY, width * scaleX, height * scaleY];
  pen.lineWidth = 4;
  pen.strokeStyle = "rgb(255 255 255 / .95)";
  pen.strokeRect(x, y, w, h);
  pen.lineWidth = 2;
  pen.strokeStyle = "#10151a";
  pen.strokeRect(x, y, w, h);
}

/** A canvas that is as sharp as the screen: `width` x `height` CSS pixels, cleared, its pen scaled. */
export function penFor(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

/** A colour token of base.css as the browser computes it now ("--hit" -> "rgb(29, 104, 167)"). */
export function token(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function evenly(steps, path) {
  const labs = Array.from({ length: FINE }, (_, i) => {
    const { lightness, chroma, hue } = path(i / (FINE - 1));
    const angle = (hue * Math.PI) / 180;
    return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
  });
  const way = [0];
  for (let i = 1; i < FINE; i++) way.push(way[i - 1] + Math.hypot(...labs[i].map((v, c) => v - labs[i - 1][c])));
  const colours = new Uint8ClampedArray(3 * steps);
  for (let step = 0, i = 0; step < steps; step++) {
    const at = (way[FINE - 1] * step) / (steps - 1);
    while (i < FINE - 2 && way[i + 1] < at) i++;
    const part = (at - way[i]) / (way[i + 1] - way[i]);
    colours.set(srgb(labs[i].map((v, c) => v + part * (labs[i + 1][c] - v))), 3 * step);
  }
  return colours;
}

function srgb([lightness, a, b]) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((c) => {
    const linear = Math.min(1, Math.max(0, c));
    return 255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055);
  });
}
