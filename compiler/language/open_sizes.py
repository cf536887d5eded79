"""A model, one of its nets and the shapes of its inputs in; the sizes that it leaves open out."""

from collections.abc import Mapping

from netc.compiler.ir.tensor import Shape
from netc.compiler.language.model import Model
from netc.compiler.syntax import tree


def open_sizes(model: Model, net: str, shapes: Mapping[str, Shape]) -> dict[str, int]:
    """The free dimensions of the net's parameters but its batch, as these shapes have them.

    What does not fit a parameter says nothing: calling the net will tell.
    """
    spec, found = model.nets[net], {}
    for name, pattern in spec.parameters:
        shape = shapes.get(name, ())
        if len(shape) != len(pattern.dimensions):
            continue
        for dimension, size in zip(pattern.dimensions, shape, strict=True):
            is_free = isinstance(dimension, tree.Name) and dimension.text in spec.known
            if is_free and dimension.text != spec.batch:
                found.setdefault(dimension.text, size)
    return found
