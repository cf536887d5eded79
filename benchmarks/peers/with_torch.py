"""PyTorch: `with_torch.py eager|tuned|compiled`. Images are NCHW, tuned ones channels_last."""

import itertools
import os
import sys

import torch
from answer import Model, serve
from torch import nn
from torch.nn import functional
from work import CONTEXT, RATE, VOCABULARY, Work, batches

FLAVOUR = sys.argv[1]


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(5408, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
        nn.Linear(512, 10),
    )  # fmt: skip


def conv(before: int, after: int, size: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after))


class Residual(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(conv(before, after, 3, stride), nn.ReLU(), conv(after, after, 3))
        same = stride == 1 and before == after
        self.skip = nn.Identity() if same else conv(before, after, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.main(x) + self.skip(x))


def resnet(widths: tuple[int, ...], depth: int) -> nn.Module:
    layers, before = [conv(3, widths[0], 3), nn.ReLU()], widths[0]
    for width in widths:
        for number in range(depth):
            stride = 2 if number == 0 and width != widths[0] else 1
            layers.append(Residual(before, width, stride))
            before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


class Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(28, 128, num_layers=2, batch_first=True)
        self.last = nn.Linear(128, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        states, _ = self.layers(image.reshape(-1, 28, 28))
        return self.last(states[:, -1])


class Decoder(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        q, k, v = (
            part.view(batch, tokens, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norms[0](x)).split(width, 2)
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(functional.gelu(self.up(self.norms[1](x))))


class Gpt(nn.Module):
    def __init__(self, width: int = 128, depth: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.position = nn.Parameter(0.02 * torch.randn(CONTEXT, width))
        self.layers = nn.Sequential(*(Decoder(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.layers(self.embed(tokens) + self.position))
        return (x @ self.embed.weight.T).flatten(0, 1)


NETS = {
    "cnn": cnn, "lenet": lenet, "mlp": mlp, "lstm": Lstm, "gpt": Gpt,
    "resnet8": lambda: resnet((16, 32, 64), 1),
    "resnet18": lambda: resnet((64, 128, 256, 512), 2),
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
