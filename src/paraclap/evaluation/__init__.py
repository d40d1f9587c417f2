"""Zero-shot evaluation: tasks as data, metrics with intervals, results with their provenance, retrieval; no torch."""

from paraclap.evaluation.embedder import Embedder
from paraclap.evaluation.probe import Probe
from paraclap.evaluation.probe_examples import ProbeSettings
from paraclap.evaluation.probe_fitting import SpeakersCrossFoldsWarning, fit_probe
from paraclap.evaluation.results import Result, read_result, write_result
from paraclap.evaluation.retrieval import Retrieval, RetrievalMetrics, measure_retrieval
from paraclap.evaluation.run import ALL_TASKS, Evaluation, SkippedTask, check_request, evaluate, resolve_tasks
from paraclap.evaluation.tasks import Task, find_label_set, load_task, load_tasks
from paraclap.evaluation.zero_shot import zero_shot_uar

__all__ = [
    "ALL_TASKS",
    "Embedder",
    "Evaluation",
    "Probe",
    "ProbeSettings",
    "Result",
    "Retrieval",
    "RetrievalMetrics",
    "SkippedTask",
    "SpeakersCrossFoldsWarning",
    "Task",
    "check_request",
    "evaluate",
    "find_label_set",
    "fit_probe",
    "load_task",
    "load_tasks",
    "measure_retrieval",
    "read_result",
    "resolve_tasks",
    "write_result",
    "zero_shot_uar",
]
