"""JAX: a jitted step that takes its weights and moments over (donated buffers)."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from answer import Model, serve
from jax import lax
from work import CONTEXT, RATE, VOCABULARY, Work, batches

random = np.random.default_rng(1)


def glorot(*shape: int) -> jax.Array:
    reach = (6 / (np.prod(shape[:-2]) * (shape[-2] + shape[-1]))) ** 0.5
    return jnp.asarray(random.uniform(-reach, reach, shape), jnp.float32)


def dense(inputs: int, outputs: int) -> dict:
    return {"kernel": glorot(inputs, outputs), "bias": jnp.zeros(outputs)}


def conv(size: int, inputs: int, outputs: int) -> dict:
    return {"kernel": glorot(size, size, inputs, outputs), "bias": jnp.zeros(outputs)}


def apply(layer: dict, x: jax.Array) -> jax.Array:
    return x @ layer["kernel"] + layer["bias"]


def convolve(kernel: jax.Array, x: jax.Array, pad: int = 0, stride: int = 1) -> jax.Array:
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), ((pad, pad), (pad, pad)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip


def pool(x: jax.Array, first: float, fold) -> jax.Array:
    return lax.reduce_window(x, first, fold, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def flat(x: jax.Array) -> jax.Array:
    return x.reshape(len(x), -1)


def cnn():
    weights = [conv(3, 1, 32), dense(5408, 128), dense(128, 10)]

    def forward(weights, x):
        first, hidden, last = weights
        x = jax.nn.relu(convolve(first["kernel"], x) + first["bias"])
        x = flat(pool(x, -jnp.inf, lax.max))
        return apply(last, jax.nn.relu(apply(hidden, x)))

    return weights, forward


def lenet():
    weights = [conv(5, 1, 6), conv(5, 6, 16), dense(400, 120), dense(120, 84), dense(84, 10)]

    def forward(weights, x):
        first, second, *layers, last = weights
        x = jnp.tanh(convolve(first["kernel"], x, pad=2) + first["bias"])
        x = pool(x, 0.0, lax.add) / 4
        x = jnp.tanh(convolve(second["kernel"], x) + second["bias"])
        x = flat(pool(x, 0.0, lax.add) / 4)
        for layer in layers:
            x = jnp.tanh(apply(layer, x))
        return apply(last, x)

    return weights, forward


def mlp():
    weights = [dense(784, 512), dense(512, 512), dense(512, 10)]

    def forward(weights, x):
        x = flat(x)
        for layer in weights[:-1]:
            x = jax.nn.relu(apply(layer, x))
        return apply(weights[-1], x)

    return weights, forward


def normed(size: int, inputs: int, outputs: int) -> dict:
    kernel = glorot(size, size, inputs, outputs)
    return {"kernel": kernel, "scale": jnp.ones(outputs), "shift": jnp.zeros(outputs)}


def conv_norm(layer: dict, x: jax.Array, stride: int = 1) -> jax.Array:
    """A convolution and the batch norm of training; the running means are not kept: less work."""
    x = convolve(layer["kernel"], x, len(layer["kernel"]) // 2, stride)
    mean = x.mean((0, 1, 2))
    variance = jnp.square(x).mean((0, 1, 2)) - jnp.square(mean)
    return (x - mean) * (lax.rsqrt(variance + 1e-5) * layer["scale"]) + layer["shift"]


def resnet(widths: tuple[int, ...], depth: int):
    blocks, strides, before = [], [], widths[0]
    for width in widths:
        for number in range(depth):
            strides.append(2 if number == 0 and width != widths[0] else 1)
            block = [normed(3, before, width), normed(3, width, width)]
            if strides[-1] == 2:
                block.append(normed(1, before, width))
            blocks.append(block)
            before = width
    weights = [normed(3, 3, widths[0]), blocks, dense(before, 10)]

    def forward(weights, x):
        first, blocks, last = weights
        x = jax.nn.relu(conv_norm(first, x))
        for block, stride in zip(blocks, strides, strict=True):
            y = conv_norm(block[1], jax.nn.relu(conv_norm(block[0], x, stride)))
            x = jax.nn.relu(y + (conv_norm(block[2], x, stride) if len(block) == 3 else x))
        return apply(last, x.mean((1, 2)))

    return weights, forward


def lstm(units: int = 128):
    sizes = (28, units)
    weights = [[dense(size, 4 * units), glorot(units, 4 * units)] for size in sizes]
    weights.append(dense(units, 10))

    def forward(weights, x):
        x = x.reshape(-1, 28, 28).swapaxes(0, 1)
        zeros = jnp.zeros((x.shape[1], units))
        for inward, recurrent in weights[:-1]:

            def cell(carried, gates, recurrent=recurrent):
                h, c = carried
                i, f, g, o = jnp.split(gates + h @ recurrent, 4, -1)
                c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
                h = jax.nn.sigmoid(o) * jnp.tanh(c)
                return (h, c), h

            _, x = lax.scan(cell, (zeros, zeros), apply(inward, x))
        return apply(weights[-1], x[-1])

    return weights, forward


def norm(layer: dict, x: jax.Array) -> jax.Array:
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * layer["scale"] + layer["shift"]


def gpt(width: int = 128, depth: int = 4, heads: int = 4):
    def scale() -> dict:
        return {"scale": jnp.ones(width), "shift": jnp.zeros(width)}

    layers = [
        {
            "norms": [scale(), scale()], "qkv": dense(width, 3 * width), "out": dense(width, width),
            "up": dense(width, 4 * width), "down": dense(4 * width, width),
        }
        for _ in range(depth)
    ]  # fmt: skip
    weights = {"embed": glorot(VOCABULARY, width), "position": glorot(CONTEXT, width),
               "layers": layers, "norm": scale()}  # fmt: skip

    def forward(weights, tokens):
        x = weights["embed"][tokens] + weights["position"]
        for layer in weights["layers"]:
            parts = jnp.split(apply(layer["qkv"], norm(layer["norms"][0], x)), 3, -1)
            q, k, v = (part.reshape(*x.shape[:2], heads, -1) for part in parts)
            mixed = jax.nn.dot_product_attention(q, k, v, is_causal=True)
            x = x + apply(layer["out"], mixed.reshape(x.shape))
            hidden = jax.nn.gelu(apply(layer["up"], norm(layer["norms"][1], x)), approximate=False)
            x = x + apply(layer["down"], hidden)
        logits = norm(weights["norm"], x) @ weights["embed"].T
        return logits.reshape(-1, VOCABULARY)

    return weights, forward


NETS = {
    "cnn": cnn, "lenet": lenet, "mlp": mlp, "lstm": lstm, "gpt": gpt,
    "resnet8": lambda: resnet((16, 32, 64), 1),
    "resnet18": lambda: resnet((64, 128, 256, 512), 2),
}  # fmt: skip


def adam(weights, gradients, first, second, step):
    """The next weights and moments; `step` counts from 1."""
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
    rate, rescale = RATE / (1 - 0.9**step), 1 / (1 - 0.999**step)
    moved = jax.tree.map(
        lambda w, m, v: w - rate * m / (jnp.sqrt(v * rescale) + 1e-8), weights, first, second
    )
    return moved, first, second


def prepare(work: Work) -> Model:
    weights, forward = NETS[work.net]()
    parameters = sum(weight.size for weight in jax.tree.leaves(weights))
    turns = itertools.cycle([tuple(map(jnp.asarray, pair)) for pair in batches(work)])
    make = trainer if work.trains else runner
    return Model(parameters, make(weights, forward, turns))


def trainer(weights, forward, turns):
    def loss_of(weights, x, y):
        scores = jax.nn.log_softmax(forward(weights, x))
        return -jnp.take_along_axis(scores, y.reshape(-1, 1), 1).mean()

    def step(state, x, y):
        weights, first, second, number = state
        loss, gradients = jax.value_and_grad(loss_of)(weights, x, y)
        return (*adam(weights, gradients, first, second, number + 1), number + 1), loss

    compiled = jax.jit(step, donate_argnums=0)
    zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
    state = (weights, *zeros, jnp.float32(0))

    def run(steps: int) -> float:
        nonlocal state
        for _ in range(steps):
            state, loss = compiled(state, *next(turns))
        return float(loss)

    return run


def runner(weights, forward, turns):
    compiled = jax.jit(forward)

    def run(steps: int) -> float:
        for _ in range(steps):
            out = compiled(weights, next(turns)[0]).block_until_ready()
        return float(out[0, 0])

    return run


if __name__ == "__main__":
    serve(prepare)
