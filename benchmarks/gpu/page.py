"""The newest file of figures in, docs/gpu.md out: netc beside PyTorch on one GPU, as tables."""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from measure import table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "gpu.md"
WAY = "step_seconds_"  # and how PyTorch made them
TEXT = """\
# netc on a GPU, beside PyTorch

`make gpu` measures this again where there is a GPU; these figures are from
benchmarks/results/{name}. A step is forward, loss, accuracy, backward and
Adam in float32, without TF32, in netc as in PyTorch. PyTorch runs it eagerly, as one CUDA graph of
the whole step, and with `torch.compile(mode="reduce-overhead")` around forward and backward. netc
has the whole step in one CUDA graph, too, and adds up in an order that does not change: the same
seed gives the same bits.

```text
{gpu}, {date}
{versions}

{steps}

{kernels}

{others}

{first}
```
"""


def main() -> None:
    PAGE.write_text(page(newest()), encoding="utf-8")


def newest() -> Path:
    return max(RESULTS.glob("gpu-*.json"))


def page(path: Path) -> str:
    found = json.loads(path.read_text(encoding="utf-8"))
    own, other = found["netc"], found["torch"]
    return TEXT.format(
        name=path.name,
        gpu=", ".join(found["gpu"].split(", ")[:2]),
        date=found["date"][:10],
        versions=", ".join(f"{name} {found['versions'][name]}" for name in ("torch", "python"))
        + f", NVRTC {found['versions']['nvidia-cuda-nvrtc']}",
        steps=table(steps(own, other)),
        kernels=table(kernels(own, other)),
        others=table(others(own, other)),
        first="\n".join(
            f"source to first step of {name}, nothing cached: {seconds:.1f} s"
            for name, seconds in own["first_step_seconds"].items()
        ),
    )


def steps(own: dict, other: dict) -> list[tuple[str, ...]]:
    """A line for each network that PyTorch was measured on."""
    ways = {key.removeprefix(WAY): found for key, found in other.items() if key.startswith(WAY)}
    rows = [("us a step", "netc", *(f"PyTorch {way}" for way in ways), "best / netc")]
    for name in ways["eager"]:
        mine = own["step_seconds"][name]
        times = [found.get(name) for found in ways.values()]
        measured = [time for time in times if isinstance(time, float)]
        rows.append((name, micro(mine), *map(micro, times), f"{min(measured) / mine:.2f}"))
    return rows


def others(own: dict, other: dict) -> list[tuple[str, ...]]:
    """The examples that have no twin in PyTorch."""
    alone = [name for name in own["step_seconds"] if name not in other["step_seconds_eager"]]
    return [("us a step", "netc"), *((name, micro(own["step_seconds"][name])) for name in alone)]


def kernels(own: dict, other: dict) -> list[tuple[str, ...]]:
    rows = [("us", "netc", "library", "library / netc")]
    for size, mine in own["matmul_f32_seconds"].items():
        theirs = other["matmul_f32_seconds"][size]
        name = f"product of {size} x {size} in float32, cuBLAS"
        rows.append((name, micro(mine), micro(theirs), f"{theirs / mine:.2f}"))
    mine, theirs = own["copy_seconds"], own["driver_copy_seconds"]
    name = f"copy of {own['copy_bytes'] / 2e6:.0f} MB, the driver"
    rows.append((name, micro(mine), micro(theirs), f"{theirs / mine:.2f}"))
    rows.append(("a kernel with nothing to do", micro(own["launch_seconds"]), "", ""))
    return rows


def micro(seconds: float | str | None) -> str:
    if not isinstance(seconds, float):
        return "-"
    return f"{1e6 * seconds:,.1f}" if seconds < 1e-4 else f"{1e6 * seconds:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
