"""Texts that are longer than a text tower takes: cut, with their special tokens, and said once."""

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.inference.tiny_clap import save_clap
from tests.models.tiny import MAX_TOKENS, make_model, make_processor
from transformers import RobertaConfig, RobertaModel

from paraclap import ParaClap
from paraclap.inference import AudioTextModel, LaionClap, OnnxClap, TextCutWarning
from paraclap.inference.long_texts import find_cut_text, find_overflow
from paraclap.models import count_max_tokens
from paraclap.models.onnx_export import export_onnx

NUM_WORDS = MAX_TOKENS - 2  # between [CLS] and [SEP]
FITS = " ".join(["a sad voice"] * NUM_WORDS)[: len("a sad voice ") * (NUM_WORDS // 3) - 1] + " a"
LONG = FITS + " happy man is an angry speaker and this is far behind what the tower reads"
MESSAGE = (
    rf"^the text 'a sad voice a sad voice a sad voice a sa\.\.\.' has \d+ tokens, the text tower takes {MAX_TOKENS}: "
    r"'happy man is an angry speaker .*' is cut off \(said once, also where more texts are too long\)$"
)


def load_ours(folder: Path) -> AudioTextModel:
    return ParaClap(make_model(), make_processor())


def load_theirs(folder: Path) -> AudioTextModel:
    return LaionClap.from_pretrained(save_clap(folder / "clap"))


def load_export(folder: Path) -> AudioTextModel:
    export_onnx(make_model(), make_processor(), folder / "onnx")
    return OnnxClap(folder / "onnx")


_MISSING = [name for name in ("onnx", "onnxruntime", "onnxscript") if importlib.util.find_spec(name) is None]
LOADERS = [
    load_ours,
    load_theirs,
    pytest.param(
        load_export,
        marks=pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)} of the extra onnx"),
    ),
]
Load = Callable[[Path], AudioTextModel]


@pytest.mark.parametrize("load", LOADERS)
def test_texts_that_are_too_long_are_cut_and_that_is_said_once_a_model(load: Load, tmp_path: Path) -> None:
    model = load(tmp_path)
    fits = model.embed_text([FITS])[0]  # warnings are errors in tests: this raises none

    with pytest.warns(TextCutWarning, match=MESSAGE) as warned:
        embeds = model.embed_text(["a man", LONG, "a calm voice " * 99])

    assert [warning.filename for warning in warned] == [__file__]
    assert np.abs(embeds[1] - fits).max() < 1e-5
    assert np.array_equal(model.embed_text([LONG]), model.embed_text([LONG]))


def test_every_model_says_it_for_itself() -> None:
    for _ in range(2):
        with pytest.warns(TextCutWarning, match=MESSAGE):
            load_ours(Path()).embed_text([LONG])


def test_queries_and_prompts_say_it_too() -> None:
    with pytest.warns(TextCutWarning, match=MESSAGE):
        load_ours(Path()).embed_queries(["a man", LONG])
    with pytest.warns(TextCutWarning, match=MESSAGE):
        load_ours(Path()).embed_prompts({"sad": [LONG]})


def test_what_is_cut_is_counted_in_tokens_with_the_special_ones() -> None:
    tokenizer = make_processor().tokenizer
    text = "a man is a calm happy angry woman"

    cut = find_cut_text(tokenizer, ["a man", text], 7)

    assert cut is not None
    assert (cut.text, cut.num_tokens, cut.max_tokens, cut.lost) == (text, 10, 7, "happy angry woman")
    assert find_cut_text(tokenizer, [text], 10) is None
    assert find_cut_text(tokenizer, [text * 99], None) is None


def test_a_tokenizer_that_cuts_at_the_left_loses_the_beginning() -> None:
    tokenizer = make_processor().tokenizer
    tokenizer.truncation_side = "left"

    cut = find_cut_text(tokenizer, ["a man is a calm happy angry woman"], 7)

    assert cut is not None
    assert cut.lost == "a man is"


@pytest.mark.parametrize(("direction", "lost"), [("right", "Happy, sad"), ("left", "a man is")])
def test_the_tokenizer_of_an_export_finds_the_same(direction: str, lost: str) -> None:
    tokenizer = make_processor().tokenizer.backend_tokenizer
    text = "a man is a calm Happy, sad"
    tokenizer.enable_padding()

    tokenizer.no_truncation()
    assert find_overflow(tokenizer, [text * 99], None) is None
    tokenizer.enable_truncation(10)
    assert find_overflow(tokenizer, ["a man", text], 10) is None
    tokenizer.enable_truncation(7, direction=direction)
    cut = find_overflow(tokenizer, ["a man", text], 7)

    assert cut is not None
    assert (cut.text, cut.num_tokens, cut.max_tokens, cut.lost) == (text, 10, 7, lost)


@torch.no_grad()
def test_a_text_that_is_cut_ends_with_its_special_token() -> None:
    model, processor = make_model(), make_processor()
    tokens = processor(text=LONG)

    with pytest.warns(TextCutWarning):
        embeds = ParaClap(model, processor).embed_text([LONG])

    ids = tokens["input_ids"][0].tolist()
    assert (len(ids), ids[0], ids[-1]) == (
        MAX_TOKENS,
        processor.tokenizer.cls_token_id,
        processor.tokenizer.sep_token_id,
    )
    assert np.abs(embeds - model.get_text_features(**tokens).numpy()).max() < 1e-6


def test_a_tokenizer_that_knows_no_limit_still_gives_what_the_tower_takes() -> None:
    processor = make_processor()
    processor.tokenizer.model_max_length = int(1e30)  # as some tokenizer_config.json say

    with pytest.warns(TextCutWarning, match=MESSAGE):
        embeds = ParaClap(make_model(), processor).embed_text([LONG])

    assert np.abs(embeds - load_ours(Path()).embed_text([FITS])).max() < 1e-5


def make_roberta(**options: Any) -> RobertaModel:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    return RobertaModel(RobertaConfig(vocab_size=60, **sizes, **options))


def test_the_limit_is_that_of_the_tokenizer_or_of_the_tower_whichever_is_smaller() -> None:
    tokenizer = make_processor().tokenizer
    bert = make_model().text_tower

    assert count_max_tokens(tokenizer, bert) == MAX_TOKENS
    tokenizer.model_max_length = 20
    assert count_max_tokens(tokenizer, bert) == 20
    tokenizer.model_max_length = int(1e30)
    assert count_max_tokens(tokenizer, bert) == MAX_TOKENS
    assert count_max_tokens(tokenizer, SimpleNamespace(config=SimpleNamespace())) is None


@torch.no_grad()
def test_positions_of_a_roberta_begin_behind_that_of_its_padding_token() -> None:
    tokenizer = make_processor().tokenizer
    roberta = make_roberta(max_position_embeddings=30, pad_token_id=1)

    limit = count_max_tokens(tokenizer, roberta)

    assert limit == 28
    assert roberta(torch.full((1, limit), 5)).last_hidden_state.shape == (1, 28, 8)
    with pytest.raises((IndexError, RuntimeError)):
        roberta(torch.full((1, limit + 1), 5))


def test_the_warning_can_be_switched_off() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextCutWarning)
        assert load_ours(Path()).embed_text([LONG]).shape == (1, 16)
