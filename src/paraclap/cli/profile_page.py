"""Profiles of voices as tables, and as a page of Markdown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from paraclap.cli.captions_preview import MEASURE_COLUMNS, list_measure_rows

if TYPE_CHECKING:
    from paraclap.evaluation.report.document import Section
    from paraclap.inference import VoiceProfile

ANSWER_COLUMNS = ("label set", "best", "second", "third")
_FACT_COLUMNS = ("said", "hedge", "probability")
_WHAT_IT_IS = (
    "Answers are guesses of a research model about how a voice sounds, not facts about a person. A sentence says "
    "what is probable enough; the tables hold all answers."
)


def list_answer_rows(profile: "VoiceProfile") -> list[list[str]]:
    """Return the three most probable classes of each label set."""
    rows = []
    for answer in profile.answers:
        shares = sorted(answer.probability.items(), key=lambda item: -item[1])[:3]
        cells = [f"{label} {share:.2f}" for label, share in shares]
        if answer.is_unknown:
            cells[0] = f"none of these ({cells[0]})"
        rows.append([answer.label_set, *cells, *[""] * (3 - len(cells))])
    return rows


def name_reason(profile: "VoiceProfile") -> str:
    """Return why some or all of a voice was not measured."""
    return f"{'not all could be measured: ' if profile.measures.levels else ''}{profile.measures.reason}"


def render_profiles(profiles: Sequence["VoiceProfile"], *, title: str) -> str:
    """Return profiles as a page of Markdown, each under the name of its file."""
    from paraclap.evaluation.report.document import Section
    from paraclap.evaluation.report.markdown_page import render_markdown

    sections = tuple(_make_section(profile) for profile in profiles)
    return render_markdown(Section(title, paragraphs=(_WHAT_IT_IS,), sections=sections))


def _make_section(profile: "VoiceProfile") -> "Section":
    from paraclap.evaluation.report.document import Section, make_table, name_columns

    clip = profile.clip
    paragraphs = [profile.sentence, f"From {clip.start:.2f} to {clip.end or 0.0:.2f} s."]
    tables = []
    if profile.description.statements:
        facts = [
            (str(said.fact), said.hedge, "measured" if said.probability is None else f"{said.probability:.2f}")
            for said in profile.description.statements
        ]
        tables.append(make_table("What the sentence says", name_columns(_FACT_COLUMNS), facts))
    tables.append(make_table("Probabilities", name_columns(ANSWER_COLUMNS), list_answer_rows(profile)))
    if profile.measures.levels:
        rows = list_measure_rows(profile.measures.levels)
        tables.append(make_table("Measured", name_columns(MEASURE_COLUMNS), rows))
        paragraphs.append(f"Measured by {profile.measured_by}.")
    if profile.measures.reason:
        paragraphs.append(f"Note: {name_reason(profile)}.")
    return Section(clip.name, paragraphs=tuple(paragraphs), tables=tuple(tables))
