// Networks in a thread of their own, run by ONNX Runtime Web: tensors come, tensors go.

import * as ort from "./ort.wasm.bundle.min.mjs";
import { got, unpacked } from "./unpack.js";

const sessions = new Map(); // file -> a session, or the promise of one
let engine = null;

self.onmessage = async ({ data: { number, file, input } }) => {
  try {
    postMessage({ number, outputs: input ? await answer(file, input) : await opened(file) });
  } catch (error) {
    postMessage({ number, error: error.message });
  }
};

function opened(file) {
  if (!sessions.has(file)) sessions.set(file, open(file));
  return sessions.get(file).then(() => null);
}

async function open(file) {
  engine ??= got("ort.wasm.gz")
    .then(unpacked)
    .then((binary) => {
      ort.env.wasm.wasmBinary = binary;
      ort.env.wasm.numThreads = 1; // more would need headers that few web hosts send
    });
  const [network] = await Promise.all([got(file).then(unpacked), engine]);
  return ort.InferenceSession.create(network, { executionProviders: ["wasm"] });
}

async function answer(file, { name, type, values, dims }) {
  await opened(file);
  const session = await sessions.get(file);
  const found = await session.run({ [name]: new ort.Tensor(type, values, dims) });
  return Object.fromEntries(Object.entries(found).map(([output, { data, dims: shape }]) => [output, { data, shape }]));
}
