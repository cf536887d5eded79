"""What PyTorch takes on the first GPU for the same work: figures as JSON on standard output.

In a process of its own: it may bring another CUDA compiler than netc's. Every network is measured
eagerly, its whole step as one CUDA graph, and compiled with CUDA graphs; products in float32, as
netc's, and in TF32, as is told. A line has all that was measured up to it.
`--quick` runs everything once, on the CPU where there is no GPU: it shows that this file works.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

sys.path.append(str(Path(__file__).parents[1] / "peers"))
from torch_examples import EXAMPLES, Example
from torch_networks import Gpt, digits, lenet, perceptron, resnet

IS_QUICK = "--quick" in sys.argv
DEVICE = "cuda" if torch.cuda.is_available() or not IS_QUICK else "cpu"
CHUNKS, CHUNK_SECONDS = (1, 0.0) if IS_QUICK else (9, 0.2)
PRODUCTS = (64,) if IS_QUICK else (1024, 2048, 4096)
WAYS = ("eager", "graph", "compiled")
COPIED = 1 << (10 if IS_QUICK else 26)  # floats
NETWORKS = {
    "mnist": digits,
    "mnist_tutorial": digits,
    "mlp": lambda: perceptron(256),
    "lenet": lambda: lenet(nn.ReLU, nn.MaxPool2d),
    "resnet8": lambda: resnet(1, (16, 32, 64), 1),
    "gpt": lambda: Gpt(256, 128),
}


def main() -> None:
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = True
    steps: dict[str, dict[str, float | str]] = {way: {} for way in WAYS}
    found = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "matmul_f32_seconds": {str(n): product_seconds(n, False) for n in PRODUCTS},
        "matmul_tf32_seconds": {str(n): product_seconds(n, True) for n in PRODUCTS},
        "copy_bytes": 8 * COPIED,
        "copy_seconds": copy_seconds(),
        **{f"step_seconds_{way}": figures for way, figures in steps.items()},
    }
    for way, figures in steps.items():
        for name in NETWORKS:
            figures[name] = step_seconds(name, way)
            print(json.dumps(found), flush=True)  # the next may take longer than there is time


def network(name: str) -> nn.Module:
    """The network of an example; AssertionError where it has other weights."""
    model, example = NETWORKS[name](), EXAMPLES[name]
    shapes = [tuple(weight.shape) for weight in model.parameters()]
    assert example.has_the_weights_of(shapes), f"{name} has other weights: {shapes}"
    return model.to(DEVICE)


def made_up(example: Example) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of samples, as the example takes them, and their labels in one row."""
    shape, batch = example.sample, example.batch
    if example.is_text:
        tokens = torch.randint(0, example.classes, (batch, *shape), device=DEVICE)
        return tokens, tokens.flatten()
    height, width, channels = shape
    size = (batch, channels, height, width)
    images = torch.randint(0, 256, size, dtype=torch.uint8, device=DEVICE)
    return images, torch.randint(0, example.classes, (batch,), device=DEVICE)


def step_seconds(name: str, way: str) -> float | str:
    """A training step: forward, loss, accuracy, backward, Adam; or why it could not be measured."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    example, model = EXAMPLES[name], network(name)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=1e-3, fused=True, capturable=DEVICE == "cuda"
    )
    samples, labels = made_up(example)

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        logits = model(samples if example.is_text else samples.float() / 255)
        hits = (logits.argmax(1) == labels).float().mean()
        return nn.functional.cross_entropy(logits, labels), hits

    is_compiled = way == "compiled"
    run_forward = torch.compile(forward, mode="reduce-overhead") if is_compiled else forward

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss, _ = run_forward()
        loss.backward()
        if example.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), example.clip)
        optimizer.step()

    try:
        return median_seconds(captured(step) if way == "graph" else step)
    except Exception as error:  # no compiler for its kernels here, for one
        return f"not measured: {type(error).__name__}: {str(error).splitlines()[0]:.120}"


def captured(step: Callable[[], None]) -> Callable[[], None]:
    """The whole step as one CUDA graph, of warm kernels."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def product_seconds(n: int, tf32: bool) -> float:
    torch.backends.cuda.matmul.allow_tf32 = tf32
    a, b = torch.randn(n, n, device=DEVICE), torch.randn(n, n, device=DEVICE)
    out = torch.empty(n, n, device=DEVICE)
    return median_seconds(lambda: torch.mm(a, b, out=out))


def copy_seconds() -> float:
    source = torch.randn(COPIED, device=DEVICE)
    target = torch.empty_like(source)
    return median_seconds(lambda: target.copy_(source))


def median_seconds(step: Callable[[], object]) -> float:
    """The seconds of one step among many, warm."""

    def seconds(count: int) -> float:
        wait()
        start = time.perf_counter()
        for _ in range(count):
            step()
        wait()
        return (time.perf_counter() - start) / count

    warm = 1 if IS_QUICK else 10
    seconds(warm)
    count = max(1, int(CHUNK_SECONDS / seconds(warm)))
    return statistics.median(seconds(count) for _ in range(CHUNKS))


def wait() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    sys.exit(main())
