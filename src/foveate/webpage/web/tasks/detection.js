// Boxes in the picture's own pixels: the document of `tasks/detection/answers.py`.

export function document(outputs, task, { picture, back }) {
  const { width, height } = picture;
  const [columns, rows] = back;
  const cut = (value, { scale, shift }, most) => Math.min(Math.max(value * scale + shift, 0), most);
  const told = [];
  for (let i = 0; i < Number(outputs.count[0]); i += 1) {
    const [x1, y1, x2, y2] = outputs.boxes.subarray(4 * i, 4 * i + 4);
    const [left, right] = [cut(x1, columns, width), cut(x2, columns, width)];
    const [top, bottom] = [cut(y1, rows, height), cut(y2, rows, height)];
    const category = Number(outputs.labels[i]);
    const bbox = [left, top, right - left, bottom - top].map((side) => Math.round(1000 * side) / 1000);
    told.push({ label: task.classes[category], category_id: category, score: outputs.scores[i], bbox });
  }
  const threshold = task.rule?.threshold ?? 0.5;
  const count = told.filter(({ score }) => score >= threshold).length; // the network gives the surest first
  return { width, height, threshold, boxes: told.slice(0, count), below: told.slice(count) };
}
