// An answer that is a picture itself, a class for each pixel, over the picture: as strong as the slider says.

import { Latest, telling } from "./api.js";
import { store } from "./store.js";

const field = document.querySelector("#drawn-opacity-field");
const opacity = document.querySelector("#drawn-opacity");
const latest = [new Latest(), new Latest()];

/** `views`: gives the picture views, one a side. */
export function startDrawn(views) {
  const renew = telling(() => Promise.all(views().map(look)));
  opacity.addEventListener("input", () => {
    for (const view of views()) {
      if (view.drawn) view.drawn.opacity = opacity.value / 100;
      view.draw();
    }
  });
  store.on("network", () => {
    field.hidden = store.network.palette.length === 0;
    document.querySelector("#pixel-hint").hidden = store.network.whole_picture;
    for (const view of views()) view.drawn = null;
  });
  store.on("run sides", renew);
}

async function look(view) {
  const { side } = view;
  if (!side?.run?.drawn) return;
  const image = await latest[view.index].run(() => store.drawn(side));
  if (!image) return;
  view.drawn = { image, opacity: opacity.value / 100 };
  view.draw();
}
