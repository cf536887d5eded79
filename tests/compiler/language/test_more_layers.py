"""Sequences, depthwise filters, turned pairs and running sums against formulas in NumPy."""

import numpy as np
import pytest

RANDOM = np.random.default_rng(6)


def test_conv1d_is_a_window_of_every_place(run_net):
    x = RANDOM.normal(size=(2, 9, 3))
    run = run_net("net f(x: f32[N, 9, 3]) { return x -> conv1d(4, 3, stride=2, pad=1) }", x=x)
    kernel, bias = run.weights["conv1d_1.kernel"], run.weights["conv1d_1.bias"]
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    expected = [np.tensordot(padded[:, t : t + 3], kernel, 2) + bias for t in range(0, 9, 2)]
    np.testing.assert_allclose(run.output, np.stack(expected, axis=1))


def test_depthwise_conv2d_keeps_channels_apart(run_net):
    x = RANDOM.normal(size=(2, 5, 4, 3))
    run = run_net("net f(x: f32[N, 5, 4, 3]) { return x -> depthwise_conv2d((3, 2), 2) }", x=x)
    kernel, bias = (run.weights[f"depthwise_conv2d_1.{part}"] for part in ("kernel", "bias"))
    expected = np.empty((2, 3, 3, 6))
    for y, column in np.ndindex(3, 3):
        seen = x[:, y : y + 3, column : column + 2]
        expected[:, y, column] = np.einsum("nijc,ijcm->ncm", seen, kernel).reshape(2, 6) + bias
    np.testing.assert_allclose(run.output, expected)


def test_rotary_turns_pairs_as_complex_numbers(run_net):
    x = RANDOM.normal(size=(2, 5, 6))
    output = run_net("net f(x: f32[N, 5, 6]) { return rotary(x) }", x=x).output
    turns = np.exp(1j * np.arange(5)[:, None] * 10000.0 ** (-2 * np.arange(3) / 6))
    turned = (x[..., :3] + 1j * x[..., 3:]) * turns
    np.testing.assert_allclose(output, np.concatenate([turned.real, turned.imag], -1), rtol=1e-7)


@pytest.mark.parametrize("axis", (-1, 1, 0))
def test_cumsum_adds_all_before(run_net, axis):
    x = RANDOM.normal(size=(3, 2, 4))
    output = run_net(f"net f(x: f32[N, 2, 4]) {{ return cumsum(x, axis={axis}) }}", x=x).output
    np.testing.assert_allclose(output, np.cumsum(x, axis))


@pytest.mark.parametrize("size", (63, 65, 96, 1000, 2500))
@pytest.mark.parametrize("axis", (-1, 1))
def test_a_long_cumsum_is_the_same(run_net, size, axis):
    shape = (2, 3, size) if axis == -1 else (2, size, 3)
    x = RANDOM.normal(size=shape)
    x[:, 2, 2] = np.inf
    sizes = ", ".join(map(str, shape[1:]))
    output = run_net(f"net f(x: f32[N, {sizes}]) {{ return cumsum(x, axis={axis}) }}", x=x).output
    np.testing.assert_allclose(output, np.cumsum(x, axis))
    whole = RANDOM.integers(0, 9, shape).astype(np.uint8)
    text = f"net f(x: u8[N, {sizes}]) {{ return cumsum(x, axis={axis}) }}"
    assert np.array_equal(run_net(text, x=whole).output, np.cumsum(whole, axis))


FORMULAS = {
    "nij,njk->nik": ((2, 3, 4), (2, 4, 5)),
    "nij,kj->kin": ((2, 3, 4), (5, 4)),
    "ni,nj->nij": ((2, 3), (2, 4)),
    "nij,nj->n": ((2, 3, 4), (2, 4)),
    "nij,k->nk": ((2, 3, 4), (5,)),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_einsum_of_two(run_net, formula):
    a, b = (RANDOM.normal(size=shape) for shape in FORMULAS[formula])
    kinds = [f"f32[{', '.join(map(str, array.shape))}]" for array in (a, b)]
    text = f'net f(a: {kinds[0]}, b: {kinds[1]}) {{ return einsum("{formula}", a, b) }}'
    np.testing.assert_allclose(run_net(text, a=a, b=b).output, np.einsum(formula, a, b))


def test_einsum_of_one_sums_and_turns(run_net):
    x = RANDOM.normal(size=(2, 3, 4))
    output = run_net('net f(x: f32[N, 3, 4]) { return einsum("nij->jn", x) }', x=x).output
    np.testing.assert_allclose(output, np.einsum("nij->jn", x))


@pytest.mark.parametrize("formula", ("nij", "nij,n->n", "nii->n", "nij->k", "n1j->n", "ni->n"))
def test_what_is_no_formula_is_told(faults, formula):
    (fault,) = faults(f'net f(x: f32[N, 3, 4]) {{ return einsum("{formula}", x) }}')
    assert fault.code in ("E0315", "E0224")


def test_transforms_move_and_turn_images_only_in_training(load, run_step):
    text = """
    net f(image: u8[N, 32, 32, 3]) { weight w: f32[1] = ones return mean(image * w) }
    train {
        take image, label from cifar10("nowhere") -> shuffle -> random_crop(pad=2) -> random_flip
        minimize f(image) with sgd(lr=0.1)
        measure corner = mean(image[:, 0, 0] + 0.0)
        measure brightest = max(image + 0.0)
        measure sums = sum(image * 1.0)
    }
    """
    images = RANDOM.integers(1, 256, (16, 32, 32, 3)).astype(np.uint8)
    arrays = {"image": images, "label": np.zeros(16, np.int32)}
    at_rest = run_step(load(text), training=False, **arrays).outputs
    assert at_rest["corner"] == images[:, 0, 0].mean()
    moved = run_step(load(text), **arrays).outputs
    assert moved["corner"] != at_rest["corner"]
    assert 0.85 * images.sum() < moved["sums"] < images.sum()


def crops_of(image):
    """Every way in which an image can be moved by one pixel and turned, flattened."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    size = len(image)
    moved = [padded[y : y + size, x : x + size] for y in range(3) for x in range(3)]
    return {crop.tobytes() for one in moved for crop in (one, one[:, ::-1].copy())}


def test_a_crop_is_the_image_moved(load, run_step):
    text = """
    net f(x: f32[N, 4, 4, 1]) { weight w: f32[1] = ones return x * w }
    train {
        take x: f32[N, 4, 4, 1] from feed
        minimize mean(f(x)) with sgd(lr=0.1)
        moved = random_flip(random_crop(x, pad=1))
    }
    """
    images = RANDOM.normal(size=(8, 4, 4, 1))
    places = [(i, j) for i in range(8) for j in range(16)]
    lines = [f"measure m{i}_{j} = moved[{i}, {j // 4}, {j % 4}, 0]\n" for i, j in places]
    text = text.replace("pad=1))\n", "pad=1))\n" + "".join(lines))
    outputs = run_step(load(text), x=images).outputs
    for i, image in enumerate(images):
        crop = np.array([outputs[f"m{i}_{j}"] for j in range(16)]).reshape(4, 4, 1)
        assert crop.tobytes() in crops_of(image)
