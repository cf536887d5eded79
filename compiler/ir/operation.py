"""What an op declares about itself: one frozen record, made in one file of compiler/ops."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Family(Enum):
    """How an op is run: which kernels it can be part of.

    MAP: each element of the output is an expression of elements of the inputs (`element`).
    REDUCE: each element folds a range of elements of its one input.
    CONTRACT: sums of products over a shared range, batch x rows x columns x depth (`contraction`).
    SCATTER: rows of values are added to the rows of the output that they name (`scatter`).
    ATTEND: attention or a gradient of it, in one walk over blocks of keys or queries (`attend`).
    LOOP: its region runs once for each step, with kernels of its own.
    """

    MAP = "map"
    REDUCE = "reduce"
    CONTRACT = "contract"
    SCATTER = "scatter"
    ATTEND = "attend"
    LOOP = "loop"


class OpError(Exception):
    """An op cannot take these types: what it expects and what it got, in the user's words."""


@dataclass(frozen=True)
class Op:
    """One operation.

    type(*input_types, **attributes) -> TensorType or a tuple of them; raises OpError.
    reference(*arrays, **attributes) -> array or a tuple of them: NumPy, independent of any kernel.
    gradient(build, node, upstream) -> one Value or None for each input; `upstream` is the gradient
        of the first output. None stands for an op that no gradient flows through.
    element(node, read, index) -> Expression of the output at `index`, for MAP ops;
        `read(value, index)` gives the expression of an input.
    place(node, number, index) -> where in the output element `index` of that operand lies, for ops
        each element of whose output is one element of one operand.
    side_by_side(node) -> the axes of the output along which elements share what they read: a map
        kernel then makes all elements along them at once.
    contraction(node, read) -> Contraction, for CONTRACT ops; scatter(node, read) -> Scatter;
        attend(node, read) -> Attend.
    flops(node) -> floating-point operations of one run.
    moves_only: an element is a load, a number, a position or a choice between them.
    gathers: the first operand is read at rows known only while running, so it must lie in memory.
    expensive: an element costs so much that it is stored rather than computed twice.
    """

    name: str
    family: Family
    type: Callable[..., Any]
    reference: Callable[..., Any]
    gradient: Callable[..., Any] | None = None
    element: Callable[..., Any] | None = None
    place: Callable[..., Any] | None = None
    side_by_side: Callable[..., tuple[int, ...]] | None = None
    contraction: Callable[..., Any] | None = None
    scatter: Callable[..., Any] | None = None
    attend: Callable[..., Any] | None = None
    flops: Callable[..., int] = lambda node: 0
    expensive: bool = False
    moves_only: bool = False
    gathers: bool = False
