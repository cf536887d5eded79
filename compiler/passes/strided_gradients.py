"""A graph in, the graph whose strided convolutions send gradients back without multiplying zeros.

The gradient of a convolution with stride s, by its image, is a convolution of upstream spread out
with zeros between. But which taps meet a pixel depends only on its place modulo s: its phase. So
all phases of a pixel are computed together, as channels of a plain convolution over upstream with a
kernel cut into phases, and then laid side by side. That multiplies a share of 1 / s^2 of what the
spread-out form does, and a little more where s does not divide the kernel.
"""

from collections.abc import Mapping

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Op
from netc.compiler.passes.rewrite import Producers, rewrite
from netc.compiler.scalar.rounding import ceil


def strided_gradients(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Rewrites every conv2d_image_gradient with strides and without dilation."""
    return rewrite(graph, ops, lambda node: (by_phases,) if is_strided(node) else ())


def is_strided(node: Node) -> bool:
    if node.op != "conv2d_image_gradient":
        return False
    return node.named["stride"] != (1, 1) and node.named["dilation"] == (1, 1)


def by_phases(build: Builder, node: Node, producers: Producers) -> Value | None:
    """Pixel q * stride + phase - pad has at channel c the sum over j of upstream[q - j] times
    kernel[phase + j * stride]; phases behind the kernel's end have no tap and are 0."""
    upstream, kernel = node.inputs
    (images, *size, channels), stride = node.output.type.shape, node.named["stride"]
    taps = tuple(ceil(kernel.type.shape[axis], stride[axis]) for axis in (0, 1))
    phases = tuple(min(stride[axis], kernel.type.shape[axis]) for axis in (0, 1))
    before = tuple(node.named["pad"][axis][0] for axis in (0, 1))
    places = tuple(ceil(size[axis] + before[axis], stride[axis]) for axis in (0, 1))
    after = tuple(places[axis] - upstream.type.shape[1 + axis] for axis in (0, 1))
    if min(after) < 0:
        return None  # padded by more than the kernel covers
    found = build.conv2d(
        upstream,
        phase_kernel(build, kernel, taps, phases),
        stride=(1, 1),
        pad=tuple((taps[axis] - 1, after[axis]) for axis in (0, 1)),
        dilation=(1, 1),
        **{name: node.named[name] for name in ("precision",) if name in node.named},
    )
    return side_by_side(build, found, (images, *size, channels), phases, stride, before)


def phase_kernel(
    build: Builder, kernel: Value, taps: tuple[int, int], phases: tuple[int, int]
) -> Value:
    """[h, w, C, F] -> [taps down, taps across, F, phases * C], the taps in reverse."""
    high, wide, channels, filters = kernel.type.shape
    missing = (taps[0] * phases[0] - high, taps[1] * phases[1] - wide)
    whole = build.pad(kernel, low=(0, 0, 0, 0), high=(*missing, 0, 0), value=0.0)
    shape = (taps[0], phases[0], taps[1], phases[1], channels, filters)
    parted = build.reverse(build.reshape(whole, shape=shape), axes=(0, 2))
    ordered = build.transpose(parted, axes=(0, 2, 5, 1, 3, 4))
    shape = (*taps, filters, phases[0] * phases[1] * channels)
    return build.copy(build.reshape(ordered, shape=shape))


def side_by_side(build: Builder, found: Value, shape, phases, stride, before) -> Value:
    """[N, rows, columns, phases * C] -> the image of this `shape`, without what lies in its pad."""
    images, *size, channels = shape
    places = found.type.shape[1:3]
    parted = build.reshape(found, shape=(images, *places, *phases, channels))
    missing = (0, 0, 0, stride[0] - phases[0], stride[1] - phases[1], 0)
    filled = build.pad(parted, low=(0,) * 6, high=missing, value=0.0)
    ordered = build.transpose(filled, axes=(0, 1, 3, 2, 4, 5))
    whole = (images, places[0] * stride[0], places[1] * stride[1], channels)
    stops = (images, before[0] + size[0], before[1] + size[1], channels)
    laid = build.reshape(ordered, shape=whole)
    return build.slice(laid, starts=(0, *before, 0), stops=stops, steps=(1, 1, 1, 1))
