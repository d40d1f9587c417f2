"""Audio-language queries: facts about utterances, captions made from them for training, prompts for inference."""

from paraclap.queries.bin_fitting import fit_bins
from paraclap.queries.bins import Bins, explain_levels, join_features, read_bins, write_bins
from paraclap.queries.broken import find_broken
from paraclap.queries.caption_counts import CaptionCounts
from paraclap.queries.caption_files import read_captions, write_captions
from paraclap.queries.caption_table import CaptionSettings, list_variant, make_captions
from paraclap.queries.captions import Caption, CaptionSampler
from paraclap.queries.ensembles import embed_classes
from paraclap.queries.facts import FALSE, TRUE, UNKNOWN, Fact, RowFacts, Vocabulary, load_vocabulary
from paraclap.queries.label_sets import LabelSet, list_label_sets, load_label_set
from paraclap.queries.preview import preview_captions
from paraclap.queries.profile_table import read_profile_table
from paraclap.queries.profiles import Answer, Description, Statement, describe_voice
from paraclap.queries.tables import hash_tables

__all__ = [
    "FALSE",
    "TRUE",
    "UNKNOWN",
    "Answer",
    "Bins",
    "Caption",
    "CaptionCounts",
    "CaptionSampler",
    "CaptionSettings",
    "Description",
    "Fact",
    "LabelSet",
    "RowFacts",
    "Statement",
    "Vocabulary",
    "describe_voice",
    "embed_classes",
    "explain_levels",
    "find_broken",
    "fit_bins",
    "hash_tables",
    "join_features",
    "list_label_sets",
    "list_variant",
    "load_label_set",
    "load_vocabulary",
    "make_captions",
    "preview_captions",
    "read_bins",
    "read_captions",
    "read_profile_table",
    "write_bins",
    "write_captions",
]
