// Find and make elements of the page.

export const element = (id) => document.getElementById(id);

// Return a new element with these properties; those with a hyphen, such as aria-label, are attributes.
export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

// Names of classes are words for programs, "young_adult".
export const sayName = (name) => name.replaceAll("_", " ");

export function sayTime(seconds) {
  const tenths = Math.round(seconds * 10), minutes = Math.floor(tenths / 600);
  const hours = Math.floor(minutes / 60), rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export const sayShare = (share) => `${Math.round(100 * share)} %`;

// Told apart on white and on black; the same as on the maps of archives.
const COLOURS = [
  "#4e79a7", "#f28e2b", "#e15759", "#59a14f", "#b07aa1", "#17a2b8", "#c9a227", "#ff7fa5", "#9c755f", "#7f7f3f",
  "#2f6fed", "#d6279c", "#1b9e77", "#a6761d", "#8250df", "#66a61e", "#e7298a", "#00838f", "#c2410c", "#6b7a99",
];
export const colourOf = (place) => COLOURS[place % COLOURS.length];
