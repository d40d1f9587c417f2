"use strict";

// What the page holds: numbers as base64 of little-endian arrays, texts once each.
const data = JSON.parse(document.getElementById("data").textContent);
const numPoints = data.count;
const xs = unpack(data.x, Uint16Array), ys = unpack(data.y, Uint16Array); // 0 to 65535
const classes = unpack(data.class_of, Uint8Array), shares = data.share && unpack(data.share, Uint8Array); // percent
const fileOf = unpack(data.file, Uint32Array);
const starts = unpack(data.start, Float32Array), ends = unpack(data.end, Float32Array); // seconds
const facts = data.facts.map((fact) => ({ ...fact, codes: unpack(fact.codes, Uint32Array) }));
const SIZE = 65535, CELLS = 256, CELL = (SIZE + 1) / CELLS;

const element = (id) => document.getElementById(id);
const stage = element("stage"), points = element("points"), marks = element("marks"), player = element("player");
const pen = points.getContext("2d"), marker = marks.getContext("2d");
const isShown = data.classes.map(() => true);
const byClass = groupBy(classes, data.classes.length);
const cells = groupBy(xs.map((x, i) => Math.floor(x / CELL) + CELLS * Math.floor(ys[i] / CELL)), CELLS * CELLS);
const view = { x: SIZE / 2, y: SIZE / 2, scale: 1 }; // what is in the middle, and pixels for a unit
let width = 1, height = 1, least = 1, marked = -1, playing = -1, hasCross = false, isDue = false;

function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}

// Return for each group the numbers of the points that are in it: those of group g are order[begins[g]] and on.
function groupBy(groups, numGroups) {
  const begins = new Uint32Array(numGroups + 1), order = new Uint32Array(numPoints);
  for (const group of groups) begins[group + 1] += 1;
  for (let g = 0; g < numGroups; g += 1) begins[g + 1] += begins[g];
  const next = begins.slice();
  groups.forEach((group, i) => { order[next[group]] = i; next[group] += 1; });
  return { begins, order };
}

const toLeft = (x) => (x - view.x) * view.scale + width / 2;
const toTop = (y) => (view.y - y) * view.scale + height / 2;

function drawPoints() {
  isDue = false;
  pen.clearRect(0, 0, width, height);
  const size = Math.min(14, Math.max(2.5, 3 * Math.sqrt(view.scale / least) * Math.min(2, Math.sqrt(8000 / numPoints))));
  pen.globalAlpha = numPoints > 20000 ? 0.6 : 0.8;
  data.classes.forEach((label, c) => {
    if (!isShown[c]) return;
    pen.fillStyle = label.colour;
    for (let place = byClass.begins[c]; place < byClass.begins[c + 1]; place += 1) {
      const i = byClass.order[place], left = toLeft(xs[i]), top = toTop(ys[i]);
      if (left > -size && top > -size && left < width + size && top < height + size) {
        pen.fillRect(left - size / 2, top - size / 2, size, size);
      }
    }
  });
  drawMarks();
}

function drawMarks() {
  const style = getComputedStyle(document.body);
  marker.clearRect(0, 0, width, height);
  marker.strokeStyle = style.color;
  marker.lineWidth = 2;
  for (const [i, radius] of [[marked, 8], [playing, 12]]) {
    if (i < 0) continue;
    marker.beginPath();
    marker.arc(toLeft(xs[i]), toTop(ys[i]), radius, 0, 2 * Math.PI);
    marker.stroke();
  }
  if (!hasCross) return;
  marker.beginPath();
  marker.moveTo(width / 2 - 10, height / 2);
  marker.lineTo(width / 2 + 10, height / 2);
  marker.moveTo(width / 2, height / 2 - 10);
  marker.lineTo(width / 2, height / 2 + 10);
  marker.stroke();
}

function redraw() {
  if (!isDue) requestAnimationFrame(drawPoints);
  isDue = true;
}

// Return the shown point nearest to a place, at most so many pixels away; -1 if there is none.
function findNearest(left, top, reach) {
  const x = (left - width / 2) / view.scale + view.x, y = view.y - (top - height / 2) / view.scale;
  const far = reach / view.scale, cut = (value) => Math.min(CELLS - 1, Math.max(0, Math.floor(value / CELL)));
  let nearest = -1, best = far * far;
  for (let row = cut(y - far); row <= cut(y + far); row += 1) {
    const first = cells.begins[CELLS * row + cut(x - far)], last = cells.begins[CELLS * row + cut(x + far) + 1];
    for (let place = first; place < last; place += 1) {
      const i = cells.order[place], distance = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
      if (distance <= best && isShown[classes[i]]) [nearest, best] = [i, distance];
    }
  }
  return nearest;
}

function mark(i) {
  if (i === marked) return;
  marked = i;
  drawMarks();
  tell(i < 0 ? playing : i);
}

function tell(i) {
  const known = element("known");
  known.replaceChildren();
  element("name").textContent = i < 0 ? "Point at a dot" : data.files[fileOf[i]];
  if (i < 0) return;
  const share = shares ? ` (probability ${(shares[i] / 100).toFixed(2)})` : "";
  const label = data.classes[classes[i]].name, lines = [["time", `${starts[i].toFixed(2)} to ${ends[i].toFixed(2)} s`]];
  lines.push([data.colour_by, label + share]);
  for (const fact of facts) {
    const value = fact.values[fact.codes[i]], isSaid = fact.name === data.colour_by && value === label;
    if (value && !isSaid) lines.push([fact.name, value]);
  }
  for (const [name, value] of lines) {
    const term = document.createElement("dt"), detail = document.createElement("dd");
    term.textContent = name;
    detail.textContent = value;
    known.append(term, detail);
  }
}

