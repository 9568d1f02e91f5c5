"""`python -m gpudict` is the command `gpudict`.

Ctrl-C ends it at any moment, while it imports and while it leaves too, without a traceback; but
once the file that was asked for is whole, what is left are words, and it ends by itself.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from gpudict import _writing


def main() -> int:
    """Run the command with the arguments of the process, and return its status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    from gpudict.tools.cli import main as run

    return run()


def _interrupted(*_: Any) -> None:
    """End at once: an exception would be one among many in a callback, or in an import."""
    if _writing.is_there():
        return
    _writing.clear()
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(2, b"\x1b[?25h\n")  # a bar hides the cursor
    os._exit(130)


if __name__ == "__main__":
    raise SystemExit(main())
