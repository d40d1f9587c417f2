"""The bridge to mteb, the benchmark of embeddings: any audio-text model as one of its encoders."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from paraclap.audio import Waveform, convert_audio, read_audio
from paraclap.corpora.sources.hugging_face_files import read_card
from paraclap.errors import AudioError, ConfigError, list_known
from paraclap.inference.audio_text_model import AudioTextModel
from paraclap.inference.clap import MINI, ParaClap
from paraclap.inference.encoding import Embeddings
from paraclap.inference.laion_clap import LaionClap
from paraclap.inference.onnx_runtime import OnnxClap

if TYPE_CHECKING:
    from mteb.models import ModelMeta
    from torch import Tensor

_ORGANISATION = "paraclap"  # of models without one: mteb wants organisation/name


def as_mteb_model(model: AudioTextModel, *, licence: str | None = None) -> "MtebModel":
    """Make a model one that `mteb.evaluate` takes; nothing is downloaded.

    Args:
        model: any model of paraclap.
        licence: of the weights, as mteb calls it ("cc-by-nc-sa-4.0") or the address of its text; what the card in the
            model's folder says if None.

    Raises:
        ConfigError: if mteb is not installed, or knows no such licence.
    """
    try:
        from mteb.models import ModelMeta
        from mteb.types import Licenses
    except ImportError:
        raise ConfigError("mteb is not installed; install it with: pip install 'paraclap[mteb]'") from None
    known = get_args(Licenses)
    if licence is not None and licence not in known and "://" not in licence:
        raise ConfigError(f"mteb knows no licence {licence!r}{list_known(licence, known)}, or an address")
    from_card = _read_licence(model.name)
    meta = ModelMeta(
        loader=None,
        name=_name_for_mteb(model.name),
        revision=model.fingerprint,
        release_date=None,
        languages=None,
        n_parameters=None,
        memory_usage_mb=None,
        max_tokens=None,
        embed_dim=model.embed_text(["somebody speaks"]).shape[1],
        license=licence or (from_card if from_card in known else None),
        open_weights=None,
        public_training_code=None,
        public_training_data=None,
        framework=_list_frameworks(model),
        similarity_fn_name="cosine",
        use_instructions=False,
        training_datasets=_list_training_tasks(model.training_corpora),
        modalities=["audio", "text"],
    )
    return MtebModel(model, meta)


class MtebModel:
    """Embed what mteb hands out, as its protocol of encoders asks; `as_mteb_model` makes it.

    Audio files are decoded by paraclap itself, so that neither torchcodec nor torchaudio is needed and a file has the
    vector that it has everywhere in paraclap. Texts are embedded as they are, without instructions.
    """

    def __init__(self, model: AudioTextModel, mteb_model_meta: "ModelMeta") -> None:
        self.model = model
        self.mteb_model_meta = mteb_model_meta

    def encode(self, inputs: Iterable[Mapping[str, Any]], **settings: Any) -> Embeddings:
        """Embed batches of audio or texts as vectors `[N, D]`, of unit length; what has both is the sum of its two.

        Args:
            inputs: mteb's loader, whose batches map "audio" or "text" to lists.
            settings: all else that mteb's protocol hands over (task, split, kind of prompt, batch size): they change
                no vector.

        Raises:
            AudioError: if a clip cannot be read.
            QueryError: if a text is empty.
            ConfigError: if a batch has neither audio nor text, or another precision than float32 is asked for.
        """
        if settings.get("precision", "float32") not in (None, "float32"):
            raise ConfigError(f"mteb asks for the precision {settings['precision']!r}; expected 'float32' or none")
        return np.concatenate([self._embed_batch(batch) for batch in _keep_encoded(inputs)])

    def similarity(self, embeddings1: Any, embeddings2: Any) -> "Tensor":
        """Return the cosine of each of `[N, D]` with each of `[M, D]`: `[N, M]`."""
        from mteb.similarity_functions import cos_sim

        cosines: Tensor = cos_sim(embeddings1, embeddings2)
        return cosines

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> "Tensor":
        """Return the cosine of each of `[N, D]` with its partner of `[N, D]`: `[N]`."""
        from mteb.similarity_functions import pairwise_cos_sim

        cosines: Tensor = pairwise_cos_sim(embeddings1, embeddings2)
        return cosines

    def _embed_batch(self, batch: Mapping[str, Any]) -> Embeddings:
        rate = self.model.sampling_rate
        embeds: list[Embeddings] = []
        if "audio" in batch:
            clips = [_read(clip, rate, f"clip {number} of the batch") for number, clip in enumerate(batch["audio"])]
            embeds.append(self.model.embed_audio(clips, sampling_rate=rate))
        if "text" in batch:
            embeds.append(self.model.embed_text(list(batch["text"])))
        if not embeds:
            raise ConfigError(f"mteb hands out {', '.join(sorted(batch))}; expected a task of audio or text")
        return sum(embeds[1:], start=embeds[0])


def _keep_encoded(inputs: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Return the loader of the same batches with files as they are, instead of decoded by torchcodec."""
    from datasets import Audio
    from torch.utils.data import DataLoader

    if not isinstance(inputs, DataLoader):
        return inputs
    features = getattr(inputs.dataset, "features", None) or {}
    if not isinstance(features.get("audio"), Audio):
        return inputs
    return DataLoader(
        inputs.dataset.cast_column("audio", Audio(decode=False)),  # type: ignore[attr-defined]  # a datasets.Dataset
        batch_size=inputs.batch_size,
        collate_fn=inputs.collate_fn,
        num_workers=inputs.num_workers,
    )


def _read(clip: Any, sampling_rate: int, name: str) -> Waveform:
    """Read a file's content or path, or convert an array with its own sampling rate, to a waveform `[T]`."""
    is_file = isinstance(clip, Mapping) and "array" not in clip
    if not is_file:  # a mapping, or a decoder that answers like one
        return convert_audio(clip["array"], sampling_rate=clip["sampling_rate"], target_rate=sampling_rate, name=name)
    if clip.get("bytes") is None:
        return read_audio(clip["path"], sampling_rate=sampling_rate)
    with TemporaryDirectory() as folder:
        file = Path(folder) / Path(clip.get("path") or "clip").name
        file.write_bytes(clip["bytes"])
        try:
            return read_audio(file, sampling_rate=sampling_rate)
        except AudioError as error:
            raise AudioError(str(error).replace(f"{folder}/", "")) from None


def _name_for_mteb(name: str) -> str:
    """Return organisation/name: a hub id as it is, else paraclap and the last part of a path."""
    is_hub_id = name.count("/") == 1 and all(name.split("/")) and not Path(name).exists()
    return name if is_hub_id else f"{_ORGANISATION}/{Path(name).resolve().name}"


def _read_licence(name: str) -> str | None:
    folder = Path(str(files("paraclap.models") / "mini")) if name == MINI else Path(name)
    return read_card(folder).get("licence")


def _list_frameworks(model: AudioTextModel) -> list[str]:
    if isinstance(model, OnnxClap):
        return ["ONNX"]
    return ["PyTorch", "Transformers"] if isinstance(model, ParaClap | LaionClap) else []


def _list_training_tasks(corpora: Sequence[str] | None) -> set[str] | None:
    """Name the tasks that are made of what a model was trained on; None where nobody says what that is."""
    if corpora is None:
        return None
    tasks = tomllib.loads((files("paraclap.inference") / "mteb_tasks.toml").read_text(encoding="utf-8"))
    return {task for corpus in corpora for task in tasks.get(corpus, ())}
