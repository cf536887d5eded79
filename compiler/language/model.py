"""A `.net` file in, a checked model out, which traces its step, its evaluation and its nets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netc.compiler.diagnostics import Diagnostic, NetError, Source, nearest
from netc.compiler.ir.graph import Graph, Output
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.language.data import DataSpec
from netc.compiler.language.modules import Loaded, Loader, fail, read
from netc.compiler.language.patterns import tensor_type
from netc.compiler.language.settings import Settings, read_settings
from netc.compiler.language.trace import Frame, Initializer, Weight
from netc.compiler.language.tracer import Tracer, sorted_problems
from netc.compiler.language.train import NO_SHAPES, RESERVED
from netc.compiler.language.unused import unused_names
from netc.compiler.language.values import Argument, Block, Module, Size, is_tensor
from netc.compiler.passes.train import Objective
from netc.compiler.syntax import tree

__all__ = ["Initializer", "Model", "Traced", "Weight", "load_model"]


CHECK_BATCH = 2  # a net that nothing trains is checked with it: 1 would broadcast with anything


@dataclass(frozen=True)
class Traced:
    """One training step: its forward graph and what is minimised."""

    graph: Graph
    objectives: tuple[Objective, ...]


@dataclass(frozen=True)
class NetSpec:
    """A net's parameters, in order; `batch` is the dimension that each call may set."""

    parameters: tuple[tuple[str, tree.TypePattern], ...]
    batch: str | None
    known: Mapping[str, int]


@dataclass(frozen=True)
class Model:
    """A checked program. Weights are those that its train block, or else each net, uses."""

    name: str
    source: Source
    folder: Path
    sources: tuple[Source, ...]
    module: Module
    train: tree.Train | None
    train_name: str | None
    weights: tuple[Weight, ...]
    data: DataSpec | None
    settings: Settings
    nets: Mapping[str, NetSpec]
    warnings: tuple[Diagnostic, ...] = ()

    def trace_step(self, batch: int | None = None) -> Traced:
        """The train block in training mode: outputs `loss` and the measures, updates of states.

        Inputs: fields (batch in axis 0), weights, states, i32 scalars seed, step and total.
        """
        tracer = self.run(batch, training=True)
        state = tracer.train
        updates = tracer.state_updates()
        graph = tracer.finish("step", train_outputs(tracer), updates)
        used = {entry.value.name for entry in graph.inputs}
        objectives = tuple(
            replace(one, weights=tuple(weight for weight in one.weights if weight.name in used))
            for one in state.objectives
        )
        return Traced(graph, objectives)

    def trace_evaluation(
        self, batch: int | None = None, shapes: Mapping[str, Shape] = NO_SHAPES
    ) -> Graph:
        """The train block with `training` false: outputs `loss` and the measures, updates of the
        tallies that measures keep.

        `shapes` has, by field, the shape of one sample where it is another than in training.
        """
        tracer = self.run(batch, training=False, shapes=shapes)
        return tracer.finish("evaluation", train_outputs(tracer), tracer.state_updates())

    def trace_net(self, name: str, batch: int = 1, sizes: Mapping[str, int] | None = None) -> Graph:
        """A net, not training: inputs are its parameters, outputs `output`, or `output_1` ...

        `sizes` gives dimensions that neither the batch nor the train block decide.
        """
        if name not in self.nets:
            close = nearest(name, self.nets)
            raise fail(
                "E0408", f"the program has no net `{name}`",
                help=f"did you mean `{close}`?" if close else "",
            )  # fmt: skip
        tracer = Tracer(self.source, training=False, batch=batch)
        outputs = run_net(
            tracer, self.module, self.module.names[name], self.nets[name], batch, sizes or {}
        )
        tracer.check()
        check_weights(tracer, self.weights)
        return tracer.finish(name, outputs, ())

    def parameter_types(
        self, name: str, batch: int = 1, sizes: Mapping[str, int] | None = None
    ) -> tuple[tuple[str, TensorType], ...]:
        """The parameters of a net and their types for a batch."""
        tracer = Tracer(self.source, training=False, batch=batch)
        net = self.module.names[name]
        return net_types(tracer, self.module, net, self.nets[name], batch, sizes or {})

    def run(
        self, batch: int | None, training: bool, shapes: Mapping[str, Shape] = NO_SHAPES
    ) -> Tracer:
        if self.train is None:
            raise fail("E0401", f"{self.source.path} has no train block")
        tracer = Tracer(self.source, training, batch or self.settings.batch, shapes)
        tracer.run_train(self.module, self.train)
        tracer.check()
        check_weights(tracer, self.weights)
        return tracer


