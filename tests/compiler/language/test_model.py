"""What a program says about itself: weights and their names, data, settings, origins, modules."""

from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError, Source
from netc.compiler.ir.graph import Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.verify import verify
from netc.compiler.language.data import FieldSpec
from netc.compiler.language.library import prelude_text
from netc.compiler.language.model import load_model
from netc.compiler.ops.table import OPS
from netc.compiler.schedules import Rate
from netc.compiler.syntax.format import format_program

PROGRAMS = Path(__file__).parents[2] / "programs"


def names(model):
    return [weight.name for weight in model.weights]


def test_mnist_says_what_it_is():
    model = load_model(PROGRAMS / "mnist.net")
    assert names(model) == [
        f"classifier.{layer}.{part}"
        for layer in ("conv2d_1", "dense_1", "dense_2")
        for part in ("kernel", "bias")
    ]
    kernel = model.weights[0]
    assert (kernel.type, kernel.line, kernel.trained) == (TensorType("f32", (3, 3, 1, 32)), 4, True)
    assert kernel.initializer.kind == "glorot_uniform"
    assert (kernel.initializer.fan_in, kernel.initializer.fan_out) == (9, 288)
    assert model.data.source == "mnist" and model.data.arguments == (("path", "data/mnist"),)
    assert model.data.fields == (
        FieldSpec("image", TensorType("u8", (128, 28, 28, 1))),
        FieldSpec("label", TensorType("i32", (128,))),
    )
    assert (model.settings.batch, model.settings.epochs, model.settings.validate) == (128, 5, 0.2)
    assert (model.name, model.train_name) == ("mnist", None)


def test_a_step_has_what_it_needs_and_nothing_else():
    model = load_model(PROGRAMS / "mnist.net")
    step = model.trace_step(16)
    verify(step.graph, OPS)
    roles = [entry.role for entry in step.graph.inputs]
    assert roles == [Role.FIELD] * 2 + [Role.WEIGHT] * 6
    assert [output.name for output in step.graph.outputs] == ["loss", "accuracy"]
    (objective,) = step.objectives
    assert objective.loss == step.graph.outputs[0].value
    assert (objective.optimizer, objective.rate) == ("adam", Rate("constant", (("rate", 0.001),)))
    assert [weight.name for weight in objective.weights] == names(model)


def test_every_node_knows_its_line_and_path():
    step = load_model(PROGRAMS / "mnist.net").trace_step(2)
    places = {(node.origin.line, node.origin.path) for node in step.graph.nodes}
    assert {(3, "classifier"), (4, "classifier.conv2d_1"), (4, "classifier.max_pool_1")} <= places
    assert (12, "train.cross_entropy_1.log_softmax_1") in places
    assert {line for line, _ in places} <= {3, 4, 5, 6, 12, 13}


def test_nodes_of_a_used_file_have_the_line_of_the_call(tmp_path):
    (tmp_path / "blocks.net").write_text("\n\n\nblock twice(x: [N, C]) {\n    return x * 2\n}\n")
    main = tmp_path / "main.net"
    main.write_text('use "blocks.net"\nnet f(x: f32[N, 2]) {\n    return x -> twice\n}\n')
    graph = load_model(main).trace_net("f")
    assert {node.origin.line for node in graph.nodes} == {3}
    assert {node.origin.path for node in graph.nodes} == {"f.twice_1"}


def test_a_named_layer_shares_its_weights_and_a_call_makes_its_own(load):
    model = load("""
    block pair(x: [N, C]) { layer a = dense(C)  return x -> a -> a -> dense(C) -> dense(C) }
    net f(x: f32[N, 3]) {
        repeat 2 { x = x -> pair }
        return x
    }
    """)
    kernels = [name for name in names(model) if name.endswith("kernel")]
    assert kernels == [
        f"f.pair_{i}.{layer}.kernel" for i in (1, 2) for layer in ("a", "dense_1", "dense_2")
    ]


def test_a_net_called_twice_has_one_set_of_weights():
    model = load_model(PROGRAMS / "gan.net")
    assert len(names(model)) == 8
    first, second = model.trace_step(4).objectives
    assert {weight.name.split(".")[0] for weight in first.weights} == {"discriminator"}
    assert {weight.name.split(".")[0] for weight in second.weights} == {"generator"}
    outputs = [output.name for output in model.trace_step(4).graph.outputs]
    assert outputs == ["loss", "loss_1", "loss_2"]


