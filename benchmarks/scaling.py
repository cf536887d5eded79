"""How costs grow with the work: `python benchmarks/scaling.py [docs]` writes tables and pictures.

The time of a step against batch, width, depth and threads; the time to compile against layers; and
the bytes that a session holds against batch, beside the bytes that the plan says.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from chart import Line, chart
from measure import machine, table
from train import step_seconds

import netc

NET = """
const size = 128
const width = 256
const depth = 2
net classifier(x: f32[N, 256]) {
    repeat depth { x = x -> dense(width) -> relu }
    return x -> dense(10)
}
train {
    take x: f32[N, 256], y: i32[N] from feed
    minimize cross_entropy(classifier(x), y) with adam(lr=0.001)
    batch size
}
"""
CNN = Path(__file__).parent / "peers" / "nets" / "cnn.net"
CHUNKS = 5
BATCHES = (8, 32, 128, 512, 2048)
WIDTHS = (32, 128, 512, 2048)
DEPTHS = (1, 4, 16, 64)
LAYERS = (2, 8, 32, 128)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs")
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        net = Path(name) / "net.net"
        net.write_text(NET)
        sections = [*steps(net, Path(name)), compiling(net, Path(name)), memory(Path(name))]
    head = f"# How costs grow\n\n{machine()}, {time.strftime('%Y-%m-%d')}; medians of {CHUNKS}.\n"
    texts = [head]
    for title, slug, rows, lines, axes in sections:
        (folder / f"{slug}.svg").write_text(chart(title, *axes, lines))
        texts.append(f"## {title}\n\n![{title}]({slug}.svg)\n\n```text\n{table(rows)}\n```\n")
    (folder / "scaling.md").write_text("\n".join(texts))
    print("\n".join(texts))


def steps(net: Path, folder: Path) -> Iterator[tuple]:
    """A step's time against one size after the other, measured and predicted."""
    threads = sorted({1, os.cpu_count() or 1})
    sweeps = (
        ("batch, CNN", "batch", CNN, "size", BATCHES),
        ("width of two hidden layers", "width", net, "width", WIDTHS),
        ("depth, 256 wide", "depth", net, "depth", DEPTHS),
        ("threads, CNN at batch 128", "threads", CNN, "threads", threads),
    )
    for title, slug, file, name, values in sweeps:
        found = []
        for value in values:
            define = {"size": 128} if name == "threads" else {name: value}
            use = value if name == "threads" else 0
            out = folder / f"{slug}-{value}"
            program = netc.compile(file, define=define, out=out, device="cpu", threads=use)
            session = program.start(seed=1)
            function = program.facts.function("train")
            seconds = sorted(step_seconds(session, function, CHUNKS))[CHUNKS // 2]
            session.close()
            found.append((value, 1e3 * seconds, 1e3 * program.cost))
        rows = [(slug, "step", "predicted"), *((str(v), f"{s:.3g} ms", f"{p:.3g} ms")
                for v, s, p in found)]  # fmt: skip
        lines = [Line("measured", tuple((v, s) for v, s, _ in found))]
        if name != "threads":
            lines.append(Line("predicted", tuple((v, p) for v, _, p in found)))
        yield f"A step against {title}", slug, rows, lines, (slug, "ms")


def compiling(net: Path, folder: Path) -> tuple:
    """The time from source to all C and CUDA C, without the C compiler."""
    found = []
    for layers in LAYERS:
        start = time.perf_counter()
        netc.compile(net, define={"depth": layers}, out=folder / f"compiled-{layers}")
        found.append((layers, time.perf_counter() - start))
    rows = [("layers", "time", "a layer")]
    rows += [(str(n), f"{s:.2f} s", f"{1e3 * s / n:.0f} ms") for n, s in found]
    return ("Compiling against layers", "layers", rows, [Line("measured", tuple(found))],
            ("layers", "s"))  # fmt: skip


def memory(folder: Path) -> tuple:
    """The bytes of the arena that a session holds, which are those of the plan."""
    found = []
    for batch in BATCHES:
        out = folder / f"memory-{batch}"
        program = netc.compile(CNN, define={"size": batch}, out=out, device="cpu")
        session = program.start()
        found.append((batch, session.device.arena.nbytes, program.memory))
        session.close()
    rows = [("batch", "held", "planned")]
    rows += [(str(batch), f"{held:,}", f"{planned:,}") for batch, held, planned in found]
    lines = [Line("held", tuple((batch, held / 1e6) for batch, held, _ in found))]
    return "Memory against batch, CNN", "memory", rows, lines, ("batch", "MB")


if __name__ == "__main__":
    main()
