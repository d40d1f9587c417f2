// Ask the service, and turn whatever goes wrong into one sentence.

const MOST_TRIES = 3; // of a request that a busy service refuses
let key = ""; // lives as long as the page does: nothing is stored
let askForKey = null;

// Say what to call when the service wants a key: a function that gives a promise of one.
export function onKeyWanted(ask) {
  askForKey = ask;
}

// An answer of the service that is no success; its message is a sentence to show, perhaps one about the recording.
export class ServiceError extends Error {
  constructor(message, { isOfVoice = false } = {}) {
    super(message);
    this.isOfVoice = isOfVoice;
  }
}

export const isAborted = (problem) => problem.name === "AbortError";

// Return the answer to a GET as JSON; `options` are pairs of names and values.
export async function get(path, options = [], settings = {}) {
  return (await send(path + query(options), {}, settings)).json();
}

// Return what lies at a path as a blob.
export async function getBlob(path, options = [], settings = {}) {
  return (await send(path + query(options), {}, settings)).blob();
}

// Return the answer about a recording ({blob, name}) as JSON.
export async function ask(path, voice, options, settings = {}) {
  const form = new FormData();
  form.append("file", voice.blob, voice.name);
  for (const [name, value] of options) form.append(name, value);
  return (await send(path, { method: "POST", body: form }, settings)).json();
}

const query = (options) => (options.length ? `?${new URLSearchParams(options)}` : "");

async function send(path, request, { signal, isPatient = false, onWait = () => {} }) {
  for (let tries = 1; ; tries += 1) {
    let response;
    try {
      response = await fetch(path, { ...request, signal, headers: key ? { Authorization: `Bearer ${key}` } : {} });
    } catch (problem) {
      if (isAborted(problem)) throw problem;
      throw new ServiceError("The service cannot be reached; look whether it is running, then try again.");
    }
    if (response.ok) return response;
    const { detail, isOfVoice } = await readProblem(response);
    if (response.status === 401 && askForKey) {
      key = await askForKey(key ? detail : "");
    } else if (response.status === 503 && (isPatient || tries < MOST_TRIES)) {
      onWait(detail);
      await wait(Math.min(10, Number(response.headers.get("Retry-After")) || 1), signal);
    } else {
      throw new ServiceError(detail, { isOfVoice });
    }
  }
}

async function readProblem(response) {
  try {
    const { detail, title, error } = await response.json();
    const sentence = detail || title, isOfVoice = error === "AudioError" || response.status === 413;
    if (typeof sentence === "string") return { detail: sentence, isOfVoice };
  } catch {
    // Not of our service, perhaps of a proxy before it.
  }
  return { detail: `The service answered with status ${response.status}, without saying why.`, isOfVoice: false };
}

function wait(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    });
  });
}
