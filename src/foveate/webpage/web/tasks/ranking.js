// What several tasks have in common: which labels are the likeliest, and how unlike the training pictures one is.

const SHOWN = 5;

/** The numbers of the labels, the likeliest first; of equally likely ones the earlier. */
export const ranked = (probabilities) =>
  Array.from(probabilities.keys()).sort((one, other) => probabilities[other] - probabilities[one] || one - other);

export const first = (order) => order.slice(0, SHOWN);

/** {unlikeness, unlike}, where the network measures it. */
export function unlikeness({ unlikeness: found }) {
  return found === undefined ? {} : { unlikeness: found[0], unlike: found[0] > 1 };
}
