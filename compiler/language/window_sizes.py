"""Sizes of windows: pairs (down, across), and the padding that `same`, `valid` or numbers stand for."""

from typing import Any

from netc.compiler.language.trace import Trace
from netc.compiler.language.values import Word, describe, is_whole, items_of

Padding = tuple[tuple[int, int], tuple[int, int]]


def pair(trace: Trace, name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """A whole number or a pair of them as (down, across), each at least `least`."""
    sizes = (value, value) if is_whole(value) else tuple(items_of(value) or ())
    if len(sizes) != 2 or not all(is_whole(size) and size >= least for size in sizes):
        raise trace.fail(
            "E0305",
            f"`{name}` is a whole number from {least} or a pair of them",
            trace.place(name),
            f"this is {describe(value)}",
        )
    return sizes


def paddings(trace: Trace, pad: Any, image, window, stride, dilation) -> Padding:
    """((top, bottom), (left, right)). `same` gives ceil(size / stride) places, the odd one at the end."""
    if pad == Word("valid"):
        return (0, 0), (0, 0)
    if pad == Word("same"):
        return tuple(
            same(*sizes) for sizes in zip(image, window, stride, dilation, strict=True)
        )
    if isinstance(pad, Word):
        raise trace.fail("E0305", "`pad` is same, valid, a whole number or a pair of them")
    down, across = pair(trace, "pad", pad, least=0)
    return (down, down), (across, across)


def same(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    places = -(-size // stride)
    total = max((places - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
