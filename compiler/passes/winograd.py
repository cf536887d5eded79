"""A graph in, the graph whose 3 x 3 convolutions multiply 2.25 times less, where that pays, out.

Winograd's minimal filtering F(2 x 2, 3 x 3), as Lavin and Gray apply it (2015): instead of one
product for each of the nine taps, the 4 x 4 pixels under each 2 x 2 square of results are combined
by sums and differences, as are the taps; then 16 matrix products, one for each place of the 4 x 4
squares, give what combines to the results. The three matrices say how.

    y = A^T [ (G g G^T) * (B^T d B) ] A

The convolution's gradients are the same by other sides: that by the image slides the kernel's
turned taps over upstream, that by the kernel is G^T [ (B^T d B) * (A upstream A^T) ] G. Only sums
of up to four numbers stand between: in f32 results are about as exact as those of the direct way.
What is not finite reaches all four results of its square.
"""

from collections.abc import Mapping
from math import prod

from netc.compiler.ir.builder import Builder, is_pointwise
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Op
from netc.compiler.ops.combine import Matrix
from netc.compiler.passes.parts import SplitFacts, parts_of
from netc.compiler.passes.rewrite import Producers, Rule, rewrite
from netc.compiler.scalar.rounding import ceil

PIXELS: Matrix = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))  # B^T
TAPS: Matrix = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))  # G
RESULTS: Matrix = ((1, 1, 1, 0), (0, 1, -1, -1))  # A^T
TURNED = (3, 1, 2, 0)  # where the rows of G stand when the taps run backwards
SIDE = 2  # of a square of results
BLOCK = 64  # channels, and filters, of which a kernel's gradient is one task


def turned(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))


def winograd(graph: Graph, ops: Mapping[str, Op], facts: SplitFacts) -> Graph:
    """Rewrites the products of convolutions that it pays for."""

    def rule(build: Builder, node: Node, producers: Producers) -> Value | None:
        if not is_taken(node, producers, ops, facts):
            return None
        return WAYS[node.op](build, node, facts)

    rules: tuple[Rule, ...] = (rule,)
    return rewrite(graph, ops, lambda node: rules if node.op in WAYS else ())


def is_taken(node: Node, producers: Producers, ops: Mapping[str, Op], facts: SplitFacts) -> bool:
    """Whether a node is the product of a convolution that is rewritten."""
    if not pays(node, facts):
        return False
    return not any(has_joined_channels(value, producers, ops) for value in node.inputs)


def has_joined_channels(value: Value, producers: Producers, ops: Mapping[str, Op]) -> bool:
    """Whether channels come from several tensors that are put side by side where they are read:
    then no row of one tensor could be combined, and all would be laid out four times as large."""
    frontier, seen = [value], {value}
    while frontier:
        read = frontier.pop()
        maker = producers.get(read.name)
        if maker is None:
            continue
        if maker.op == "concat" and maker.named["axis"] == len(read.type.shape) - 1:
            return True
        if maker.op in ("reshape", "slice", "pad") or is_pointwise(ops[maker.op]):
            frontier += (one for one in maker.inputs if one not in seen)
            seen |= {*maker.inputs}
    return False


def pays(node: Node, facts: SplitFacts) -> bool:
    """Whether the products that are saved take longer than combining what is left: pixels, taps
    and results, 16 of each for every square and kernel."""
    if facts.combining is None or node.op not in WAYS or not fits(node):
        return False
    _, shape, (*_, channels, filters) = sides(node)
    tiles = shape[0] * ceil(shape[1], SIDE) * ceil(shape[2], SIDE)
    saved = 2 * channels * filters * (9 * prod(shape[:3]) - 16 * tiles)
    combined = 16 * (tiles * (channels + filters) + channels * filters)
    return saved > facts.combining * combined


def fits(node: Node) -> bool:
    named = node.named
    plain = named["stride"] == named["dilation"] == (1, 1) and not named.get("parts")
    narrow = all(0 <= side <= 2 for axis in named["pad"] for side in axis)
    return plain and narrow and sides(node)[2][:2] == (3, 3)


def sides(node: Node) -> tuple:
    """The shapes of image, results and kernel, whichever of them the node makes."""
    first, second = (value.type.shape for value in node.inputs)
    if node.op == "conv2d":
        return first, node.output.type.shape, second
    if node.op == "conv2d_image_gradient":
        return node.named["shape"], first, second
    return first, second, node.named["shape"]


