// Search the archive that the service may have, and play what is found.

import { get, getBlob, isAborted, ServiceError } from "./api.js";
import { element, make, sayName, sayTime } from "./dom.js";

const EXAMPLES = ["a tired old man", "an excited young woman", "a quiet, sad voice", "somebody is angry"];
const FIELDS = [["q", "wanted"], ["and", "also"], ["not", "without"], ["where", "where"]]; // options and their elements
const OWN = ["rank", "id", "file", "start", "end", "similarity"];
const MOST_COLUMNS = 8; // of a manifest, beside each hit
const audio = new Audio(), found = element("found"), problem = element("search-problem");
let info = null, request = null, playing = null;

// Begin, with what /v1/info says; there is an index.
export function startSearching(known) {
  info = known;
  const { windows, columns, model } = info.index;
  element("archive").textContent = `${windows.toLocaleString("en")} stretches of speech, heard by ${model}.`;
  const named = Object.entries(columns).map(([name, kind]) => `${name} (${kind})`);
  element("columns").textContent = `Columns: ${named.join(", ")}`;
  element("number").max = info.limits.max_hits;
  element("search-examples").replaceChildren(make("span", { className: "faint small", textContent: "Try:" }));
  for (const sentence of EXAMPLES) {
    const button = make("button", { type: "button", className: "chip", textContent: sentence });
    button.addEventListener("click", () => {
      element("wanted").value = sentence;
      search();
    });
    element("search-examples").append(button);
  }
}

async function search() {
  const read = (id) => element(id).value.trim();
  const options = FIELDS.map(([name, id]) => [name, read(id)]).filter(([, value]) => value);
  problem.textContent = "";
  if (!read("wanted") && !read("also")) {
    problem.textContent = 'Write how the voice shall sound, such as "a tired old man".';
    return;
  }
  request?.abort();
  const mine = new AbortController();
  request = mine;
  found.textContent = "Searching …";
  try {
    const settings = { signal: mine.signal, onWait: (detail) => { found.textContent = detail; } };
    const { hits } = await get("v1/search", [...options, ["k", read("number")]], settings);
    const none = "Nothing found: no row fulfils the condition.";
    found.textContent = hits.length ? `${hits.length} found, the most similar first.` : none;
    stop();
    element("hits").replaceChildren(...hits.map(makeHit));
  } catch (reason) {
    if (isAborted(reason)) return;
    found.textContent = "";
    element("hits").replaceChildren();
    problem.textContent = reason.message;
  }
}

function makeHit(hit) {
  const known = Object.entries(hit).filter(([name, value]) => !OWN.includes(name) && value !== null && value !== "");
  const facts = known.slice(0, MOST_COLUMNS).map(([name, value]) => {
    const shown = typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(3) : String(value);
    return make("span", { className: "fact", textContent: `${sayName(name)}: ${sayName(shown)}` });
  });
  const item = make("li", { className: "hit" });
  if (info.index.players) {
    const button = make("button", { type: "button", className: "round", "aria-label": `Play ${hit.file}` },
      make("span", { "aria-hidden": "true" }));
    button.addEventListener("click", () => toggle(button, hit));
    item.append(button);
  }
  const where = `${sayTime(hit.start)} to ${sayTime(hit.end)}, similarity ${hit.similarity.toFixed(3)}`;
  item.append(make("div", {},
    make("p", { className: "file" }, hit.file),
    make("p", { className: "faint small" }, where),
    make("p", { className: "small facts" }, ...facts)));
  return item;
}

async function toggle(button, hit) {
  const isOn = playing === button;
  stop();
  if (isOn) return;
  playing = button;
  problem.textContent = "";
  mark();
  try {
    const blob = await getBlob("v1/search/audio", [["id", hit.id]]); // not an address in the player: it sends no key
    if (playing !== button) return;
    audio.src = URL.createObjectURL(blob);
    document.dispatchEvent(new CustomEvent("playing", { detail: audio }));
    await audio.play();
  } catch (reason) {
    if (playing !== button || isAborted(reason)) return;
    stop();
    problem.textContent = reason instanceof ServiceError ? reason.message : "This browser cannot play this recording.";
  }
}

export function stop() {
  audio.pause();
  if (audio.src) URL.revokeObjectURL(audio.src);
  playing = null;
  mark();
}

function mark() {
  for (const button of element("hits").querySelectorAll("button")) {
    const isOn = button === playing, verb = isOn ? "Stop" : "Play";
    button.classList.toggle("on", isOn);
    button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\w+/, verb));
  }
}

audio.addEventListener("ended", stop);
document.addEventListener("playing", ({ detail }) => { if (detail !== audio) stop(); });
element("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
