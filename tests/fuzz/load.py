"""Fuzz `gpudict.load`: whatever is in a file, it is a model that can be used, or a ValueError.

    python -m pip install atheris            # of Python 3.11, where there is a wheel
    python -m tests.fuzz.load --minutes 10

An input is a whole file, or, as most bytes are no safetensors file, after the letter J the JSON of
a model, whose arrays are those of a saved one.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: python -m pip install atheris")

ROOMS = ["gpudict.estimators", "gpudict.arrays.files", "safetensors"]
with atheris.instrument_imports(include=ROOMS):
    import gpudict
    from gpudict.arrays.files import contents
    from gpudict.estimators._files import ADVICE
    from tests.fuzz.running import CORPUS, run
    from tests.support import models

FOLDER = Path(tempfile.mkdtemp(prefix="gpudict-fuzz-"))
ARRAYS = {}
for path in (CORPUS / "load").glob("*.model"):
    arrays, text, _ = contents(path, ADVICE)
    ARRAYS[json.loads(text)["estimator"]] = arrays


def one(data: bytes) -> None:
    """Load what may be a model, and use it as users do."""
    target = FOLDER / "model"
    if data[:1] == b"J":
        text = data[1:].decode("utf-8", "replace")
        name = next((n for n in ARRAYS if f'"{n}"' in text), "SparsePCA")
        from safetensors.numpy import save_file

        save_file(ARRAYS[name], target, metadata={"gpudict": text})
    else:
        target.write_bytes(data)
    try:
        model = gpudict.load(target)
    except ValueError:
        return
    from sklearn.exceptions import NotFittedError

    # what is made of bytes may be unfitted, of other features, or of the largest floats
    with contextlib.suppress(NotFittedError, MemoryError, ValueError):
        models.use(model)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.environ.setdefault("GPUDICT_KERNELS", "portable")  # compiled code has no coverage
    run("load", __doc__, one)
