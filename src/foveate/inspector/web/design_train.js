// Training the design: what on, how long, the curves while it runs, and the way into the trained network.

import { ask, element, get, post, tell, telling, whole } from "./api.js";
import { Curve } from "./design_curve.js";
import { prose } from "./design_list.js";

const ASK_EVERY_MS = 400;
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const $ = (id) => document.getElementById(id);

export class TrainingPanel {
  #text;
  #fit;
  #data = [];
  #rows = [];
  #id = null;
  #loss = new Curve("Loss", (value) => String(Math.round(value * 1000) / 1000), false);
  #accuracy = new Curve("Accuracy", (value) => `${Math.round(value * 1000) / 10} %`, true);

  /** `text()` gives the blueprint's YAML, or null where it has a fault; `fit(input, classes)` makes the design
   *  one for such pictures. */
  constructor({ text, fit }) {
    this.#text = text;
    this.#fit = fit;
    $("curves").append(this.#accuracy.figure, this.#loss.figure);
    $("train-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    $("stop").addEventListener(
      "click",
      telling(async () => {
        $("stop").disabled = true;
        await ask(`api/trainings/${this.#id}`, { method: "DELETE" });
      }),
    );
    $("data").addEventListener("change", () => this.describe());
    addEventListener("themechange", () => this.#draw());
    new ResizeObserver(() => this.#draw()).observe($("curves"));
  }

  /** Read what may be trained on, and go on watching what is in training. */
  async load() {
    const { data, running } = await get("api/trainings");
    this.#data = data;
    $("data").replaceChildren(...data.map((one) => element("option", { value: one.name, textContent: one.title })));
    $("data").value = (data.find((one) => one.given) ?? data[0])?.name ?? "";
    this.describe();
    if (running) this.#watch(running);
  }

  /** Say what the chosen data set is, and whether the design is for pictures like those. */
  describe(design = this.design) {
    this.design = design;
    const one = this.#data.find(({ name }) => name === $("data").value);
    if (!one || !design) {
      $("data-words").replaceChildren(
        ...(one
          ? []
          : prose(
              "No data set is on this machine: start with `--data PICTURES`, or fetch one with `foveate data get`.",
            )),
      );
      $("train").disabled = true;
      return;
    }
    const size = one.input ? ` of ${one.input.join("\u2009×\u2009")}` : "";
    const words = [
      `${one.pictures === null ? "Pictures" : `${whole(one.pictures)} pictures`}${size}, ${one.classes} classes. `,
    ];
    const differs =
      (one.input && one.input.join() !== design.input.join()) || (design.classes ?? one.classes) !== one.classes;
    if (differs) {
      const fit = element("button", { type: "button", className: "small", textContent: "Make the design for these" });
      fit.addEventListener("click", () => this.#fit(one.input, one.classes));
      words.push("The design is for others. ", fit);
    }
    $("data-words").replaceChildren(...words);
    $("train").disabled = this.#id !== null || this.#text() === null;
  }

  #start = telling(async () => {
    const [unit, number] = $("length").value.split(":");
    const yaml = this.#text();
    if (yaml === null) return;
    $("stop").textContent = unit === "seconds" ? "Stop and keep" : "Stop and discard";
    const { training } = await post("api/trainings", { yaml, data: $("data").value, [unit]: Number(number) });
    await this.#watch(training);
  });

  async #watch(id) {
    this.#id = id;
    this.#rows = [];
    $("run").hidden = false;
    $("look").hidden = true;
    $("stop").hidden = $("stop").disabled = false;
    $("stop").disabled = false;
    this.describe();
    try {
      for (let state = "reading"; !["done", "stopped", "failed"].includes(state); ) {
        const told = await get(`api/trainings/${id}`, { after: this.#rows.length });
        this.#rows.push(...told.rows);
        this.#show(told);
        state = told.state;
        if (state === "failed") tell(told.message);
        if (!["done", "stopped", "failed"].includes(state))
          await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      }
    } catch (error) {
      tell(error);
    }
    this.#id = null;
    $("stop").hidden = true;
    this.describe();
  }

  #show({ state, message, progress, net, folder }) {
    const bar = $("progress");
    bar.hidden = ["done", "stopped", "failed"].includes(state);
    if (progress === null) bar.removeAttribute("value");
    else bar.value = progress;
    const last = this.#rows.at(-1),
      judged = this.#rows.findLast((row) => row.val_accuracy !== null);
    const facts = [message];
    if (last)
      facts.push(
        last.epoch_end
          ? `${whole(last.step)} steps, ${Math.round(last.epoch * 10) / 10} ${last.epoch === 1 ? "epoch" : "epochs"}.`
          : `Step ${whole(last.step)}.`,
      );
    if (judged) facts.push(`${percent.format(judged.val_accuracy)} of the validation pictures right.`);
    if (folder) facts.push(`Kept in ${folder}.`);
    const words = facts.filter(Boolean).join(" ");
    if ($("run-words").textContent !== words) $("run-words").textContent = words;
    if (net) {
      $("look").href = `./?net=${encodeURIComponent(net)}`;
      $("look").hidden = false;
    }
    this.#draw();
    this.#table();
  }

  #draw() {
    const series = (key) => [
      {
        name: "training",
        dashed: true,
        points: this.#rows
          .filter((row) => !row.epoch_end && row[`train_${key}`] !== null)
          .map((row) => [row.step, row[`train_${key}`]]),
      },
      {
        name: "validation",
        dashed: false,
        points: this.#rows.filter((row) => row[`val_${key}`] !== null).map((row) => [row.step, row[`val_${key}`]]),
      },
    ];
    this.#loss.draw(series("loss"));
    this.#accuracy.draw(series("accuracy"));
  }

  #table() {
    const ends = this.#rows.filter((row) => row.epoch_end);
    const cell = (value, write) => element("td", { textContent: value === null ? "–" : write(value) });
    const number = (value) => value.toFixed(3);
    $("numbers").replaceChildren(
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          ...["epoch", "training loss", "accuracy", "validation loss", "accuracy"].map((words) =>
            element("th", { scope: "col", textContent: words }),
          ),
        ),
      ),
      element(
        "tbody",
        {},
        ...ends.map((row) =>
          element(
            "tr",
            {},
            cell(row.epoch, (value) => String(Math.round(value * 10) / 10)),
            cell(row.train_loss, number),
            cell(row.train_accuracy, percent.format),
            cell(row.val_loss, number),
            cell(row.val_accuracy, percent.format),
          ),
        ),
      ),
    );
  }
}
