// Write samples as WAV: 16 bit, one channel, which any server reads.

// Return a WAV file as a blob of float samples in -1 to 1; what is louder is cut.
export function encodeWav(samples, samplingRate) {
  const size = 2 * samples.length, view = new DataView(new ArrayBuffer(44 + size));
  const text = (place, letters) => [...letters].forEach((one, i) => view.setUint8(place + i, one.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of this block
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channel
  view.setUint32(24, samplingRate, true);
  view.setUint32(28, 2 * samplingRate, true); // bytes a second
  view.setUint16(32, 2, true); // bytes a sample of all channels
  view.setUint16(34, 16, true); // bits
  text(36, "data");
  view.setUint32(40, size, true);
  samples.forEach((sample, i) => {
    view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(32768 * sample))), true);
  });
  return new Blob([view], { type: "audio/wav" });
}

// Return the parts as one array.
export function join(parts) {
  const joined = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let place = 0;
  for (const part of parts) {
    joined.set(part, place);
    place += part.length;
  }
  return joined;
}

// Return a sound file as samples of its channels, at 16 kHz as the models hear it; that also saves memory.
export async function decode(blob) {
  const buffer = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(await blob.arrayBuffer());
  return { samples: mix(buffer), samplingRate: buffer.sampleRate, duration: buffer.duration };
}

function mix(buffer) {
  const samples = buffer.getChannelData(0);
  for (let channel = 1; channel < buffer.numberOfChannels; channel += 1) {
    buffer.getChannelData(channel).forEach((sample, i) => { samples[i] += sample; });
  }
  if (buffer.numberOfChannels > 1) samples.forEach((sample, i) => { samples[i] = sample / buffer.numberOfChannels; });
  return samples;
}
