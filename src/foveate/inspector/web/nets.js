// Which network is looked into: the command's own, those opened before, any of the zoo.

import { element, get, post, telling } from "./api.js";

const select = document.querySelector("#nets");
const NEW = "new:";

/** Open the network of the address (?net=ID), or the command's; `open(net)` shows it. */
export async function startNets(open) {
  const show = telling(async (choice) => {
    let net = choice;
    if (choice?.startsWith(NEW)) net = (await post("api/nets", { name: choice.slice(NEW.length) })).net;
    await open(net);
    history.replaceState(null, "", net && net !== "main" ? `?net=${net}` : location.pathname);
    await list(net ?? "main");
  });
  select.addEventListener("change", () => show(select.value));
  await show(new URLSearchParams(location.search).get("net"));
}

async function list(chosen) {
  const { nets, known } = await get("api/nets");
  const opened = new Set(nets.map(({ name }) => name));
  const group = (label, options) => element("optgroup", { label }, ...options);
  select.replaceChildren(
    group(
      "opened",
      nets.map(({ net, name }) => element("option", { value: net, textContent: name })),
    ),
    group(
      "the zoo",
      known
        .filter((name) => !opened.has(name))
        .map((name) => element("option", { value: NEW + name, textContent: name })),
    ),
  );
  select.value = chosen;
}
