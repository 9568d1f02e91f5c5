"""What a call does behind the scenes, counted: waits for a device, and bytes that are alive."""

from __future__ import annotations

import contextlib
import importlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def counted_waits() -> Iterator[list[str]]:
    """List every moment at which an array-api-strict array's value reaches the host."""
    strict = importlib.import_module("array_api_strict")
    cls, waits, kept = type(strict.asarray(0.0)), [], {}

    def spy(name: str) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            waits.append(name)
            return kept[name](self, *args, **kwargs)

        return call

    names = ("__bool__", "__float__", "__int__", "__index__", "__complex__", "to_device")
    try:
        for name in names:
            kept[name] = getattr(cls, name)
            setattr(cls, name, spy(name))
        yield waits
    finally:
        for name, method in kept.items():
            setattr(cls, name, method)


class Alive:
    """Context that counts the bytes of the tensors alive that were made in it, and their most."""

    def __init__(self) -> None:
        from torch.utils._python_dispatch import TorchDispatchMode
        from torch.utils._pytree import tree_leaves

        self.now = self.most = 0
        alive, seen = self, set()

        def storages(tree):
            import torch

            tensors = (a for a in tree_leaves(tree) if isinstance(a, torch.Tensor))
            return {s._cdata: s for s in (a.untyped_storage() for a in tensors)}

        def gone(key, size):
            seen.discard(key)
            alive.now -= size

        class Mode(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                out = func(*args, **(kwargs or {}))
                old = storages((args, kwargs))
                for key, storage in storages(out).items():
                    if key in old or key in seen:
                        continue
                    seen.add(key)
                    alive.now += storage.nbytes()
                    alive.most = max(alive.most, alive.now)
                    weakref.finalize(storage, gone, key, storage.nbytes())
                return out

        self.mode = Mode()

    def __enter__(self) -> Alive:
        self.mode.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.mode.__exit__(*error)