def train_outputs(tracer: Tracer) -> tuple[Output, ...]:
    """`loss` first, which is the sum where there are several, then each loss, then the measures."""
    losses = tracer.train.losses
    total = losses[0]
    for loss in losses[1:]:
        total = tracer.build.add(total, loss)
    each = [Output(f"loss_{i}", loss) for i, loss in enumerate(losses, 1)] if losses[1:] else []
    return (Output("loss", total), *each, *tracer.train.measures)


def check_weights(tracer: Tracer, weights: tuple[Weight, ...]) -> None:
    """A weight has one type, whatever the batch and the lengths."""
    known = {weight.name: weight for weight in weights}
    for weight in tracer.weights.values():
        listed = known.get(weight.name)
        if listed is not None and listed.type != weight.type:
            raise fail(
                "E0221",
                f"the weight `{weight.name}` on line {weight.line} changes with the sizes of what "
                f"is given: {listed.type} in training, here {weight.type}",
            )


def load_model(
    path: str | Path | Source,
    defines: Mapping[str, Any] | None = None,
    train: str | None = None,
) -> Model:
    """Parse and check a program; NetError with up to 20 diagnostics, sorted by their place.

    `train` names a train block where there are several; `defines` overrides constants by name.
    """
    source = path if isinstance(path, Source) else read(str(path))
    checker = Tracer(source, training=True)
    loader = Loader(checker.in_module, defines or {})
    loaded = loader.load(source)
    chosen = choose_train(loaded, train, loader.problems)
    tracer, settings = check_train(loaded, chosen)
    problems = [*loader.problems, *checker.problems, *tracer.problems]
    specs = net_specs(loaded.module, tracer)
    weights = dict(tracer.weights)
    for name, spec in specs.items():
        problems += check_net(loaded, name, spec, chosen, settings, weights)
    if problems:
        raise NetError(*sorted_problems(unique(problems)))
    return Model(
        name=Path(source.path).stem,
        source=source,
        folder=Path(source.path).parent,
        sources=loaded.sources,
        module=loaded.module,
        train=chosen,
        train_name=chosen.name.text if chosen is not None and chosen.name else None,
        weights=tuple(weights.values()),
        data=plain(tracer.train.data),
        settings=settings,
        nets=specs,
        warnings=unused_names(loaded.program.declarations),
    )


def plain(data: DataSpec | None) -> DataSpec | None:
    """The fields with the batch as the number that it is."""
    if data is None:
        return None
    fields = tuple(
        replace(one, type=one.type.with_shape(tuple(map(int, one.type.shape))))
        for one in data.fields
    )
    return replace(data, fields=fields)


def unique(problems):
    known = {}
    for problem in problems:
        known.setdefault((problem.code, problem.span, problem.message), problem)
    return tuple(known.values())


def choose_train(loaded: Loaded, name: str | None, problems: list) -> tree.Train | None:
    """The train block of that name, or the only one; several without a name are an error."""
    trains = loaded.trains
    names = [one.name.text if one.name else None for one in trains]
    for i, one in enumerate(trains):
        if names[i] in names[:i]:
            problems += fail(
                "E0402",
                "several train blocks need a name each",
                one.span,
                help="`train first { ... }`",
            ).diagnostics
    if name is not None:
        if name in names:
            return trains[names.index(name)]
        close = nearest(name, [one for one in names if one])
        raise fail(
            "E0401",
            f"there is no train block `{name}`",
            help=f"did you mean `{close}`?" if close else "",
        )
    if len(trains) > 1 and None in names:
        return trains[names.index(None)]
    if len(trains) > 1:
        listed = ", ".join(str(one) for one in names if one)
        raise fail("E0402", f"choose one of the train blocks {listed}", trains[1].span)
    return trains[0] if trains else None


def check_train(loaded: Loaded, train: tree.Train | None) -> tuple[Tracer, Settings]:
    """Trace the train block once and keep what is wrong with it."""
    source = loaded.module.source
    if train is None:
        return Tracer(source, training=True), Settings()
    reader = Tracer(source, training=True)
    with reader.inside(reader.train_frame(loaded.module)), reader.at(train.span):
        settings = read_settings(reader, train.body)
    tracer = Tracer(source, training=True, batch=Size(settings.batch, "N"))
    tracer.problems = reader.problems
    try:
        tracer.run_train(loaded.module, train)
        check_complete(train)
    except NetError as error:
        tracer.report(error)
    return tracer, settings


