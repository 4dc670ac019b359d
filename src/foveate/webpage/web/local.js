// The page answers by itself: a worker holds the network, and nothing leaves the machine.

import { offerCamera } from "./camera.js";
import { offerDrawing } from "./drawing.js";
import { open } from "./page.js";

const worker = new Worker("worker.js", { type: "module" });
const waiting = new Map();
const state = document.getElementById("state");
let asked = 0;

worker.onmessage = ({ data: { ready, number, prediction, error } }) => {
  if (ready) {
    state.textContent = "Ready. It works without a network, too.";
    return;
  }
  const { resolve, reject } = waiting.get(number);
  waiting.delete(number);
  if (error === undefined) resolve(prediction);
  else reject(new Error(error));
};
worker.onerror = (event) => {
  state.textContent = `The network could not be opened: ${event.message ?? "this browser is too old"}.`;
};

const ask = (file) =>
  new Promise((resolve, reject) => {
    asked += 1;
    waiting.set(asked, { resolve, reject });
    worker.postMessage({ number: asked, file });
  });

const { add } = open(ask);
offerCamera(add);
offerDrawing(add);
if ("serviceWorker" in navigator) navigator.serviceWorker.register("offline.js");