function play(i) {
  if (i < 0) return;
  playing = i;
  element("problem").textContent = "";
  const path = data.files[fileOf[i]].split("/").map(encodeURIComponent).join("/");
  player.src = data.players ? data.players[i] : `${data.base}${path}#t=${starts[i].toFixed(3)},${ends[i].toFixed(3)}`;
  player.play().catch((reason) => { if (reason.name === "NotAllowedError") tellProblem("Press play to hear it."); });
  tell(i);
  drawMarks();
}

function tellProblem(text) {
  element("problem").textContent = text;
}

player.addEventListener("error", () => tellProblem(
  "This cannot be played: the file is not where it was when the map was made, or the browser does not know its format."));
player.addEventListener("timeupdate", () => { // browsers that do not stop at the end of the stretch
  if (!data.players && playing >= 0 && player.currentTime >= ends[playing]) player.pause();
});

function zoom(factor, left = width / 2, top = height / 2) {
  const scale = Math.min(least * 400, Math.max(least / 2, view.scale * factor));
  view.x += (left - width / 2) * (1 / view.scale - 1 / scale);
  view.y -= (top - height / 2) * (1 / view.scale - 1 / scale);
  view.scale = scale;
  redraw();
}

function move(right, down) {
  view.x = Math.min(SIZE, Math.max(0, view.x - right / view.scale));
  view.y = Math.min(SIZE, Math.max(0, view.y + down / view.scale));
  redraw();
}

function showAll() {
  [view.x, view.y, view.scale] = [SIZE / 2, SIZE / 2, least];
  redraw();
}

// Mouse, pen and fingers: one drags, two zoom, a short touch plays.
const touches = new Map();
let hasMoved = false;
const place = (event) => {
  const box = marks.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

marks.addEventListener("pointerdown", (event) => {
  marks.setPointerCapture(event.pointerId);
  if (!touches.size) hasMoved = false;
  touches.set(event.pointerId, place(event));
  hasCross = false;
});
marks.addEventListener("pointermove", (event) => {
  const now = place(event), before = touches.get(event.pointerId);
  if (!before) {
    mark(findNearest(...now, 12));
    return;
  }
  const [right, down] = [now[0] - before[0], now[1] - before[1]];
  if (!hasMoved && touches.size === 1 && Math.hypot(right, down) < (event.pointerType === "mouse" ? 4 : 10)) return;
  hasMoved = true;
  const other = [...touches].find(([id]) => id !== event.pointerId);
  if (other) {
    const gap = (point) => Math.max(1, Math.hypot(point[0] - other[1][0], point[1] - other[1][1]));
    zoom(gap(now) / gap(before), (now[0] + other[1][0]) / 2, (now[1] + other[1][1]) / 2);
    move(right / 2, down / 2);
  } else {
    move(right, down);
  }
  touches.set(event.pointerId, now);
});
marks.addEventListener("pointerup", (event) => {
  touches.delete(event.pointerId);
  if (hasMoved || touches.size) return;
  const found = findNearest(...place(event), event.pointerType === "mouse" ? 12 : 24);
  mark(found);
  play(found);
});
marks.addEventListener("pointercancel", (event) => touches.delete(event.pointerId));
marks.addEventListener("pointerleave", () => { if (!touches.size && !hasCross) mark(-1); });
marks.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...place(event));
}, { passive: false });

const step = 60; // pixels that an arrow key moves
const keys = {
  ArrowLeft: () => move(step, 0), ArrowRight: () => move(-step, 0), ArrowUp: () => move(0, step),
  ArrowDown: () => move(0, -step), "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: showAll,
  Enter: () => play(marked), " ": () => play(marked), Escape: () => player.pause(),
};
marks.addEventListener("keydown", (event) => {
  if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  hasCross = true;
  if (event.key === "Enter" || event.key === " ") mark(findNearest(width / 2, height / 2, width));
  keys[event.key]();
  mark(findNearest(width / 2, height / 2, width));
  drawMarks();
});
marks.addEventListener("blur", () => { hasCross = false; drawMarks(); });
element("closer").addEventListener("click", () => zoom(1.6));
element("farther").addEventListener("click", () => zoom(1 / 1.6));
element("all").addEventListener("click", showAll);

const buttons = data.classes.map((label, c) => {
  const button = document.createElement("button"), dot = document.createElement("span");
  const name = document.createElement("span"), count = document.createElement("span");
  button.type = "button";
  [dot.className, name.textContent, count.className] = ["dot", label.name, "count"];
  dot.style.background = label.colour;
  count.textContent = (byClass.begins[c + 1] - byClass.begins[c]).toLocaleString("en");
  button.append(dot, name, count);
  button.addEventListener("click", () => show(c, !isShown[c]));
  element("legend").append(button);
  return button;
});

function show(c, wanted) {
  isShown[c] = wanted;
  buttons[c].setAttribute("aria-pressed", String(wanted));
  redraw();
}

buttons.forEach((_, c) => show(c, true));
element("show").addEventListener("click", () => buttons.forEach((_, c) => show(c, true)));
element("hide").addEventListener("click", () => buttons.forEach((_, c) => show(c, false)));

new ResizeObserver(() => {
  const isWhole = view.scale === least || least === 1, ratio = window.devicePixelRatio || 1;
  [width, height] = [Math.max(1, stage.clientWidth), Math.max(1, stage.clientHeight)];
  for (const canvas of [points, marks]) {
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  least = Math.min(width, height) * 0.92 / SIZE;
  if (isWhole) showAll();
  redraw();
}).observe(stage);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMarks);