def check_complete(train: tree.Train) -> None:
    kinds = {type(statement) for statement in train.body}
    for kind, word in ((tree.Take, "take"), (tree.Minimize, "minimize")):
        if kind not in kinds:
            raise fail(
                "E0403", f"this train block has no `{word}`", train.span,
                help="take data, minimize a loss: `take x: f32[N, 8] from feed`"
                if word == "take" else "for example `minimize mean(abs(y)) with sgd(lr=0.1)`",
            )  # fmt: skip


def net_specs(module: Module, tracer: Tracer) -> dict[str, NetSpec]:
    specs = {}
    for name, value in module.names.items():
        if isinstance(value, Block) and value.is_net:
            parameters = tuple(
                (one.name.text, one.type) for one in value.declaration.parameters if one.type
            )
            known = {one: int(size) for one, size in tracer.sizes.get(name, {}).items()}
            specs[name] = NetSpec(parameters, batch_name(module, parameters), known)
    return specs


def batch_name(module: Module, parameters) -> str | None:
    """The first dimension of the first parameter, where it is a free name."""
    for _, pattern in parameters:
        first = pattern.dimensions[0] if pattern.dimensions else None
        if isinstance(first, tree.Name) and first.text not in module.names:
            return first.text
    return None


def check_net(loaded: Loaded, name: str, spec: NetSpec, train, settings: Settings, weights) -> list:
    """Trace a net that the train block leaves out, as far as its dimensions are known."""
    net = loaded.module.names[name]
    if train is not None and spec.known:
        return []
    if net.module is not loaded.module:
        return []
    batch = Size(settings.batch if train is not None else CHECK_BATCH, spec.batch or "N")
    tracer = Tracer(loaded.module.source, training=False, batch=batch)
    try:
        run_net(tracer, loaded.module, net, spec, batch, {})
    except NetError as error:
        if all(problem.code == "E0417" for problem in error.diagnostics) and train is not None:
            return []
        tracer.report(error)
    if train is None:
        for weight in tracer.weights.values():
            weights.setdefault(weight.name, weight)
    return tracer.problems


def net_types(tracer: Tracer, module: Module, net: Block, spec: NetSpec, batch: int, sizes):
    """The types of a net's parameters, free names from the batch, the train block or `sizes`."""
    known = dict(spec.known) | ({spec.batch: batch} if spec.batch else {}) | dict(sizes)
    frame = Frame(net.module, net.name, block=net, names=known)
    types = []
    with tracer.inside(frame):
        for parameter in net.declaration.parameters:
            if parameter.type is None:
                raise fail(
                    "E0417",
                    f"`{parameter.name.text}` of net `{net.name}` needs a type",
                    parameter.span,
                )
            if parameter.name.text in RESERVED:
                raise fail(
                    "E0307",
                    f"`{parameter.name.text}` is the name of a counter of the run",
                    parameter.name.span,
                )
            check_free(frame, net, parameter.type)
            types.append((parameter.name.text, tensor_type(tracer, parameter.type)))
    return tuple(types)


def check_free(frame: Frame, net: Block, pattern: tree.TypePattern) -> None:
    for dimension in pattern.dimensions:
        is_name = isinstance(dimension, tree.Name)
        if (
            is_name
            and dimension.text not in frame.names
            and dimension.text not in frame.module.names
        ):
            raise fail(
                "E0417",
                f"the size `{dimension.text}` of net `{net.name}` is not known",
                dimension.span,
                help="a train block that calls the net decides it",
            )


def run_net(
    tracer: Tracer, module, net: Block, spec: NetSpec, batch: int, sizes
) -> tuple[Output, ...]:
    types = net_types(tracer, module, net, spec, batch, sizes)
    arguments = tuple(
        Argument(tracer.parameter(name, kind), parameter.span)
        for (name, kind), parameter in zip(types, net.declaration.parameters, strict=True)
    )
    tracer.made |= {argument.value.name: argument.span for argument in arguments}
    with tracer.inside(Frame(module, "")):
        result = tracer.call(net, arguments, net.declaration.name.span)
    results = result if isinstance(result, tuple) else (result,)
    for value in results:
        if not is_tensor(value):
            raise fail(
                "E0311",
                f"net `{net.name}` returns something that is no tensor",
                net.declaration.name.span,
            )
    names = ["output"] if len(results) == 1 else [f"output_{i}" for i in range(1, len(results) + 1)]
    return tuple(Output(name, value) for name, value in zip(names, results, strict=True))
