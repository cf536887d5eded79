"""E03xx: names, arguments and declarations."""

from netc.compiler.explanations.code import Code

NAMES = (
    Code(
        "E0301",
        "unknown name",
        "Nothing of this name is in sight here. A name is known from the statement that gives "
        "it, to the end of its body.",
        "net f(x: f32[N, 8]) {\n    return z\n}\n",
        "net f(x: f32[N, 8]) {\n    return x\n}\n",
    ),
    Code(
        "E0302",
        "unknown layer or function",
        "Neither the library nor the program has a block, net, layer or function of this name.",
        "net f(x: f32[N, 8]) {\n    return x -> dens(8)\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8)\n}\n",
    ),
    Code(
        "E0303",
        "unknown argument",
        "The function has no parameter of this name. `netc explain NAME` shows those that it has.",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8, biass=false)\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8, bias=false)\n}\n",
    ),
    Code(
        "E0304",
        "missing argument",
        "A parameter without a default must be given.",
        "net f(x: f32[N, 8]) {\n    return x -> dense\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8)\n}\n",
    ),
    Code(
        "E0305",
        "too many arguments",
        "More positional arguments than parameters. After `->` the value is the first argument.",
        "net f(x: f32[N, 8]) {\n    return x -> relu(x)\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> relu\n}\n",
    ),
    Code(
        "E0306",
        "argument given twice",
        "A parameter gets one value: by place or by name, not both.",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8, units=9)\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8)\n}\n",
    ),
    Code(
        "E0307",
        "name declared twice",
        "Constants, blocks, nets, parameters, layers and weights have names of their own.",
        "const width = 8\nconst width = 9\n",
        "const width = 8\nconst height = 9\n",
    ),
    Code(
        "E0308",
        "no such part",
        "A named layer has the parts that its weights have: `kernel` and `bias` of dense, "
        "`table` of embedding.",
        "net f(x: f32[N, 8]) {\n    layer first = dense(4)\n"
        "    return first(x) @ transpose(first.table)\n}\n",
        "net f(x: f32[N, 8]) {\n    layer first = dense(4)\n"
        "    return first(x) @ transpose(first.kernel)\n}\n",
    ),
    Code(
        "E0309",
        "not a function",
        "Only blocks, nets, layers and functions can be called.",
        "net f(x: f32[N, 8]) {\n    y = x + 1\n    return y(3)\n}\n",
        "net f(x: f32[N, 8]) {\n    y = x + 1\n    return y * 3\n}\n",
    ),
    Code(
        "E0310",
        "a block calls itself",
        "Blocks are unrolled while compiling, so they cannot contain themselves. `repeat` and "
        "`for` say something several times.",
        "block again(x: [N, C]) {\n    return x -> again\n}\n\n"
        "net f(x: f32[N, 8]) {\n    return x -> again\n}\n",
        "block again(x: [N, C]) {\n    repeat 3 { x = x -> dense(C) -> relu }\n    return x\n}\n\n"
        "net f(x: f32[N, 8]) {\n    return x -> again\n}\n",
    ),
    Code(
        "E0311",
        "nothing is returned",
        "The body of a block or a net ends with `return`.",
        "net f(x: f32[N, 8]) {\n    y = x -> dense(8)\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8)\n}\n",
    ),
    Code(
        "E0312",
        "statement after `return`",
        "`return` ends a body: what follows would never be computed.",
        "net f(x: f32[N, 8]) {\n    return x\n    y = x\n}\n",
        "net f(x: f32[N, 8]) {\n    y = x\n    return y\n}\n",
    ),
    Code(
        "E0313",
        "the used file cannot be found",
        "`use` names a file beside the one that it stands in.",
    ),
    Code("E0314", "files use each other in a circle", "Move what both need into a third file."),
    Code(
        "E0315",
        "value of an argument not allowed",
        "The parameter takes one of a few words, or numbers within limits.",
        "net f(x: f32[N, 8, 8, 1]) {\n    return x -> conv2d(8, 3, pad=none)\n}\n",
        "net f(x: f32[N, 8, 8, 1]) {\n    return x -> conv2d(8, 3, pad=same)\n}\n",
    ),
    Code(
        "E0316",
        "statement in the wrong place",
        "`yield` belongs to the body of a scan, `return` to a block or a net.",
        "net f(x: f32[N, 8]) {\n    yield x\n    return x\n}\n",
        "net f(x: f32[N, 8]) {\n    return x\n}\n",
    ),
    Code(
        "E0317",
        "not a state",
        "`update` gives a new value to what `state` declares; weights change by training, and "
        "other names by assignment.",
        "block scaled(x: [N, C]) {\n    weight scale: f32[C] = ones\n    update scale = scale + 1\n"
        "    return x * scale\n}\n\nnet f(x: f32[N, 8]) {\n    return x -> scaled\n}\n",
        "block scaled(x: [N, C]) {\n    state scale: f32[C] = ones\n    update scale = scale + 1\n"
        "    return x * scale\n}\n\nnet f(x: f32[N, 8]) {\n    return x -> scaled\n}\n",
    ),
    Code(
        "E0318",
        "no such constant",
        "`-D name=value` sets a `const` of the program. Those of the library cannot be set.",
    ),
    Code(
        "E0319",
        "definition of another kind",
        "`-D name=value` keeps the kind of the constant: a whole number stays a whole number.",
    ),
    Code(
        "E0320",
        "not a layer",
        "`layer name = block(arguments)` names a block and its arguments, not its result.",
        "net f(x: f32[N, 8]) {\n    layer first = relu\n    return first(x)\n}\n",
        "net f(x: f32[N, 8]) {\n    layer first = dense(8)\n    return first(x)\n}\n",
    ),
    Code(
        "E0321",
        "too many statements",
        "Loops are unrolled while compiling: a program has at most 20,000 statements then, and a "
        "list as many items.",
        "net f(x: f32[N, 8]) {\n    n = 0\n    repeat 30000 { n = n + 1 }\n    return x * n\n}\n",
        "net f(x: f32[N, 8]) {\n    n = 0\n    repeat 30 { n = n + 1 }\n    return x * n\n}\n",
    ),
    Code(
        "E0322",
        "too many operations",
        "The graph of one step has at most 100,000 operations.",
    ),
    Code(
        "E0323",
        "calls nested too deep",
        "Blocks may call each other 64 deep.",
    ),
    Code(
        "E0324",
        "scan that cannot run",
        "A scan goes along an axis of tensors of one length. What it carries is a tensor before "
        "the first step and keeps its type; every other name that a step assigns is its own. Its "
        "body ends with `yield` and has no other scan: `for` unrolls an inner one.",
        "net f(x: f32[N, 5, 8]) {\n    total = 0\n    sums = scan row in x along 1 carry total {\n"
        "        total = total + row\n        yield total\n    }\n    return sums\n}\n",
        "net f(x: f32[N, 5, 8]) {\n    total = zeros(N, 8)\n"
        "    sums = scan row in x along 1 carry total {\n        total = total + row\n"
        "        yield total\n    }\n    return sums\n}\n",
    ),
    Code(
        "E0325",
        "unknown element type",
        "Tensors are made of f32, f16, bf16, i32, u8 or bool.",
        "net f(x: float[N, 8]) {\n    return x\n}\n",
        "net f(x: f32[N, 8]) {\n    return x\n}\n",
    ),
    Code(
        "E0340",
        "name that nothing uses",
        "A warning: a layer, a weight or a variable is given a name, and nothing reads it. Often "
        "it was meant to be part of the result. A name that starts with `_` is not told of.",
        "net f(x: f32[N, 8]) {\n    y = x -> relu\n    return x -> dense(8)\n}\n",
        "net f(x: f32[N, 8]) {\n    y = x -> relu\n    return y -> dense(8)\n}\n",
    ),
)
