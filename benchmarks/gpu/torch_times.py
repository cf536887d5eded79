"""What PyTorch takes on the first GPU for the same work: figures as JSON on standard output.

In a process of its own: it may bring another CUDA compiler than netc's. Every network is measured
eagerly and compiled with CUDA graphs; products in float32, as netc's, and in TF32, as is told.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

CHUNKS, CHUNK_SECONDS = 9, 0.2
PRODUCTS = (1024, 2048, 4096)
COPIED = 1 << 26  # floats


class Residual(nn.Module):
    """The block of resnet8.net."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *conv(before, after, 3, stride), nn.ReLU(), *conv(after, after, 3, 1)
        )
        same = stride == 1 and before == after
        self.skip = nn.Identity() if same else nn.Sequential(*conv(before, after, 1, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + self.skip(x))


def conv(before: int, after: int, size: int, stride: int) -> tuple[nn.Module, nn.Module]:
    layer = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return layer, nn.BatchNorm2d(after)


def digits() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(5408, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def perceptron() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(),
        nn.Linear(256, 10),
    )  # fmt: skip


def resnet8() -> nn.Module:
    blocks = (Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return nn.Sequential(*conv(1, 16, 3, 1), nn.ReLU(), *blocks, *head)


NETWORKS = {  # the examples' networks: model, batch, image, classes
    "lenet": (lenet, 64, (1, 28, 28), 10),
    "mlp": (perceptron, 64, (1, 28, 28), 10),
    "mnist": (digits, 32, (1, 28, 28), 10),
    "mnist_tutorial": (digits, 32, (1, 28, 28), 10),
    "resnet8": (resnet8, 64, (1, 28, 28), 10),
}


def main() -> None:
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = True
    found = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "step_seconds_eager": {name: step_seconds(name, False) for name in NETWORKS},
        "step_seconds_compiled": {name: step_seconds(name, True) for name in NETWORKS},
        "matmul_f32_seconds": {str(n): product_seconds(n, False) for n in PRODUCTS},
        "matmul_tf32_seconds": {str(n): product_seconds(n, True) for n in PRODUCTS},
        "copy_bytes": 8 * COPIED,
        "copy_seconds": copy_seconds(),
    }
    print(json.dumps(found))


def step_seconds(name: str, is_compiled: bool) -> float | str:
    """A training step: forward, loss, accuracy, backward, Adam; or why it could not be measured."""
    make, batch, image, classes = NETWORKS[name]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    model = make().cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=True)
    images = torch.randint(0, 256, (batch, *image), dtype=torch.uint8, device="cuda")
    labels = torch.randint(0, classes, (batch,), device="cuda")

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        logits = model(images.float() / 255)
        hits = (logits.argmax(1) == labels).float().mean()
        return nn.functional.cross_entropy(logits, labels), hits

    run_forward = torch.compile(forward, mode="reduce-overhead") if is_compiled else forward

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss, _ = run_forward()
        loss.backward()
        optimizer.step()

    try:
        return median_seconds(step)
    except Exception as error:  # no compiler for its kernels here, for one
        return f"not measured: {type(error).__name__}: {str(error).splitlines()[0]:.120}"


def product_seconds(n: int, tf32: bool) -> float:
    torch.backends.cuda.matmul.allow_tf32 = tf32
    a, b = torch.randn(n, n, device="cuda"), torch.randn(n, n, device="cuda")
    out = torch.empty(n, n, device="cuda")
    return median_seconds(lambda: torch.mm(a, b, out=out))


def copy_seconds() -> float:
    source = torch.randn(COPIED, device="cuda")
    target = torch.empty_like(source)
    return median_seconds(lambda: target.copy_(source))


def median_seconds(step: Callable[[], object]) -> float:
    """The seconds of one step among many, warm."""

    def seconds(count: int) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            step()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / count

    seconds(10)
    count = max(1, int(CHUNK_SECONDS / seconds(10)))
    return statistics.median(seconds(count) for _ in range(CHUNKS))


if __name__ == "__main__":
    sys.exit(main())