def convolution(build: Builder, node: Node, facts: SplitFacts) -> Value:
    image, kernel = node.inputs
    pixels = squares(build, image, node.named["pad"], node.output.type.shape, PIXELS)
    products = build.matmul(pixels, taps(build, kernel))
    return results(build, products, node.output.type.shape, RESULTS)


def image_gradient(build: Builder, node: Node, facts: SplitFacts) -> Value:
    """Turned taps are the same taps, combined in another order: pixels and results follow it."""
    upstream, kernel = node.inputs
    pad = tuple((2 - before, 2 - after) for before, after in node.named["pad"])
    pixels = tuple(PIXELS[place] for place in TURNED)
    back = tuple(tuple(row[place] for place in TURNED) for row in RESULTS)
    found = squares(build, upstream, pad, node.output.type.shape, pixels)
    products = build.matmul(found, build.transpose(taps(build, kernel), axes=(0, 2, 1)))
    return results(build, products, node.output.type.shape, back)


def kernel_gradient(build: Builder, node: Node, facts: SplitFacts) -> Value:
    """The squares are cut into parts, whose sums run in parallel, where a kernel has few blocks."""
    image, upstream = node.inputs
    shape, (*_, channels, filters) = upstream.type.shape, node.output.type.shape
    pixels = squares(build, image, node.named["pad"], shape, PIXELS)
    slopes = squares(build, upstream, ((0, 0), (0, 0)), shape, turned(RESULTS))
    count, blocks = pixels.type.shape[1], ceil(channels, BLOCK) * ceil(filters, BLOCK)
    parts = parts_of(count, blocks, count, facts)
    left = build.reshape(pixels, shape=(16, parts, count // parts, channels))
    right = build.reshape(slopes, shape=(16, parts, count // parts, filters))
    products = build.matmul(build.transpose(left, axes=(0, 1, 3, 2)), right)
    square = build.reshape(products, shape=(4, 4, parts, channels, filters))
    found = build.combine(square, matrix=turned(TAPS), axes=(1, 2))
    if parts == 1:
        return build.reshape(found, shape=node.output.type.shape)
    return build.sum(found, axes=(0,))


def squares(build: Builder, image: Value, pad, shape, matrix: Matrix) -> Value:
    """[N, H, W, C] -> [16, squares, C]: of the pixels under each square of results of this `shape`,
    combined by a matrix."""
    images, height, width, channels = image.type.shape
    down, across = ceil(shape[1], SIDE), ceil(shape[2], SIDE)
    size = len(matrix[0])
    reach = (SIDE * (down - 1) + size, SIDE * (across - 1) + size)
    seen = build.windows(
        image,
        size=(size, size),
        stride=(SIDE, SIDE),
        pad=tuple(
            (pad[axis][0], reach[axis] - pad[axis][0] - image.type.shape[1 + axis])
            for axis in (0, 1)
        ),
        dilation=(1, 1),
        fill=0.0,
    )
    first = build.transpose(seen, axes=(3, 4, 0, 1, 2, 5))
    combined = build.combine(first, matrix=matrix, axes=(0, 1))
    return build.reshape(combined, shape=(16, images * down * across, channels))


def taps(build: Builder, kernel: Value) -> Value:
    """[3, 3, C, F] -> [16, C, F]."""
    combined = build.combine(kernel, matrix=TAPS, axes=(0, 1))
    return build.reshape(combined, shape=(16, *kernel.type.shape[2:]))


def results(build: Builder, products: Value, shape, matrix: Matrix) -> Value:
    """[16, squares, F] -> [N, H, W, F]; squares may reach over the edge."""
    images, height, width, filters = shape
    down, across = ceil(height, SIDE), ceil(width, SIDE)
    square = build.reshape(products, shape=(4, 4, images, down, across, filters))
    combined = build.combine(square, matrix=matrix, axes=(2, 4))
    whole = build.reshape(combined, shape=(images, SIDE * down, SIDE * across, filters))
    if whole.type.shape == shape:
        return whole
    return build.slice(whole, starts=(0, 0, 0, 0), stops=shape, steps=(1, 1, 1, 1))


WAYS = {
    "conv2d": convolution,
    "conv2d_image_gradient": image_gradient,
    "conv2d_kernel_gradient": kernel_gradient,
}
