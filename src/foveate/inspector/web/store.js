// What the page knows: the network, one or two pictures with their runs, the edited kernels, what is chosen.
// Parts of the page listen to its events: "network", "picture", "run", "edits", "select", "map", "pixel", "sides",
// "spot", "token".

import { ask, get, getMap, getPicture, Latest, post, Refusal, withQuery } from "./api.js";
import { boxesOf } from "./graph.js";

/** One picture on its way through the network. */
class Side {
  picture = null; // {id, width, height, url}
  cover = []; // [{top, left, height, width}] in the network's pixels
  run = null; // {run, top, milliseconds}
  latest = new Latest();
  maps = new Map(); // "node/channel" -> Promise of a map of this run
}

const KEPT_MAPS = 400;
const SHEET_CELL = 96; // pixels: the longer side of a map on a sheet, if it is not smaller itself
const LEAST_CELL = 4; // that the server draws
const COLUMNS = 8;
const COLUMNS_OF_SPRITES = 16; // the server's

class Store extends EventTarget {
  network = null;
  nodes = new Map();
  boxes = [];
  readers = new Map();
  sides = [new Side()];
  active = 0; // which side the arithmetic is about
  edits = [];
  box = null; // the chosen box
  node = null; // the node of the box whose maps are shown
  channel = null; // the chosen map
  pixel = null; // {row, column} of it
  token = null; // {row, column} among the patches: the one that looks; null: the class token
  spot = null; // {row, column} of the picture: the pixel whose answer is asked about

  get side() {
    return this.sides[this.active];
  }

  get input() {
    return this.network.input;
  }

  say(name) {
    this.dispatchEvent(new Event(name));
  }

  on(names, listen) {
    for (const name of names.split(" ")) this.addEventListener(name, listen);
  }

  async open(net) {
    const network = await get("api/network", { net });
    this.network = network;
    this.nodes = new Map(network.nodes.map((node) => [node.id, node]));
    this.readers = new Map(network.nodes.map((node) => [node.id, []]));
    for (const node of network.nodes) for (const input of node.inputs) this.readers.get(input).push(node);
    this.boxes = boxesOf(network.nodes);
    this.edits = [];
    this.box = this.node = this.channel = this.pixel = this.spot = this.token = null;
    for (const side of this.sides) {
      side.cover = [];
      side.run = null;
      side.maps.clear();
    }
    this.say("network");
    this.say("select");
  }

  /** Show a picture on a side; what was covered is uncovered. */
  async usePicture(picture, index = this.active) {
    const side = this.sides[index];
    side.picture = picture;
    side.cover = [];
    this.say("picture");
    await this.rerun(index);
  }

  async upload(blob, index = this.active) {
    const path = withQuery("api/pictures", { name: blob.name, net: this.network.net });
    const headers = { "Content-Type": blob.type || "application/octet-stream" };
    const picture = await ask(path, { method: "POST", body: blob, headers });
    await this.usePicture(picture, index);
    return picture;
  }

  async addSide(picture) {
    if (this.sides.length < 2) this.sides.push(new Side());
    this.active = 1;
    this.say("sides");
    await this.usePicture(picture, 1);
  }

  dropSide() {
    this.sides.length = 1;
    this.active = 0;
    this.say("sides");
    this.say("run");
  }

  activate(index) {
    if (this.active === index) return;
    this.active = index;
    this.say("sides");
    this.say("pixel");
  }

  cover(rectangles, index = this.active) {
    this.sides[index].cover = rectangles;
    this.say("picture");
    return this.rerun(index);
  }

  /** What a part of the picture covered would change, while it is being drawn: the cover itself is not kept. */
  async tryCover(rectangles, index) {
    const side = this.sides[index];
    const run = await side.latest.run((signal) => this.#newRun({ picture: side.picture, cover: rectangles }, signal));
    if (!run) return;
    side.run = run;
    side.maps.clear();
    this.say("run");
  }

  edit(edits) {
    this.edits = edits;
    this.say("edits");
    return Promise.all(this.sides.map((_, index) => this.rerun(index)));
  }

  /** Send a side's picture through the network again; only the newest of several counts. */
  async rerun(index) {
    const side = this.sides[index];
    if (side?.picture) await this.tryCover(side.cover, index);
  }

  #newRun(side, signal) {
    return post(
      "api/runs",
      { net: this.network.net, picture: side.picture.id, cover: side.cover, edits: this.edits },
      { signal },
    );
  }

