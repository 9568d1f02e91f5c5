"""The command `gpudict`: it parses, hands on, and says in a sentence what can't be done.

Exit status: 0 done, 1 something is missing on this machine (a library, a device, a place to write
to), 2 the command line is wrong, 130 Ctrl-C, 141 nobody reads on. What a subcommand needs is
imported when it runs, so `gpudict --help` imports NumPy at most.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gpudict._version import __version__
from gpudict._writing import check_place
from gpudict.arrays.backends import names, rows
from gpudict.arrays.door import Array, to_host
from gpudict.arrays.moving import load
from gpudict.tools import streams
from gpudict.tools.streams import Missing

if TYPE_CHECKING:
    from gpudict.tools.demo import Outcome, Report, Settings

EXTRA = {"rich": "rich", "matplotlib": "matplotlib", "PIL": "pillow"}  # modules, and what has them
CREDIT = "Photograph: danielbuechele, CC BY 2.0"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, those of the process by default.

    Returns
    -------
    int
        The exit status.
    """

    def run() -> int:
        arguments = _parser().parse_args(argv)
        streams.require_output()
        return int(arguments.run(arguments))

    return streams.status_of(run)


def _parser() -> argparse.ArgumentParser:
    show = argparse.ArgumentDefaultsHelpFormatter
    parser = streams.Parser("gpudict", description="Dictionary learning on any array.")
    parser.add_argument("--version", action="version", version=f"gpudict {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    about = "learn a dictionary from a noisy photograph, denoise it, and draw the result"
    demo = commands.add_parser("demo", help=about, description=about + ".", formatter_class=show)
    demo.add_argument("--backend", choices=names(), default="numpy", help="array library")
    demo.add_argument("--device", help="where, in the library's own words, such as cuda:0")
    demo.add_argument(
        "--coder", choices=("omp", "lasso"), default="omp", help="how the picture is coded"
    )
    demo.add_argument(
        "--n-components", type=_between(1), default=256, metavar="K", help="number of atoms"
    )
    seeds = _between(0, 2**32 - 1)
    demo.add_argument("--seed", type=seeds, default=0, help="of every random number")
    demo.add_argument("--output", type=Path, default=Path("gpudict-demo.png"), help="PNG to write")
    demo.set_defaults(run=_demo)
    _add_doctor(commands)
    return parser


def _add_doctor(commands: Any) -> None:
    about = "say what is installed, which devices there are, and solve a tiny lasso on each"
    doctor = commands.add_parser("doctor", help=about, description=about + ".")
    tested = [row.name for row in rows() if row.devices]
    doctor.add_argument("--backend", choices=tested, help="examine this array library alone")
    doctor.add_argument("--device", help="examine this device alone, such as cuda:0")
    doctor.add_argument(
        "--require-gpu", action="store_true", help="fail unless a solve succeeds on a GPU"
    )
    doctor.add_argument("--json", action="store_true", help="write JSON, for programs")
    doctor.set_defaults(run=_doctor)


def _between(least: int, most: float = math.inf) -> Callable[[str], int]:
    def count(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            bound = f"at least {least}" if value < least else f"at most {most}"
            raise argparse.ArgumentTypeError(f"{value} came, and {bound} is needed")
        return value

    count.__name__ = "int"  # argparse names it where the text is no number
    return count


def _demo(arguments: argparse.Namespace) -> int:
    _require_extra()
    _require_place(arguments.output)
    move = _mover(arguments.backend, arguments.device)

    from gpudict.datasets import photograph
    from gpudict.tools.demo import Settings, denoising
    from gpudict.tools.picture import denoising_figure, save

    settings = Settings(arguments.n_components, arguments.coder, seed=arguments.seed)
    began = time.perf_counter()
    with _progress() as report:
        outcome = denoising(photograph(), settings, move, report)
    figure = denoising_figure(
        outcome.noisy,
        outcome.denoised,
        outcome.atoms,
        outcome.objective,
        psnr=outcome.psnr,
        gap=outcome.gap,
        credit=CREDIT,
    )
    try:
        save(figure, arguments.output)
    except OSError as error:
        raise Missing(_unwritten(arguments.output, error)) from error
    _tell(_summary(outcome, settings, time.perf_counter() - began), arguments)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from gpudict.tools import doctor

    report = doctor.examine(arguments.backend, arguments.device)
    wrong = doctor.failures(report, require_gpu=arguments.require_gpu)
    if arguments.json:
        with streams.said():
            sys.stdout.write(
                json.dumps(doctor.as_json(report, wrong), indent=2, allow_nan=False) + "\n"
            )
    else:
        _show(doctor.lines(report))
    if wrong:
        raise Missing(" ".join(wrong))
    return 0


def _require_extra() -> None:
    absent = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if absent:
        raise Missing(
            f"The demo needs {' and '.join(absent)}, not installed here. "
            f"Install what it needs with: python -m pip install {' '.join(EXTRA.values())}"
        )


def _require_place(output: Path) -> None:
    """Raise Missing if the picture can't be written there, before there is one."""
    try:
        check_place(output)
    except OSError as error:
        raise Missing(_unwritten(output, error)) from error


def _unwritten(output: Path, error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        why = "it is a folder. Pass the name of a file as --output, such as demo.png."
    elif isinstance(error, FileNotFoundError) and not output.parent.is_dir():
        why = f"there is no folder {output.parent}. Make it first, or pass another --output."
    else:
        why = f"{error.strerror}. Pass another --output, or see to it that this one can be written."
    return f"The picture can't be written to {output}: {why}"


def _mover(backend: str, device: str | None) -> Callable[[np.ndarray], Array]:
    """Return what moves arrays to the backend, having tried it once."""
    try:
        move = load(backend, device)
        to_host(move(np.zeros(1, dtype=np.float32)))
    except ModuleNotFoundError as missing:
        raise Missing(str(missing)) from missing
    except Exception as error:  # each library refuses a device in its own way
        raise Missing(
            f"The backend {backend!r} can't use the device {device or 'it takes by default'}: "
            f"{str(error).splitlines()[0]}. Pass another --device or --backend."
        ) from error
    return move


@contextmanager
def _progress() -> Iterator[Report]:
    """Show a bar for each stage that is reported, on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bars: dict[str, Any] = {}
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def report(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total)
            progress.update(bars[stage], completed=done)

        yield report


def _summary(outcome: Outcome, settings: Settings, seconds: float) -> dict[str, str]:
    """Return what there is to say, in the order to say it."""
    (before, after), (learning, denoising) = outcome.psnr, outcome.seconds
    objective, (height, width) = outcome.objective, outcome.noisy.shape
    return {
        "photograph": f"{width} × {height}, {outcome.n_patches:,} patches, "
        f"noise of {settings.sigma * 255:.0f}/255 added",
        "dictionary": f"{len(outcome.atoms)} atoms, learned from {outcome.n_samples:,} patches of "
        "the noisy copy",
        "objective": f"{objective[0]:.1f} at first, {objective[-1]:.1f} after {objective.size} "
        "iterations",
        "largest gap": f"{outcome.gap:.1e} of half the squared norm of a patch",
        "PSNR": f"{before:.2f} dB before, {after:.2f} dB after: {after - before:+.2f} dB",
        "time": f"{learning:.1f} s learning, {denoising:.1f} s denoising, {seconds:.1f} s in all",
    }


def _tell(summary: dict[str, str], arguments: argparse.Namespace) -> None:
    _show([*summary.items(), ("picture", str(arguments.output))])


def _show(rows: Iterable[tuple[str, str]]) -> None:
    """Write names and texts in two columns: rich's on a terminal, else a line each."""
    rows = list(rows)
    with streams.said():
        if sys.stdout.isatty() and importlib.util.find_spec("rich"):
            from rich.console import Console
            from rich.table import Table

            table = Table.grid(padding=(0, 2))
            for row in rows:
                table.add_row(*row)
            Console(highlight=False, markup=False).print(table)
        else:
            width = max(len(name) for name, _ in rows)
            sys.stdout.writelines(f"{name:{width}}  {text}\n" for name, text in rows)
