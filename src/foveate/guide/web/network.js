// A small convolutional network that learns: forward, backward, stochastic gradient descent with momentum.
// One picture at a time; gradients are added up over a batch. Arrays are (C, H, W), row by row.

import { normal } from "./digits.js";

/** Weights, their gradients and their velocities, normally distributed as He and others proposed (2015). */
function parameters(count, inputs, random) {
  const values = Float32Array.from({ length: count }, () => normal(random) * Math.sqrt(2 / inputs));
  return { values, gradients: new Float32Array(count), velocities: new Float32Array(count) };
}

const zeros = (count) => ({
  values: new Float32Array(count),
  gradients: new Float32Array(count),
  velocities: new Float32Array(count),
});

/** A convolution without padding: (channels, side, side) to (filters, side − kernel + 1, …). */
export function convolution(channels, side, filters, kernel, random) {
  const out = side - kernel + 1;
  const weights = parameters(filters * channels * kernel * kernel, channels * kernel * kernel, random);
  const bias = zeros(filters);
  let input = null;
  // Calls visit(place in the output, place in the input of the row's first number, place of its weight) by rows.
  const rows = (visit) => {
    for (let f = 0; f < filters; f++) {
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < kernel; i++) {
          for (let j = 0; j < kernel; j++) {
            const weight = ((f * channels + c) * kernel + i) * kernel + j;
            for (let r = 0; r < out; r++) visit((f * out + r) * out, (c * side + r + i) * side + j, weight);
          }
        }
      }
    }
  };
  return {
    weights,
    bias,
    kernel,
    forward(x) {
      input = x;
      const y = new Float32Array(filters * out * out);
      for (let i = 0; i < y.length; i++) y[i] = bias.values[Math.floor(i / (out * out))];
      rows((to, from, weight) => {
        const w = weights.values[weight];
        for (let c = 0; c < out; c++) y[to + c] += w * x[from + c];
      });
      return y;
    },
    backward(grad) {
      const back = new Float32Array(input.length);
      for (let i = 0; i < grad.length; i++) bias.gradients[Math.floor(i / (out * out))] += grad[i];
      rows((to, from, weight) => {
        const w = weights.values[weight];
        let sum = 0;
        for (let c = 0; c < out; c++) {
          sum += grad[to + c] * input[from + c];
          back[from + c] += w * grad[to + c];
        }
        weights.gradients[weight] += sum;
      });
      return back;
    },
  };
}

/** max(0, x). */
export function relu() {
  let output = null;
  return {
    forward(x) {
      output = x.map((value) => Math.max(0, value));
      return output;
    },
    backward: (grad) => grad.map((value, i) => (output[i] > 0 ? value : 0)),
  };
}

/** The largest of two by two: (channels, side, side) to half the sides. */
export function maxPool(channels, side) {
  const half = Math.floor(side / 2);
  let winners = null;
  return {
    forward(x) {
      winners = new Int32Array(channels * half * half);
      return Float32Array.from(winners, (_, at) => {
        const [c, r, column] = [Math.floor(at / (half * half)), Math.floor(at / half) % half, at % half];
        const first = (c * side + 2 * r) * side + 2 * column;
        let best = first;
        for (const other of [first + 1, first + side, first + side + 1]) if (x[other] > x[best]) best = other;
        winners[at] = best;
        return x[best];
      });
    },
    backward(grad) {
      const back = new Float32Array(channels * side * side);
      winners.forEach((from, at) => {
        back[from] += grad[at];
      });
      return back;
    },
  };
}

/** Every output has a weight for every input. */
export function dense(inputs, outputs, random) {
  const weights = parameters(inputs * outputs, inputs, random);
  const bias = zeros(outputs);
  let input = null;
  return {
    weights,
    bias,
    forward(x) {
      input = x;
      return Float32Array.from(bias.values, (b, k) => {
        let sum = b;
        for (let i = 0; i < inputs; i++) sum += weights.values[k * inputs + i] * x[i];
        return sum;
      });
    },
    backward(grad) {
      const back = new Float32Array(inputs);
      grad.forEach((g, k) => {
        bias.gradients[k] += g;
        for (let i = 0; i < inputs; i++) {
          weights.gradients[k * inputs + i] += g * input[i];
          back[i] += g * weights.values[k * inputs + i];
        }
      });
      return back;
    },
  };
}

/** The shares of scores: of sum 1. */
export function softmax(scores) {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

/** The network of the guide: two convolutions, each with ReLU and max pooling, and a dense layer. */
export function tinyNetwork(random, side = 16, classes = 10) {
  const [first, second] = [side - 4, Math.floor((side - 4) / 2) - 2];
  const layers = [
    convolution(1, side, 8, 5, random),
    relu(),
    maxPool(8, first),
    convolution(8, Math.floor(first / 2), 16, 3, random),
    relu(),
    maxPool(16, second),
    dense(16 * Math.floor(second / 2) ** 2, classes, random),
  ];
  const learnt = layers.flatMap(({ weights, bias }) => (weights ? [weights, bias] : []));
  const forward = (x) => layers.reduce((value, layer) => layer.forward(value), x);
  return {
    layers,
    learnt,
    count: learnt.reduce((sum, { values }) => sum + values.length, 0),
    answer: (x) => softmax(forward(x)),
    /** The loss of one picture, −log of the right class's share; adds up gradients. */
    learn(x, label) {
      const shares = softmax(forward(x));
      const grad = shares.map((share, k) => share - (k === label ? 1 : 0));
      layers.reduceRight((value, layer) => layer.backward(value), grad);
      return -Math.log(Math.max(shares[label], 1e-12));
    },
    /** v ← momentum·v + gradient, w ← w − rate·v, and gradients back to zero. */
    step(rate, momentum, batch) {
      for (const { values, gradients, velocities } of learnt) {
        for (let i = 0; i < values.length; i++) {
          velocities[i] = momentum * velocities[i] + gradients[i] / batch;
          values[i] -= rate * velocities[i];
          gradients[i] = 0;
        }
      }
    },
  };
}
