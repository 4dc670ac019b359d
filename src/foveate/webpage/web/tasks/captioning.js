// A sentence, word by word: the document of `tasks/captioning/answers.py`.

const SPECIAL = ["<padding>", "<start>", "<end>", "<unknown>"]; // the numbers that are no words
const [PADDING, START, END] = [0, 1, 2];
// Blocks of scripts that write no spaces between words, as `tasks/captioning/text.py` has them.
const UNSPACED = [
  [0x0e00, 0x0f00],
  [0x1000, 0x10a0],
  [0x1780, 0x1800],
  [0x3005, 0x3008],
  [0x3040, 0x3130],
  [0x31a0, 0x3200],
  [0x3400, 0x4dc0],
  [0x4e00, 0xa000],
  [0xf900, 0xfb00],
  [0x20000, 0x32400],
];

export function document(outputs, { vocabulary, grid }) {
  const ids = Array.from(outputs.words, Number);
  const ended = ids.indexOf(END);
  const count = ended < 0 ? ids.length : ended;
  const named = (id) => (id < SPECIAL.length ? SPECIAL[id] : vocabulary.words[id - SPECIAL.length]);
  const told = ids.slice(0, count);
  const size = grid && grid[0] * grid[1];
  const words = told.map((id, i) => ({
    word: named(id),
    probability: rounded(outputs.probabilities[i], 6),
    ...(grid && { attention: rows(outputs.attention.subarray(i * size, (i + 1) * size), grid[1]) }),
  }));
  const sure = Array.from(outputs.probabilities.subarray(0, count + (ended < 0 ? 0 : 1)));
  return {
    sentence: sentence(told.filter((id) => id !== PADDING && id !== START).map(named)),
    probability: rounded(
      sure.reduce((all, one) => all * one, 1),
      6,
    ),
    words,
    candidates: [], // the page takes the likeliest word each time, and does not search
  };
}

/** Words with spaces between, but where their script has none. */
export function sentence(words) {
  return words.map((word, i) => (i && !(alone(words[i - 1]) && alone(word)) ? ` ${word}` : word)).join("");
}

function alone(word) {
  const code = word.codePointAt(0);
  return /^\p{L}/u.test(word) && UNSPACED.some(([from, end]) => code >= from && code < end);
}

const rounded = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;

function rows(flat, width) {
  const found = [];
  for (let at = 0; at < flat.length; at += width)
    found.push(Array.from(flat.subarray(at, at + width), (value) => rounded(value, 4)));
  return found;
}
