// Reads {settings, width, height, pixels (base64)} a line; writes the prepared picture (base64) a line.
import { createInterface } from "node:readline";
import { prepared } from "#webpage/preprocess.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { settings, width, height, pixels } = JSON.parse(line);
  const data = new Uint8ClampedArray(Buffer.from(pixels, "base64"));
  const found = prepared({ width, height, channels: 3, data }, settings);
  console.log(Buffer.from(found.data).toString("base64"));
}
