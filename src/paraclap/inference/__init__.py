"""Inference: the object that users hold, and how files, arrays and long recordings become embeddings."""

from paraclap.inference.clap import MINI, ParaClap
from paraclap.inference.clips import AudioInput, Clip, make_index
from paraclap.inference.encoding import EncodedClips
from paraclap.inference.scores import compute_probabilities

__all__ = ["MINI", "AudioInput", "Clip", "EncodedClips", "ParaClap", "compute_probabilities", "make_index"]
