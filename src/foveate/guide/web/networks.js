// Networks that Python has trained, for the widgets of a page: one thread and one engine for all of them.

const waiting = new Map();
let worker = null;
let asked = 0;

/** Fetches a network and its engine, so that what is asked next is answered at once. */
export const open = (file) => ask({ file });

/** {name: {data, shape}} of a network's outputs for an input {name, type, values, dims}. */
export const run = (file, input) => ask({ file, input });

function ask(message) {
  worker ??= begin();
  return new Promise((resolve, reject) => {
    asked += 1;
    waiting.set(asked, { resolve, reject });
    worker.postMessage({ number: asked, ...message });
  });
}

function begin() {
  const made = new Worker(new URL("./inference.js", import.meta.url), { type: "module" });
  made.onmessage = ({ data: { number, outputs, error } }) => {
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) resolve(outputs);
    else reject(new Error(error));
  };
  made.onerror = () => {
    for (const { reject } of waiting.values())
      reject(new Error("This copy of the guide has no engine for networks; `foveate guide --download` makes one."));
    waiting.clear();
    worker = null;
  };
  return made;
}

/** Shares of sum 1 of scores. */
export function shares(scores) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}
