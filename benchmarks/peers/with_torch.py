"""PyTorch: `with_torch.py eager|tuned|compiled`. Images are NCHW, tuned ones channels_last."""

import itertools
import os
import sys

import torch
from answer import Model, serve
from torch import nn
from torch.nn import functional
from torch_networks import Gpt, Lstm, digits, lenet, perceptron, resnet
from work import CONTEXT, RATE, VOCABULARY, Work, batches

FLAVOUR = sys.argv[1]


NETS = {
    "cnn": digits, "lenet": lambda: lenet(nn.Tanh, nn.AvgPool2d), "mlp": lambda: perceptron(512),
    "lstm": Lstm, "gpt": lambda: Gpt(VOCABULARY, CONTEXT),
    "resnet8": lambda: resnet(3, (16, 32, 64), 1),
    "resnet18": lambda: resnet(3, (64, 128, 256, 512), 2),
}  # fmt: skip


def prepare(work: Work) -> Model:
    torch.manual_seed(1)
    model = NETS[work.net]()
    data = [tensors(*pair) for pair in batches(work)]
    if FLAVOUR == "tuned" and work.net in ("cnn", "lenet", "resnet8", "resnet18"):
        model = model.to(memory_format=torch.channels_last)
        data = [(x.to(memory_format=torch.channels_last), y) for x, y in data]
    parameters = sum(weight.numel() for weight in model.parameters())
    run = trainer(model, data) if work.trains else runner(model.eval(), data)
    return Model(parameters, run)


def tensors(x, y) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.from_numpy(x)
    if inputs.dim() == 4:
        inputs = inputs.permute(0, 3, 1, 2).contiguous()
    return inputs, torch.from_numpy(y).long()


def trainer(model: nn.Module, data: list):
    fused = None if FLAVOUR == "eager" else True
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=fused)
    turns = itertools.cycle(data)

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(model(x), y.flatten())

    forward = torch.compile(loss_of) if FLAVOUR == "compiled" else loss_of

    def run(steps: int) -> float:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            loss = forward(*next(turns))
            loss.backward()
            optimizer.step()
        return loss.item()

    return run


def runner(model: nn.Module, data: list):
    turns = itertools.cycle(data)
    forward = torch.compile(model) if FLAVOUR == "compiled" else model

    @torch.inference_mode()
    def run(steps: int) -> float:
        for _ in range(steps):
            out = forward(next(turns)[0])
        return out[0, 0].item()

    return run


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["THREADS"]))
    serve(prepare)
