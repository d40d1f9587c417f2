"""Inference: the object that users hold, and how files, arrays and long recordings become embeddings."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paraclap.inference.answers import answer_clips
    from paraclap.inference.audio_text_model import AudioTextModel
    from paraclap.inference.calibration import (
        NONE_OF_THESE,
        Calibration,
        CalibrationError,
        UnknownRule,
        read_calibration,
        write_calibration,
    )
    from paraclap.inference.clap import MINI, ParaClap
    from paraclap.inference.clips import AudioInput, Clip, make_index
    from paraclap.inference.describing import VoiceProfile, choose_label_sets, describe_clips
    from paraclap.inference.encoding import EncodedClips, HearingLimits
    from paraclap.inference.laion_clap import LaionClap
    from paraclap.inference.loading import load_model
    from paraclap.inference.long_texts import CutText, TextCutWarning
    from paraclap.inference.mteb_model import MtebModel, as_mteb_model
    from paraclap.inference.onnx_runtime import OnnxClap
    from paraclap.inference.questions import Questions
    from paraclap.inference.references import Reference
    from paraclap.inference.scores import ScoreKind, compute_probabilities, score_best_answers
    from paraclap.inference.speech_activity import SpeechSettings
    from paraclap.inference.timeline import Segment, Timeline, TimelineSettings
    from paraclap.inference.timeline_scan import OWN_SPEECH, OwnSpeech, TimelineScanner
    from paraclap.inference.voice_measures import will_measure

_HOMES = {  # imported on first use, so that OnnxClap does without torch
    "MINI": "clap",
    "NONE_OF_THESE": "calibration",
    "OWN_SPEECH": "timeline_scan",
    "AudioInput": "clips",
    "AudioTextModel": "audio_text_model",
    "Calibration": "calibration",
    "CalibrationError": "calibration",
    "Clip": "clips",
    "CutText": "long_texts",
    "EncodedClips": "encoding",
    "HearingLimits": "encoding",
    "LaionClap": "laion_clap",
    "MtebModel": "mteb_model",
    "OnnxClap": "onnx_runtime",
    "OwnSpeech": "timeline_scan",
    "ParaClap": "clap",
    "Questions": "questions",
    "Reference": "references",
    "ScoreKind": "scores",
    "Segment": "timeline",
    "SpeechSettings": "speech_activity",
    "TextCutWarning": "long_texts",
    "Timeline": "timeline",
    "TimelineScanner": "timeline_scan",
    "TimelineSettings": "timeline",
    "UnknownRule": "calibration",
    "VoiceProfile": "describing",
    "answer_clips": "answers",
    "as_mteb_model": "mteb_model",
    "choose_label_sets": "describing",
    "compute_probabilities": "scores",
    "describe_clips": "describing",
    "load_model": "loading",
    "make_index": "clips",
    "read_calibration": "calibration",
    "score_best_answers": "scores",
    "will_measure": "voice_measures",
    "write_calibration": "calibration",
}

__all__ = [
    "MINI",
    "NONE_OF_THESE",
    "OWN_SPEECH",
    "AudioInput",
    "AudioTextModel",
    "Calibration",
    "CalibrationError",
    "Clip",
    "CutText",
    "EncodedClips",
    "HearingLimits",
    "LaionClap",
    "MtebModel",
    "OnnxClap",
    "OwnSpeech",
    "ParaClap",
    "Questions",
    "Reference",
    "ScoreKind",
    "Segment",
    "SpeechSettings",
    "TextCutWarning",
    "Timeline",
    "TimelineScanner",
    "TimelineSettings",
    "UnknownRule",
    "VoiceProfile",
    "answer_clips",
    "as_mteb_model",
    "choose_label_sets",
    "compute_probabilities",
    "describe_clips",
    "load_model",
    "make_index",
    "read_calibration",
    "score_best_answers",
    "will_measure",
    "write_calibration",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"paraclap.inference.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'paraclap.inference' has no attribute {name!r}")
