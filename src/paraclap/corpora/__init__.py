"""Speech corpora in their official layout to one table of utterances: rows of data, one interpreter."""

from paraclap.corpora.importing import ImportResult, import_corpus
from paraclap.corpora.layout import find_root
from paraclap.corpora.manifest import EMOTIONS, check_manifest, read_manifest, write_manifest
from paraclap.corpora.rows import CorpusInfo, list_corpora, load_corpus_info
from paraclap.corpora.splits import assign_splits
from paraclap.corpora.summary import summarize_manifest

__all__ = [
    "EMOTIONS",
    "CorpusInfo",
    "ImportResult",
    "assign_splits",
    "check_manifest",
    "find_root",
    "import_corpus",
    "list_corpora",
    "load_corpus_info",
    "read_manifest",
    "summarize_manifest",
    "write_manifest",
]
