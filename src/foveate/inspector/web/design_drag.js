// Dragging layers with mouse or finger: from row to row, into blocks and out of them.

import { element } from "./api.js";

const STARTS_AFTER_PX = 4;

/** Rows of `root` can be dragged by their grips; `ended(moved)` is called when one is let go. */
export function dragging(root, design, ended) {
  root.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest(".grip");
    if (!grip || event.button) return;
    event.preventDefault();
    const item = grip.closest(".layer");
    follow(
      grip,
      event,
      root,
      item,
      (slot) => {
        const moved = slot ? design.move(item.dataset.id, slot.list, slot.index) : false;
        ended(moved);
      },
      design,
    );
  });
}

/** A palette's button can be dragged into the list with the mouse; `drop(list, index)` where it is let go. */
export function draggable(button, root, design, drop) {
  button.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button) return;
    follow(button, event, root, null, (slot) => slot && drop(slot.list, slot.index), design);
  });
}

function follow(handle, start, root, item, drop, design) {
  const mark = element("div", { className: "drop-mark", "aria-hidden": "true" });
  let active = false,
    slot = null;
  const move = (event) => {
    if (!active && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < STARTS_AFTER_PX) return;
    if (!active) {
      active = true;
      document.body.append(mark);
      document.body.classList.add("dragging");
      item?.classList.add("dragged");
    }
    event.preventDefault();
    scrollAtEdges(event.clientY);
    slot = nearest(root, design, item, event);
    mark.hidden = !slot;
    if (slot)
      Object.assign(mark.style, {
        top: `${slot.y + scrollY}px`,
        left: `${slot.left + scrollX}px`,
        width: `${slot.width}px`,
      });
  };
  const end = (event) => {
    for (const [name, listener] of listeners) removeEventListener(name, listener, true);
    mark.remove();
    document.body.classList.remove("dragging");
    item?.classList.remove("dragged");
    if (!active) return;
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, true), 0);
    drop(event.type === "pointerup" ? slot : null);
  };
  const key = (event) => event.key === "Escape" && end(event);
  const listeners = [
    ["pointermove", move],
    ["pointerup", end],
    ["pointercancel", end],
    ["keydown", key],
  ];
  for (const [name, listener] of listeners) addEventListener(name, listener, true);
  if (item) handle.setPointerCapture(start.pointerId);
}

function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}

/** The place between two rows that is nearest to the pointer: {list, index, y, left, width}; null far away. */
function nearest(root, design, item, { clientX, clientY }) {
  const area = root.getBoundingClientRect();
  if (clientX < area.left - 60 || clientX > area.right + 60) return null;
  let best = null,
    least = Infinity;
  for (const holder of root.querySelectorAll("ol.list")) {
    if (item?.contains(holder)) continue;
    const owner = holder.dataset.owner;
    const list = owner ? design.find(owner).node.parts[Number(holder.dataset.part)] : design.layers;
    const box = holder.getBoundingClientRect();
    const rows = [...holder.children].map((row) => row.getBoundingClientRect());
    for (let index = 0; index <= rows.length; index++) {
      const y = index < rows.length ? rows[index].top - 1 : (rows.at(-1)?.bottom ?? box.top) + 1;
      // Of places at the same height the deepest that begins left of the pointer is meant.
      const distance = Math.abs(clientY - y) + (clientX < box.left ? 24 : 0) - box.left / 100;
      if (distance < least) [best, least] = [{ list, index, y, left: box.left, width: box.width }, distance];
    }
  }
  return best;
}

function scrollAtEdges(y) {
  const edge = 60;
  if (y < edge) scrollBy(0, (y - edge) / 3);
  else if (y > innerHeight - edge) scrollBy(0, (y - innerHeight + edge) / 3);
}
