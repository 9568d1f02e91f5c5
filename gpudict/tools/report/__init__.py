"""A report of a model: one HTML file that needs nothing beside it."""

from gpudict.tools.report.write import write_report

__all__ = ["write_report"]
