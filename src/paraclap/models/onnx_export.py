"""Export to ONNX: one graph for audio and one for text, with the tokenizer and what else a runtime must know."""

import importlib.util
import logging
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from paraclap.errors import ModelError
from paraclap.models.dual_encoder import ParaClapModel
from paraclap.models.onnx_settings import MASK_NAME, ModelOrigin, describe_export
from paraclap.models.processing import ParaClapProcessor
from paraclap.storage import check_empty, write_folder_atomic, write_json

TOLERANCE = 1e-3  # of a vector from a graph, relative to the model's own
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_EXPORT_DURATIONS = (1.0, 0.6)  # s, of the batch that the exporter follows
_CHECK_DURATIONS = ((0.25,), (1.7, 0.4, 0.9))  # s, of batches that it never saw
_EXPORT_TEXTS = ("a woman who sounds tired", "an angry man")
_CHECK_TEXTS = (("a child",), ("somebody who speaks fast and very loudly", "a calm voice", "joy"))


def check_export(folder: Path) -> None:
    """Refuse, before any work, an export that cannot succeed.

    Raises:
        ModelError: if a package of the extra `onnx` is not installed, or the folder is a file or not empty.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(f"{missing[0]} is not installed, which exports models: run pip install 'paraclap[onnx]'")
    check_empty(folder, error_type=ModelError)


def export_onnx(
    model: ParaClapModel,
    processor: ParaClapProcessor,
    folder: Path,
    *,
    origin: ModelOrigin | None = None,
    int8: bool = False,
) -> None:
    """Write audio.onnx, text.onnx, tokenizer.json and onnx.json, which `paraclap.inference.OnnxClap` reads.

    The graphs take batches and lengths of any size. They are run once, on others than they were made with, and compared
    with the model.

    Args:
        model: in float32, on the CPU.
        processor: of the model.
        folder: new or empty; it is whole or not there.
        origin: of the model; its licence is copied.
        int8: round the weights of linear layers to 8 bits, after the comparison.

    Raises:
        ModelError: if a package of the extra `onnx` is not installed, the folder is not empty or cannot be written, the
            audio tower hears other spectrograms than ours, the tokenizer has no tokenizer.json, the model is not in
            float32 on the CPU, or a graph cannot be made or differs from it.
    """
    check_export(folder)
    settings = describe_export(model, processor, origin or ModelOrigin(), int8=int8)
    with write_folder_atomic(folder, error_type=ModelError) as place, _eval_mode(model), torch.no_grad():
        input_name = model.config.audio_family.input
        audio = _Graph(_AudioEncoder(model, input_name), (input_name, MASK_NAME), place / "audio.onnx")
        audio.write(_make_audio(processor, _EXPORT_DURATIONS))
        audio.check([_make_audio(processor, durations) for durations in _CHECK_DURATIONS])
        text = _Graph(_TextEncoder(model), ("input_ids", "attention_mask"), place / "text.onnx")
        text.write(processor(text=list(_EXPORT_TEXTS)))
        text.check([processor(text=list(texts)) for texts in _CHECK_TEXTS])
        if int8:
            _round_weights(audio.file)
            _round_weights(text.file)
        processor.tokenizer.backend_tokenizer.save(str(place / "tokenizer.json"))
        if origin is not None and origin.licence_file is not None:
            shutil.copyfile(origin.licence_file, place / "LICENSE")
        write_json(place / "onnx.json", settings)


class _AudioEncoder(nn.Module):
    def __init__(self, model: ParaClapModel, input_name: str) -> None:
        super().__init__()
        self.model = model
        self.input_name = input_name

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        return self.model.get_audio_features(**{self.input_name: inputs, MASK_NAME: mask})


class _TextEncoder(nn.Module):
    def __init__(self, model: ParaClapModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.model.get_text_features(input_ids, attention_mask)


class _Graph:
    """A graph in a file, the module that it repeats, and the names of its two inputs."""

    def __init__(self, encoder: nn.Module, inputs: tuple[str, str], file: Path) -> None:
        self.encoder = encoder
        self.inputs = inputs
        self.file = file

    def write(self, example: Mapping[str, Tensor]) -> None:
        from onnx_ir.passes.common import ClearMetadataAndDocStringPass

        any_size = dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC)
        try:
            with _quiet():
                program: Any = torch.onnx.export(
                    self.encoder,
                    tuple(example[name] for name in self.inputs),
                    input_names=self.inputs,
                    output_names=["embeds"],
                    dynamic_shapes=(any_size, any_size),
                    dynamo=True,
                    verbose=False,
                )
                ClearMetadataAndDocStringPass()(program.model)  # stack traces, with paths of this machine
                program.save(self.file)
        except Exception as error:  # of many libraries: whatever it is, this tower cannot be exported
            reason = (str(error).strip().splitlines() or [""])[0].rstrip(".")
            raise ModelError(
                f"{self.file.name} cannot be made ({type(error).__name__}: {reason}); "
                "this tower cannot be exported with the installed versions of torch, transformers and onnxscript"
            ) from error

    def check(self, batches: Sequence[Mapping[str, Tensor]]) -> None:
        """Compare the graph with the model, by the norm of the difference relative to that of the model's vector."""
        import onnxruntime

        session = onnxruntime.InferenceSession(str(self.file), providers=["CPUExecutionProvider"])
        for batch in batches:
            given = [batch[name] for name in self.inputs]
            expected = self.encoder(*given).numpy()
            found = session.run(None, {name: of.numpy() for name, of in zip(self.inputs, given, strict=True)})[0]
            worst = float((np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)).max())
            if not worst < TOLERANCE:
                raise ModelError(
                    f"{self.file.name} differs from the model by {worst:.1e}; expected less than {TOLERANCE:.0e}: this "
                    "tower cannot be exported with the installed versions of torch, transformers and onnxscript"
                )


def _make_audio(processor: ParaClapProcessor, durations: Sequence[float]) -> Mapping[str, Tensor]:
    """Make the input of clips of noise, whose level rises so that no two frames are alike."""
    rate = processor.feature_extractor.sampling_rate
    noise = np.random.default_rng(0)
    lengths = [round(duration * rate) for duration in durations]
    clips = [(noise.standard_normal(length) * np.linspace(0.01, 0.3, length)).astype(np.float32) for length in lengths]
    made: Mapping[str, Tensor] = processor(audio=clips, sampling_rate=rate)
    return made


def _round_weights(file: Path) -> None:
    """Round the weights of linear layers to 8 bits, in place, 32 with one scale; what flows between them stays float.

    Were that rounded too, its scale would come from the whole batch, and a clip's vector depend on its neighbours.
    """
    import onnx

    with _quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

        choice = DefaultWeightOnlyQuantConfig(
            block_size=32, is_symmetric=True, accuracy_level=1, op_types_to_quantize=("MatMul",), bits=8
        )
        quantizer = MatMulNBitsQuantizer(onnx.load(file), algo_config=choice)
        quantizer.process()
        data = file.with_name(f"{file.name}.data")  # where a graph is too large for one file
        is_large = data.exists()
        data.unlink(missing_ok=True)
        quantizer.model.save_model_to_file(str(file), use_external_data_format=is_large)


@contextmanager
def _eval_mode(model: ParaClapModel) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep remarks of the exporter on its own work from being printed, and its setting up of logs from staying."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)
