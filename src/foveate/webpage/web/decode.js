// A file as pixels: {width, height, channels: 3, data}, turned as its EXIF says, transparency laid on white.

/** Throws an Error that people can read. */
export async function decoded(file) {
  let bitmap;
  try {
    // The numbers of the file: no colour profile is applied, as in training.
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", imageOrientation: "from-image" });
  } catch {
    throw new Error("This browser cannot read it as a picture.");
  }
  const { width, height } = bitmap;
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true, alpha: false });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data: four } = pen.getImageData(0, 0, width, height);
  const data = new Uint8ClampedArray(3 * width * height);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    data[to] = four[from];
    data[to + 1] = four[from + 1];
    data[to + 2] = four[from + 2];
  }
  return { width, height, channels: 3, data };
}