  /** Do `work(run)`; where the server no longer holds the run, make it again and try once more. */
  async #withRun(side, work) {
    try {
      return await work(side.run.run);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 404) throw error;
      const gone = side.run.run;
      const again = await this.#newRun(side);
      if (side.run.run === gone) side.run = again;
      return work(side.run.run);
    }
  }

  /** Ask about a pixel of a side's picture; null: about none. */
  lookAt(spot, index = this.active) {
    this.activate(index);
    this.spot = spot;
    this.say("spot");
  }

  /** Ask where a patch of a side's picture looks; null: where the class token does. */
  lookFrom(token, index = this.active) {
    this.activate(index);
    this.token = token;
    this.say("token");
  }

  /** What is said of a pixel of a side's run, and why; of one class, or of the pixel's own. */
  pixelOf(side, { row, column }, index, signal) {
    return this.#withRun(side, (run) => get(`api/runs/${run}/pixel`, { row, column, class: index }, { signal }));
  }

  /** The words that a network writes of a side's picture. */
  wordsOf(side, signal) {
    return this.#withRun(side, (run) => ask(`api/runs/${run}/words`, { signal }));
  }

  /** The sums behind a word's score; `index`: of which word, null for the one that was written. */
  wordOf(side, number, index, signal) {
    return this.#withRun(side, (run) => get(`api/runs/${run}/words/${number}`, { class: index }, { signal }));
  }

  /** The boxes that a network finds in a side's picture, and where it looked for them. */
  boxesOf(side, signal) {
    return this.#withRun(side, (run) => ask(`api/runs/${run}/boxes`, { signal }));
  }

  /** The sums behind a box's score, or another of its numbers. */
  boxOf(side, number, what, signal) {
    return this.#withRun(side, (run) => get(`api/runs/${run}/boxes/${number}`, { of: what }, { signal }));
  }

  /** The answer of a side's run as a picture of the network's size. */
  drawn(side) {
    return this.#picture(side, "drawn.png");
  }

  sum(side, node, channel, pixel, signal) {
    const place = pixel ? `&row=${pixel.row}&column=${pixel.column}` : "";
    return this.#withRun(side, (run) =>
      ask(`api/runs/${run}/nodes/${node.id}/sum?channel=${channel}${place}`, { signal }),
    );
  }

  /** One map (or a vector: channel 0) of a side's run, kept until the next run. */
  map(side, node, channel) {
    const key = `${node.id}/${channel}`;
    if (!side.maps.has(key)) {
      if (side.maps.size > KEPT_MAPS) side.maps.clear();
      const found = this.#withRun(side, (run) => getMap(`api/runs/${run}/nodes/${node.id}/maps/${channel}`));
      found.catch(() => side.maps.delete(key));
      side.maps.set(key, found);
    }
    return side.maps.get(key);
  }

  /** A sheet of maps from `from` on: draw(canvas, i) puts the i-th of them onto a canvas of the map's size. */
  async sheet(side, node, from, count) {
    const [, height, width] = node.shape;
    const size = Math.max(LEAST_CELL, Math.min(SHEET_CELL, Math.max(height, width)));
    const picture = await this.#picture(
      side,
      withQuery(`nodes/${node.id}/sheet.png`, { from, count, size, columns: COLUMNS }),
    );
    const [high, wide] = [height, width].map((length) =>
      Math.max(1, Math.round((length * size) / Math.max(height, width))),
    );
    const draw = (canvas, i) => {
      [canvas.width, canvas.height] = [wide, high];
      const x = (i % COLUMNS) * size + Math.floor((size - wide) / 2),
        y = Math.floor(i / COLUMNS) * size + Math.floor((size - high) / 2);
      canvas.getContext("2d").drawImage(picture, x, y, wide, high, 0, 0, wide, high);
    };
    return { draw };
  }

  /** Thumbnails of nodes: draw(pen, node, x, y, size) draws one, if it was asked for. */
  async sprites(side, size, nodes) {
    const places = new Map(nodes.map((node, i) => [node.id, i]));
    const picture = await this.#picture(side, `sprites?height=${size}&nodes=${[...places.keys()].join(",")}`);
    const draw = (pen, node, x, y, wide) => {
      const at = places.get(node.id);
      if (at === undefined) return;
      pen.drawImage(
        picture,
        (at % COLUMNS_OF_SPRITES) * size,
        Math.floor(at / COLUMNS_OF_SPRITES) * size,
        size,
        size,
        x,
        y,
        wide,
        wide,
      );
    };
    return { draw };
  }

  #picture(side, path) {
    return this.#withRun(side, (run) => getPicture(`api/runs/${run}/${path}`));
  }

  select(box, node = box?.shown ?? null) {
    this.box = box;
    this.node = node;
    this.channel = this.pixel = null;
    this.say("select");
  }

  /** Another node of the same box: the map and the pixel stay. */
  show(node) {
    this.node = node;
    this.say("map");
  }

  open_(channel, pixel = null) {
    this.channel = channel;
    this.pixel = pixel;
    this.say("map");
  }

  point(pixel) {
    if (pixel?.row === this.pixel?.row && pixel?.column === this.pixel?.column) return;
    this.pixel = pixel;
    this.say("pixel");
  }

  /** Which map a term of a sum is: "map 5", "unit 5" of a vector, "red", "picture", "constant". */
  mapName({ node, channel }) {
    if (node === null) return "constant";
    const from = this.nodes.get(node);
    if (channel === null) return "all";
    if (from.op !== "input") return `${from.shape.length === 1 ? "unit" : "map"} ${channel}`;
    return from.shape[0] === 3 ? ["red", "green", "blue"][channel] : "picture";
  }

  className(index) {
    return this.network.classes?.[index] ?? `class ${index}`;
  }
}

export const store = new Store();
