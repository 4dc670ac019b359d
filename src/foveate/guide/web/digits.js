// Digits drawn as digits.py draws them: strokes that are bent, turned and shifted at random.

export const SIDE = 16;

/** A generator of numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randoms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A normally distributed number. */
export const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** SIDE·SIDE values of 0 to 1 of a stroke: points [[x, y], …] in a box of side 1. */
export function drawDigit(stroke, random) {
  const between = (low, high) => low + (high - low) * random();
  const [angle, shear] = [between(-0.25, 0.25), between(-0.25, 0.25)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [wide, tall] = [between(0.75, 1), between(0.75, 1)];
  const [right, down] = [between(-1.2, 1.2), between(-1.2, 1.2)];
  const points = stroke.map(([x, y]) => {
    const [a, b] = [x - 0.5 + 0.02 * normal(random), y - 0.5 + 0.02 * normal(random)];
    const leaning = a + shear * b;
    return [
      ((cos * leaning - sin * b) * wide + 0.5) * SIDE + right,
      ((sin * leaning + cos * b) * tall + 0.5) * SIDE + down,
    ];
  });
  return strokePixels([points], between(0.6, 1.1));
}

/** SIDE·SIDE values of lines [[x, y], …] in pixels, `radius` thick on each side. */
export function strokePixels(lines, radius) {
  const pixels = new Float32Array(SIDE * SIDE);
  for (let i = 0; i < pixels.length; i++) {
    const [px, py] = [(i % SIDE) + 0.5, Math.floor(i / SIDE) + 0.5];
    let nearest = Infinity;
    for (const points of lines) {
      for (let p = 0; p < points.length; p++)
        nearest = Math.min(nearest, distance(px, py, points[p], points[p + 1] ?? points[p]));
    }
    pixels[i] = Math.min(1, Math.max(0, radius + 0.5 - nearest));
  }
  return pixels;
}

function distance(px, py, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const share = Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / Math.max(dx * dx + dy * dy, 1e-9)));
  return Math.hypot(px - ax - share * dx, py - ay - share * dy);
}

/** {pixels: [Float32Array], labels: [number]}: all digits equally often. */
export function drawDigits(strokes, count, random) {
  const labels = Array.from({ length: count }, (_, i) => i % strokes.length);
  return { pixels: labels.map((label) => drawDigit(strokes[label], random)), labels };
}
