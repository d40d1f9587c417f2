"""Make the clips of this folder again: short synthetic voices by espeak-ng, 16 kHz mono, named after how they sound."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from paraclap.audio import SAMPLING_RATE, Waveform, read_audio

FOLDER = Path(__file__).parent
SHORT = "The meeting has been moved to Thursday."
LONG = "The meeting has been moved to Thursday, so please bring your notes and a pen."


@dataclass(frozen=True)
class Clip:
    """Say what espeak-ng is to speak, and how."""

    voice: str  # language and variant (`espeak-ng --voices=variant`); espeak-ng 1.51 ignores the variants of "en-gb"
    pitch: int  # 0 to 99
    words_per_minute: int
    level_db: float  # of the highest peak, relative to full scale
    text: str = SHORT


CLIPS = {
    "man-low-slow": Clip("en+m3", pitch=10, words_per_minute=120, level_db=-6),
    "man-fast": Clip("en-us+m2", pitch=45, words_per_minute=290, level_db=-6, text=LONG),
    "man-high-loud": Clip("en-us+m7", pitch=80, words_per_minute=160, level_db=-1),
    "man-whispered": Clip("en-us+whisper", pitch=50, words_per_minute=150, level_db=-15),
    "woman-high": Clip("en+f2", pitch=80, words_per_minute=160, level_db=-6),
    "woman-fast-loud": Clip("en-us+f4", pitch=60, words_per_minute=290, level_db=-1, text=LONG),
    "woman-low-slow-quiet": Clip("en+f3", pitch=20, words_per_minute=120, level_db=-26),
    "woman-whispered": Clip("en-us+whisperf", pitch=50, words_per_minute=150, level_db=-15),
}


def speak(clip: Clip) -> Waveform:
    """Return a clip as a waveform `[T]` at 16 kHz, with its peak at the clip's level."""
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        options = ["-v", clip.voice, "-p", str(clip.pitch), "-s", str(clip.words_per_minute), "-z", "-w", str(spoken)]
        subprocess.run(["espeak-ng", *options, clip.text], check=True)
        samples = read_audio(spoken)
    gain = 10 ** (clip.level_db / 20) / np.abs(samples).max()
    return np.asarray(samples * gain, dtype=np.float32)


def main() -> None:
    """Write all clips beside this script."""
    if shutil.which("espeak-ng") is None:
        sys.exit("espeak-ng is not installed; get it, for example with 'apt install espeak-ng', and run this again")
    for name, clip in CLIPS.items():
        samples = speak(clip)
        soundfile.write(FOLDER / f"{name}.wav", samples, SAMPLING_RATE, subtype="PCM_16")
        print(f"{name}.wav  {len(samples) / SAMPLING_RATE:.2f} s")


if __name__ == "__main__":
    main()
