"""E02xx: shapes and types that do not fit."""

from netc.compiler.explanations.code import Code

SHAPES = (
    Code(
        "E0201",
        "shapes do not combine",
        "Two tensors in one operation must have equal sizes on each axis, counted from the last; "
        "an axis of size 1 or a missing axis is repeated, as in NumPy.",
        "net f(x: f32[N, 8], y: f32[N, 9]) {\n    return x + y\n}\n",
        "net f(x: f32[N, 8], y: f32[N, 8]) {\n    return x + y\n}\n",
    ),
    Code(
        "E0203",
        "argument of the wrong shape",
        "The parameter's pattern asks for other axes than the argument has. `[N, ..., C]` takes "
        "any axes between; the note shows where the argument got its shape.",
        "net f(x: f32[N, 8]) {\n    return sum(x) -> dense(10)\n}\n",
        "net f(x: f32[N, 8, 4]) {\n    return sum(x, axis=-1) -> dense(10)\n}\n",
    ),
    Code(
        "E0204",
        "one name, two sizes",
        "A dimension's name stands for one size in a whole signature: the first argument that "
        "has it decides, the others must agree.",
        "block add(x: [N, C], y: [N, C]) {\n    return x + y\n}\n\n"
        "net f(x: f32[N, 8], y: f32[N, 1]) {\n    return add(x, y)\n}\n",
        "block add(x: [N, C], y: [N, C]) {\n    return x + y\n}\n\n"
        "net f(x: f32[N, 8], y: f32[N, 8]) {\n    return add(x, y)\n}\n",
    ),
    Code(
        "E0205",
        "argument of the wrong dtype",
        "The operation takes other numbers: indices are `i32` or `u8`, logits are floats. "
        "`cast(x, i32)` converts.",
        "block hot(x: i32[N]) {\n    return one_hot(x, 4)\n}\n\n"
        "net f(x: f32[N]) {\n    return x -> hot\n}\n",
        "block hot(x: i32[N]) {\n    return one_hot(x, 4)\n}\n\n"
        "net f(x: f32[N]) {\n    return cast(x, i32) -> hot\n}\n",
    ),
    Code(
        "E0206",
        "matrices do not multiply",
        "In `a @ b` the last axis of a must be as long as the second to last axis of b.",
        "net f(x: f32[N, 8], y: f32[4, 2]) {\n    return x @ y\n}\n",
        "net f(x: f32[N, 8], y: f32[8, 2]) {\n    return x @ y\n}\n",
    ),
    Code(
        "E0207",
        "reshape changes the number of elements",
        "A reshape keeps every element; one size may be -1 and is then computed.",
        "net f(x: f32[N, 8]) {\n    return reshape(x, (N, 3, 3))\n}\n",
        "net f(x: f32[N, 8]) {\n    return reshape(x, (N, 2, 4))\n}\n",
    ),
    Code(
        "E0208",
        "no such axis",
        "Axes count from 0, or from -1 at the end.",
        "net f(x: f32[N, 8]) {\n    return sum(x, axis=2)\n}\n",
        "net f(x: f32[N, 8]) {\n    return sum(x, axis=1)\n}\n",
    ),
    Code(
        "E0209",
        "index outside the axis",
        "An index counts from 0 up to the axis's size less one, or from -1 at the end. There may "
        "be one index for each axis.",
        "net f(x: f32[N, 8]) {\n    return x[:, 8]\n}\n",
        "net f(x: f32[N, 8]) {\n    return x[:, 7]\n}\n",
    ),
    Code(
        "E0210",
        "does not divide evenly",
        "`split`, heads and groups need an axis that their number divides.",
        "net f(x: f32[N, 8]) {\n    a, b, c = split(x, 3)\n    return a + b + c\n}\n",
        "net f(x: f32[N, 9]) {\n    a, b, c = split(x, 3)\n    return a + b + c\n}\n",
    ),
    Code(
        "E0211",
        "window larger than the image",
        "A kernel or a pooling window must fit into the image, padding included.",
        "net f(x: f32[N, 2, 2, 1]) {\n    return x -> conv2d(8, kernel=3)\n}\n",
        "net f(x: f32[N, 2, 2, 1]) {\n    return x -> conv2d(8, kernel=3, pad=same)\n}\n",
    ),
    Code(
        "E0212",
        "a tensor decides while compiling",
        "`if` and `a if c else b` are decided while compiling, over numbers, constants and "
        "dimensions. `where` chooses element by element.",
        "net f(x: f32[N, 8]) {\n    return x if x > 0 else 0\n}\n",
        "net f(x: f32[N, 8]) {\n    return where(x > 0, x, 0)\n}\n",
    ),
    Code(
        "E0213",
        "no possible size",
        "A dimension is a whole number from 1 to 2,147,483,647.",
        "net f(x: f32[N, 8]) {\n    return x -> dense(0)\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(1)\n}\n",
    ),
    Code(
        "E0214",
        "tensor too large",
        "A tensor may have 8 axes and 2 to the 40th elements.",
        "net f(x: f32[N, 2000000]) {\n    return x -> dense(2000000)\n}\n",
        "net f(x: f32[N, 2000000]) {\n    return x -> dense(2000)\n}\n",
    ),
    Code(
        "E0216",
        "a number is needed",
        "Sizes, counts and axes are numbers that are known while compiling, not tensors.",
        "net f(x: f32[N, 8]) {\n    return x -> dense(sum(x))\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(2 * 8)\n}\n",
    ),
    Code(
        "E0217",
        "the loss or a measure is not a single number",
        "`minimize` and `measure` take a scalar: average or sum over the rest.",
        "net f(x: f32[N, 8]) {\n    return x -> dense(1)\n}\n\ntrain {\n"
        "    take x: f32[N, 8] from feed\n    minimize f(x) with adam(1e-3)\n"
        "    batch 8\n    steps 10\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(1)\n}\n\ntrain {\n"
        "    take x: f32[N, 8] from feed\n    minimize mean(f(x)) with adam(1e-3)\n"
        "    batch 8\n    steps 10\n}\n",
    ),
    Code(
        "E0218",
        "as many names as values",
        "The left side of an assignment has as many names as the right side has values.",
        "net f(x: f32[N, 9]) {\n    a, b = split(x, 3)\n    return a + b\n}\n",
        "net f(x: f32[N, 9]) {\n    a, b, c = split(x, 3)\n    return a + b + c\n}\n",
    ),
    Code(
        "E0219",
        "operation that cannot take this",
        "The types fit no rule of the operation: the message has what it takes and what it got.",
        "block counted(x: [N, C]) {\n    state seen: f32[C] = zeros\n    update seen = x\n"
        "    return x + seen\n}\n\nnet f(x: f32[N, 8]) {\n    return x -> counted\n}\n",
        "block counted(x: [N, C]) {\n    state seen: f32[C] = zeros\n    update seen = x[0]\n"
        "    return x + seen\n}\n\nnet f(x: f32[N, 8]) {\n    return x -> counted\n}\n",
    ),
    Code(
        "E0220",
        "operand of another kind",
        "Arithmetic takes numbers and tensors, `and`, `or` and `not` take conditions.",
        'net f(x: f32[N, 8]) {\n    return x + "one"\n}\n',
        "net f(x: f32[N, 8]) {\n    return x + 1\n}\n",
    ),
    Code(
        "E0221",
        "shared weight of two sizes",
        "A layer that is named, and a net, have one set of weights: each call must give them the "
        "same size. Two layers have two sets.",
        "net f(x: f32[N, 8], y: f32[N, 4]) {\n    layer first = dense(2)\n"
        "    return first(x) + first(y)\n}\n",
        "net f(x: f32[N, 8], y: f32[N, 4]) {\n    layer first = dense(2)\n"
        "    layer second = dense(2)\n    return first(x) + second(y)\n}\n",
    ),
    Code(
        "E0222",
        "number without a value",
        "A computation on numbers divides by zero, leaves the real numbers, or does not fit 64 "
        "bits.",
        "net f(x: f32[N, 8]) {\n    return x * (1 // 0)\n}\n",
        "net f(x: f32[N, 8]) {\n    return x * (1 // 2)\n}\n",
    ),
    Code(
        "E0223",
        "requirement of a block not met",
        "A block says what must hold with `require(value, condition, message)`. Losses and "
        "measures require shapes that go together, where broadcasting would hide a mistake.",
        "net f(x: f32[N, 8], y: f32[N]) {\n    return mean_squared_error(x -> dense(1), y)\n}\n",
        "net f(x: f32[N, 8], y: f32[N, 1]) {\n    return mean_squared_error(x -> dense(1), y)\n}\n",
    ),
    Code(
        "E0224",
        "tensors that cannot be joined",
        "`concat` takes tensors that are equal on every other axis, `stack` takes equal shapes.",
        "net f(x: f32[N, 8], y: f32[N, 4]) {\n    return concat(x, y, axis=0)\n}\n",
        "net f(x: f32[N, 8], y: f32[N, 4]) {\n    return concat(x, y, axis=1)\n}\n",
    ),
)
