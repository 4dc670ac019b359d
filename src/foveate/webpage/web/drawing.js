// A picture drawn by hand, light on dark or dark on light: digits and garments are learnt from such.

const SIDE = 280;
const PEN = 18;

export function offerDrawing(add) {
  const view = document.getElementById("board");
  const canvas = view.querySelector("canvas");
  const light = document.getElementById("light");
  const pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [SIDE, SIDE];
  const clear = () => {
    pen.fillStyle = light.checked ? "#000" : "#fff";
    pen.fillRect(0, 0, SIDE, SIDE);
  };
  const place = ({ offsetX, offsetY }) => [
    (offsetX * SIDE) / canvas.clientWidth,
    (offsetY * SIDE) / canvas.clientHeight,
  ];
  let from = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = place(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const to = place(event);
    Object.assign(pen, { lineWidth: PEN, lineCap: "round", strokeStyle: light.checked ? "#fff" : "#000" });
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    from = to;
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      from = null;
    });
  light.addEventListener("change", clear);
  document.getElementById("clear").addEventListener("click", clear);
  document.getElementById("draw").addEventListener("click", () => {
    clear();
    view.showModal();
  });
  document.getElementById("drawn").addEventListener("click", () => {
    canvas.toBlob((blob) => add([new File([blob], "drawing.png", { type: "image/png" })]));
    view.close();
  });
}
