"""Reports of results: one HTML page with charts, or Markdown tables, for any number of models and tasks."""

from paraclap.evaluation.report.writing import REPORT_SUFFIXES, write_report

__all__ = ["REPORT_SUFFIXES", "write_report"]
