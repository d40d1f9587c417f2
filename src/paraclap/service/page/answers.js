// Answers as sentences, bars and lists.

import { colourOf, element, make, sayName, sayShare, sayTime } from "./dom.js";

const FLOOR = 0.25; // of the way from chance to certainty; below it an answer is unsure, as in 'paraclap describe'
const bars = element("bars"), verdict = element("verdict");

export function clearAnswer(sentence) {
  bars.replaceChildren();
  verdict.textContent = sentence;
}

// Show an answer of /v1/classify to a question of the page; bars are coloured if a timeline has the same colours.
export function showClasses(answer, { classes, mode, name }, isColoured) {
  const { best, probability, similarity } = answer;
  if (classes.length < 2) {
    const cosine = similarity[classes[0]];
    verdict.textContent = `Similarity to “${classes[0]}”: ${cosine.toFixed(2)}.`;
    const note = "A cosine, -1 to 1, which tells one recording from another. Add a second line to get probabilities.";
    bars.replaceChildren(make("p", { className: "faint small", textContent: note }));
    return;
  }
  const quoted = mode === "task" ? `${sayName(name)}: ${sayName(best)}` : `“${best}”`, share = probability[best];
  const isUnsure = share < 1 / classes.length + FLOOR * (1 - 1 / classes.length);
  if (share === undefined) verdict.textContent = "None of these fits.";
  else if (isUnsure) verdict.textContent = `Not sure. If one of these, then perhaps ${quoted}, ${sayShare(share)}.`;
  else if (mode === "task") verdict.textContent = `${quoted[0].toUpperCase()}${quoted.slice(1)}, ${sayShare(share)}.`;
  else verdict.textContent = `Most like ${quoted}, ${sayShare(share)}.`;
  bars.replaceChildren(listBars(probability, similarity, isColoured));
}

// Return probabilities as bars, the greatest first.
function listBars(probability, similarity, isColoured = false) {
  const shares = Object.entries(probability).map(([label, share], i) => ({ label, share, colour: colourOf(i) }));
  shares.sort((one, other) => other.share - one.share);
  const items = shares.map(({ label, share, colour }, i) => {
    const fill = make("span", { className: "fill" });
    const title = `probability ${share.toFixed(4)}, similarity ${similarity[label].toFixed(4)}`;
    fill.style.width = `${100 * share}%`;
    if (isColoured) fill.style.background = colour;
    return make("li", { className: i ? "" : "best", title },
      make("span", { className: "label", textContent: sayName(label) }),
      make("span", { className: "share", textContent: sayShare(share) }),
      make("span", { className: "track", "aria-hidden": "true" }, fill));
  });
  return make("ol", { className: "plain bars", "aria-label": "Probabilities" }, ...items);
}

// Show a profile of /v1/describe.
export function showProfile({ sentence, answers, measured, measured_by: by, reason }) {
  verdict.textContent = sentence;
  const sets = Object.entries(answers).map(([name, { probability, similarity, is_unknown: isUnknown }]) => {
    const title = sayName(name) + (isUnknown ? " (none of these, perhaps)" : "");
    return make("section", {}, make("h3", { textContent: title }), listBars(probability, similarity));
  });
  bars.replaceChildren(make("div", { className: "profile" }, ...sets));
  const known = measured.filter(({ levels }) => levels.length);
  if (known.length) {
    const rows = known.map(({ attribute, measure, value, levels }) => make("tr", {},
      make("th", { scope: "row" }, sayName(attribute), make("span", { className: "measure", textContent: measure })),
      make("td", { textContent: levels.map(sayName).join(" or ") }),
      make("td", { className: "number", textContent: typeof value === "number" ? value.toPrecision(3) : "" })));
    const head = ["measure", "level", "value"].map((textContent) => make("th", { scope: "col", textContent }));
    bars.append(make("details", {}, make("summary", { textContent: `Measured by ${by}` }),
      make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))));
  }
  if (reason) bars.append(make("p", { className: "faint small", textContent: `Not all could be measured: ${reason}` }));
}

// List the parts of a timeline as buttons that play them.
export function listSegments(segments, classes, play) {
  element("segments").replaceChildren(...segments.map((part) => {
    const dot = make("span", { className: "dot", "aria-hidden": "true" });
    dot.style.background = colourOf(classes.indexOf(part.class));
    const button = make("button", { type: "button" }, dot,
      make("span", { className: "time", textContent: `${sayTime(part.start)} to ${sayTime(part.end)}` }),
      make("span", { textContent: sayName(part.class) }),
      make("span", { className: "share", textContent: sayShare(part.probability) }));
    button.addEventListener("click", () => play(part.start, part.end));
    return make("li", {}, button);
  }));
}

// Mark the part that is being played; -1 marks none.
export function markSegment(place) {
  [...element("segments").children].forEach((item, i) => {
    if (i === place) item.firstChild.setAttribute("aria-current", "true");
    else item.firstChild.removeAttribute("aria-current");
  });
}
