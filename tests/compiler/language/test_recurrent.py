"""The recurrent layers of the library against plain NumPy with the gate equations of PyTorch."""

import numpy as np
import pytest


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, kernel, recurrent, bias):
    """i, f, g, o as PyTorch has them, with 1 in front of the bias of f."""
    units = recurrent.shape[0]
    h = c = np.zeros((len(x), units))
    states = []
    for row in x.transpose(1, 0, 2):
        i, f, g, o = np.split(row @ kernel + bias + h @ recurrent, 4, -1)
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, 1)


def gru(x, kernel, recurrent, bias, recurrent_bias):
    h, states = np.zeros((len(x), recurrent.shape[0])), []
    for row in x.transpose(1, 0, 2):
        r, z, n = np.split(row @ kernel + bias, 3, -1)
        hr, hz, hn = np.split(h @ recurrent + recurrent_bias, 3, -1)
        z = sigmoid(z + hz)
        h = (1 - z) * np.tanh(n + sigmoid(r + hr) * hn) + z * h
        states.append(h)
    return np.stack(states, 1)


def rnn(x, kernel, recurrent, bias):
    h, states = np.zeros((len(x), recurrent.shape[0])), []
    for row in x.transpose(1, 0, 2):
        h = np.tanh(row @ kernel + bias + h @ recurrent)
        states.append(h)
    return np.stack(states, 1)


PARTS = {
    "rnn": (rnn, ("kernel", "recurrent", "bias")),
    "lstm": (lstm, ("kernel", "recurrent", "bias")),
    "gru": (gru, ("kernel", "recurrent", "bias", "recurrent_bias")),
}


@pytest.mark.parametrize("layer", PARTS)
def test_a_layer_computes_what_numpy_does(run_net, layer):
    x = np.random.default_rng(3).normal(size=(3, 6, 4))
    run = run_net(f"net f(x: f32[N, 6, 4]) {{\n    return x -> {layer}(5)\n}}\n", x=x)
    reference, parts = PARTS[layer]
    expected = reference(x, *(run.weights[f"{layer}_1.{part}"] for part in parts))
    np.testing.assert_allclose(run.output, expected, rtol=1e-6)


def test_bidirectional_reads_from_both_ends(run_net):
    x = np.random.default_rng(3).normal(size=(2, 6, 4))
    run = run_net("net f(x: f32[N, 6, 4]) {\n    return x -> bidirectional(gru, 5)\n}\n", x=x)
    parts = [
        [run.weights[f"bidirectional_1.gru_{i}.{part}"] for part in PARTS["gru"][1]] for i in (1, 2)
    ]
    back = gru(x[:, ::-1], *parts[1])[:, ::-1]
    expected = np.concatenate([gru(x, *parts[0]), back], -1)
    np.testing.assert_allclose(run.output, expected, rtol=1e-6)
