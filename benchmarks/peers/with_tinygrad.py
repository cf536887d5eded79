"""tinygrad: a jitted step. The networks that it compiles within seconds; it needs clang."""

import itertools

from answer import Model, serve
from tinygrad import Tensor, TinyJit, nn
from tinygrad.helpers import Context
from tinygrad.nn.state import get_parameters
from work import RATE, Work, batches


class Cnn:
    def __init__(self) -> None:
        self.conv, self.hidden = nn.Conv2d(1, 32, 3), nn.Linear(5408, 128)
        self.last = nn.Linear(128, 10)

    def __call__(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu().max_pool2d(2).flatten(1)
        return self.last(self.hidden(x).relu())


class Lenet:
    def __init__(self) -> None:
        self.first, self.second = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.layers = [nn.Linear(400, 120), nn.Linear(120, 84)]
        self.last = nn.Linear(84, 10)

    def __call__(self, x: Tensor) -> Tensor:
        x = self.second(self.first(x).tanh().avg_pool2d(2)).tanh().avg_pool2d(2).flatten(1)
        for layer in self.layers:
            x = layer(x).tanh()
        return self.last(x)


class Mlp:
    def __init__(self) -> None:
        self.layers = [nn.Linear(784, 512), nn.Linear(512, 512)]
        self.last = nn.Linear(512, 10)

    def __call__(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        for layer in self.layers:
            x = layer(x).relu()
        return self.last(x)


NETS = {"cnn": Cnn, "lenet": Lenet, "mlp": Mlp}


def prepare(work: Work) -> Model:
    model = NETS[work.net]()
    parameters = sum(weight.numel() for weight in get_parameters(model))
    turns = itertools.cycle([tensors(*pair) for pair in batches(work)])
    return Model(parameters, (trainer if work.trains else runner)(model, turns))


def tensors(x, y) -> tuple[Tensor, Tensor]:
    return Tensor(x.transpose(0, 3, 1, 2).copy()).realize(), Tensor(y).realize()


def trainer(model, turns):
    optimizer = nn.optim.Adam(get_parameters(model), lr=RATE)

    @TinyJit
    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = model(x).sparse_categorical_crossentropy(y).backward()
        return loss.realize(*optimizer.schedule_step())

    def run(steps: int) -> float:
        with Context(TRAINING=1):
            for _ in range(steps):
                loss = step(*next(turns))
        return loss.item()

    return run


def runner(model, turns):
    forward = TinyJit(lambda x: model(x).realize())

    def run(steps: int) -> float:
        for _ in range(steps):
            out = forward(next(turns)[0]).numpy()
        return out[0, 0]

    return run


if __name__ == "__main__":
    serve(prepare)
