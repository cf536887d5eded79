"""Groups, memory and C of two small training steps, as golden files: read their diff."""

from pathlib import Path

from netc.compiler.ir.text import print_graph
from netc.compiler.targets import cpu

GOLDEN = Path(__file__).parent / "golden"
MACHINE = cpu.CpuMachine("avx2", vector_bytes=32, registers=16)


def test_a_training_step_reads_as_it_did(functions, net_file, golden):
    step, stem = functions[0], net_file.stem
    lines = tuple(net_file.read_text().splitlines())
    golden(GOLDEN / f"{stem}.ir", print_graph(step.graph))
    golden(GOLDEN / f"{stem}.groups", "\n".join(str(k.group) for k in step.kernels) + "\n")
    golden(GOLDEN / f"{stem}.memory", f"{step.memory}\n")
    golden(GOLDEN / f"{stem}.c", cpu.render_function(step, MACHINE, lines))
