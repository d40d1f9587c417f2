"""Models: towers, the dual encoder, its processor, and where weights are found. Importing this registers them all."""

from paraclap.audio import LogMel, MelSettings, compute_log_mel, normalize_log_mel, pad_log_mels
from paraclap.models.audio_families import find_frame_mask, load_audio_families, run_audio_encoder
from paraclap.models.audio_pooling import AudioPooling, pool_statistics
from paraclap.models.configuration import MelTowerConfig, ParaClapConfig, ProsodyTowerConfig
from paraclap.models.conversion import convert_checkpoint, write_converted
from paraclap.models.dual_encoder import ParaClapModel, ParaClapOutput
from paraclap.models.feature_extraction import ParaClapFeatureExtractor, ProsodyFeatureExtractor
from paraclap.models.functionals import NUM_FUNCTIONALS, compute_functionals, name_functionals
from paraclap.models.mel_tower import MelTower
from paraclap.models.processing import ParaClapProcessor, count_max_tokens
from paraclap.models.prosody_tower import ProsodyTower
from paraclap.models.quiet import no_progress_bars
from paraclap.models.tower_features import TowerFeatureExtractor
from paraclap.models.weights import (
    find_published_checkpoint,
    find_reference,
    hash_weights,
    merge_reference,
    read_weights,
    resolve_folder,
)

__all__ = [
    "NUM_FUNCTIONALS",
    "AudioPooling",
    "LogMel",
    "MelSettings",
    "MelTower",
    "MelTowerConfig",
    "ParaClapConfig",
    "ParaClapFeatureExtractor",
    "ParaClapModel",
    "ParaClapOutput",
    "ParaClapProcessor",
    "ProsodyFeatureExtractor",
    "ProsodyTower",
    "ProsodyTowerConfig",
    "TowerFeatureExtractor",
    "compute_functionals",
    "compute_log_mel",
    "convert_checkpoint",
    "count_max_tokens",
    "find_frame_mask",
    "find_published_checkpoint",
    "find_reference",
    "hash_weights",
    "load_audio_families",
    "merge_reference",
    "name_functionals",
    "no_progress_bars",
    "normalize_log_mel",
    "pad_log_mels",
    "pool_statistics",
    "read_weights",
    "resolve_folder",
    "run_audio_encoder",
    "write_converted",
]
