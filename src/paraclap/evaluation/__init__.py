"""Zero-shot evaluation: tasks as data, metrics with intervals, results with their provenance. Never imports torch."""

from paraclap.evaluation.embedder import Embedder
from paraclap.evaluation.results import Result, read_result, write_result
from paraclap.evaluation.run import ALL_TASKS, Evaluation, SkippedTask, check_request, evaluate, resolve_tasks
from paraclap.evaluation.tasks import Task, find_label_set, load_task, load_tasks
from paraclap.evaluation.zero_shot import zero_shot_uar

__all__ = [
    "ALL_TASKS",
    "Embedder",
    "Evaluation",
    "Result",
    "SkippedTask",
    "Task",
    "check_request",
    "evaluate",
    "find_label_set",
    "load_task",
    "load_tasks",
    "read_result",
    "resolve_tasks",
    "write_result",
    "zero_shot_uar",
]
