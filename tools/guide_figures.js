// Run within a page by guide_figures.py: uses widgets as a reader would, and times what they answer.

const LEFT = /^(Learn|Pause|The camera|Slide the window|Fetch)/;
const MOST = 12; // controls of a kind: a table of numbers has many that are alike

const widget = (number) => document.querySelectorAll(".widget")[number];
const until = async (ready) => {
  while (!ready()) await new Promise((go) => setTimeout(go, 2));
};
const drawn = () => new Promise((go) => requestAnimationFrame(() => setTimeout(go)));

/** Milliseconds until an answer is drawn, and until the last one is: a widget may look twice. */
async function timed(root, act) {
  await drawn();
  const began = performance.now();
  await act();
  await until(() => root.ariaBusy !== "true" || root.dataset.seen);
  await drawn();
  const first = performance.now() - began;
  if (root.ariaBusy !== "true") return [first, first];
  await until(() => root.ariaBusy !== "true");
  await drawn();
  return [first, performance.now() - began];
}

function change(control, kind) {
  if (control.type === "range") {
    const by = Number(control.step) || 1;
    control.value = Number(control.value) + by <= Number(control.max) ? Number(control.value) + by : control.min;
  } else if (control.tagName === "SELECT") control.selectedIndex = (control.selectedIndex + 1) % control.length;
  else control.value = String(Number(control.value.replace("−", "-")) + 1);
  control.dispatchEvent(new Event(kind, { bubbles: true }));
}

/** What to do: [words, function]. Controls are looked up again, since answers replace them. */
function acts(root, file) {
  const all = (selector) => [...root.querySelectorAll(selector)].filter((one) => one.offsetParent && !one.disabled);
  const found = [];
  const add = (words, selector, act) => {
    const count = Math.min(all(selector).length, MOST);
    for (let i = 0; i < count; i++) found.push([words, () => all(selector)[i] && act(all(selector)[i])]);
  };
  add("a slider", "input[type=range]", (one) => change(one, "input"));
  add("a choice", "select", (one) => change(one, "change"));
  add("a number changed", ".number-grid input", (one) => change(one, "change"));
  add("a number chosen", ".number-grid button", (one) => one.click());
  add("a name chosen", ".bars button", (one) => one.click());
  const plain = all(".controls button").filter((one) => !LEFT.test(one.textContent));
  for (const one of plain) found.push([`"${one.textContent}"`, () => one.click()]);
  add("pointing", "canvas", (one) => {
    const box = one.getBoundingClientRect();
    const at = { clientX: box.left + box.width / 3, clientY: box.top + box.height / 3, bubbles: true, pointerId: 1 };
    one.dispatchEvent(new PointerEvent("pointermove", at));
  });
  if (root.querySelector(".own-file")) found.push(["a picture of one's own", () => give(root, file)]);
  return found;
}

/** A file of 1,200 by 900 pixels, as a reader's photograph. */
async function photograph() {
  const canvas = new OffscreenCanvas(1200, 900);
  const pen = canvas.getContext("2d");
  for (let i = 0; i < 300; i++) {
    pen.fillStyle = `hsl(${(i * 47) % 360} 60% ${20 + ((i * 13) % 60)}%)`;
    pen.fillRect((i * 97) % 1200, (i * 61) % 900, 200, 150);
  }
  return new File([await canvas.convertToBlob({ type: "image/jpeg" })], "own.jpg");
}

async function give(root, file) {
  const files = new DataTransfer();
  files.items.add(file);
  const input = root.querySelector(".own-file");
  const words = input.closest(".controls").querySelector("[role=status]");
  words.textContent = "";
  input.files = files.files;
  input.dispatchEvent(new Event("change"));
  await until(() => words.textContent);
}

async function used(number) {
  const root = widget(number);
  root.scrollIntoView({ block: "center" });
  const times = [];
  for (const [words, act] of acts(root, await photograph())) times.push([words, ...(await timed(root, act))]);
  return times;
}

/** Seconds that it takes to fetch a widget's network and engine. */
async function fetched(number) {
  const root = widget(number);
  const start = [...root.querySelectorAll("button")].find((one) => one.textContent.startsWith("Fetch"));
  const began = performance.now();
  start.click();
  await until(() => start.hidden || (!start.disabled && performance.now() - began > 500));
  await until(() => root.ariaBusy !== "true");
  if (!start.hidden) throw new Error(root.textContent);
  return (performance.now() - began) / 1000;
}

/** [seconds, points of the curve] until so many per cent of unseen digits are right. */
async function learnt(percent) {
  const root = document.querySelector(".widget[data-widget=learn]");
  const told = root.querySelector(".told");
  await until(() => told.textContent);
  const began = performance.now();
  [...root.querySelectorAll("button")].find((one) => one.textContent === "Learn").click();
  await until(() => Number.parseFloat(/([\d.]+) % of unseen/.exec(told.textContent)?.[1]) >= percent);
  const seconds = (performance.now() - began) / 1000;
  return [seconds, root.querySelector("figure polyline").getAttribute("points").split(" ").length];
}
