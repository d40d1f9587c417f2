"""`paraclap captions`: sentences about the utterances of a manifest, or what would be said of one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paraclap.cli.captions_manifest import Request, caption_manifest
from paraclap.cli.captions_preview import preview_file
from paraclap.cli.options import JsonOption
from paraclap.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paraclap.queries import CaptionSettings


def captions(
    manifest: Annotated[
        Path | None, typer.Argument(metavar="MANIFEST", help="A manifest (.parquet); none with --preview.")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option("--features", help="What 'paraclap features' measured; left out, only labels are spoken of."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Captions to write (.parquet).")] = None,
    bins: Annotated[
        Path | None, typer.Option("--bins", help="Bins (.json) to apply; left out, new ones are fitted.")
    ] = None,
    bins_out: Annotated[Path | None, typer.Option("--bins-out", help="Write the fitted bins (.json).")] = None,
    quantiles: Annotated[
        list[str] | None,
        typer.Option(
            "--quantiles", metavar="NAME=LOW,HIGH", help="Where low ends and high begins: pitch=0.2,0.8. Repeatable."
        ),
    ] = None,
    variant: Annotated[
        str | None, typer.Option("--variant", help="What to speak of: emotion, labels, features; all if left out.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="NAME", help="Never speak of an attribute. Repeatable.")
    ] = None,
    num_facts: Annotated[
        str | None,
        typer.Option(
            "--num-facts", metavar="SHARES", help="Shares of captions with one, two, ... facts, as in 0.5,0.3,0.2."
        ),
    ] = None,
    per_utterance: Annotated[
        int | None, typer.Option("--per-utterance", min=1, help="Captions of each utterance; 1 if left out.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Another seed draws other captions; 0 if left out.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; 1 if left out. They change no caption.")
    ] = None,
    stats: Annotated[
        bool, typer.Option("--stats", help="Count captions, distinct ones, facts and levels; --json prints them too.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw how each measure is distributed, with its bins (.png, .pdf, .svg)."),
    ] = None,
    preview: Annotated[
        Path | None, typer.Option("--preview", metavar="FILE", help="Say what would be said of an audio file, and why.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", help="--preview: model folder whose bins to apply; paraclap-mini if left out."),
    ] = None,
    num: Annotated[int | None, typer.Option("--num", min=1, help="--preview: captions; 5 if left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    r"""Make captions, sentences to train on, from what a corpus labels and what was measured in its voices.

    [bold]paraclap captions emodb.parquet --features emodb-features.parquet --out captions.parquet --stats[/bold]

    [bold]paraclap captions --preview voice.wav --bins bins.json[/bold]

    What is measured is low, normal or high by bins: quantiles of the train split, for some attributes those of the
    same corpus or gender. Nothing is said of a value near an edge. Beside each caption stand the facts that it states.
    The same seed gives the same captions.

    Features need openSMILE: pip install 'paraclap\[features]'. Its licence allows research, education and other
    non-commercial use only. Plots need pip install 'paraclap\[plot]'.
    """
    of_manifest: dict[str, object] = {
        "--features": features,
        "--out": out,
        "--bins-out": bins_out,
        "--quantiles": quantiles,
    }
    of_manifest |= {"--per-utterance": per_utterance, "--workers": workers, "--stats": stats, "--plot": plot}
    _check_mode(manifest, preview, of_manifest=of_manifest, of_preview={"--model": model, "--num": num})
    for flag, value in {"--bins-out": bins_out, "--quantiles": quantiles, "--model": model}.items():
        if bins is not None and value is not None:
            raise typer.BadParameter(f"has the bins, {flag} asks for others; drop one of them", param_hint="--bins")
    given = {"variant": variant, "num_facts": _parse_shares(num_facts), "without": without and tuple(without)}
    settings = _make_settings({**given, "per_utterance": per_utterance, "seed": seed})
    if manifest is None:
        preview_file(Path(str(preview)), settings, bins=bins, model=model, num_captions=num, as_json=as_json)
        return
    if not (out or bins_out or plot or stats or as_json):
        raise typer.BadParameter("nothing to do; give --out, --stats, --plot or --bins-out", param_hint="MANIFEST")
    request = Request(
        manifest=manifest,
        features=features,
        bins=bins,
        quantiles=_parse_quantiles(quantiles or ()),
        num_workers=workers or 1,
        out=out,
        bins_out=bins_out,
        plot=plot,
        stats=stats or as_json,
        as_json=as_json,
    )
    caption_manifest(request, settings)


def _check_mode(
    manifest: Path | None,
    preview: Path | None,
    *,
    of_manifest: "Mapping[str, object]",
    of_preview: "Mapping[str, object]",
) -> None:
    """Refuse a manifest with --preview, neither of them, and options that are for the other one."""
    if (manifest is None) == (preview is None):
        raise typer.BadParameter("give either a manifest or --preview FILE", param_hint="MANIFEST / --preview")
    foreign, what = (of_preview, "--preview") if preview is None else (of_manifest, "a manifest")
    for flag, value in foreign.items():
        if value:
            raise typer.BadParameter(f"is for {what} only", param_hint=flag)


def _make_settings(given: "Mapping[str, Any]") -> "CaptionSettings":
    """Make settings, and check them before any file is read."""
    from paraclap.queries import CaptionSettings

    settings = CaptionSettings(**{name: value for name, value in given.items() if value is not None})
    settings.make_sampler()
    return settings


def _parse_shares(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    shares = _parse_numbers(text)
    if not shares:
        raise ConfigError(f"--num-facts {text!r}; expected numbers with commas between, such as 0.5,0.3,0.2")
    return shares


def _parse_quantiles(pairs: "Sequence[str]") -> dict[str, tuple[float, float]]:
    quantiles = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        numbers = _parse_numbers(text)
        if not name or len(numbers) != 2:
            raise ConfigError(f"--quantiles {pair!r}; expected a name and two numbers, such as pitch=0.2,0.8")
        quantiles[name] = (numbers[0], numbers[1])
    return quantiles


def _parse_numbers(text: str) -> tuple[float, ...]:
    """Return the numbers between commas; none at all, if one of them is no number."""
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        return ()
