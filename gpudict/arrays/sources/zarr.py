"""Tables of zarr's stores: an array, or one of a group."""

from __future__ import annotations

from pathlib import Path

from gpudict.arrays.sources import sliced
from gpudict.arrays.sources.named import chosen, two
from gpudict.arrays.sources.table import Table


def table(path: Path, name: str | None) -> Table:
    """Return the rows of an array, by its name where there is more than one."""
    import zarr

    x = zarr.open(str(path), mode="r")
    if isinstance(x, zarr.Group):
        arrays = {at: y for at, y in x.members(max_depth=None) if isinstance(y, zarr.Array)}
        name = chosen(list(arrays), path, name)
        return sliced.table(two(arrays[name], path))._replace(name=f"{path}:{name}")
    return sliced.table(two(x, path))._replace(name=str(path))
