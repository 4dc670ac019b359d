// Several labels a picture: the document of `tasks/multilabel/answers.py`.

import { first, ranked, unlikeness } from "./ranking.js";

export function document(outputs, { labels, thresholds }) {
  const { probabilities } = outputs;
  const order = ranked(probabilities);
  return {
    labels: order.filter((i) => probabilities[i] >= thresholds[i]).map((i) => labels[i]),
    ...unlikeness(outputs),
    top: first(order).map((i) => ({ label: labels[i], probability: probabilities[i], threshold: thresholds[i] })),
  };
}
