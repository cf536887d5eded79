"""The layers of the prelude against formulas written out in NumPy."""

from math import ceil, erf, sqrt

import numpy as np
import pytest

RANDOM = np.random.default_rng(1)


def convolution(image, kernel, stride, pad, dilation=1):
    """Every output element by its own sum; pad is ((top, bottom), (left, right))."""
    image = np.pad(image, ((0, 0), *pad, (0, 0)))
    high, wide = kernel.shape[:2]
    down = (image.shape[1] - (high - 1) * dilation - 1) // stride[0] + 1
    across = (image.shape[2] - (wide - 1) * dilation - 1) // stride[1] + 1
    output = np.zeros((image.shape[0], down, across, kernel.shape[3]))
    for y, x, i, j in np.ndindex(down, across, high, wide):
        pixel = image[:, y * stride[0] + i * dilation, x * stride[1] + j * dilation]
        output[:, y, x] += pixel @ kernel[i, j]
    return output


def same(size, window, stride):
    total = max((ceil(size / stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def test_dense_multiplies_rows_and_adds_a_bias(run_net):
    x = RANDOM.normal(size=(3, 4, 5))
    run = run_net("net f(x: f32[N, 4, 5]) { return x -> dense(2) }", x=x)
    expected = np.einsum("ntc,cu->ntu", x, run.weights["dense_1.kernel"])
    np.testing.assert_allclose(run.output, expected + run.weights["dense_1.bias"])


def test_dense_without_a_bias_has_none(run_net):
    run = run_net("net f(x: f32[N, 3]) { return x -> dense(2, bias=false) }", x=np.ones((2, 3)))
    assert set(run.weights) == {"dense_1.kernel"}


@pytest.mark.parametrize(
    ("call", "stride", "pad", "dilation"),
    [
        ("conv2d(3)", (1, 1), ((0, 0), (0, 0)), 1),
        ("conv2d(3, kernel=(3, 3), stride=2)", (2, 2), ((0, 0), (0, 0)), 1),
        ("conv2d(3, pad=same)", (1, 1), (same(7, 3, 1), same(8, 3, 1)), 1),
        ("conv2d(3, 3, 2, same)", (2, 2), (same(7, 3, 2), same(8, 3, 2)), 1),
        ("conv2d(3, stride=(3, 1), pad=(2, 1))", (3, 1), ((2, 2), (1, 1)), 1),
        ("conv2d(3, pad=2, dilation=2)", (1, 1), ((2, 2), (2, 2)), 2),
    ],
)
def test_conv2d_sums_over_its_windows(run_net, call, stride, pad, dilation):
    image = RANDOM.normal(size=(2, 7, 8, 2))
    run = run_net(f"net f(x: f32[N, 7, 8, 2]) {{ return x -> {call} }}", x=image)
    kernel, bias = run.weights["conv2d_1.kernel"], run.weights["conv2d_1.bias"]
    np.testing.assert_allclose(run.output, convolution(image, kernel, stride, pad, dilation) + bias)


@pytest.mark.parametrize("size", [5, 6, 7, 8])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_gives_the_ceiling_of_size_over_stride(load, size, stride):
    text = f"net f(x: f32[N, {size}, {size}, 1]) {{ return x -> conv2d(1, 3, {stride}, same) }}"
    graph = load(text).trace_net("f", 1)
    assert graph.outputs[0].value.type.shape[1:3] == (ceil(size / stride),) * 2


@pytest.mark.parametrize(
    ("call", "window", "stride", "pad"),
    [("(2)", 2, 2, 0), ("(3, stride=2)", 3, 2, 0), ("(3, 1, pad=1)", 3, 1, 1)],
)
def test_pooling_folds_each_window(run_net, call, window, stride, pad):
    image = RANDOM.normal(size=(2, 6, 7, 3))
    around = ((0, 0), (pad, pad), (pad, pad), (0, 0))
    for name, fold, fill in (("max", np.max, -np.inf), ("avg", np.mean, 0.0)):
        padded = np.pad(image, around, constant_values=fill)
        places = [
            [
                fold(padded[:, y : y + window, x : x + window], axis=(1, 2))
                for x in range(0, padded.shape[2] - window + 1, stride)
            ]
            for y in range(0, padded.shape[1] - window + 1, stride)
        ]
        expected = np.transpose(np.array(places), (2, 0, 1, 3))
        text = f"net f(x: f32[N, 6, 7, 3]) {{ return x -> {name}_pool{call} }}"
        np.testing.assert_allclose(run_net(text, x=image).output, expected)


def test_global_pools_fold_the_image(run_net):
    image = RANDOM.normal(size=(2, 3, 4, 5))
    text = "net f(x: f32[N, 3, 4, 5]) { return x -> global_avg_pool, x -> global_max_pool }"
    outputs = run_net(text, x=image).outputs
    np.testing.assert_allclose(outputs["output_1"], image.mean(axis=(1, 2)))
    np.testing.assert_allclose(outputs["output_2"], image.max(axis=(1, 2)))


def test_flatten_keeps_the_batch(run_net):
    image = RANDOM.normal(size=(2, 3, 4))
    output = run_net("net f(x: f32[N, 3, 4]) { return x -> flatten }", x=image).output
    np.testing.assert_array_equal(output, image.reshape(2, 12))


def normal(x, axis, eps=1e-5):
    return (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(x.var(axis=axis, keepdims=True) + eps)


def test_layer_norm_is_over_the_last_axis(run_net):
    x = RANDOM.normal(size=(2, 3, 6)) * 3 + 1
    run = run_net("net f(x: f32[N, 3, 6]) { return x -> layer_norm }", x=x)
    scale, bias = run.weights["layer_norm_1.scale"], run.weights["layer_norm_1.bias"]
    np.testing.assert_allclose(run.output, normal(x, -1) * scale + bias)


def test_group_norm_is_over_groups_of_channels(run_net):
    x = RANDOM.normal(size=(2, 3, 4, 6))
    run = run_net("net f(x: f32[N, 3, 4, 6]) { return x -> group_norm(2) }", x=x)
    parts = [normal(x[..., :3], (1, 2, 3)), normal(x[..., 3:], (1, 2, 3))]
    scale, bias = run.weights["group_norm_1.scale"], run.weights["group_norm_1.bias"]
    np.testing.assert_allclose(run.output, np.concatenate(parts, -1) * scale + bias)


def test_rms_norm_divides_by_the_root_of_the_mean_square(run_net):
    x = RANDOM.normal(size=(2, 6))
    run = run_net("net f(x: f32[N, 6]) { return x -> rms_norm }", x=x)
    size = np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(run.output, x / size * run.weights["rms_norm_1.scale"])


BATCH_NORM = """
net f(x: f32[N, 5, 4]) { return x -> batch_norm }
train {
    take x: f32[N, 5, 4] from feed
    minimize mean(f(x) * f(x) * x) with sgd(0.1)
    batch 3
}
"""


def test_batch_norm_trains_on_the_batch_and_keeps_averages(load, run_step):
    x = RANDOM.normal(size=(3, 5, 4)) * 2 + 1
    run = run_step(load(BATCH_NORM.replace("f(x) * f(x)", "f(x)")), x=x)
    w = {name.removeprefix("f.batch_norm_1."): value for name, value in run.weights.items()}
    y = normal(x, (0, 1)) * w["scale"] + w["bias"]
    np.testing.assert_allclose(run.outputs["loss"], (y * x).mean())
    mean = 0.9 * w["mean"] + 0.1 * x.mean(axis=(0, 1))
    variance = 0.9 * w["variance"] + 0.1 * x.var(axis=(0, 1), ddof=1)
    np.testing.assert_allclose(run.outputs["f.batch_norm_1.mean"], mean)
    np.testing.assert_allclose(run.outputs["f.batch_norm_1.variance"], variance)


def test_batch_norm_twice_in_a_step_moves_its_averages_twice(load, run_step):
    x = RANDOM.normal(size=(3, 5, 4))
    run = run_step(load(BATCH_NORM), x=x)
    before, now = run.weights["f.batch_norm_1.mean"], x.mean(axis=(0, 1))
    twice = 0.9 * (0.9 * before + 0.1 * now) + 0.1 * now
    np.testing.assert_allclose(run.outputs["f.batch_norm_1.mean"], twice)


def test_batch_norm_evaluates_with_its_averages(run_net, load):
    x = RANDOM.normal(size=(3, 5, 4))
    run = run_net("net f(x: f32[N, 5, 4]) { return x -> batch_norm }", x=x)
    w = {name.removeprefix("batch_norm_1."): value for name, value in run.weights.items()}
    expected = (x - w["mean"]) / np.sqrt(w["variance"] + 1e-5) * w["scale"] + w["bias"]
    np.testing.assert_allclose(run.output, expected)
    trained = {weight.name: weight.trained for weight in load(BATCH_NORM).weights}
    assert trained["f.batch_norm_1.scale"] and not trained["f.batch_norm_1.variance"]


def test_dropout_drops_its_rate_and_scales_the_rest(load, run_step):
    text = """
    net f(x: f32[N, 1000]) { weight w: f32[1000] = ones  return (x * w) -> dropout(0.3) }
    train {
        take x: f32[N, 1000] from feed
        y = f(x)
        minimize mean(y) with sgd(0.1)
        measure kept = mean(y > 0)
        measure greatest = max(y)
        batch 8
    }
    """
    x = np.ones((8, 1000))
    model = load(text.replace("= ones  return (x * w)", "= ones  return (x * w * 0 + x)"))
    outputs = run_step(model, x=x).outputs
    assert abs(outputs["kept"] - 0.7) < 0.02
    np.testing.assert_allclose(outputs["greatest"], 1 / 0.7)
    outputs = run_step(model, training=False, x=x).outputs
    assert outputs["kept"] == outputs["greatest"] == 1


def test_two_dropouts_of_a_step_differ(load, run_step):
    text = """
    net f(x: f32[N, 400]) { weight w: f32[1] = ones  return x * w }
    train {
        take x: f32[N, 400] from feed
        y = f(x)
        minimize mean(y) with sgd(0.1)
        measure both = mean(dropout(x, 0.5) * dropout(x, 0.5))
        batch 20
    }
    """
    outputs = run_step(load(text), x=np.ones((20, 400))).outputs
    assert abs(outputs["both"] - 1) < 0.1  # a quarter of 4; one mask alone would give 2


FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu(0.2)": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(erf)(x / sqrt(2))),
    "gelu(approximate=tanh)": lambda x: (
        0.5 * x * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    ),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
    "softmax(axis=0)": lambda x: np.exp(x) / np.exp(x).sum(axis=0, keepdims=True),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(axis=-1, keepdims=True)),
    "clamp(-1, 1)": lambda x: np.clip(x, -1, 1),
    "sum(axis=(0, -1))": lambda x: x.sum(axis=(0, 2)),
    "mean(axis=1, keep=true)": lambda x: x.mean(axis=1, keepdims=True),
    "var(axis=-1)": lambda x: x.var(axis=-1),
    "max(axis=(1, 2))": lambda x: x.max(axis=(1, 2)),
    "min": lambda x: x.min(),
    "prod(axis=1)": lambda x: x.prod(axis=1),
    "argmax(axis=-1)": lambda x: x.argmax(axis=-1),
    "transpose": lambda x: np.swapaxes(x, 1, 2),
    "transpose((2, 0, 1))": lambda x: np.transpose(x, (2, 0, 1)),
    "reshape(-1, 4)": lambda x: x.reshape(-1, 4),
    "pad(((0, 0), (1, 2), (0, 3)), value=5)": lambda x: np.pad(
        x, ((0, 0), (1, 2), (0, 3)), constant_values=5
    ),
    "slice(1, -1, axis=1)": lambda x: x[:, 1:-1],
}


@pytest.mark.parametrize("call", FORMULAS)
def test_a_function_is_its_formula(run_net, call):
    x = RANDOM.normal(size=(2, 3, 4)) * 2
    output = run_net(f"net f(x: f32[N, 3, 4]) {{ return x -> {call} }}", x=x).output
    np.testing.assert_allclose(output, FORMULAS[call](x), rtol=1e-12, atol=1e-12)


EXPRESSIONS = {
    "x / 2 + 1": lambda x, k: x / 2 + 1,
    "-x ** 2": lambda x, k: -(x**2),
    "2 ** x": lambda x, k: 2**x,
    "x // 1": lambda x, k: x // 1,
    "k / 2": lambda x, k: k / 2,
    "k // 2": lambda x, k: k // 2,
    "k % 3": lambda x, k: k % 3,
    "x * k[:, None]": lambda x, k: x * k[:, None],
    "where(x > 0 and x < 1, x, 0)": lambda x, k: np.where((x > 0) & (x < 1), x, 0),
    "where(not (x > 0) or x > 1, 1, 0)": lambda x, k: np.where(~(x > 0) | (x > 1), 1, 0),
    "sum(k == 1)": lambda x, k: (k == 1).sum(),
    "mean(k > 1)": lambda x, k: (k > 1).mean(),
    "x @ transpose(x)": lambda x, k: x @ x.T,
    "x @ x[0]": lambda x, k: x @ x[0],
    "k @ x": lambda x, k: k @ x,
    "x[:, None] @ (x[:, :, None] + 1)": lambda x, k: x[:, None] @ (x[:, :, None] + 1),
    "concat(x, x + 1)": lambda x, k: np.concatenate([x, x + 1], -1),
    "concat([x, x], axis=0)": lambda x, k: np.concatenate([x, x]),
    "stack([x, -x], axis=1)": lambda x, k: np.stack([x, -x], 1),
    "one_hot(k, 5)": lambda x, k: np.eye(5)[k],
    "split(x, 2)[1]": lambda x, k: x[:, 2:],
    "split(x, (1, 3))[0]": lambda x, k: x[:, :1],
    "x[..., ::-1]": lambda x, k: x[..., ::-1],
    "x[1:, -3:-1]": lambda x, k: x[1:, -3:-1],
    "x[-1, ::2]": lambda x, k: x[-1, ::2],
    "x[:, None, 3:0:-2]": lambda x, k: x[:, None, 3:0:-2],
    "x[0, ..., None]": lambda x, k: x[0, ..., None],
    "x if shape(x)[1] == 4 else -x": lambda x, k: x,
    "cast(x, i32)": lambda x, k: x.astype(np.int32),
    "x * sqrt(16) * maximum(2, 3)": lambda x, k: x * 12,
    "zeros(N, 2) + ones(2) + full(3, (2,))": lambda x, k: np.full((3, 2), 4),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_means_what_it_does_in_numpy(run_net, text):
    x, k = RANDOM.normal(size=(3, 4)), np.array([0, 4, 1], np.int32)
    program = f"net f(x: f32[N, 4], k: i32[N]) {{ return {text} }}"
    if "x" not in text:
        program = f"net f(k: i32[N]) {{ return {text} }}"
        output = run_net(program, k=k).output
    elif "k" not in text:
        output = run_net(f"net f(x: f32[N, 4]) {{ return {text} }}", x=x).output
    else:
        output = run_net(program, x=x, k=k).output
    expected = EXPRESSIONS[text](x, k)
    assert output.shape == np.shape(expected)
    np.testing.assert_allclose(output, expected, rtol=1e-12, atol=1e-12)


def test_bytes_become_floats_by_division(run_net):
    image = np.arange(8, dtype=np.uint8).reshape(2, 4)
    output = run_net("net f(x: u8[N, 4]) { return x / 255, x + 1, x > 3 }", x=image).outputs
    np.testing.assert_allclose(output["output_1"], image / 255)
    np.testing.assert_array_equal(output["output_2"], image.astype(int) + 1)
    np.testing.assert_array_equal(output["output_3"], image > 3)


def test_gather_takes_the_rows_that_are_named_and_zeros_for_others(run_net):
    table, place = np.arange(12.0).reshape(4, 3), np.array([2, -1, 0, 4], np.int32)
    text = "net f(x: f32[N, 3], k: i32[N]) { return gather(x, k) }"
    expected = [[6, 7, 8], [0, 0, 0], [0, 1, 2], [0, 0, 0]]
    np.testing.assert_array_equal(run_net(text, x=table, k=place).output, expected)
