"""Audio-language queries: facts about utterances, captions made from them for training, prompts for inference."""

from paraclap.queries.captions import Caption, CaptionSampler
from paraclap.queries.ensembles import embed_classes
from paraclap.queries.facts import FALSE, TRUE, UNKNOWN, Fact, RowFacts, Vocabulary, load_vocabulary
from paraclap.queries.label_sets import LabelSet, list_label_sets, load_label_set
from paraclap.queries.tables import hash_tables

__all__ = [
    "FALSE",
    "TRUE",
    "UNKNOWN",
    "Caption",
    "CaptionSampler",
    "Fact",
    "LabelSet",
    "RowFacts",
    "Vocabulary",
    "embed_classes",
    "hash_tables",
    "list_label_sets",
    "load_label_set",
    "load_vocabulary",
]
