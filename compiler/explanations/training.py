"""E04xx: the train block and the data that it declares."""

from netc.compiler.explanations.code import Code

NET = "net f(x: f32[N, 8]) {\n    return x -> dense(1)\n}\n\n"


def program(*statements: str) -> str:
    lines = "".join(f"    {statement}\n" for statement in statements)
    return f"{NET}train {{\n{lines}}}\n"


TAKE = "take x: f32[N, 8], y: f32[N, 1] from feed"
MINIMIZE = "minimize mean_squared_error(f(x), y) with adam(lr=1e-3)"

TRAINING = (
    Code(
        "E0401",
        "nothing says how to train",
        "`netc train` needs a `train` block; `netc check` and `netc run` do not.",
    ),
    Code(
        "E0402",
        "several train blocks",
        "Train blocks of one file have different names, and the command says which is meant.",
        f"{program(TAKE, MINIMIZE, 'batch 8', 'steps 10')}\n"
        f"train {{\n    {TAKE}\n    {MINIMIZE}\n    batch 8\n    steps 10\n}}\n",
        f"{program(TAKE, MINIMIZE, 'batch 8', 'steps 10')}\n"
        f"train slowly {{\n    {TAKE}\n    {MINIMIZE}\n    batch 8\n    steps 10\n}}\n",
    ),
    Code(
        "E0403",
        "nothing to minimize, or to train on",
        "A train block says what it takes, and at least once what to `minimize` and with which "
        "optimizer.",
        program(TAKE, "measure mean(f(x) - y)", "batch 8", "steps 10"),
        program(TAKE, MINIMIZE, "measure mean(f(x) - y)", "batch 8", "steps 10"),
    ),
    Code(
        "E0404",
        "unknown setting",
        "The settings are batch, epochs, steps, validate, seed, precision, winograd, clip, "
        "accumulate, average and stop.",
        program(TAKE, MINIMIZE, "bach 8", "steps 10"),
        program(TAKE, MINIMIZE, "batch 8", "steps 10"),
    ),
    Code(
        "E0405",
        "setting given twice",
        "Each setting has one value.",
        program(TAKE, MINIMIZE, "batch 8", "batch 16", "steps 10"),
        program(TAKE, MINIMIZE, "batch 16", "steps 10"),
    ),
    Code(
        "E0406",
        "value of a setting not allowed",
        "`batch`, `epochs`, `steps` and `accumulate` are whole numbers from 1; `validate` is a "
        "share below 100%; `precision` is f32, tf32, bf16 or f16: what products round their "
        "operands to, while weights and all else stay f32.",
        program(TAKE, MINIMIZE, "batch 0", "steps 10"),
        program(TAKE, MINIMIZE, "batch 8", "steps 10"),
    ),
    Code(
        "E0407",
        "not an optimizer",
        "After `with` stands an optimizer with its rate.",
        program(TAKE, "minimize mean_squared_error(f(x), y) with relu(1)", "batch 8", "steps 10"),
        program(TAKE, MINIMIZE, "batch 8", "steps 10"),
    ),
    Code(
        "E0408",
        "`over` names no net of this loss",
        "`over` lists nets that the loss depends on: only their weights change.",
        program(TAKE, MINIMIZE.replace("with", "over g with"), "batch 8", "steps 10"),
        program(TAKE, MINIMIZE.replace("with", "over f with"), "batch 8", "steps 10"),
    ),
    Code(
        "E0409",
        "how long to train",
        "A train block has either `epochs` or `steps`.",
        program(TAKE, MINIMIZE, "batch 8", "steps 10", "epochs 2"),
        program(TAKE, MINIMIZE, "batch 8", "steps 10"),
    ),
    Code(
        "E0410",
        "unknown source of data",
        "`take ... from` names a data set or a reader of the library, or `feed`.",
        program(TAKE.replace("feed", "feeed"), MINIMIZE, "batch 8", "steps 10"),
        program(TAKE, MINIMIZE, "batch 8", "steps 10"),
    ),
    Code(
        "E0411",
        "fields and data do not fit",
        "`take` names the fields of a data set in its order; `_` stands for one not needed.",
    ),
    Code(
        "E0412",
        "field without a type",
        "What the caller feeds has no file to read shapes from: say the type.",
        program("take x, y: f32[N, 1] from feed", MINIMIZE, "batch 8", "steps 10"),
        program(TAKE, MINIMIZE, "batch 8", "steps 10"),
    ),
    Code(
        "E0413",
        "the loss reaches no weights",
        "No weight changes this loss: it does not depend on a net, or only through "
        "`stop_gradient`.",
        program(TAKE, "minimize mean(y) with adam(lr=1e-3)", "batch 8", "steps 10"),
        program(TAKE, MINIMIZE, "batch 8", "steps 10"),
    ),
    Code(
        "E0414",
        "two measures of one name",
        "Measures are reported by name: give one of them another, `measure name = ...`.",
        program(TAKE, MINIMIZE, "measure m = mean(y)", "measure m = sum(y)", "batch 8", "steps 10"),
        program(TAKE, MINIMIZE, "measure m = mean(y)", "measure s = sum(y)", "batch 8", "steps 10"),
    ),
    Code(
        "E0415",
        "measure without a name",
        "A measure that is a call has the name of its function, any other says its own.",
        program(TAKE, MINIMIZE, "measure 2 * mean(y)", "batch 8", "steps 10"),
        program(TAKE, MINIMIZE, "measure double = 2 * mean(y)", "batch 8", "steps 10"),
    ),
    Code(
        "E0417",
        "size that nothing decides",
        "The dimensions of a net come from the batch, from the train block that calls it, or from "
        "whoever runs it.",
        "net f(x: f32[N, T]) {\n    return mean(x)\n}\n",
        "net f(x: f32[N, 8]) {\n    return mean(x)\n}\n",
    ),
    Code(
        "E0418",
        "two sources of data",
        "A train block takes from one data set.",
        program(TAKE, TAKE, MINIMIZE, "batch 8", "steps 10"),
        program(TAKE, MINIMIZE, "batch 8", "steps 10"),
    ),
)
