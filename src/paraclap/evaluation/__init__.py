"""Zero-shot evaluation: tasks as data, metrics with intervals, results with their provenance, retrieval; no torch."""

from paraclap.evaluation.calibration import (
    Problem,
    choose_unknown_threshold,
    expected_calibration_error,
    fit_temperature,
)
from paraclap.evaluation.comparison import Comparison, MeanComparison, compare_means, compare_results
from paraclap.evaluation.embedder import Embedder, ModelFacts, ReferenceEmbedder
from paraclap.evaluation.probe import Probe
from paraclap.evaluation.probe_examples import ProbeSettings
from paraclap.evaluation.probe_fitting import SpeakersCrossFoldsWarning, fit_probe
from paraclap.evaluation.report import write_report
from paraclap.evaluation.request import ALL_TASKS, EvaluationSettings, check_request, resolve_tasks
from paraclap.evaluation.results import Result, read_result, write_result
from paraclap.evaluation.retrieval import Retrieval, RetrievalMetrics, measure_retrieval
from paraclap.evaluation.robustness import DISTURBANCES
from paraclap.evaluation.run import Evaluation, evaluate
from paraclap.evaluation.saved_scores import rescore, rescore_results
from paraclap.evaluation.tasks import Task, find_label_set, load_task, load_tasks
from paraclap.evaluation.trials import SkippedTask
from paraclap.evaluation.zero_shot import zero_shot_uar

__all__ = [
    "ALL_TASKS",
    "DISTURBANCES",
    "Comparison",
    "Embedder",
    "Evaluation",
    "EvaluationSettings",
    "MeanComparison",
    "ModelFacts",
    "Probe",
    "ProbeSettings",
    "Problem",
    "ReferenceEmbedder",
    "Result",
    "Retrieval",
    "RetrievalMetrics",
    "SkippedTask",
    "SpeakersCrossFoldsWarning",
    "Task",
    "check_request",
    "choose_unknown_threshold",
    "compare_means",
    "compare_results",
    "evaluate",
    "expected_calibration_error",
    "find_label_set",
    "fit_probe",
    "fit_temperature",
    "load_task",
    "load_tasks",
    "measure_retrieval",
    "read_result",
    "rescore",
    "rescore_results",
    "resolve_tasks",
    "write_report",
    "write_result",
    "zero_shot_uar",
]
