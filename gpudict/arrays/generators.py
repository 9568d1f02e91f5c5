"""The states of NumPy's random generators, as JSON holds them: what each has, and no number beyond.

NumPy takes a state as it comes, and a position outside of it is read from memory that is not the
generator's. So a state is given to NumPy only once each of its numbers is known to be in its range.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

WORD32, WORD64, WORD128 = 2**32 - 1, 2**64 - 1, 2**128 - 1
HALF = {"has_uint32": 1, "uinteger": WORD32}  # 64 bits give two numbers of 32: one may be left

# Of each number the largest, of a list its length and the largest in it; none is below zero.
STATES: dict[str, dict[str, Any]] = {
    "MT19937": {"state": {"key": (624, WORD32), "pos": 624}},
    "PCG64": {"state": {"state": WORD128, "inc": WORD128}, **HALF},
    "PCG64DXSM": {"state": {"state": WORD128, "inc": WORD128}, **HALF},
    "Philox": {
        "state": {"counter": (4, WORD64), "key": (2, WORD64)},
        "buffer": (4, WORD64),
        "buffer_pos": 4,
        **HALF,
    },
    "SFC64": {"state": {"state": (4, WORD64)}, **HALF},
}
BITS = tuple(STATES)


def state_of(rng: Any) -> dict[str, Any]:
    """Return the state of a RandomState or Generator, as NumPy has it."""
    legacy = isinstance(rng, np.random.RandomState)
    state: dict[str, Any] = rng.get_state(legacy=False) if legacy else rng.bit_generator.state
    return state


def packed(rng: Any, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the state of a RandomState or Generator, or one it was in, with lists for arrays."""
    state = state_of(rng) if state is None else state
    return {
        "#": "RandomState" if isinstance(rng, np.random.RandomState) else "Generator",
        "state": json.loads(json.dumps(state, default=np.ndarray.tolist)),
    }


def rewind(rng: Any, to: Any) -> None:
    """Bring a generator to where another one is.

    Raises
    ------
    ValueError
        They are of different kinds.
    """
    kinds = (type(rng), type(rng.bit_generator)) if hasattr(rng, "bit_generator") else type(rng)
    others = (type(to), type(to.bit_generator)) if hasattr(to, "bit_generator") else type(to)
    if kinds != others:
        raise ValueError("random_state was a random generator of another kind")
    if hasattr(rng, "set_state"):
        rng.set_state(state_of(to))
    else:
        rng.bit_generator.state = state_of(to)


def restored(value: Any, place: str) -> Any:
    """Return the RandomState or Generator that `packed` packed.

    Raises
    ------
    ValueError
        It is none, or its state is not one that such a generator can be in.
    """
    kind = value.get("#") if isinstance(value, dict) else None
    if kind not in ("RandomState", "Generator") or set(value) != {"#", "state"}:
        raise ValueError(f"{place} is no random generator")
    state, place = value["state"], f"{place}/state"
    bits = state.get("bit_generator") if isinstance(state, dict) else None
    legacy = kind == "RandomState"
    known = BITS[:1] if legacy else BITS
    if not isinstance(bits, str) or bits not in known:
        raise ValueError(f"{place} is of no bit generator that a {kind} has: {', '.join(known)}")
    inner = dict(state)
    del inner["bit_generator"]
    if legacy:
        _gauss(inner, place)
    _within(inner, STATES[bits], place)
    _moving(inner["state"], place)
    return _legacy(state) if legacy else _generator(state, bits)


def _gauss(state: dict[str, Any], place: str) -> None:
    """Take what a RandomState adds out of its state: a normal number that may be left."""
    has, gauss = state.pop("has_gauss", None), state.pop("gauss", None)
    if type(has) is not int or has not in (0, 1):
        raise ValueError(f"{place}/has_gauss must be 0 or 1")
    if type(gauss) is not float or not math.isfinite(gauss):
        raise ValueError(f"{place}/gauss must be a finite float")


def _within(value: Any, limits: Any, place: str) -> None:
    """Raise if a state has another form than its limits, or a number outside of them."""
    if isinstance(limits, dict):
        if not isinstance(value, dict) or set(value) != set(limits):
            raise ValueError(f"{place} must have {', '.join(limits)}, and nothing else")
        for name, limit in limits.items():
            _within(value[name], limit, f"{place}/{name}")
    elif isinstance(limits, tuple):
        length, most = limits
        if not isinstance(value, list) or len(value) != length:
            raise ValueError(f"{place} must be a list of {length} integers")
        for i, item in enumerate(value):
            _within(item, most, f"{place}/{i}")
    elif type(value) is not int or not 0 <= value <= limits:  # a bool is no int here
        raise ValueError(f"{place} must be an integer from 0 to {limits}")


def _moving(state: dict[str, Any], place: str) -> None:
    """Raise if a state would stay where it is: draws that reject a number would never end."""
    key = state.get("key", [1])
    if len(key) == 624 and not (key[0] >> 31 or any(key[1:])):
        raise ValueError(f"{place}/state/key has no bit that is set, and so gives zeros alone")
    if state.get("inc", 1) % 2 == 0:
        raise ValueError(f"{place}/state/inc must be odd")


def _legacy(state: dict[str, Any]) -> np.random.RandomState:
    rng = np.random.RandomState()
    rng.set_state(state)
    return rng


def _generator(state: dict[str, Any], name: str) -> np.random.Generator:
    def arrays(values: dict[str, Any]) -> dict[str, Any]:
        return {k: np.asarray(v, np.uint64) if type(v) is list else v for k, v in values.items()}

    bits = getattr(np.random, name)()
    bits.state = arrays(state) | {"state": arrays(state["state"])}
    return np.random.Generator(bits)
