"""A seed in, a valid graph and its inputs out: what people write, and what nobody would."""

from math import prod

import numpy as np

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role, Update, Value
from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.arrays import ARRAYS
from netc.compiler.ops.table import OPS
from netc.compiler.passes.gradients import add_gradients

MOST_ELEMENTS, LARGEST = 3000, 1e3
HOSTILE_WORDS = (
    "exp sqrtf log int float linux unix i r c o k j b m n first last task sums left right start "
    "memcpy int64_t netc_exp NAN INFINITY add_out multiply_value sum_lane end at lane row column "
    "packed width a.b a_b a-b 2x 9 é _x __x restrict inline asm typeof main step arena SHARE "
    "k01_add_forward max_best register"
)
HOSTILE = HOSTILE_WORDS.split()
EXACT_WORDS = (
    "add subtract multiply negate relu absolute sign maximum minimum max min where reshape "
    "transpose slice pad concat reverse broadcast stop_gradient cast floor windows constant iota "
    "equal less greater_equal argmax argmin sum gather scatter_rows"
)
EXACT = frozenset(EXACT_WORDS.split())  # whole quarters for whole quarters, without rounding


class Program:
    """A graph that grows by random steps; every value is computed along the way, so that none is
    too large to compare."""

    def __init__(self, seed: int, prefix: str, build: Builder, inputs: dict) -> None:
        self.random = np.random.default_rng(seed)
        self.build, self.inputs, self.prefix = build, inputs, prefix
        self.arrays: dict[str, np.ndarray] = {}
        self.exact: set[str] = set()
        self.pool: list[Value] = []
        self.weights: list[Value] = []

    # --- growing ----------------------------------------------------------------------------

    def input(self, kind: TensorType, role: Role) -> Value:
        name = str(self.random.choice(HOSTILE))
        value = self.build.input(name, kind, role)
        array = self.random.integers(-6, 7, kind.shape)
        if kind.dtype == "f32":
            exact = self.random.random() < 0.5
            array = array / 4 if exact else self.random.normal(size=kind.shape)
            array = np.asarray(array, np.float32)
        else:
            exact = True
            array = np.abs(array) if kind.dtype == "u8" else array
            array = np.asarray(array > 0 if kind.dtype == "bool" else array, ARRAYS[kind.dtype])
        self.inputs[value.name] = array
        self.arrays[value.name] = np.asarray(array, ARRAYS[kind.dtype])
        self.exact |= {value.name} if exact else set()
        self.pool.append(value)
        self.weights += [value] if role is Role.WEIGHT else []
        return value

    def take(self, *dtypes: str, rank: int = 0, exact: bool = False) -> Value:
        """A value that is there, the newest ones more often; a new input where none fits."""
        fits = [
            v
            for v in self.pool
            if v.type.dtype in (dtypes or ("f32",))
            and len(v.type.shape) >= rank
            and (not exact or v.name in self.exact)
        ]
        if not fits or self.random.random() < 0.1:
            role = Role.WEIGHT if self.random.random() < 0.4 else Role.FIELD
            shape = tuple(int(self.random.choice([1, 2, 3, 5, 8])) for _ in range(max(rank, 2)))
            value = self.input(TensorType((dtypes or ("f32",))[0], shape), role)
            return value if not exact or value.name in self.exact else self.op("floor", value)
        return fits[-1 - int(self.random.exponential(len(fits) / 3)) % len(fits)]

    def op(self, name: str, *operands, **attributes) -> Value:
        """Apply an op, and compute it; raises OpError where the result is of no use."""
        before = len(self.build.nodes)
        value = self.build.apply(name, *operands, **attributes)
        for node in self.build.nodes[before:]:
            arrays = [self.arrays[v.name] for v in node.inputs]
            result = np.asarray(OPS[node.op].reference(*arrays, **node.named))
            self.arrays[node.output.name] = result
            quarters = np.asarray(result, np.float64) * 4
            if node.op in EXACT and all(v.name in self.exact for v in node.inputs):
                self.exact |= {node.output.name} if (quarters == np.rint(quarters)).all() else set()
        if value.type.count > MOST_ELEMENTS or not (np.abs(1.0 * result) < LARGEST).all():
            raise OpError("too large to compare")
        return value

    def grow(self, steps: int) -> None:
        choices = [getattr(self, name) for name in dir(self) if name.startswith("add_")]
        for _ in range(steps):
            try:
                self.pool.append(choices[self.random.integers(len(choices))]())
            except OpError:
                continue

    def some_axes(self, value: Value) -> tuple[int, ...]:
        chosen = [a for a in range(len(value.type.shape)) if self.random.random() < 0.5]
        return tuple(chosen)

    # --- steps ------------------------------------------------------------------------------

    def add_unary(self) -> Value:
        x = self.take()
        name = self.random.choice(
            ["exp", "tanh", "sigmoid", "relu", "negate", "absolute", "erf", "sin", "cos", "sign"]
        )
        if name == "sign" and x.name not in self.exact:
            return self.op("negate", x)
        return self.op(str(name), self.op("minimum", x, 3.0) if name == "exp" else x)

    def add_gathered(self) -> Value:
        table = self.take("f32", "i32", rank=1)
        return self.op("gather", table, self.take("i32"))

    def add_scattered(self) -> Value:
        indices = self.take("i32")
        values = self.input(TensorType("f32", (*indices.type.shape, 3)), Role.FIELD)
        return self.op("scatter_rows", indices, values, rows=4)

    def add_positive(self) -> Value:
        x = self.op("add", self.op("absolute", self.take()), 0.5)
        return self.op(str(self.random.choice(["log", "sqrt", "rsqrt", "log1p"])), x)

    def add_binary(self) -> Value:
        names = ["add", "subtract", "multiply", "maximum", "minimum", "divide"]
        a, b, name = self.take(), self.take(), str(self.random.choice(names))
        b = self.op("add", self.op("absolute", b), 1.0) if name == "divide" else b
        return self.op(name, a, b)

    def add_with_number(self) -> Value:
        return self.op(str(self.random.choice(["multiply", "add", "subtract"])), self.take(), -0.75)

    def add_where(self) -> Value:
        a = self.take(exact=True)
        b = self.op("less", a, 0.25) if self.random.random() < 0.5 else self.op("equal", a, a)
        return self.op("where", b, self.take(), a)

    def add_reshape(self) -> Value:
        x = self.take("f32", "i32", "bool", "u8")
        left, shape = x.type.count, []
        while left > 1:
            factors = [f for f in range(1, min(left, 12) + 1) if left % f == 0]
            factor = int(self.random.choice(factors)) if len(shape) < 6 else left
            shape.append(factor)
            left //= factor
        return self.op("reshape", x, shape=tuple(shape))

    def add_transpose(self) -> Value:
        x = self.take(rank=2)
        return self.op(
            "transpose", x, axes=tuple(map(int, self.random.permutation(len(x.type.shape))))
        )

    def add_slice(self) -> Value:
        x = self.take(rank=1)
        stops = tuple(int(self.random.integers(1, size + 1)) for size in x.type.shape)
        starts = tuple(int(self.random.integers(0, stop)) for stop in stops)
        steps = tuple(int(self.random.integers(1, 3)) for _ in stops)
        return self.op("slice", x, starts=starts, stops=stops, steps=steps)

    def add_pad(self) -> Value:
        x = self.take("f32", "i32")
        low, high = (tuple(int(self.random.integers(3)) for _ in x.type.shape) for _ in range(2))
        steps = tuple(int(self.random.integers(1, 3)) for _ in x.type.shape)
        return self.op("pad", x, low=low, high=high, value=0, steps=steps)

    def add_concat(self) -> Value:
        x = self.take(rank=1)
        axis = int(self.random.integers(len(x.type.shape)))
        if self.random.random() < 0.1:
            return self.op("concat", *[x] * 40, axis=axis)
        like = [v for v in self.pool if v.type == x.type]
        return self.op("concat", x, like[self.random.integers(len(like))], x, axis=axis)

    def add_reverse(self) -> Value:
        x = self.take(rank=1)
        return self.op("reverse", x, axes=self.some_axes(x))

    def add_fold(self) -> Value:
        x = self.take("f32", "i32")
        name = str(self.random.choice(["sum", "sum", "max", "min", "product"]))
        return self.op(name, x, axes=self.some_axes(x))

    def add_place(self) -> Value:
        x = self.take("f32", "i32", exact=True)
        return self.op(str(self.random.choice(["argmax", "argmin"])), x, axes=self.some_axes(x))

    def spread(self, value: Value, like: Value, axes: tuple[int, ...]) -> Value:
        shape = tuple(1 if a in axes else size for a, size in enumerate(like.type.shape))
        return self.op("reshape", value, shape=shape)

    def add_softmax(self) -> Value:
        x = self.take(rank=1)
        axes = self.some_axes(x)
        moved = self.op("subtract", x, self.spread(self.op("max", x, axes=axes), x, axes))
        raised = self.op("exp", moved)
        total = self.spread(self.op("sum", raised, axes=axes), x, axes)
        if self.random.random() < 0.5:
            return self.op("divide", raised, total)
        return self.op("subtract", moved, self.op("log", total))

    def add_norm(self) -> Value:
        x = self.take(rank=1)
        axes = self.some_axes(x) if self.random.random() < 0.5 else (len(x.type.shape) - 1,)
        size = prod(x.type.shape[a] for a in axes)
        mean = self.op("multiply", self.op("sum", x, axes=axes), 1 / size)
        self.pool.append(mean)
        centred = self.op("subtract", x, self.spread(mean, x, axes))
        squares = self.op("sum", self.op("multiply", centred, centred), axes=axes)
        scale = self.op("rsqrt", self.op("add", squares, 0.1))
        return self.op("multiply", centred, self.spread(scale, x, axes))

    def add_matmul(self) -> Value:
        a = self.take(rank=2)
        *leading, _, depth = a.type.shape
        kind = TensorType("f32", (*leading, depth, int(self.random.choice([1, 3, 7, 17]))))
        b = next((v for v in self.pool if v.type == kind), None)
        return self.op("matmul", a, b or self.input(kind, Role.WEIGHT))

    def image(self) -> Value:
        x = self.take()
        count = x.type.count
        sizes = [h for h in range(1, 13) if count % h == 0]
        height = int(self.random.choice(sizes))
        width = int(self.random.choice([w for w in range(1, 13) if count // height % w == 0]))
        return self.op("reshape", x, shape=(1, height, width, count // height // width))

    def geometry(self) -> dict:
        def pair(low: int, high: int) -> tuple[int, int]:
            return int(self.random.integers(low, high)), int(self.random.integers(low, high))

        return {"stride": pair(1, 3), "pad": (pair(0, 2), pair(0, 2)), "dilation": pair(1, 3)}

    def add_conv(self) -> Value:
        image = self.image()
        shape = (*(int(self.random.integers(1, 4)) for _ in range(2)), image.type.shape[3], 3)
        return self.op(
            "conv2d", image, self.input(TensorType("f32", shape), Role.WEIGHT), **self.geometry()
        )

    def add_pool(self) -> Value:
        size = tuple(int(self.random.integers(1, 4)) for _ in range(2))
        windows = self.op("windows", self.image(), size=size, fill=-500.0, **self.geometry())
        return self.op("max", windows, axes=(3, 4))

    def add_cast(self) -> Value:
        x = self.take("f32", "i32", "u8", "bool", exact=True)
        return self.op("cast", x, dtype=str(self.random.choice(["f32", "i32", "bool"])))

    def add_bytes(self) -> Value:
        x = self.take("i32", "bool")
        return self.op("cast", self.op("cast", x, dtype="u8"), dtype="f32")

    def add_whole(self) -> Value:
        names = ["add", "subtract", "multiply", "maximum", "minimum", "floor_divide", "remainder"]
        a, b = self.take("i32"), self.take("i32")
        return self.op(str(self.random.choice(names)), a, b)

    def add_logic(self) -> Value:
        a, b = self.take("bool"), self.take("bool")
        return self.op(str(self.random.choice(["logical_and", "logical_or"])), a, b)

    def add_random(self) -> Value:
        seed = self.input(TensorType("i32", ()), Role.COUNTER)
        shape = tuple(int(self.random.integers(1, 6)) for _ in range(3))
        return self.op("random_uniform", seed, seed, stream=3, shape=shape)

    def add_gradient(self) -> Value:
        """The slope of the sum of a value by a weight: the weight's next value in most cases."""
        x = self.take()
        loss = self.op("sum", x, axes=tuple(range(len(x.type.shape))))
        weight = self.weights[self.random.integers(len(self.weights))] if self.weights else x
        before = len(self.build.nodes)
        slope = add_gradients(self.build, loss, (weight,), tuple(self.build.nodes))[weight.name]
        for node in self.build.nodes[before:]:
            arrays = [self.arrays[v.name] for v in node.inputs]
            result = np.asarray(OPS[node.op].reference(*arrays, **node.named))
            self.arrays[node.output.name] = result
        if not (np.abs(result) < LARGEST).all():
            raise OpError("too large to compare")
        return slope

    # --- ends -------------------------------------------------------------------------------

    def outputs(self) -> list[Output]:
        made = [self.pool[i] for i in self.random.integers(len(self.pool), size=4)]
        return [Output(f"{self.prefix}{i}", value) for i, value in enumerate((*made, made[0]))]

    def updates(self) -> list[Update]:
        found = []
        for weight in self.weights:
            fits = [v for v in self.pool if v.type == weight.type and v != weight]
            way = self.random.random()
            if way < 0.4 and fits:
                found.append(Update(weight, fits[self.random.integers(len(fits))]))
            elif way < 0.9:
                new = self.op(
                    "subtract", weight, self.op("multiply", fits[-1] if fits else weight, 0.25)
                )
                found.append(Update(weight, new))
        return found


def random_program(seed: int, parts: int = 2, steps: int = 22) -> tuple[Graph, dict]:
    """Several programs side by side in one graph: their kernels may join, their results may not."""
    build, inputs = Builder(OPS), {}
    outputs, updates = [], []
    for part in range(parts):
        program = Program(1000 * seed + part, f"p{part}.", build, inputs)
        program.input(TensorType("f32", (3, 5)), Role.WEIGHT)
        program.input(TensorType("u8", (2, 3, 5)), Role.FIELD)
        program.input(TensorType("f32", (16, 40)), Role.FIELD)
        with np.errstate(all="ignore"):
            program.grow(steps)
        outputs += program.outputs()
        while True:
            try:
                updates += program.updates()
                break
            except OpError:
                continue
    return build.graph("program", tuple(outputs), tuple(updates)), inputs
