"""Calling blocks, nets and layers: a frame for the body, its parameters bound, its result out."""

from typing import Any

from netc.compiler.diagnostics import Label, NetError, Span
from netc.compiler.language.arguments import Signature, call_primitive, match
from netc.compiler.language.choices import choose
from netc.compiler.language.limits import DEEPEST_CALL
from netc.compiler.language.patterns import bind
from netc.compiler.language.trace import Frame, Trace
from netc.compiler.language.values import (
    Argument,
    Block,
    Choice,
    Layer,
    Poison,
    Primitive,
    Unsupported,
    describe,
)


def call(trace: Trace, function: Any, arguments: tuple[Argument, ...], span: Span) -> Any:
    """The result of calling whatever can be called."""
    with trace.at(span):
        if isinstance(function, Primitive):
            return call_primitive(trace, function, arguments)
        if isinstance(function, Choice):
            return choose(trace, function, arguments)
        if isinstance(function, Block):
            path = function.name if function.is_net else trace.frame.numbered(function.name)
            return call_block(trace, function, arguments, path)
        if isinstance(function, Layer):
            given = arguments[:1] + function.arguments + arguments[1:]
            return call_block(trace, function.block, given, function.path)
        if isinstance(function, Unsupported):
            raise not_supported(trace, function)
        raise trace.fail("E0309", f"{describe(function)} cannot be called")


def not_supported(trace: Trace, function: Unsupported) -> NetError:
    return trace.fail("E0901", f"`{function.name}` is not supported yet")


def signature_of_block(block: Block) -> Signature:
    parameters = block.declaration.parameters
    return Signature(
        block.name,
        tuple(one.name.text for one in parameters),
        tuple(one.name.text for one in parameters if one.default is None),
    )


def call_block(trace: Trace, block: Block, arguments: tuple[Argument, ...], path: str) -> Any:
    """Run the body of a block or net whose weights stand under `path`."""
    check_depth(trace, block)
    found, _ = match_block(trace, block, arguments)
    frame = Frame(block.module, path, trace.line, block, trace.span, arguments=found)
    bind_parameters(trace, frame, block, found)
    if block.is_net:
        trace.sizes.setdefault(block.name, {name: frame.names[name] for name in frame.bound})
    with trace.inside(frame), trace.at(block.declaration.span):
        trace.execute(block.declaration.body)
        if frame.returned is None:
            raise no_result(trace, block, frame)
    return frame.returned


def match_block(trace: Trace, block: Block, arguments: tuple[Argument, ...]):
    """As `match`, but a layer that lacks its tensor is told how to get one."""
    signature = signature_of_block(block)
    first = block.declaration.parameters[0] if block.declaration.parameters else None
    lacks_tensor = not arguments or isinstance(arguments[0].value, int | float | str | Poison)
    lacks = len([one for one in arguments if one.name is None]) < len(signature.required)
    if first is not None and first.type is not None and lacks_tensor and lacks and not block.is_net:
        raise trace.fail(
            "E0304",
            f"`{block.name}` needs a tensor for `{first.name.text}`",
            help=f"pipe it in: `x -> {trace.span.text}`"
            if trace.span.line == trace.span.end_line
            else "",
        )
    return match(trace, signature, arguments)


def check_depth(trace: Trace, block: Block) -> None:
    calls = [frame for frame in trace.frames if frame.block is not None]
    if any(frame.block is block for frame in calls):
        raise trace.fail(
            "E0310",
            f"`{block.name}` calls itself",
            secondary=(Label(block.declaration.name.span, "declared here"),),
            help="a body is unrolled while compiling: use `repeat`",
        )
    if len(calls) >= DEEPEST_CALL:
        raise trace.fail("E0323", f"calls are nested more than {DEEPEST_CALL} deep")


def bind_parameters(trace: Trace, frame: Frame, block: Block, found: dict[str, Argument]) -> None:
    """Names for every argument first, so that dimensions may refer to them; then the patterns."""
    parameters = block.declaration.parameters
    for parameter in parameters:
        if parameter.name.text in found:
            frame.names[parameter.name.text] = found[parameter.name.text].value
    for parameter in parameters:
        if parameter.type is not None and parameter.name.text in found:
            bind(trace, frame, block.name, parameter, found[parameter.name.text])
    with trace.inside(frame):
        for parameter in parameters:
            if parameter.name.text not in found:
                frame.names[parameter.name.text] = trace.evaluate(parameter.default)


def no_result(trace: Trace, block: Block, frame: Frame) -> NetError:
    if frame.finished:
        return NetError()
    return trace.fail(
        "E0311",
        f"`{block.name}` returns nothing",
        block.declaration.name.span,
        help="end its body with `return`",
    )
