"""einsum("bij,bjk->bik", a, b): a formula and one or two tensors in, their product out."""

from math import prod

from netc.compiler.ir.graph import Value
from netc.compiler.language.arguments import Tensors, Text
from netc.compiler.language.elementwise import cast
from netc.compiler.language.shapes import tensors_of
from netc.compiler.language.trace import Trace


def einsum(trace: Trace, formula: Text, *tensors: Tensors) -> Value:
    """Sums over the letters that the result does not have; each letter once in a tensor."""
    values = tuple(cast(trace, one, "f32") for one in tensors_of(trace, tensors, "einsum"))
    letters, result = letters_of(trace, formula, values)
    sizes: dict[str, int] = {}
    for value, names in zip(values, letters, strict=True):
        for name, size in zip(names, value.type.shape, strict=True):
            if sizes.setdefault(name, size) != size:
                raise trace.fail("E0224", f"`{name}` of `{formula}` is {sizes[name]} and {size}")
    unknown = [name for name in result if name not in sizes]
    if unknown:
        raise trace.fail("E0315", f"`{unknown[0]}` of `{formula}` is in no tensor")
    if len(values) == 1:
        return arranged(trace, *summed(trace, values[0], letters[0], result), result)
    (a, b), (left, right) = values, letters
    a, left = summed(trace, a, left, result + right)
    b, right = summed(trace, b, right, result + left)
    return product(trace, (a, left), (b, right), result, sizes)


def letters_of(trace: Trace, formula: str, values: tuple[Value, ...]) -> tuple[list[str], str]:
    """The letters of each tensor and of the result."""
    sides = formula.replace(" ", "").split("->")
    letters = sides[0].split(",")
    fits = len(sides) == 2 and len(letters) == len(values) <= 2
    words = [*letters, *sides[1:]]
    fits = fits and all(not word or (word.isascii() and word.isalpha()) for word in words)
    if not fits or any(len(set(word)) < len(word) for word in words):
        raise trace.fail(
            "E0315", f"`{formula}` is no formula for {len(values)} tensors", trace.place("formula"),
            help='one or two tensors, each letter once in each: `einsum("bij,bjk->bik", a, b)`',
        )  # fmt: skip
    for word, value in zip(letters, values, strict=True):
        if len(word) != len(value.type.shape):
            raise trace.fail("E0224", f"`{word}` of `{formula}` stands for {value.type}")
    return letters, sides[1]


def summed(trace: Trace, x: Value, letters: str, kept: str) -> tuple[Value, str]:
    """x without the axes that nothing else has."""
    axes = tuple(axis for axis, name in enumerate(letters) if name not in kept)
    left = "".join(name for name in letters if name in kept)
    return (trace.build.sum(x, axes=axes), left) if axes else (x, letters)


def arranged(trace: Trace, x: Value, letters: str, order: str) -> Value:
    axes = tuple(letters.index(name) for name in order)
    return x if letters == order else trace.build.transpose(x, axes=axes)


def product(trace: Trace, a, b, result: str, sizes: dict[str, int]) -> Value:
    """Matrices of what only one side has, for each of what both and the result have."""
    (x, left), (y, right) = a, b
    batch = "".join(name for name in result if name in left and name in right)
    depth = "".join(name for name in left if name in right and name not in result)
    rows = "".join(name for name in left if name not in batch + depth)
    columns = "".join(name for name in right if name not in batch + depth)

    def count(names: str) -> int:
        return prod(sizes[name] for name in names)

    x = arranged(trace, x, left, batch + rows + depth)
    y = arranged(trace, y, right, batch + depth + columns)
    x = trace.build.reshape(x, shape=(count(batch), count(rows), count(depth)))
    y = trace.build.reshape(y, shape=(count(batch), count(depth), count(columns)))
    order = batch + rows + columns
    both = trace.build.reshape(
        trace.build.matmul(x, y), shape=tuple(sizes[name] for name in order)
    )
    return arranged(trace, both, order, result)


FUNCTIONS = {"einsum": einsum}
