// One convolution as plain arithmetic: sizes, the map, one output number's terms. No page in here.

/** One axis of the size formula: {out, span, room, left} with n pixels, k, s, p on each side, d.
 *  out: places of the window (0 where it does not fit); span: pixels that it reaches over; left: pixels at the
 *  end that no window reaches. */
export function sizes(n, { kernel, stride, padding, dilation }) {
  const span = dilation * (kernel - 1) + 1;
  const room = n + 2 * padding - span;
  const out = room < 0 ? 0 : Math.floor(room / stride) + 1;
  return { out, span, room, padded: n + 2 * padding, left: room < 0 ? 0 : room - (out - 1) * stride };
}

/** The map of a picture {data, height, width}: {data, height, width}; null where the window does not fit. */
export function convolve(picture, kernel, { stride, padding, dilation }) {
  const shape = { stride, padding, dilation };
  const height = sizes(picture.height, { kernel: kernel.length, ...shape }).out;
  const width = sizes(picture.width, { kernel: kernel[0].length, ...shape }).out;
  if (!height || !width) return null;
  const data = new Float32Array(height * width);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let i = 0; i < kernel.length; i++) {
        const y = row * stride + i * dilation - padding;
        if (y < 0 || y >= picture.height) continue;
        for (let j = 0; j < kernel[0].length; j++) {
          const x = column * stride + j * dilation - padding;
          if (x >= 0 && x < picture.width) sum += kernel[i][j] * picture.data[y * picture.width + x];
        }
      }
      data[row * width + column] = sum;
    }
  }
  return { data, height, width };
}

/** The k·k terms of one output number: [{weight, value (0 in the padding), padded, y, x}], row by row. */
export function terms(picture, kernel, { stride, padding, dilation }, row, column) {
  return kernel.flatMap((weights, i) =>
    weights.map((weight, j) => {
      const y = row * stride + i * dilation - padding,
        x = column * stride + j * dilation - padding;
      const padded = y < 0 || x < 0 || y >= picture.height || x >= picture.width;
      return { weight, value: padded ? 0 : picture.data[y * picture.width + x], padded, y, x };
    }),
  );
}

/** Pixels RGBA to grey values 0..1 by ITU-R 601's weights. */
export function grey(rgba, height, width) {
  const data = new Float32Array(height * width);
  for (let i = 0; i < data.length; i++) {
    data[i] = (0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2]) / 255;
  }
  return { data, height, width };
}
