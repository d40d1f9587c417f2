// Begin: ask the service what it is, fill the page, switch between its two parts.

import { get, onKeyWanted } from "./api.js";
import { startAsking } from "./asking.js";
import { element } from "./dom.js";
import { startSearching, stop as stopHits } from "./searching.js";
import { stop as stopVoice } from "./waveform.js";

const PARTS = ["ask", "search"];
const status = element("start");

async function start() {
  try {
    const sayStarting = () => { status.textContent = "The service is starting; this takes some seconds."; };
    const wait = { isPatient: true, onWait: sayStarting };
    const info = await get("v1/info", [], wait);
    const { tasks } = await get("v1/tasks", [], wait);
    sayModel(info);
    startAsking(info, tasks);
    if (info.index) {
      startSearching(info);
      element("ask").setAttribute("role", "tabpanel");
      element("ask").setAttribute("aria-labelledby", "tab-ask");
      element("tabs").hidden = false;
    }
    status.hidden = true;
    document.body.classList.add("ready");
  } catch (problem) {
    status.textContent = problem.message;
    status.setAttribute("role", "alert");
  }
}

function sayModel({ model, paraclap }) {
  const licence = model.licence ? `its licence is ${model.licence}` : "nobody says what its licence is";
  const server = `Served by paraclap ${paraclap} (Apache-2.0).`;
  element("model").textContent = `Answers come from the model ${model.name}; ${licence}. ${server}`;
}

function showPart(wanted) {
  for (const part of PARTS) {
    const isWanted = part === wanted, tab = element(`tab-${part}`);
    element(part).hidden = !isWanted;
    tab.setAttribute("aria-selected", String(isWanted));
    tab.tabIndex = isWanted ? 0 : -1;
  }
  stopVoice();
  stopHits();
}

for (const part of PARTS) {
  element(`tab-${part}`).addEventListener("click", () => showPart(part));
}
element("tabs").addEventListener("keydown", ({ key }) => {
  if (key !== "ArrowLeft" && key !== "ArrowRight") return;
  const other = element("search").hidden ? "search" : "ask";
  showPart(other);
  element(`tab-${other}`).focus();
});

// Requests that want a key wait for the same one.
let wanted = null;
onKeyWanted((detail) => {
  wanted ??= new Promise((resolve) => {
    const form = element("key-form"), input = element("key");
    status.hidden = true;
    form.hidden = false;
    element("key-problem").textContent = detail;
    input.focus();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.hidden = true;
      wanted = null;
      resolve(input.value.trim());
      input.value = "";
    }, { once: true });
  });
  return wanted;
});
start();
