// The two sides of the page: a network, one convolution. The address keeps which (design#sandbox).

const SIDES = ["build", "sandbox"];

/** `first[side]()` is called when a side is shown for the first time. */
export function startTabs(first) {
  const tabs = SIDES.map((side) => document.getElementById(`tab-${side}`));
  const begun = new Set();
  const show = (side) => {
    SIDES.forEach((one, i) => {
      const chosen = one === side;
      document.getElementById(one).hidden = !chosen;
      tabs[i].setAttribute("aria-selected", String(chosen));
      tabs[i].tabIndex = chosen ? 0 : -1;
    });
    if (!begun.has(side)) first[side]?.();
    begun.add(side);
  };
  const fromAddress = () => show(SIDES.includes(location.hash.slice(1)) ? location.hash.slice(1) : SIDES[0]);
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => {
      history.replaceState(null, "", i ? `#${SIDES[i]}` : location.pathname);
      show(SIDES[i]);
    });
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const next = tabs[(i + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
      next.focus();
      next.click();
    });
  });
  addEventListener("hashchange", fromAddress);
  fromAddress();
}
