"""How work grows with its input: by what is counted, or by the shape of it, never in seconds."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

_ROUNDS = 5


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python the work runs: the same number however busy the machine is.

    The collector waits meanwhile: what other tests left behind runs lines of its own as it goes.
    """
    count = 0

    def traced(_: FrameType, event: str, __: Any) -> Any:
        nonlocal count
        count += event == "line"
        return traced

    before, collecting = sys.gettrace(), gc.isenabled()
    gc.disable()
    sys.settrace(traced)
    try:
        work()
    finally:
        sys.settrace(before)
        if collecting:
            gc.enable()
    return count


def grows_no_faster(work: Callable[[int], object], small: int, large: int) -> bool:
    """Whether work that regular expressions do, which no line counts, grows with length alone.

    The large input may take thrice its share. Work that grows with the square of the length takes
    `large` / `small` times its share in every round; a machine that is busy elsewhere would have to
    lie in each of five.
    """
    return any(_cpu(work, large) < 3 * (large / small) * _cpu(work, small) for _ in range(_ROUNDS))


def _cpu(work: Callable[[int], object], size: int) -> float:
    began = time.process_time()
    work(size)
    return time.process_time() - began
