// One class a picture: the document of `tasks/classification/answers.py`.

import { first, ranked, unlikeness } from "./ranking.js";

export function document(outputs, { classes, unsure }) {
  const { probabilities } = outputs;
  const top = first(ranked(probabilities)).map((i) => ({ label: classes[i], probability: probabilities[i] }));
  const { label, probability } = top[0];
  return { label, probability, unsure: probability < (unsure?.unsure_below ?? 0), ...unlikeness(outputs), top };
}
