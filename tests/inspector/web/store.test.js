import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { shown } from "#inspector/answer.js";
import { store } from "#inspector/store.js";

const NETWORK = {
  net: "main",
  classes: ["ant", "bee"],
  input: { channels: 3, height: 8, width: 8 },
  nodes: [
    { id: "n0", op: "input", inputs: [], label: "input", shape: [3, 8, 8] },
    { id: "n1", op: "conv2d", inputs: ["n0"], label: "conv", shape: [4, 8, 8] },
    { id: "n2", op: "linear", inputs: ["n1"], label: "dense", shape: [2] },
  ],
};
let asked, replies;

beforeEach(async () => {
  asked = [];
  replies = {
    "api/network": () => Response.json(NETWORK),
    "api/runs": () => Response.json({ run: `r${asked.length}` }),
  };
  globalThis.document = { documentElement: { classList: { toggle: () => {} } } };
  mock.method(globalThis, "fetch", async (path, options = {}) => {
    asked.push(`${options.method ?? "GET"} ${path}`);
    const reply = replies[path.split("?")[0]];
    return reply ? reply() : Response.json({ error: "gone" }, { status: 404 });
  });
  store.sides.length = 1;
  await store.open("main");
});
afterEach(() => {
  mock.restoreAll();
  delete globalThis.document;
});

const hear = (names) => {
  const heard = [];
  for (const name of names) store.addEventListener(name, ({ type }) => heard.push(type));
  return heard;
};

test("another network forgets what was chosen and changed", async () => {
  store.select(store.boxes[1]);
  store.open_(2, { row: 1, column: 1 });
  store.edits = [{}];
  await store.open("main");
  assert.deepEqual([store.box, store.node, store.channel, store.pixel], [null, null, null, null]);
  assert.deepEqual(store.edits, []);
  assert.deepEqual(
    store.readers.get("n0").map(({ id }) => id),
    ["n1"],
  );
});

test("a picture goes through the network, and another one uncovers it", async () => {
  await store.usePicture({ id: "p1" });
  assert.equal(asked.at(-1), "POST api/runs");
  await store.cover([{ top: 0, left: 0, height: 2, width: 2 }]);
  assert.equal(store.side.cover.length, 1);
  await store.usePicture({ id: "p2" });
  assert.deepEqual([store.side.picture.id, store.side.cover], ["p2", []]);
});

test("choosing a box shows its own node, no map yet", () => {
  const heard = hear(["select"]);
  store.select(store.boxes[1]);
  assert.deepEqual([store.node.id, store.channel, heard], ["n1", null, ["select"]]);
});

test("the same pixel again is no news", () => {
  store.point({ row: 1, column: 2 });
  const heard = hear(["pixel"]);
  store.point({ row: 1, column: 2 });
  assert.deepEqual(heard, []);
  store.point({ row: 1, column: 3 });
  assert.deepEqual(heard, ["pixel"]);
});

test("a map is asked for once in a run, and again after one that failed", async () => {
  await store.usePicture({ id: "p1" });
  const path = () => `api/runs/${store.side.run.run}/nodes/n1/maps/0`;
  replies[path()] = () => new Response(new Uint8Array(4));
  const count = () => asked.filter((one) => one.includes("/maps/")).length;
  const node = store.nodes.get("n1");
  await Promise.all([store.map(store.side, node, 0), store.map(store.side, node, 0)]);
  assert.equal(count(), 1);
  replies[path()] = () => Response.json({ error: "busy" }, { status: 503 });
  await store.rerun(0);
  replies[path()] = () => Response.json({ error: "busy" }, { status: 503 });
  await assert.rejects(store.map(store.side, node, 0), { status: 503 });
  replies[path()] = () => new Response(new Uint8Array(4));
  await store.map(store.side, node, 0);
  assert.equal(count(), 3);
});

test("a run that the server no longer holds is made again", async () => {
  await store.usePicture({ id: "p1" });
  const gone = store.side.run.run;
  const node = store.nodes.get("n1");
  const next = `r${asked.length + 2}`; // after the refusal and the new run
  replies[`api/runs/${next}/nodes/n1/sum`] = () => Response.json({ value: 1 });
  const sum = await store.sum(store.side, node, 0, { row: 0, column: 0 });
  assert.deepEqual([sum, store.side.run.run], [{ value: 1 }, next]);
  assert.notEqual(gone, next);
});

test("maps and classes by name", () => {
  assert.equal(store.mapName({ node: "n0", channel: 1 }), "green");
  assert.equal(store.mapName({ node: "n1", channel: 3 }), "map 3");
  assert.equal(store.mapName({ node: "n2", channel: 1 }), "unit 1");
  assert.equal(store.mapName({ node: null, channel: null }), "constant");
  assert.equal(store.mapName({ node: "n1", channel: null }), "all");
  assert.deepEqual([store.className(1), store.className(7)], ["bee", "class 7"]);
});

test("a second picture stands beside the first, and goes again", async () => {
  await store.usePicture({ id: "p1" });
  await store.addSide({ id: "p2" });
  assert.deepEqual(
    store.sides.map(({ picture }) => picture.id),
    ["p1", "p2"],
  );
  assert.equal(store.active, 1);
  store.dropSide();
  assert.deepEqual([store.sides.length, store.active], [1, 0]);
});

test("probabilities in words", () => {
  assert.deepEqual([0.9731, 1, 0, 0.0004].map(shown), ["97.3%", "100.0%", "0.0%", "< 0.1%"]);
});

test("a pixel of the picture is asked about on its own side, and forgotten with the network", async () => {
  await store.usePicture({ id: "p1" });
  const heard = hear(["spot"]);
  store.lookAt({ row: 3, column: 5 });
  assert.deepEqual(store.spot, { row: 3, column: 5 });
  assert.deepEqual(heard, ["spot"]);
  replies[`api/runs/${store.side.run.run}/pixel`] = () => Response.json({ class: 1 });
  assert.deepEqual(await store.pixelOf(store.side, store.spot, null), { class: 1 });
  assert.match(asked.at(-1), /pixel\?row=3&column=5$/);
  await store.pixelOf(store.side, store.spot, 0);
  assert.match(asked.at(-1), /pixel\?row=3&column=5&class=0$/);
  await store.open("main");
  assert.equal(store.spot, null);
});
