"""E01xx: the text is not a program, or exceeds a limit."""

from netc.compiler.explanations.code import Code

SYNTAX = (
    Code(
        "E0101",
        "unexpected word",
        "The program breaks off: another word should have come here. Line ends mean nothing, so "
        "the fault may also lie at the end of the line before.",
        "net f(x: f32[N, 8]) {\n    return x -> dense( + 3)\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(3)\n}\n",
    ),
    Code(
        "E0102",
        "bracket never closed",
        "A `(`, `[` or `{` has no partner, or the wrong one.",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8 -> relu\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(8) -> relu\n}\n",
    ),
    Code(
        "E0103",
        "closing bracket without an opening one",
        "A `)`, `]` or `}` closes nothing: an opening bracket is missing, or this one is too many.",
        "net f(x: f32[N, 8]) {\n    return x\n}\n}\n",
        "net f(x: f32[N, 8]) {\n    return x\n}\n",
    ),
    Code(
        "E0104",
        "faulty string",
        'A string ends on its line, with a `"`. It knows the escapes `\\\\`, `\\"`, `\\n` and '
        "`\\t`. Paths are written with `/` on every system.",
        'use "blocks.net\n',
        'use "blocks.net"\n',
    ),
    Code(
        "E0105",
        "character without a meaning",
        "The language does not use this character outside of strings and comments.",
        "net f(x: f32[N, 8]) {\n    y = x;\n    return y\n}\n",
        "net f(x: f32[N, 8]) {\n    y = x\n    return y\n}\n",
    ),
    Code(
        "E0106",
        "`=` and `==` exchanged",
        "`=` gives a value a name, `==` compares two values.",
        "net f(x: f32[N, C]) {\n    y = x\n    if C = 8 { y = y -> relu }\n    return y\n}\n",
        "net f(x: f32[N, C]) {\n    y = x\n    if C == 8 { y = y -> relu }\n    return y\n}\n",
    ),
    Code(
        "E0107",
        "malformed number",
        "Numbers look like `3`, `0.25` and `1e-3`: digits on both sides of the point, and no "
        "letters behind. Names start with a letter.",
        "const rate = .5\n",
        "const rate = 0.5\n",
    ),
    Code(
        "E0108",
        "comparisons do not chain",
        "A comparison takes two values. Two comparisons are joined by `and`.",
        "const width = 4\nconst fits = 1 < width < 8\n",
        "const width = 4\nconst fits = 1 < width and width < 8\n",
    ),
    Code(
        "E0109",
        "positional argument after a named one",
        "Arguments without a name go by their place, so they come first.",
        "net f(x: f32[N, 8, 8, 3]) {\n    return x -> conv2d(kernel=3, 32)\n}\n",
        "net f(x: f32[N, 8, 8, 3]) {\n    return x -> conv2d(32, kernel=3)\n}\n",
    ),
    Code(
        "E0110",
        "file too large",
        "A program may have 1 MB of text. Larger ones are split into files that `use` each other.",
    ),
    Code(
        "E0111",
        "nested too deeply",
        "At most 64 brackets may stand inside each other, and at most 200 operations may depend "
        "on each other in one expression. Give parts of it a name first.",
        f"const a = {'(' * 65}1{')' * 65}\n",
        "const a = (1)\n",
    ),
    Code(
        "E0112",
        "too many statements",
        "A file may have 20,000 statements. `repeat`, `for` and blocks say the same in fewer.",
    ),
    Code(
        "E0113",
        "name too long",
        "A name may have 63 characters.",
        f"const {'long_' * 13}name = 1\n",
        "const long_name = 1\n",
    ),
    Code(
        "E0114",
        "letter outside ASCII in a name",
        "Names consist of a to z, A to Z, digits and `_`: they also name kernels and files. "
        "Strings and comments may hold any letter.",
        "const größe = 3\n",
        "const size = 3  # die Größe\n",
    ),
    Code(
        "E0115",
        "hidden character",
        "The source holds a character that cannot be seen: a control character, one of no width, "
        "or one that changes the direction of reading. It could make a program look like another.",
        "const a\u200b = 3\n",
        "const a = 3\n",
    ),
    Code("E0116", "not UTF-8", "A program is a text file in UTF-8. Save it in that encoding."),
    Code(
        "E0117",
        "number too long",
        "A number may have 400 digits.",
        f"const a = {'9' * 401}\n",
        "const a = 1e30\n",
    ),
    Code(
        "E0118",
        "number too large",
        "The number is larger than any floating-point number, about 1.8e308.",
        "const a = 1e400\n",
        "const a = 1e30\n",
    ),
    Code(
        "E0119",
        "statement in the wrong body",
        "`take`, `minimize`, `measure` and settings belong in a `train` block; layers, weights, "
        "loops and `return` in a block or a net.",
        "net f(x: f32[N, 8]) {\n    minimize x with adam(1e-3)\n    return x\n}\n",
        "net f(x: f32[N, 8]) {\n    return x -> dense(1)\n}\n\ntrain {\n"
        "    take x: f32[N, 8] from feed\n    minimize mean(f(x)) with adam(1e-3)\n"
        "    batch 8\n    steps 10\n}\n",
    ),
    Code(
        "E0120",
        "reserved word as a name",
        "`return repeat for in if else yield scan and or not true false` are words of the "
        "language everywhere.",
        "net f(in: f32[N, 8]) {\n    return 1\n}\n",
        "net f(input: f32[N, 8]) {\n    return input\n}\n",
    ),
    Code("E0121", "file cannot be read", "There is no such file, or reading it is not permitted."),
)
