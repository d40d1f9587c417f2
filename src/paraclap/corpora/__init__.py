"""Speech corpora in their official layout to one table of utterances: rows of data, one interpreter.

What other tools have written is read by `paraclap.corpora.sources`.
"""

from paraclap.corpora.combining import combine_manifests
from paraclap.corpora.exporting import export_manifest
from paraclap.corpora.findings import Finding
from paraclap.corpora.importing import ImportResult, import_corpus
from paraclap.corpora.layout import find_root
from paraclap.corpora.manifest import EMOTIONS, check_manifest, read_manifest, write_manifest
from paraclap.corpora.rows import CorpusInfo, list_corpora, load_corpus_info
from paraclap.corpora.sharding import ShardedCorpus, ShardSettings, write_shards
from paraclap.corpora.splits import assign_splits
from paraclap.corpora.summary import summarize_manifest

__all__ = [
    "EMOTIONS",
    "CorpusInfo",
    "Finding",
    "ImportResult",
    "ShardSettings",
    "ShardedCorpus",
    "assign_splits",
    "check_manifest",
    "combine_manifests",
    "export_manifest",
    "find_root",
    "import_corpus",
    "list_corpora",
    "load_corpus_info",
    "read_manifest",
    "summarize_manifest",
    "write_manifest",
    "write_shards",
]