def test_parts_of_layers_and_weights_are_values(load, run_net):
    text = """
    net f(x: f32[N, 3]) {
        layer a = dense(4, bias=false)
        weight shift: f32[3] = normal(0.02)
        return a(x) @ transpose(a.kernel) + shift
    }
    """
    x = np.ones((2, 3))
    run = run_net(text, x=x)
    kernel = run.weights["a.kernel"]
    np.testing.assert_allclose(run.output, x @ kernel @ kernel.T + run.weights["shift"])
    shift = load(text).weights[0]
    assert shift.initializer.parameters == (("deviation", 0.02), ("mean", 0.0))


@pytest.mark.parametrize(
    ("start", "kind", "parameters"),
    [
        ("zeros", "zeros", ()),
        ("ones", "ones", ()),
        ("0.5", "constant", (("value", 0.5),)),
        ("constant(2)", "constant", (("value", 2.0),)),
        ("uniform(-1, 1)", "uniform", (("low", -1.0), ("high", 1.0))),
        ("he_normal", "he_normal", ()),
        ("orthogonal", "orthogonal", (("gain", 1.0),)),
        ("truncated_normal(mean=1)", "truncated_normal", (("deviation", 0.05), ("mean", 1.0))),
    ],
)
def test_a_weight_starts_as_its_initialiser_says(load, start, kind, parameters):
    model = load(f"net f(x: f32[N, 3]) {{ weight w: f32[3, 4] = {start}  return x @ w }}")
    initializer = model.weights[0].initializer
    assert (initializer.kind, initializer.parameters) == (kind, parameters)
    assert (initializer.fan_in, initializer.fan_out) == (3, 4)


def test_constants_are_overridden(load):
    text = """
    const width = 4
    const half = width // 2
    net f(x: f32[N, 3]) { return x -> dense(half) }
    """
    assert load(text).weights[0].type.shape == (3, 2)
    assert load(text, defines={"width": 10}).weights[0].type.shape == (3, 5)


@pytest.mark.parametrize(
    ("defines", "code"),
    [({"widht": 4}, "E0318"), ({"width": 4.5}, "E0319"), ({"width": True}, "E0319")],
)
def test_wrong_definitions_are_refused(faults, defines, code):
    text = "const width = 4\nnet f(x: f32[N, 3]) { return x -> dense(width) }"
    assert [one.code for one in faults(text, defines=defines)] == [code]


def test_files_that_use_each_other_are_refused(tmp_path):
    (tmp_path / "a.net").write_text('use "b.net"\n')
    (tmp_path / "b.net").write_text('use "a.net"\n')
    with pytest.raises(NetError) as caught:
        load_model(tmp_path / "a.net")
    (found,) = caught.value.diagnostics
    assert found.code == "E0314" and found.notes == ("a.net -> b.net -> a.net",)


@pytest.mark.parametrize("path", ["missing.net", "/etc/passwd", "blocks.txt"])
def test_files_that_cannot_be_used_are_refused(tmp_path, path):
    (tmp_path / "a.net").write_text(f'use "{path}"\n')
    with pytest.raises(NetError) as caught:
        load_model(tmp_path / "a.net")
    assert [one.code for one in caught.value.diagnostics] == ["E0313"]


def test_sizes_of_a_net_come_from_the_train_block_or_the_caller(load):
    text = """
    net f(x: f32[N, T]) { return x -> dense(T) }
    train {
        take x: f32[N, 6] from feed
        minimize mean(f(x)) with sgd(0.1)
        batch 4
    }
    """
    graph = load(text).trace_net("f", batch=3)
    assert graph.outputs[0].value.type.shape == (3, 6)
    free = load("net f(x: f32[N, 2]) { return x }\nnet g(x: f32[N, 2, 2]) { return x }")
    assert free.trace_net("g", batch=5).inputs[0].value.type.shape == (5, 2, 2)


def test_settings_may_stand_on_one_line_and_schedules_know_the_total(load):
    model = load("""
    net f(x: f32[N, 2]) { return x -> dense(1) }
    train {
        take x: f32[N, 2] from feed
        minimize mean(f(x)) with adamw(lr=cosine(3e-4, warmup=100, steps=total), decay=0.1)
        batch 8 steps 50 seed 3 clip 1.0 stop patience=2
    }
    """)
    settings = model.settings
    assert (settings.batch, settings.steps, settings.epochs, settings.seed) == (8, 50, None, 3)
    assert (settings.clip, settings.stop_patience) == (1.0, 2)
    (objective,) = model.trace_step().objectives
    assert objective.parameters == (("decay", 0.1),)
    assert objective.rate == Rate("cosine", (("peak", 3e-4), ("warmup", 100), ("steps", "total")))


