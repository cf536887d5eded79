"""Sizes of windows: pairs (down, across), and the padding that `same` or `valid` stands for."""

from typing import Any

from netc.compiler.language.trace import Trace
from netc.compiler.language.values import Word, describe, is_whole, items_of

Padding = tuple[tuple[int, int], tuple[int, int]]


def pair(trace: Trace, name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """A whole number or a pair of them as (down, across), each at least `least`."""
    sizes = (value, value) if is_whole(value) else tuple(items_of(value) or ())
    if len(sizes) != 2 or not all(is_whole(size) and size >= least for size in sizes):
        raise trace.fail(
            "E0315",
            f"`{name}` is a whole number from {least} or a pair of them",
            trace.place(name),
            f"this is {describe(value)}",
        )
    return sizes


def paddings(trace: Trace, pad: Any, image, window, stride, dilation) -> Padding:
    """((top, bottom), (left, right)); `same` gives ceil(size / stride) places, odd ones last."""
    if pad == Word("valid"):
        return (0, 0), (0, 0)
    if pad == Word("same"):
        return tuple(same(*sizes) for sizes in zip(image, window, stride, dilation, strict=True))
    if isinstance(pad, Word):
        raise trace.fail(
            "E0315",
            "`pad` is same, valid, a whole number or a pair of them",
            trace.place("pad"),
            f"this is {describe(pad)}",
        )
    down, across = pair(trace, "pad", pad, least=0)
    return (down, down), (across, across)


def check_fits(trace: Trace, image, window, stride, pad: Padding, dilation) -> None:
    """Raise where a window has no place in the padded image."""
    reach = tuple((one - 1) * spread + 1 for one, spread in zip(window, dilation, strict=True))
    room = tuple(size + sum(around) for size, around in zip(image, pad, strict=True))
    if reach[0] <= room[0] and reach[1] <= room[1]:
        return
    (high, wide), (down, across) = reach, room
    raise trace.fail(
        "E0211",
        f"a window of {high} by {wide} does not fit into an image of {down} by {across}",
        help="keep the size of the image with `pad=same`, or use a smaller window",
    )


def same(size: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    places = -(-size // stride)
    total = max((places - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
