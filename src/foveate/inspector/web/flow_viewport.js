// The window onto the drawn network: the view scrolls, the world inside is scaled.

export const LEAST_ZOOM = 0.1;
const MOST_ZOOM = 2;
const READABLE = 0.75;
const FAR = 0.5; // under it a box shows its picture alone

const clip = (value, least, most) => Math.min(most, Math.max(least, value));

/** The zoom at which a drawing of `size` fits into `room` (both {width, height}), at most 1 and at least `least`. */
export function fittingZoom(size, room, least) {
  return Math.min(1, Math.max(least, Math.min(room.width / size.width, room.height / size.height)));
}

export class Viewport {
  #view;
  #world;
  #across;
  #size = { width: 0, height: 0 }; // of the drawing, unscaled
  #zoom = 1;

  /** `across()` tells whether the network flows from left to right, not down. */
  constructor(view, world, across) {
    this.#view = view;
    this.#world = world;
    this.#across = across;
    new ResizeObserver(() => this.#sizeView()).observe(view);
    view.addEventListener("wheel", (event) => this.#wheeled(event), { passive: false });
    this.#dragToPan();
  }

  get zoom() {
    return this.#zoom;
  }

  /** Hold a drawing of this size, at the zoom as it is. */
  hold(size) {
    this.#size = size;
    this.setZoom(this.#zoom);
  }

  setZoom(wanted) {
    this.#zoom = clip(wanted, LEAST_ZOOM, MOST_ZOOM);
    this.#world.style.transform = `scale(${this.#zoom})`;
    this.#world.parentElement.style.width = `${this.#size.width * this.#zoom}px`;
    this.#world.parentElement.style.height = `${this.#size.height * this.#zoom}px`;
    this.#world.classList.toggle("far", this.#zoom < FAR);
    this.#sizeView();
  }

  /** Zoom around a point of the window, or the view's middle: what is there stays there. */
  zoomTo(wanted, clientX, clientY) {
    const view = this.#view;
    const bounds = view.getBoundingClientRect();
    const x = (clientX ?? bounds.left + bounds.width / 2) - bounds.left;
    const y = (clientY ?? bounds.top + bounds.height / 2) - bounds.top;
    const [atX, atY] = [(view.scrollLeft + x) / this.#zoom, (view.scrollTop + y) / this.#zoom];
    this.setZoom(wanted);
    view.scrollTo({ left: atX * this.#zoom - x, top: atY * this.#zoom - y, behavior: "instant" });
  }

  /** All of it in view, or as much as can be read. */
  fit(least = READABLE) {
    const height = this.#across() ? this.#mostHeight : Number.POSITIVE_INFINITY; // one that flows down is scrolled
    this.setZoom(fittingZoom(this.#size, { width: this.#view.clientWidth, height }, least));
    this.#view.scrollTo({ left: 0, top: 0, behavior: "instant" });
  }

  get #mostHeight() {
    return innerHeight * (this.#across() ? 0.48 : 0.62);
  }

  #sizeView() {
    const view = this.#view;
    const { width, height } = this.#size;
    const bar = width * this.#zoom > view.clientWidth ? view.offsetHeight - view.clientHeight : 0; // of scrolling
    view.style.height = `${Math.min(height * this.#zoom + bar, this.#mostHeight)}px`;
  }

  #wheeled(event) {
    if (!event.ctrlKey && !event.metaKey) return; // plain wheel scrolls the page
    event.preventDefault();
    this.zoomTo(this.#zoom * Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
  }

  #dragToPan() {
    const view = this.#view;
    let from = null;
    view.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0 || event.target.closest("button")) return;
      from = { x: event.clientX + view.scrollLeft, y: event.clientY + view.scrollTop };
      view.setPointerCapture(event.pointerId);
      view.classList.add("panning");
    });
    view.addEventListener("pointermove", (event) => {
      if (from) view.scrollTo({ left: from.x - event.clientX, top: from.y - event.clientY, behavior: "instant" });
    });
    for (const end of ["pointerup", "pointercancel"]) {
      view.addEventListener(end, () => {
        from = null;
        view.classList.remove("panning");
      });
    }
  }
}
