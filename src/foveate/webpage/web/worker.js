// The network, in a thread of its own: a file comes, its prediction goes, as the server's JSON has it.

import { decoded } from "./decode.js";
import * as ort from "./ort.wasm.bundle.min.mjs";
import { prepared, wayBack } from "./preprocess.js";
import { got, unpacked } from "./unpack.js";

const opened = open();

self.onmessage = async ({ data: { number, file } }) => {
  try {
    postMessage({ number, prediction: await answer(file) });
  } catch (error) {
    postMessage({ number, error: error.message });
  }
};

async function open() {
  const [config, engine, network] = await Promise.all([
    got("model.json"),
    got("ort.wasm.gz"),
    got("model.onnx.planes.gz"),
  ]);
  const model = await config.json();
  ort.env.wasm.wasmBinary = await unpacked(engine);
  ort.env.wasm.numThreads = 1; // more would need headers that few web hosts send
  const [session, { document }] = await Promise.all([
    ort.InferenceSession.create(fromPlanes(await unpacked(network)), { executionProviders: ["wasm"] }),
    import(`./tasks/${model.task.name}.js`),
  ]);
  postMessage({ ready: true });
  return { model, session, document };
}

// Packed smaller, the first bytes of each four stand first, then the second ones and so on (`webpage/write.py`).
function fromPlanes(planes) {
  const bytes = new Uint8Array(planes.length);
  let from = 0;
  for (let first = 0; first < 4; first += 1)
    for (let at = first; at < bytes.length; at += 4, from += 1) bytes[at] = planes[from];
  return bytes;
}

async function answer(file) {
  const { model, session, document } = await opened;
  const picture = await decoded(file);
  const input = prepared(picture, model.preprocessing);
  const pixels = new Uint8Array(input.data.buffer);
  const shape = [1, input.height, input.width, 3];
  const found = await session.run({ images: new ort.Tensor("uint8", pixels, shape) });
  const outputs = Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, tensor.data]));
  return document(outputs, model.task, { picture, input, back: wayBack(picture, model.preprocessing) });
}
