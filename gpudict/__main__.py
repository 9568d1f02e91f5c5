"""`python -m gpudict` is the command `gpudict`."""

from gpudict.tools.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
