// Asking the server, and saying so when it fails. All text goes in as text, never as HTML.

/** What the server refused, or that it could not be reached; `status` is 0 then. The message is a sentence. */
export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

let asking = 0;

/** Fetch `path` (relative: "api/network"). Raises a Refusal; an AbortError passes through. */
export async function ask(path, { method = "GET", body, headers, signal, as = "json" } = {}) {
  document.documentElement.classList.toggle("busy", ++asking > 0);
  try {
    const response = await fetch(path, { method, body, headers, signal });
    if (!response.ok) throw new Refusal(await sentence(response), response.status);
    if (as === "response") return response;
    return await response[as === "json" ? "json" : as]();
  } catch (error) {
    if (error instanceof TypeError)
      throw new Refusal("The server cannot be reached; is `foveate inspect` still running?", 0);
    throw error;
  } finally {
    document.documentElement.classList.toggle("busy", --asking > 0);
  }
}

async function sentence(response) {
  try {
    return (await response.json()).error ?? `The server answered ${response.status}.`;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

/** GET as JSON; parameters that are null or undefined are left out. */
export function get(path, parameters = {}, options = {}) {
  return ask(withQuery(path, parameters), options);
}

/** POST a document as JSON and read JSON. */
export function post(path, document_, options = {}) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", body: JSON.stringify(document_), headers, ...options });
}

/** `path?a=1&b=2`. */
export function withQuery(path, parameters) {
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined),
  );
  return query.size ? `${path}?${query}` : path;
}

/** Float32 values, little endian, with their height and width (1 x K for a vector). */
export async function getMap(path, options = {}) {
  const response = await ask(path, { ...options, as: "response" });
  const bytes = new DataView(await response.arrayBuffer());
  const data = new Float32Array(bytes.byteLength / 4);
  for (let i = 0; i < data.length; i++) data[i] = bytes.getFloat32(4 * i, true);
  const height = Number(response.headers.get("X-Height") ?? 1);
  return { data, height, width: Number(response.headers.get("X-Width") ?? data.length / height) };
}

/** A picture as an ImageBitmap. (An <img>'s decode() waits for a tab to be shown.) */
export async function getPicture(path, options = {}) {
  return createImageBitmap(await ask(path, { ...options, as: "blob" }));
}

/** Only the newest of a row of requests matters: starting one ends the one before. */
export class Latest {
  #control = null;

  /** Run `work(signal)`; gives undefined where a newer one took its place. */
  async run(work) {
    this.#control?.abort();
    const control = new AbortController();
    this.#control = control;
    try {
      const found = await work(control.signal);
      return control.signal.aborted ? undefined : found;
    } catch (error) {
      if (control.signal.aborted) return undefined;
      throw error;
    }
  }
}

/** Show a sentence in the banner; it stays until it is dismissed or `quiet()` is called. */
export function tell(problem) {
  const words = typeof problem === "string" ? problem : problem.message;
  if (!(problem instanceof Refusal) && problem instanceof Error) console.error(problem);
  quiet();
  const banner = element("div", { className: "banner", role: "alert" });
  const close = element("button", { type: "button", textContent: "Close" });
  close.addEventListener("click", quiet);
  banner.append(element("p", { textContent: words }), close);
  document.body.append(banner);
}

/** Take the banner away. */
export function quiet() {
  document.querySelector(".banner")?.remove();
}

/** An async function whose failures go to the banner. */
export function telling(work) {
  return async (...given) => {
    try {
      return await work(...given);
    } catch (error) {
      if (error.name !== "AbortError") tell(error);
      return undefined;
    }
  };
}

/** A new element: properties are set, attributes where there is no such property; children appended. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** 25,557,032. */
export const whole = (number) => new Intl.NumberFormat("en").format(number);

/** 4.09 G, 61.1 M, 416: for MACs and parameters, three digits. */
export function brief(number) {
  const step = [
    [1e9, " G"],
    [1e6, " M"],
    [1e4, " k"],
  ].find(([least]) => number >= least);
  return step ? `${(number / (step[1] === " k" ? 1e3 : step[0])).toPrecision(3)}${step[1]}` : whole(number);
}

/** 64 × 56 × 56. */
export const shapeWords = (shape) => shape.join("\u2009×\u2009");
