"""Expert features of voices: the functionals of eGeMAPSv02, by openSMILE, of a waveform or a whole manifest."""

from paraclap.features.extraction import Features, extract_features, find_opensmile
from paraclap.features.functionals import FEATURE_SET, feature_names, voiced_only_names
from paraclap.features.tables import FeaturesResult, extract_manifest, load_features, read_features

__all__ = [
    "FEATURE_SET",
    "Features",
    "FeaturesResult",
    "extract_features",
    "extract_manifest",
    "feature_names",
    "find_opensmile",
    "load_features",
    "read_features",
    "voiced_only_names",
]
