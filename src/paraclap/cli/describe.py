"""`paraclap describe`: a profile of voices in words and numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paraclap.cli.options import (
    BatchSizeOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    Paths,
    ReferenceOption,
)
from paraclap.cli.output import TABLE_SUFFIXES, check_table_path, print_json, print_rows, report_bad_files, write_rows
from paraclap.cli.progress import ProgressBars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paraclap.inference import VoiceProfile

_MARKDOWN = ".md"


def describe(
    paths: Paths,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", help="Ask this label set or task instead of those that fit any voice. Repeatable."),
    ] = None,
    measure: Annotated[
        bool | None,
        typer.Option("--measure/--no-measure", help="Measure with openSMILE; if it is installed, if left out."),
    ] = None,
    reference: ReferenceOption = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write the profiles to a .md, .csv, .json or .parquet file.")
    ] = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    batch_size: BatchSizeOption = None,
) -> None:
    r"""Describe voices: one sentence, the probabilities behind it, and what can be measured.

    [bold]paraclap describe interview.wav --out interview.md[/bold]

    [bold]paraclap describe calls/ --reference calls/ --json[/bold]

    The sentence says what is probable enough, with "probably" or "perhaps" where it is not sure, and nothing of what is
    too near to guessing. Classes are answered as by 'paraclap classify --task'. Pitch, loudness, tempo and voice
    quality are measured, and are low, normal or high by the bins of the model; nothing is said of a value near an edge.

    Measuring needs openSMILE: pip install 'paraclap\[features]'. Its licence allows research, education and other
    non-commercial use only. Without it, or with --no-measure, the model is asked for these too.

    Answers are guesses of a research model about how a voice sounds, not facts about a person.
    """
    if out is not None:
        check_table_path(out, suffixes=(_MARKDOWN, *TABLE_SUFFIXES))
    from paraclap.evaluation import find_label_set
    from paraclap.inference import choose_label_sets, describe_clips, load_model, will_measure

    asked = [find_label_set(name) for name in task] if task else None
    is_measured = will_measure(measure)
    choose_label_sets(asked, is_measured=is_measured)  # says before any work what is wrong with them
    clap = load_model(model, device=device, dtype=dtype, batch_size=batch_size)
    with ProgressBars() as bars:
        encoded = clap.encode(
            list(paths),
            progress=lambda done, total: bars.show("listening", done, total),
            reference=list(reference) if reference else None,
        )
        profiles = describe_clips(
            clap,
            encoded,
            tasks=asked,
            measure=is_measured,
            progress=lambda done, total: bars.show("describing", done, total),
        )
    if as_json:
        print_json([profile.as_record() for profile in profiles])
    elif len(profiles) == 1:
        _print_profile(profiles[0])
    elif profiles:
        print_rows(["file", "voice"], [[profile.clip.name, profile.sentence] for profile in profiles])
    if out is not None and profiles:
        _write(out, profiles, title=f"Voices, described by {clap.name}")
    report_bad_files(encoded.bad_files)


def _print_profile(profile: "VoiceProfile") -> None:
    """Print a sentence, and the tables of what is behind it."""
    from paraclap.cli.captions_preview import MEASURE_COLUMNS, list_measure_rows
    from paraclap.cli.profile_page import ANSWER_COLUMNS, list_answer_rows, name_reason

    print(f"{profile.sentence}\n")
    print_rows(ANSWER_COLUMNS, list_answer_rows(profile), title="probabilities")
    if profile.measures.levels:
        print_rows(MEASURE_COLUMNS, list_measure_rows(profile.measures.levels), title="measured")
    if profile.measures.reason:
        print(name_reason(profile))
    if profile.measures.levels:
        print(f"measured by {profile.measured_by}")


def _write(out: Path, profiles: "Sequence[VoiceProfile]", *, title: str) -> None:
    suffix = out.suffix.lower()
    if suffix != _MARKDOWN:
        write_rows(out, [profile.as_record() if suffix == ".json" else profile.as_row() for profile in profiles])
        return
    from paraclap.cli.profile_page import render_profiles
    from paraclap.storage import write_atomic

    with write_atomic(out) as temporary:
        temporary.write_text(render_profiles(profiles, title=title), encoding="utf-8", newline="\n")
