import assert from "node:assert/strict";
import test from "node:test";
import { document, sentence } from "#webpage/tasks/captioning.js";

test("words have spaces between, but where their script has none", () => {
  assert.equal(sentence(["a", "dog"]), "a dog");
  assert.equal(sentence(["一", "只", "狗"]), "一只狗");
  assert.equal(sentence(["狗", "dog", "狗"]), "狗 dog 狗");
  assert.equal(sentence(["ありが", "と"]), "ありがと");
  assert.equal(sentence([]), "");
});

test("a sentence ends at its end, or at its longest", () => {
  const task = { vocabulary: { words: ["a", "dog"] }, grid: null };
  const outputs = (words) => ({ words: BigInt64Array.from(words), probabilities: Float32Array.from([0.5, 0.5, 0.5]) });
  const ended = document(outputs([4n, 2n, 0n]), task);
  assert.equal(ended.sentence, "a");
  assert.equal(ended.probability, 0.25);
  const cut = document(outputs([4n, 3n, 5n]), task);
  assert.equal(cut.sentence, "a <unknown> dog");
  assert.equal(cut.probability, 0.125);
});
