// Hand the samples of the microphone to the page, a tenth of a second at a time.

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(Math.round(sampleRate / 10));
    this.filled = 0;
    this.port.onmessage = () => { // the recording ends: what is left, then nothing more
      this.port.postMessage(this.block.slice(0, this.filled));
      this.port.postMessage(null);
      this.isOver = true;
    };
  }

  process([[samples]]) {
    for (const sample of samples || []) {
      this.block[this.filled] = sample;
      this.filled += 1;
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block);
        this.filled = 0;
      }
    }
    return !this.isOver;
  }
}

registerProcessor("tap", Tap);
