"""Tiny models whose tokenizer can spell any sentence, made from a configuration with a seed, and folders of them."""

import string
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from paraclap.models import (
    MelTowerConfig,
    ParaClapConfig,
    ParaClapFeatureExtractor,
    ParaClapModel,
    ParaClapProcessor,
    no_progress_bars,
)

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("a", "an", "the", "man", "woman", "male", "female", "speaker", "voice", "is", "angry", "calm", "happy", "sad")
MAX_TOKENS = 48
# Not below 16: there oneDNN's float32 backward of a strided 1x1 convolution writes out of bounds (oneDNN issue 6035).
CHANNELS = [16, 32]


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Make a WordPiece tokenizer that knows a few words and spells all others."""
    letters = [f"{prefix}{letter}" for prefix in ("", "##") for letter in string.ascii_lowercase + string.digits]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys([*SPECIAL, *letters, *WORDS]))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=MAX_TOKENS, **dict(zip(names, SPECIAL, strict=True))
    )


def make_text_config() -> BertConfig:
    """Configure a BERT of two layers."""
    return BertConfig(
        vocab_size=len(make_tokenizer()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_TOKENS,
    )


def make_model(seed: int = 0) -> ParaClapModel:
    """Make a dual encoder with random weights, in eval mode."""
    torch.manual_seed(seed)
    config = ParaClapConfig(
        audio_config=MelTowerConfig(channels=CHANNELS, hidden_size=16),
        text_config=make_text_config(),
        projection_dim=16,
    )
    model = ParaClapModel(config)
    with torch.no_grad():  # spread, so that no part of it is close to doing nothing
        for parameter in model.parameters():
            if parameter.ndim:
                parameter.add_(0.2 * torch.randn_like(parameter))
    model.eval()
    return model


def make_processor() -> ParaClapProcessor:
    """Make the processor that fits `make_model`."""
    return ParaClapProcessor(ParaClapFeatureExtractor(), make_tokenizer())


def save_model(folder: Path, seed: int = 0) -> Path:
    """Save model and processor as a model folder that holds both towers."""
    with no_progress_bars():
        make_model(seed).save_pretrained(folder)
    make_processor().save_pretrained(folder)
    return folder


def save_text_tower(folder: Path, seed: int = 0) -> Path:
    """Save a text tower alone, with its tokenizer, as a hub folder would hold it."""
    torch.manual_seed(seed)
    with no_progress_bars():
        BertModel(make_text_config()).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder
