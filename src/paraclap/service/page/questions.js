// What is asked: sentences, classes of a label set, or a description.

import { element, make, sayName } from "./dom.js";

const USUAL = ["emotion", "gender", "age", "arousal", "valence", "dominance"];
const EXAMPLES = {
  mood: ["a happy voice", "an angry voice", "a sad voice", "a calm voice"],
  energy: ["a tired, quiet voice", "an excited, loud voice"],
  speaker: ["a young woman", "an old woman", "a young man", "an old man"],
  tempo: ["somebody speaks fast", "somebody speaks slowly"],
  manner: ["a friendly voice", "a bored voice", "a frightened voice", "a scornful voice"],
};
const queries = element("queries"), task = element("task");
let tasks = [], canBeUnknown = false;

export const readMode = () => document.querySelector("input[name=mode]:checked").value;

// Fill the choices with what the service knows; `told` is called when another question is chosen.
export function offerQuestions(info, known, told) {
  [tasks, canBeUnknown] = [known, info.model.answers_unknown];
  const isUsual = ({ name }) => USUAL.includes(name), isSet = ({ kind }) => kind === "label set";
  const usual = USUAL.map((name) => tasks.find((one) => one.name === name)).filter(Boolean);
  const groups = {
    "What is usual": usual,
    "More": tasks.filter((one) => isSet(one) && !isUsual(one)),
    "Tasks of benchmarks": tasks.filter((one) => !isSet(one) && !isUsual(one)),
  };
  task.replaceChildren(...Object.entries(groups).filter(([, members]) => members.length).map(([label, members]) => {
    const options = members.map(({ name }) => make("option", { value: name, textContent: sayName(name) }));
    return make("optgroup", { label }, ...options);
  }));
  element("examples").replaceChildren(make("span", { className: "faint small", textContent: "Try:" }));
  for (const [name, sentences] of Object.entries(EXAMPLES)) {
    const button = make("button", { type: "button", className: "chip", textContent: name });
    button.addEventListener("click", () => {
      queries.value = sentences.join("\n");
      fit();
      told();
    });
    element("examples").append(button);
  }
  for (const radio of document.querySelectorAll("input[name=mode]")) {
    radio.addEventListener("change", () => { showMode(); told(); });
  }
  task.addEventListener("change", () => { sayClasses(); told(); });
  queries.addEventListener("input", fit);
  queries.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element("question-form").requestSubmit();
  });
  element("unknown").addEventListener("change", told);
  sayClasses();
  showMode();
  fit();
}

// Return the question as pairs of names and values for the service, with its classes; or a sentence of what is missing.
export function readQuestion() {
  const mode = readMode(), isUnknown = canBeUnknown && element("unknown").checked;
  const more = isUnknown ? [["unknown", "true"]] : [];
  if (mode === "describe") return { mode, options: [], classes: [] };
  if (mode === "task") {
    const { classes } = tasks.find(({ name }) => name === task.value);
    return { mode, name: sayName(task.value), options: [["task", task.value]], more, classes };
  }
  const lines = queries.value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (!lines.length) return { problem: 'Write what the voice may sound like, such as "a tired old man"; one a line.' };
  const twice = lines.find((line, i) => lines.indexOf(line) < i);
  if (twice) return { problem: `"${twice}" is there twice; write each line once.` };
  return { mode, options: lines.map((line) => ["query", line]), more: lines.length > 1 ? more : [], classes: lines };
}

function showMode() {
  const mode = readMode();
  for (const one of ["queries", "task", "describe"]) element(`with-${one}`).hidden = one !== mode;
  element("unknown-row").hidden = mode === "describe" || !canBeUnknown;
}

function sayClasses() {
  const chosen = tasks.find(({ name }) => name === task.value);
  element("classes").textContent = chosen ? `The classes: ${chosen.classes.map(sayName).join(", ")}` : "";
}

function fit() {
  queries.rows = Math.max(4, Math.min(12, queries.value.split("\n").length + 1));
}
