// Put question and voice together: ask the service, show what it answers.

import { clearAnswer, listSegments, markSegment, showClasses, showProfile } from "./answers.js";
import { ask, isAborted } from "./api.js";
import { element } from "./dom.js";
import { offerQuestions, readQuestion } from "./questions.js";
import { offerVoices } from "./voices.js";
import * as waveform from "./waveform.js";

const LONG = 8; // seconds; what is longer also gets a timeline
const AT_ONCE = 5e6; // bytes; what is larger is sent only when it is asked for
const submit = element("submit"), problem = element("answer-problem");
let info = null, voice = null, request = null;

// Begin, with what /v1/info and /v1/tasks say.
export function startAsking(known, tasks) {
  info = known;
  offerQuestions(info, tasks, () => { if (voice && voice.blob.size <= AT_ONCE) askNow(); });
  offerVoices(info.limits, (chosen) => {
    voice = chosen;
    request?.abort();
    hideTimeline();
    element("request").hidden = true;
    problem.textContent = "";
    clearAnswer(voice ? "Press Ask to get an answer." : "Waiting for a voice.");
    if (voice && voice.blob.size <= AT_ONCE) askNow(false);
  });
  waveform.onPlayedPart(markSegment);
}

// Ask; `isWanted` says whether it was for an answer that something was pressed, not for a voice.
async function askNow(isWanted = true) {
  const question = readQuestion();
  problem.textContent = question.problem || "";
  if (question.problem) return;
  if (!voice) {
    problem.textContent = "Record, choose or try a voice first.";
    return;
  }
  request?.abort();
  const mine = new AbortController(), settings = { signal: mine.signal, onWait: (detail) => { clearAnswer(detail); } };
  request = mine;
  hideTimeline();
  clearAnswer("Listening …");
  setBusy(true);
  try {
    const path = question.mode === "describe" ? "v1/describe" : "v1/classify";
    showRequest(path, question);
    const answer = await ask(path, voice, [...question.options, ...(question.more || [])], settings);
    const [found] = answer.answers || answer.profiles;
    const duration = found.end - found.start, hasTimeline = question.classes.length > 1 && duration > LONG;
    waveform.setDuration(duration);
    if (question.mode === "describe") showProfile(found);
    else showClasses(found, question, hasTimeline);
    if (isWanted) bringIntoView();
    if (hasTimeline) await askWhen(question, settings);
  } catch (reason) {
    if (isAborted(reason)) return;
    clearAnswer(reason.isOfVoice ? "This cannot be answered." : "");
    (reason.isOfVoice ? element("voice-problem") : problem).textContent = reason.message;
  } finally {
    if (request === mine) setBusy(false);
  }
}

// Ask for a timeline; what goes wrong with it is no reason to hide the answer.
async function askWhen(question, settings) {
  const note = element("timeline-note");
  element("timeline").hidden = false;
  note.textContent = "Listening to the parts …";
  try {
    const options = info.finds_speech ? question.options : [...question.options, ["vad", "false"]];
    const { segments, empty } = await ask("v1/timeline", voice, options, settings);
    const count = segments.length === 1 ? "One part" : `${segments.length} parts`;
    note.textContent = empty || `${count}; press one to hear it.`;
    waveform.showParts(segments, question.classes);
    listSegments(segments, question.classes, waveform.play);
  } catch (reason) {
    if (isAborted(reason)) throw reason;
    note.textContent = reason.message;
  }
}

function hideTimeline() {
  element("timeline").hidden = true;
  element("segments").replaceChildren();
  waveform.showParts([], []);
}

// On a telephone the answer may be below what is seen.
function bringIntoView() {
  const { top } = element("answer").getBoundingClientRect();
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  if (top > window.innerHeight - 150) element("answer").scrollIntoView({ behavior });
}

function setBusy(isBusy) {
  element("answer").setAttribute("aria-busy", String(isBusy));
  element("answer").classList.toggle("busy", isBusy);
  submit.textContent = isBusy ? "Listening …" : "Ask";
}

// Say how a program would ask the same.
function showRequest(path, { options, more = [] }) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [`curl ${new URL(path, document.baseURI)}`, `-F ${quote(`file=@${voice.name}`)}`];
  for (const [name, value] of [...options, ...more]) lines.push(`-F ${quote(`${name}=${value}`)}`);
  element("curl").textContent = lines.join(" \\\n  ");
  element("request").hidden = false;
}

element("question-form").addEventListener("submit", (event) => {
  event.preventDefault();
  askNow();
});
