"""Write a batch of timelines in a process of its own, so that it can be killed: audio folder, output folder."""

import sys
from pathlib import Path

from tests.inference.loudness import QUERIES, Loudness

from paraclap.inference import Questions, TimelineScanner, TimelineSettings
from paraclap.inference.timeline_batch import plan_outputs, write_batch
from paraclap.inference.timeline_files import named_format

if __name__ == "__main__":
    audio, folder = Path(sys.argv[1]), Path(sys.argv[2])
    model, chosen = Loudness(name="loudness"), named_format("parquet")
    settings = TimelineSettings(window=1.0, hop=0.1, speech=None)
    scanner = TimelineScanner(model, Questions.ask(model, QUERIES), settings=settings)
    print("ready", flush=True)
    report = write_batch(scanner, plan_outputs([audio], folder, chosen), folder=folder, chosen=chosen)
    print(len(report.written), len(report.unchanged))
