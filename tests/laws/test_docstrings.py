"""Public docstrings as numpydoc's validator reads them."""

from __future__ import annotations

import inspect

import pytest

import gpudict
from gpudict.objective.penalties.contract import Penalty

validate = pytest.importorskip(
    "numpydoc.validate", reason="numpydoc is not installed: pip install --group dev"
).validate

LEFT = {  # what is not asked for
    "ES01": "an extended summary where one sentence says all",
    "EX01": "an example for each method: those of its class show them",
    "GL01": "a line break before the summary",
    "PR03": "the order of an estimator's fields, which is that of its bases",
    "PR04": "types of parameters that another function describes",
    "RT02": "names of what is returned, which a shape needs",
    "SA01": "a See Also section",
}
# of a tuple the fields are attributes, and no parameters
TUPLES = ("CodeMetrics", "Learned", "Matched", "Solution", "Statistics", "Status")


def names():
    """Yield every public function, class and method."""
    for name in gpudict.__all__:
        thing = getattr(gpudict, name)
        if inspect.ismodule(thing):
            yield from (f"{name}.{inner}" for inner in thing.__all__)
            continue
        yield name
        if inspect.isclass(thing) and not issubclass(thing, Penalty):  # whose contract says it
            for inner in dir(thing):
                method = getattr(thing, inner)
                ours = (getattr(method, "__module__", None) or "").startswith("gpudict")
                if ours and callable(method) and not inner.startswith("_"):
                    yield f"{name}.{inner}"


@pytest.mark.parametrize("name", list(names()))
def test_docstring(name: str):
    left = {*LEFT, *(["PR01"] if name in TUPLES else [])}
    errors = validate(f"gpudict.{name}")["errors"]
    assert [(code, said) for code, said in errors if code not in left] == []
