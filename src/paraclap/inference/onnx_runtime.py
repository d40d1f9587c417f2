"""The runtime of exported models: onnxruntime, numpy and tokenizers, without torch or transformers."""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.audio import MelSettings, ProsodySettings, Waveform, compute_log_mel, normalize_log_mel, pad_log_mels
from paraclap.errors import ConfigError, ModelError
from paraclap.inference.audio_text_model import DEFAULT_BATCH_SIZE, AudioTextModel
from paraclap.inference.encoding import Embeddings, HearingLimits
from paraclap.inference.long_texts import CutText, find_overflow

_FORMAT_VERSION = 1
_SETTINGS_FILE = "onnx.json"
_KEYS = {
    *("model", "training_corpora", "fingerprint", "int8", "logit_scale"),
    *("sampling_rate", "max_duration", "sees_padding", "audio", "text"),
}
_VARIANCE_FLOOR = 1e-7  # that of transformers' Wav2Vec2FeatureExtractor
_AudioInputs = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


def is_export(folder: Path) -> bool:
    """Tell if a folder is what `paraclap export` writes."""
    return (folder / _SETTINGS_FILE).is_file()


class OnnxClap(AudioTextModel):
    """Answer questions with a model that `paraclap export` wrote.

    Embedding arrays and sentences needs onnxruntime, numpy and tokenizers alone; files need soundfile and soxr too, and
    `classify`, with its tables and label sets, all that paraclap needs.

    Args:
        folder: what `paraclap export` wrote.
        batch_size: clips encoded together at most.
        num_threads: of the processor; as onnxruntime chooses if None.

    Raises:
        ModelError: if the folder is no such export, is damaged or newer than this paraclap, or onnxruntime or
            tokenizers is not installed.
        ConfigError: if the batch size or the number of threads is below 1.
    """

    def __init__(
        self, folder: str | Path, *, batch_size: int = DEFAULT_BATCH_SIZE, num_threads: int | None = None
    ) -> None:
        if num_threads is not None and num_threads < 1:
            raise ConfigError(f"num_threads is {num_threads}; expected 1 or more")
        place = Path(folder)
        self.settings = _read_settings(place)
        corpora = self.settings["training_corpora"]
        super().__init__(name=str(self.settings["model"]), training_corpora=corpora, batch_size=batch_size)
        self._audio = _load_graph(place / "audio.onnx", num_threads)
        self._text = _load_graph(place / "text.onnx", num_threads)
        self._tokenizer = _load_tokenizer(place / "tokenizer.json", self.settings["text"])

    @property
    def fingerprint(self) -> str:
        """What identifies the weights: that of the source model, and "-int8" where its weights were rounded."""
        return str(self.settings["fingerprint"]) + ("-int8" if self.settings["int8"] else "")

    @property
    def logit_scale(self) -> float:
        """The factor from cosine to logit."""
        return float(self.settings["logit_scale"])

    @property
    def sampling_rate(self) -> int:
        """What the model hears, in Hz."""
        return int(self.settings["sampling_rate"])

    @property
    def limits(self) -> HearingLimits:
        """How long the audio tower hears at once, and if it sees padding."""
        return HearingLimits(self.settings["max_duration"], self.settings["sees_padding"])

    def encode_waveforms(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """Return one vector a waveform, `[B, D]`."""
        settings = self.settings["audio"]
        if settings["kind"] == "prosody":
            prosody = ProsodySettings(**settings["prosody"])
            inputs, mask = pad_log_mels([prosody.compute(clip) for clip in waveforms])
        elif settings["kind"] == "log_mel":
            inputs, mask = _make_log_mels(waveforms, MelSettings(**settings["log_mel"]))
        else:
            inputs, mask = _pad_waveforms(waveforms, **settings["waveform"])
        embeds: Embeddings = self._audio.run(None, {settings["input"]: inputs, settings["mask"]: mask})[0]
        return embeds

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one vector a text, `[B, D]`; what is longer than the text tower takes is cut."""
        tokens = self._tokenizer.encode_batch(list(texts))
        ids, mask = (np.array([getattr(of, name) for of in tokens], np.int64) for name in ("ids", "attention_mask"))
        embeds: Embeddings = self._text.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return embeds

    def find_cut_text(self, texts: Sequence[str]) -> CutText | None:
        """Return the first text that is cut; None if there is none."""
        return find_overflow(self._tokenizer, texts, self.settings["text"]["max_tokens"])


def _make_log_mels(waveforms: Sequence[Waveform], settings: MelSettings) -> _AudioInputs:
    return pad_log_mels([normalize_log_mel(compute_log_mel(clip, settings), settings) for clip in waveforms])


def _pad_waveforms(waveforms: Sequence[Waveform], *, normalize: bool, padding_value: float) -> _AudioInputs:
    """Pad waveforms `[T]` to the longest: `[B, T]`, and the mask of real samples."""
    longest = max(len(clip) for clip in waveforms)
    inputs = np.full((len(waveforms), longest), padding_value, dtype=np.float32)
    mask = np.zeros((len(waveforms), longest), dtype=np.int64)
    for row, clip in enumerate(waveforms):
        level = (clip - clip.mean()) / np.sqrt(clip.var() + _VARIANCE_FLOOR) if normalize else clip
        inputs[row, : len(clip)] = level
        mask[row, : len(clip)] = 1
    return inputs, mask


def _read_settings(folder: Path) -> dict[str, Any]:
    file = folder / _SETTINGS_FILE
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        version = int(settings["format_version"])
        missing = sorted(_KEYS - settings.keys())
    except OSError:
        raise ModelError(
            f"{folder} is no exported model; expected onnx.json and what 'paraclap export' writes"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{file} is damaged; export the model again with 'paraclap export'") from None
    if version > _FORMAT_VERSION:
        raise ModelError(
            f"{file} has format version {version}; this paraclap reads up to {_FORMAT_VERSION}: upgrade it"
        )
    if missing:
        raise ModelError(f"{file} does not say {missing[0]}; export the model again with 'paraclap export'")
    found: dict[str, Any] = settings
    return found


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise ModelError(f"{name} is not installed; install it with: pip install 'paraclap[onnx]'") from None


def _load_graph(file: Path, num_threads: int | None) -> Any:
    onnxruntime = _import("onnxruntime")
    options = onnxruntime.SessionOptions()
    if num_threads is not None:
        options.intra_op_num_threads = num_threads
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no class
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ModelError(f"{file} cannot be loaded ({reason}); export the model again with 'paraclap export'") from None


def _load_tokenizer(file: Path, settings: dict[str, Any]) -> Any:
    tokenizers = _import("tokenizers")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # it raises no other class
        raise ModelError(f"{file} cannot be loaded ({error}); export the model again with 'paraclap export'") from None
    tokenizer.no_truncation()
    if settings["max_tokens"] is not None:
        tokenizer.enable_truncation(settings["max_tokens"])
    tokenizer.enable_padding(pad_id=settings["pad_id"], pad_token=settings["pad_token"], direction=settings["padding"])
    return tokenizer
