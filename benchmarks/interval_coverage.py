"""Measure how often the intervals of evaluation hold the true UAR, on simulated speakers.

    .venv/bin/python -m benchmarks.interval_coverage [--data-sets N] [--seed N]

A class has its recall in the population; each speaker's own recall of it is drawn from a beta distribution around that,
and each clip is recognised with the speaker's recall, or else taken for any other class. The true UAR is the mean
of the population's recalls or, where just these speakers are meant, of their own. Prints three tables: by number of
speakers, with speakers drawn and with clips drawn within speaker and class; cases that are hard for intervals over
speakers; and by number of clips that a speaker has of a class, of which clips are drawn. Each share stands with its
Monte Carlo error, one standard deviation. Drawing clips is slow, so that a tenth of the data sets must do for it.
"""

import argparse
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.intervals import Method, draw_resampling, find_bounds

NUM_SPEAKERS = (2, 4, 6, 9, 12, 16, 20, 24, 36, 48, 91)
NUM_SPEAKERS_HARD = (24, 48, 91)
NUM_CLIPS = (1, 2, 4, 8, 16, 32)
NUM_DATA_SETS = 4_000
_SETS_A_RESAMPLING = 20  # all data sets could share the draws, which rest on truth and speakers; one set would be luck

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """Say how a corpus is simulated: its speakers, the population's recall of each class, and clips of each.

    The higher `concentration` is, the more alike are speakers; with 4 and these recalls, their own UARs have a standard
    deviation of 0.07, as with four models and the emotions of CREMA-D (docs/results/captions; sampling of clips taken
    off). With `is_trait`, a speaker has clips of one class only, as with gender.
    """

    num_speakers: int
    recalls: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    num_clips: int = 8  # of each class that a speaker has
    concentration: float = 4.0
    is_trait: bool = False

    def label_clips(self) -> tuple[Codes, Codes]:
        """Return the true class and the speaker of every clip, both `[N]`."""
        num_classes = len(self.recalls)
        if self.is_trait:
            speakers = np.arange(self.num_speakers)
            classes = speakers % num_classes
        else:
            speakers, classes = np.divmod(np.arange(self.num_speakers * num_classes), num_classes)
        return np.repeat(classes, self.num_clips), np.repeat(speakers, self.num_clips)

    def draw_recalls(self, rng: np.random.Generator) -> Array:
        """Draw every speaker's own recall of every class, `[S, C]`."""
        means = np.asarray(self.recalls)
        shape = (self.num_speakers, len(means))
        return rng.beta(means * self.concentration, (1 - means) * self.concentration, size=shape)


@dataclass(frozen=True)
class Coverage:
    """Hold the shares of data sets whose interval has the true UAR, and the mean width of the intervals."""

    of_population: float
    of_these_speakers: float
    width: float


def measure_coverage(design: Design, method: Method, *, num_data_sets: int, seed: int = 0) -> Coverage:
    """Simulate data sets and count how many intervals of UAR hold the true one.

    Args:
        design: of the corpus.
        method: what is drawn for the intervals.
        num_data_sets: how many are simulated.
        seed: of the simulation and of the draws.
    """
    rng = np.random.default_rng(seed)
    truth, speakers = design.label_clips()
    num_classes = len(design.recalls)
    bounds = np.empty((num_data_sets, 2))
    true_of_these = np.empty(num_data_sets)
    for number in range(num_data_sets):
        if number % _SETS_A_RESAMPLING == 0:
            resampling = draw_resampling(truth, speakers, seed=int(rng.integers(2**31)), method=method)
        recalls = design.draw_recalls(rng)[speakers, truth]  # [N]
        is_hit = rng.random(len(truth)) < recalls
        others = (truth + rng.integers(1, num_classes, size=len(truth))) % num_classes
        bounds[number] = find_bounds(resampling, truth, np.where(is_hit, truth, others), num_classes)["uar"]
        true_of_these[number] = recalls.mean()  # classes have equally many clips
    low, high = bounds.T
    true = np.mean(design.recalls)
    return Coverage(
        float(np.mean((low <= true) & (true <= high))),
        float(np.mean((low <= true_of_these) & (true_of_these <= high))),
        float(np.mean(high - low)),
    )


def print_by_speakers(num_data_sets: int, seed: int) -> None:
    """Print coverage by number of speakers."""
    num_clip_sets = max(1, num_data_sets // 10)
    print(
        "| speakers | speakers drawn: coverage | mean width | clips drawn: coverage | of these speakers | mean width |"
    )
    print("|---|---|---|---|---|---|")
    for num_speakers in NUM_SPEAKERS:
        design = Design(num_speakers)
        over = measure_coverage(design, "speakers", num_data_sets=num_data_sets, seed=seed)
        within = measure_coverage(design, "clips", num_data_sets=num_clip_sets, seed=seed)
        print(
            f"| {num_speakers} | {_show(over.of_population, num_data_sets)} | {over.width:.3f} "
            f"| {_show(within.of_population, num_clip_sets)} | {_show(within.of_these_speakers, num_clip_sets)} "
            f"| {within.width:.3f} |",
            flush=True,
        )


def print_hard_cases(num_data_sets: int, seed: int) -> None:
    """Print coverage, with speakers drawn, where speakers say little or lie near the end of the scale."""
    cases = {
        "8 classes, recall .95": Design(0, (0.95,) * 8),
        "a trait of 2 classes, recall .75": Design(0, (0.75, 0.75), concentration=2.0, is_trait=True),
        "a trait of 2 classes, recall .90": Design(0, (0.9, 0.9), concentration=2.0, is_trait=True),
    }
    print(f"| speakers drawn | {' | '.join(f'{number} speakers' for number in NUM_SPEAKERS_HARD)} |")
    print("|---|---|---|---|")
    for name, case in cases.items():
        designs = [replace(case, num_speakers=number) for number in NUM_SPEAKERS_HARD]
        found = [measure_coverage(one, "speakers", num_data_sets=num_data_sets, seed=seed) for one in designs]
        print(f"| {name} | {' | '.join(_show(one.of_population, num_data_sets) for one in found)} |", flush=True)


def print_by_clips(num_data_sets: int, seed: int) -> None:
    """Print coverage of four speakers' own UAR, with clips drawn, by number of clips of a class and speaker."""
    found = [
        measure_coverage(Design(4, num_clips=number), "clips", num_data_sets=num_data_sets, seed=seed)
        for number in NUM_CLIPS
    ]
    print(f"| clips of a class and speaker | {' | '.join(map(str, NUM_CLIPS))} |")
    print(f"|---|{'---|' * len(NUM_CLIPS)}")
    shares = " | ".join(_show(one.of_these_speakers, num_data_sets) for one in found)
    print(f"| clips drawn: coverage, of these speakers | {shares} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-sets", type=int, default=NUM_DATA_SETS, help=f"of each figure; {NUM_DATA_SETS}")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for print_table in (print_by_speakers, print_hard_cases, print_by_clips):
        print_table(given.data_sets, given.seed)
        print()


def _show(share: float, num_data_sets: int) -> str:
    return f"{share:.3f} ± {np.sqrt(share * (1 - share) / num_data_sets):.3f}"


if __name__ == "__main__":
    main()
