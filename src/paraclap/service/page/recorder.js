// Record from the microphone, sample by sample: a lossy codec, as of MediaRecorder, would change how a voice sounds.

import { encodeWav, join } from "./wav.js";

// Return why nothing can be recorded here, or an empty text.
export function explainUnable() {
  if (navigator.mediaDevices?.getUserMedia && window.AudioWorkletNode) return "";
  if (!window.isSecureContext) return "Recording needs https, or a service on this computer (localhost). Files work.";
  return "This browser cannot record. Files work.";
}

// Start; `onLevel` gets the highest level, 0 to 1, of each tenth of a second. What is returned has a `stop()` that
// gives a WAV file as a blob.
export async function startRecording(onLevel) {
  // What browsers do for calls would change loudness and voice quality, of which people ask here.
  const wishes = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: wishes });
  const context = new AudioContext(), blocks = [];
  const release = () => {
    stream.getTracks().forEach((track) => track.stop());
    return context.close();
  };
  try {
    await context.audioWorklet.addModule("recorder_worklet.js");
    const tap = new AudioWorkletNode(context, "tap", { channelCount: 1, channelCountMode: "explicit" });
    const isOver = new Promise((resolve) => {
      tap.port.onmessage = ({ data }) => {
        if (data === null) return resolve();
        blocks.push(data);
        return onLevel(data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
      };
    });
    // Only what leads to the loudspeaker is run; the tap itself is silent.
    context.createMediaStreamSource(stream).connect(tap).connect(context.destination);
    await context.resume();
    return {
      async stop() {
        tap.port.postMessage("stop");
        await Promise.race([isOver, new Promise((resolve) => { setTimeout(resolve, 1000); })]); // if the device is gone
        await release();
        return encodeWav(join(blocks), context.sampleRate);
      },
    };
  } catch (problem) {
    await release();
    throw problem;
  }
}

// Return a sentence for what `startRecording` threw.
export function explainFailure(problem) {
  const reasons = {
    NotAllowedError: "The microphone may not be used; allow it for this page in the browser, then press Record again.",
    NotFoundError: "No microphone was found; connect one, or choose a file.",
    NotReadableError: "The microphone cannot be opened; another program may be using it.",
  };
  return reasons[problem.name] || `Recording failed (${problem.message}); choose a file instead.`;
}
