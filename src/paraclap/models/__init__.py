"""Models: towers, the dual encoder, its processor, and where weights are found. Importing this registers them all."""

from paraclap.models.configuration import MelTowerConfig, ParaClapConfig
from paraclap.models.dual_encoder import ParaClapModel, ParaClapOutput
from paraclap.models.feature_extraction import ParaClapFeatureExtractor, pad_log_mels
from paraclap.models.log_mel import LogMel, MelSettings, compute_log_mel, normalize_log_mel
from paraclap.models.mel_tower import MelTower
from paraclap.models.processing import ParaClapProcessor
from paraclap.models.quiet import no_progress_bars
from paraclap.models.weights import find_reference, hash_weights, merge_reference, read_weights, resolve_folder

__all__ = [
    "LogMel",
    "MelSettings",
    "MelTower",
    "MelTowerConfig",
    "ParaClapConfig",
    "ParaClapFeatureExtractor",
    "ParaClapModel",
    "ParaClapOutput",
    "ParaClapProcessor",
    "compute_log_mel",
    "find_reference",
    "hash_weights",
    "merge_reference",
    "no_progress_bars",
    "normalize_log_mel",
    "pad_log_mels",
    "read_weights",
    "resolve_folder",
]
