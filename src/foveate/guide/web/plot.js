// A small chart as SVG: lines and a dot over axes that fit them. Styles: s0, s1, quiet.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, PAD] = [480, 240, 40, 24, 8];

function node(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

/**
 * A chart of `series`: [{points: [[x, y], …], style, name}] and [{dot: [x, y]}].
 * low, high: of the y axis, where they are not to follow the lines.
 */
export function lines(title, series, { low = null, high = null, across = "" } = {}) {
  const all = series.flatMap(({ points, dot }) => points ?? [dot]);
  const [x0, x1] = ends(all.map(([x]) => x));
  const [first, last] = ends(all.map(([, y]) => y));
  const [y0, y1] = [low ?? first, high ?? last];
  const place = ([x, y]) => [
    LEFT + ((x - x0) / (x1 - x0)) * (WIDTH - LEFT - PAD),
    HEIGHT - BOTTOM - ((Math.min(Math.max(y, y0), y1) - y0) / (y1 - y0)) * (HEIGHT - BOTTOM - PAD),
  ];
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title, class: "chart" });
  for (const tick of ticks(y0, y1)) {
    const [, y] = place([x0, tick]);
    svg.append(node("line", { x1: LEFT, x2: WIDTH - PAD, y1: y, y2: y, class: "grid" }));
    svg.append(node("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, written(tick)));
  }
  for (const tick of ticks(x0, x1)) {
    svg.append(node("text", { x: place([tick, y0])[0], y: HEIGHT - 6, "text-anchor": "middle" }, written(tick)));
  }
  if (across)
    svg.append(node("text", { x: WIDTH - PAD, y: HEIGHT - BOTTOM - 6, "text-anchor": "end", class: "soft" }, across));
  for (const { points, style, dot } of series) {
    if (dot) {
      const [cx, cy] = place(dot);
      svg.append(node("circle", { cx, cy, r: 6, class: "dot s0" }));
    } else if (points.length) {
      svg.append(
        node("polyline", {
          points: points
            .map((p) =>
              place(p)
                .map((v) => v.toFixed(1))
                .join(","),
            )
            .join(" "),
          class: `line ${style}`,
        }),
      );
    }
  }
  return svg;
}

function ends(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return most > least ? [least, most] : [least - 0.5, most + 0.5];
}

function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((s) => s * power).find((s) => s >= rough * 0.999);
  const found = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-9; tick += step) found.push(tick);
  return found;
}

const written = (tick) => String(Number(tick.toPrecision(4))).replace("-", "−");
