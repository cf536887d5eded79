"""Networks in PyTorch, for every measurement beside it: those of the peers and of the examples.

Images are NCHW; logits come out, those of a sequence as rows of one matrix.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


def digits() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(5408, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def lenet(act: Callable[[], nn.Module], pool: Callable[[int], nn.Module]) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), act(), pool(2), nn.Conv2d(6, 16, 5), act(), pool(2),
        nn.Flatten(), nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10),
    )  # fmt: skip


def perceptron(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, 10),
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


def resnet(channels: int, widths: tuple[int, ...], depth: int) -> nn.Module:
    layers, before = [conv(channels, widths[0], 3), nn.ReLU()], widths[0]
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
    def __init__(
        self, vocabulary: int, context: int, width: int = 128, depth: int = 4, heads: int = 4
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.position = nn.Parameter(0.02 * torch.randn(context, width))
        self.layers = nn.Sequential(*(Decoder(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.layers(self.embed(tokens) + self.position))
        return (x @ self.embed.weight.T).flatten(0, 1)
