"""Keras on TensorFlow: a training step as a tf.function; `with_keras.py graph|xla`."""

import itertools
import os
import sys

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import tensorflow as tf
from answer import Model, serve
from keras import layers
from work import RATE, Work, batches

IS_XLA = sys.argv[1] == "xla"


def cnn() -> list:
    return [
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPool2D(), layers.Flatten(),
        layers.Dense(128, activation="relu"), layers.Dense(10),
    ]  # fmt: skip


def lenet() -> list:
    return [
        layers.Conv2D(6, 5, padding="same", activation="tanh"), layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2), layers.Flatten(),
        layers.Dense(120, activation="tanh"), layers.Dense(84, activation="tanh"),
        layers.Dense(10),
    ]  # fmt: skip


def mlp() -> list:
    hidden = [layers.Dense(512, activation="relu") for _ in range(2)]
    return [layers.Flatten(), *hidden, layers.Dense(10)]


def lstm() -> list:
    cells = [layers.LSTM(128, return_sequences=True), layers.LSTM(128)]
    return [layers.Reshape((28, 28)), *cells, layers.Dense(10)]


def conv(x, filters: int, size: int, stride: int = 1):
    x = layers.ZeroPadding2D(size // 2)(x) if size > 1 else x
    x = layers.Conv2D(filters, size, strides=stride, use_bias=False)(x)
    return layers.BatchNormalization()(x)


def resnet(widths: tuple[int, ...], depth: int) -> keras.Model:
    image = keras.Input((32, 32, 3))
    x, before = layers.ReLU()(conv(image, widths[0], 3)), widths[0]
    for width in widths:
        for number in range(depth):
            stride = 2 if number == 0 and width != widths[0] else 1
            y = conv(layers.ReLU()(conv(x, width, 3, stride)), width, 3)
            skip = x if stride == 1 and before == width else conv(x, width, 1, stride)
            x, before = layers.ReLU()(layers.Add()([y, skip])), width
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def chain(parts: list) -> keras.Model:
    return keras.Sequential([keras.Input((28, 28, 1)), *parts])


NETS = {
    "cnn": lambda: chain(cnn()), "lenet": lambda: chain(lenet()),
    "mlp": lambda: chain(mlp()), "lstm": lambda: chain(lstm()),
    "resnet8": lambda: resnet((16, 32, 64), 1),
    "resnet18": lambda: resnet((64, 128, 256, 512), 2),
}  # fmt: skip


def prepare(work: Work) -> Model:
    keras.utils.set_random_seed(1)
    model = NETS[work.net]()
    parameters = sum(int(tf.size(weight)) for weight in model.trainable_weights)
    turns = itertools.cycle([tuple(map(tf.constant, pair)) for pair in batches(work)])
    return Model(parameters, (trainer if work.trains else runner)(model, turns))


def trainer(model: keras.Model, turns):
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function(jit_compile=IS_XLA)
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    def run(steps: int) -> float:
        for _ in range(steps):
            loss = step(*next(turns))
        return float(loss)

    return run


def runner(model: keras.Model, turns):
    forward = tf.function(lambda x: model(x, training=False), jit_compile=IS_XLA)

    def run(steps: int) -> float:
        for _ in range(steps):
            out = forward(next(turns)[0]).numpy()
        return out[0, 0]

    return run


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["THREADS"]))
    serve(prepare)
