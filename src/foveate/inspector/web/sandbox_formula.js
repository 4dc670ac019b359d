// The size formula, filled in, as MathML and in words.

const MATH = "http://www.w3.org/1998/Math/MathML";

function math(tag, ...children) {
  const made = document.createElementNS(MATH, tag);
  made.append(...children);
  return made;
}

const n = (value) => math("mn", String(value));
const o = (sign) => math("mo", sign);
const v = (name) => math("mi", name);

/** ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1 with what stands for each letter. */
function floorOf(above, below) {
  return [fence("⌊"), math("mfrac", above, below), fence("⌋"), o("+"), n(1)];
}

function fence(sign) {
  const made = o(sign);
  made.setAttribute("class", "fence");
  return made;
}

function top(size, padding, dilation, kernel, wrap) {
  return math(
    "mrow",
    wrap(size),
    o("+"),
    n(2),
    o("·"),
    wrap(padding),
    o("−"),
    wrap(dilation),
    o("·"),
    o("("),
    wrap(kernel),
    o("−"),
    n(1),
    o(")"),
    o("−"),
    n(1),
  );
}

/** The formula in letters, with the numbers, and worked out; one line each. */
export function formulaLines(size, { kernel, stride, padding, dilation }, { out, room }) {
  const line = (name, ...parts) => {
    const made = math("math", math("mrow", ...parts));
    made.setAttribute("class", name);
    made.setAttribute("displaystyle", "true");
    return made;
  };
  const box = document.createElement("div");
  box.append(
    line("letters", v("out"), o("="), ...floorOf(top("n", "p", "d", "k", v), v("s"))),
    line("numbers", v("out"), o("="), ...floorOf(top(size, padding, dilation, kernel, n), n(stride))),
    line("result", v("out"), o("="), ...(room < 0 ? [n(0)] : [...floorOf(n(room), n(stride)), o("="), n(out)])),
  );
  return box;
}

const LETTERS = "n: the picture's side, k: the kernel's, p: padding on each side, d: dilation, s: stride.";

/** What the numbers mean, in sentences. */
export function formulaWords(size, { kernel, stride, padding, dilation }, { out, span, room, padded, left }) {
  if (room < 0) return LETTERS;
  const words = [
    `The window reaches over ${pixels(span)} of ${padded}, and can go ${room} further in steps of ${stride}: ` +
      `${places(out)}.`,
  ];
  const lost = left === 1 ? "of them is" : `${left} of them are`;
  if (left) words.push(`The last ${lost} left out, since ${room} is no multiple of ${stride}.`);
  if (padding >= span) words.push("With so much padding, windows at the border see nothing but zeros.");
  if (out === size && size > 1) words.push("The map is as large as the picture.");
  else if (stride === 1 && span % 2 === 1) words.push(`Padding ${(span - 1) / 2} would keep the picture's size.`);
  if (dilation > 1 && kernel > 1) words.push(`Between the pixels it looks at, dilation leaves out ${dilation - 1}.`);
  return words.join(" ");
}

/** Why there is no map. */
export function misfit({ kernel, dilation, padding }, { span, padded }) {
  const why = dilation > 1 ? ` (${dilation} · (${kernel} − 1) + 1)` : "";
  const picture = padding ? "the picture with its padding" : "the picture";
  const kernelWords = dilation > 1 ? "the kernel or the dilation" : "the kernel";
  return (
    `The window does not fit: it reaches over ${pixels(span)}${why}, and ${picture} has ${padded}. ` +
    `Make ${kernelWords} smaller, or the padding or the picture larger.`
  );
}

const pixels = (count) => `${count} ${count === 1 ? "pixel" : "pixels"}`;
const places = (count) => `${count} ${count === 1 ? "place" : "places"} along each side`;