def test_one_of_several_train_blocks_is_chosen():
    with pytest.raises(NetError) as caught:
        load_model(PROGRAMS / "recommend.net")
    assert caught.value.diagnostics[0].code == "E0402"
    with pytest.raises(NetError) as caught:
        load_model(PROGRAMS / "recommend.net", train="fast")
    assert caught.value.diagnostics[0].code == "E0401"


def test_every_program_loads_or_names_what_is_not_supported_yet(programs):
    loaded = []
    for path in programs:
        for train in ("factors", "deep") if path.stem == "recommend" else (None,):
            try:
                model = load_model(path, train=train)
            except NetError as error:
                assert {one.code for one in error.diagnostics} == {"E0901"}
                continue
            loaded.append(path.stem)
            if model.train is not None:
                verify(model.trace_step(4).graph, OPS)
                verify(model.trace_evaluation(4), OPS)
    expected = {"mnist", "feed", "gan", "blocks", "gpt", "bert", "unet", "lstm", "seq2seq"}
    assert expected <= set(loaded)


def test_resnet_traces_on_canvases():
    text = (PROGRAMS / "resnet.net").read_text()
    text = text.replace(
        'cifar10("data/cifar10") -> shuffle -> random_crop(pad=4) -> random_flip',
        "shapes_on_canvas(100, size=32, channels=3)",
    ).replace("precision bf16", "precision f32")
    from_text = load_model(Source("test.net", text))
    step = from_text.trace_step(4)
    verify(step.graph, OPS)
    trained = sum(weight.type.count for weight in from_text.weights if weight.trained)
    assert trained == 11_173_962  # ResNet-18 for 32x32 images and 10 classes
    assert len(step.graph.updates) == 40


def test_the_prelude_is_well_formatted_and_explained():
    folder = Path(load_model.__code__.co_filename).parents[1] / "prelude"
    files = sorted(folder.glob("*.net"))
    assert len(files) >= 6
    for file in files:
        text = file.read_text()
        assert format_program(Source("prelude.net", text)) == text
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("block"):
                assert lines[number - 1].startswith("#"), line


def test_a_weight_of_the_size_of_the_batch_is_refused(faults):
    text = """
    net f(x: f32[N, 8]) { return transpose(x) -> dense(3) }
    train {
        take x: f32[N, 8] from feed
        minimize mean(f(x)) with sgd(0.1)
    }
    """
    (found,) = faults(text)
    assert found.code == "E0221" and "f32[N, 3]" in found.message


def test_loops_carry_names_and_lists_grow(run_net):
    text = """
    net f(x: f32[N, 2]) {
        parts = [x]
        total = 0
        for i in 1..4 {
            parts = parts + [x * i]
            total = total + i
        }
        repeat total - 5 { x = x + 1 }
        if total == 6 and training { x = x * 100 } else { x = x + 10 }
        return concat(parts[2:]), x
    }
    """
    x = np.array([[1.0, 2.0]])
    outputs = run_net(text, x=x).outputs
    np.testing.assert_array_equal(outputs["output_1"], [[2, 4, 3, 6]])
    np.testing.assert_array_equal(outputs["output_2"], [[12, 13]])


def test_a_state_of_a_users_block_is_updated_while_training(load, run_step):
    text = """
    block counted(x: [N, C]) {
        weight scale: f32[C] = ones
        state seen: f32[C] = zeros
        update seen = seen + sum(x, axis=0)
        return x * scale
    }
    net f(x: f32[N, 2]) { return x -> counted }
    train {
        take x: f32[N, 2] from feed
        minimize mean(f(x)) with sgd(0.1)
    }
    """
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    run = run_step(load(text), x=x)
    expected = run.weights["f.counted_1.seen"] + [4, 6]
    np.testing.assert_allclose(run.outputs["f.counted_1.seen"], expected)
    assert set(run_step(load(text), training=False, x=x).outputs) == {"loss"}


def test_a_block_of_the_prelude_is_shown_with_its_comment():
    lines = prelude_text("dense").splitlines()
    assert lines[0].startswith("# dense: every row")
    assert lines[1].startswith("block dense(x: [N, ..., C], units") and lines[-1] == "}"
    assert prelude_text("nothing") is None
