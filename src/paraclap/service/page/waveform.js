// The recording as a picture: draw it, play it, show where one is; parts of it in colours.

import { colourOf, element, make, sayName, sayShare, sayTime } from "./dom.js";

const NUM_PEAKS = 2000, BAR = 3, GAP = 1; // pixels
const stage = element("stage"), canvas = element("wave"), strip = element("strip"), button = element("play");
const audio = new Audio(), pen = canvas.getContext("2d");
let peaks = null, duration = 0, until = Infinity, parts = [], classes = [], onPart = () => {};
let live = null; // levels of a recording that is going on

// Show another recording; `samples` is null if the browser cannot read it.
export function show(blob, name, sound) {
  stop();
  if (audio.src) URL.revokeObjectURL(audio.src);
  if (blob) audio.src = URL.createObjectURL(blob);
  else audio.removeAttribute("src");
  [live, peaks, duration] = [null, sound && findPeaks(sound.samples), sound ? sound.duration : 0];
  showParts([], []);
  element("player").hidden = false;
  element("voice-name").textContent = name;
  button.disabled = true; // until it is known that the browser can play it
  button.hidden = !blob;
  tick();
}

// Show the levels of a recording that goes on, the newest on the right.
export function showLive(levels) {
  live = levels;
  stage.hidden = false;
  draw();
}

// Colour parts of the recording, {start, end, class, probability}, by their class.
export function showParts(found, names) {
  [parts, classes] = [found, names];
  strip.replaceChildren(...parts.map((part) => {
    const share = (seconds) => `${(100 * seconds) / Math.max(duration, 0.001)}%`;
    const label = `${sayName(part.class)}, ${sayShare(part.probability)}`;
    const piece = make("button", { type: "button", tabIndex: -1, title: label, textContent: sayName(part.class) });
    piece.style.left = share(part.start);
    piece.style.width = share(part.end - part.start);
    piece.style.background = colourOf(classes.indexOf(part.class));
    piece.addEventListener("click", () => play(part.start, part.end));
    return piece;
  }));
  strip.hidden = !parts.length;
  draw();
}

// Call `told` with the number of the part that is being played, or -1.
export function onPlayedPart(told) {
  onPart = told;
}

// Take the length from the service where the browser cannot say it.
export function setDuration(seconds) {
  if (!duration) duration = seconds;
  tick();
}

export function play(start, end = Infinity) {
  if (start !== undefined) audio.currentTime = start;
  until = end;
  document.dispatchEvent(new CustomEvent("playing", { detail: audio }));
  audio.play().catch(() => {}); // what cannot be played has no button
}

export function stop() {
  audio.pause();
}

function findPeaks(samples) {
  const found = new Float32Array(Math.min(NUM_PEAKS, samples.length));
  samples.forEach((sample, i) => {
    const place = Math.floor((i * found.length) / samples.length);
    found[place] = Math.max(found[place], Math.abs(sample));
  });
  return found;
}

function draw() {
  const width = canvas.clientWidth, height = canvas.clientHeight, style = getComputedStyle(canvas);
  const before = style.getPropertyValue("--wave-played"), after = style.getPropertyValue("--wave");
  const numBars = Math.floor(width / (BAR + GAP)), now = duration ? audio.currentTime / duration : 0;
  pen.clearRect(0, 0, width, height);
  const heights = live ? live.slice(-numBars) : spread(numBars);
  const most = live ? 1 : Math.max(0.1, ...heights); // a quiet voice is drawn quiet, but can be seen
  heights.forEach((level, i) => {
    const size = Math.max(2, (level / most) * (height - 4));
    const place = live ? numBars - heights.length + i : i, middle = (i + 0.5) / numBars;
    const part = live ? undefined : parts.find((one) => one.start <= middle * duration && middle * duration < one.end);
    pen.fillStyle = part ? colourOf(classes.indexOf(part.class)) : live || middle < now ? before : after;
    pen.globalAlpha = part && middle >= now ? 0.6 : 1;
    pen.fillRect(place * (BAR + GAP), (height - size) / 2, BAR, size);
  });
  pen.globalAlpha = 1;
  if (live || !duration) return;
  pen.fillStyle = style.color;
  pen.fillRect(Math.min(width - 2, now * width), 0, 2, height);
}

// Return the highest peak below each of so many bars.
function spread(numBars) {
  if (!peaks) return Array(numBars).fill(0);
  return Array.from({ length: numBars }, (_, i) => {
    const first = Math.floor((i * peaks.length) / numBars), last = ((i + 1) * peaks.length) / numBars;
    return Math.max(...peaks.subarray(first, Math.max(first + 1, last)));
  });
}

// Tell where one is, to eyes and ears.
function tick() {
  const now = audio.currentTime, isOn = !audio.paused;
  stage.hidden = !duration && !live;
  if (isOn && now >= until) stop();
  element("clock").textContent = duration ? `${sayTime(now)} of ${sayTime(duration)}` : "";
  canvas.setAttribute("aria-valuemax", duration.toFixed(1));
  canvas.setAttribute("aria-valuenow", now.toFixed(1));
  canvas.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${duration.toFixed(1)} s`);
  button.setAttribute("aria-label", isOn ? "Pause" : "Play");
  button.classList.toggle("on", isOn);
  onPart(isOn ? parts.findIndex((part) => part.start <= now && now < part.end) : -1);
  draw();
  if (isOn) requestAnimationFrame(tick);
}

function seek(seconds) {
  if (!duration || live) return;
  audio.currentTime = Math.max(0, Math.min(duration, seconds));
  until = Infinity;
  tick();
}

const toggle = () => (audio.paused ? play() : stop());
const keys = {
  ArrowLeft: () => seek(audio.currentTime - duration / 20), ArrowRight: () => seek(audio.currentTime + duration / 20),
  Home: () => seek(0), End: () => seek(duration), " ": toggle, Enter: toggle,
};
canvas.addEventListener("keydown", (event) => {
  if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey || button.disabled) return;
  event.preventDefault();
  keys[event.key]();
});
const seekTo = (event) => seek(((event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth) * duration);
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  seekTo(event);
});
canvas.addEventListener("pointermove", (event) => { if (event.buttons) seekTo(event); });
button.addEventListener("click", toggle);
for (const name of ["play", "pause", "ended", "seeked"]) audio.addEventListener(name, tick);
audio.addEventListener("loadedmetadata", () => {
  button.disabled = false;
  if (Number.isFinite(audio.duration)) setDuration(audio.duration);
});
document.addEventListener("playing", ({ detail }) => { if (detail !== audio) stop(); });
new ResizeObserver(() => {
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [stage.clientWidth * ratio, canvas.clientHeight * ratio];
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw();
}).observe(stage);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
