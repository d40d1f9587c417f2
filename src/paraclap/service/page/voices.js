// Where a voice comes from: the microphone, a file, or an example.

import { getBlob } from "./api.js";
import { element, sayTime } from "./dom.js";
import { explainFailure, explainUnable, startRecording } from "./recorder.js";
import { decode, encodeWav, join } from "./wav.js";
import * as waveform from "./waveform.js";

const EXAMPLES = ["man-low-slow", "woman-fast-loud", "man-whispered", "man-high-loud"];
const LONGEST = 120; // seconds that are recorded at once
const MOST_DRAWN = 3e7; // bytes; decoding more than that takes the memory of a telephone
const record = element("record"), problem = element("voice-problem");
let limits = null, recording = null, levels = [], onVoice = () => {}, order = 0;

// Call `told` with each new voice, {blob, name}, or null while there is none. `known` are the service's limits.
export function offerVoices(known, told) {
  [limits, onVoice] = [known, told];
  const reason = explainUnable();
  record.disabled = Boolean(reason);
  element("record-hint").textContent = reason;
  element("record-hint").hidden = !reason;
}

// Take a blob as the voice to ask about.
async function take(blob, name, place = (order += 1)) {
  problem.textContent = "";
  if (limits && blob.size > limits.max_bytes) {
    const most = sayBytes(limits.max_bytes);
    refuse(`${name} has ${sayBytes(blob.size)}; this service takes up to ${most}: choose a shorter stretch.`);
    return;
  }
  const sound = blob.size <= MOST_DRAWN ? await decode(blob).catch(() => null) : null;
  if (place !== order) return; // another one was chosen meanwhile
  waveform.show(blob, name, sound);
  onVoice({ blob, name });
}

function refuse(sentence) {
  onVoice(null);
  element("player").hidden = true;
  problem.textContent = sentence;
}

const sayBytes = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

async function toggleRecording() {
  if (recording) {
    const { stop } = recording, mine = order;
    recording = null;
    sayRecord(false);
    const blob = await stop();
    if (mine === order) await take(blob, "recording.wav");
    return;
  }
  [levels, problem.textContent] = [[], ""];
  order += 1;
  record.disabled = true;
  try {
    recording = await startRecording((level) => {
      levels.push(level);
      waveform.showLive(levels);
      element("clock").textContent = sayTime(levels.length / 10);
      if (levels.length >= 10 * Math.min(LONGEST, limits?.max_duration ?? LONGEST) && recording) toggleRecording();
    });
    onVoice(null);
    waveform.show(null, "Recording; press Stop when you are done", null);
    waveform.showLive(levels);
    sayRecord(true);
  } catch (reason) {
    problem.textContent = explainFailure(reason);
  } finally {
    record.disabled = false;
  }
}

function sayRecord(isOn) {
  record.textContent = isOn ? "Stop" : "Record";
  record.classList.toggle("on", isOn);
}

// End a recording that another voice takes the place of.
async function drop() {
  if (!recording) return;
  const { stop } = recording;
  recording = null;
  sayRecord(false);
  await stop();
}

async function takeExample(name, label) {
  const place = (order += 1);
  await drop();
  try {
    const isAll = name === "all";
    const blob = isAll ? await joinExamples() : await getBlob(`${name}.flac`);
    if (place === order) await take(blob, isAll ? "all voices.wav" : `${name}.flac`, place);
  } catch (reason) {
    refuse(`The example "${label}" cannot be had: ${reason.message}`);
  }
}

// Return all examples, each twice in a row, as one recording.
async function joinExamples() {
  const sounds = await Promise.all(EXAMPLES.map(async (name) => decode(await getBlob(`${name}.flac`))));
  return encodeWav(join(sounds.flatMap(({ samples }) => [samples, samples])), sounds[0].samplingRate);
}

async function takeFile(file) {
  order += 1;
  await drop();
  await take(file, file.name);
}

record.addEventListener("click", toggleRecording);
element("file").addEventListener("change", ({ target }) => {
  if (target.files.length) takeFile(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
for (const button of document.querySelectorAll("[data-voice]")) {
  button.addEventListener("click", () => takeExample(button.dataset.voice, button.textContent));
}

// Files may be dropped anywhere: beside a small target, the browser would leave this page for the file.
const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  element("voice").classList.add("wanted");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) element("voice").classList.remove("wanted");
});
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  element("voice").classList.remove("wanted");
  if (event.dataTransfer.files.length) takeFile(event.dataTransfer.files[0]);
});
