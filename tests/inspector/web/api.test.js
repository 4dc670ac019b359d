import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { ask, brief, get, getMap, Latest, post, Refusal, shapeWords, whole, withQuery } from "#inspector/api.js";

const busy = new Set();

beforeEach(() => {
  const toggle = (name, on) => (on ? busy.add(name) : busy.delete(name));
  globalThis.document = { documentElement: { classList: { toggle } } };
});
afterEach(() => {
  mock.restoreAll();
  delete globalThis.document;
  assert.equal(busy.size, 0); // the page is never left looking busy
});

const answer = (body, options) => mock.method(globalThis, "fetch", async () => new Response(body, options));

test("numbers as people write them", () => {
  assert.equal(whole(25557032), "25,557,032");
  assert.deepEqual([4.089e9, 61.1e6, 25_000, 9_999, 416].map(brief), ["4.09 G", "61.1 M", "25.0 k", "9,999", "416"]);
  assert.equal(shapeWords([64, 56, 56]), "64\u2009×\u200956\u2009×\u200956");
});

test("a query leaves out what is not given, and escapes what is", () => {
  assert.equal(withQuery("api/maps", { from: 0, count: null, size: undefined }), "api/maps?from=0");
  assert.equal(withQuery("api/maps", { name: "a&b c" }), "api/maps?name=a%26b+c");
  assert.equal(withQuery("api/maps", {}), "api/maps");
});

test("JSON goes out and comes in", async () => {
  const fetched = answer('{"run": "r1"}');
  assert.deepEqual(await post("api/runs", { picture: "p1" }), { run: "r1" });
  const [path, options] = fetched.mock.calls[0].arguments;
  assert.deepEqual([path, options.method, options.body], ["api/runs", "POST", '{"picture":"p1"}']);
  await get("api/nets", { net: "n1" });
  assert.equal(fetched.mock.calls[1].arguments[0], "api/nets?net=n1");
});

test("a refusal carries the server's sentence and status", async () => {
  answer('{"error": "There is no such run."}', { status: 404 });
  await assert.rejects(ask("api/runs/r9"), (error) => {
    assert(error instanceof Refusal);
    assert.deepEqual([error.message, error.status], ["There is no such run.", 404]);
    return true;
  });
});

test("an answer that is no JSON is told by its status", async () => {
  answer("<html>", { status: 502 });
  await assert.rejects(ask("api/runs"), { message: "The server answered 502.", status: 502 });
});

test("a server that is gone is told in a sentence", async () => {
  mock.method(globalThis, "fetch", () => Promise.reject(new TypeError("fetch failed")));
  await assert.rejects(ask("api/runs"), { message: /cannot be reached/, status: 0 });
});

test("a map is float32, little endian, with its own height and width", async () => {
  const bytes = new Uint8Array([0, 0, 128, 63, 0, 0, 0, 192, 0, 0, 0, 0, 0, 0, 0, 63]); // 1, -2, 0, 0.5
  answer(bytes, { headers: { "X-Height": "2", "X-Width": "2" } });
  const { data, height, width } = await getMap("api/map");
  assert.deepEqual([[...data], height, width], [[1, -2, 0, 0.5], 2, 2]);
  answer(bytes);
  const vector = await getMap("api/map");
  assert.deepEqual([vector.height, vector.width], [1, 4]);
});

test("only the newest of several requests counts", async () => {
  const latest = new Latest();
  const signals = [];
  let finish;
  const slow = latest.run((signal) => {
    signals.push(signal);
    return new Promise((done) => {
      finish = done;
    });
  });
  const fast = latest.run(async () => "new");
  assert(signals[0].aborted);
  finish("old");
  assert.deepEqual(await Promise.all([slow, fast]), [undefined, "new"]);
});

test("what the newest request fails with is told, what an older one fails with is not", async () => {
  const latest = new Latest();
  const fail = () => latest.run(() => Promise.reject(new Error("gone")));
  const older = fail();
  const newer = fail();
  assert.equal(await older, undefined);
  await assert.rejects(newer, { message: "gone" });
});
