"""A checkpoint moves between devices: what lasts has the same names and meaning on all."""

import numpy as np
import pytest

from netc.compiler.driver import compile_file
from netc.runtime import checkpoint
from netc.runtime.device import open_device
from netc.runtime.restore import restore
from netc.runtime.session import Session

# A sum of 6000 products is cut for 16 tasks on a cpu, and on a GPU as far as its depth is worth.
PROGRAM = """
net deep(x: f32[N, 6000]) { return x -> dense(8) -> batch_norm -> tanh -> dense(3) }

train {
    take x: f32[N, 6000], y: i32[N] from feed
    minimize cross_entropy(deep(x), y) with adam(lr=0.002)
    batch 20
}
"""
STEPS = 3


@pytest.fixture
def built(tmp_path):
    (tmp_path / "deep.net").write_text(PROGRAM)
    return compile_file(tmp_path / "deep.net", out=tmp_path / "build")


def batches(seed: int) -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    return [
        {"x": random.normal(size=(20, 6000)), "y": random.integers(0, 3, 20)} for _ in range(STEPS)
    ]


def test_each_target_cuts_its_sums_for_itself(built):
    cpu, cuda = (built[0].on(target) for target in ("cpu", "cuda"))
    assert [one.symbol for one in cpu.functions] == [one.symbol for one in cuda.functions]
    assert cpu.persistent == cuda.persistent
    assert (16, 20, 8) in shapes(cpu) - shapes(cuda)
    assert (20, 20, 8) in shapes(cuda) - shapes(cpu)


def shapes(program) -> set[tuple[int, ...]]:
    kernels = program.function("train").kernels
    return {tensor.shape for kernel in kernels for tensor in kernel.writes}


@pytest.mark.parametrize("other", ["emulate", "reference"])
def test_training_goes_on_elsewhere_and_comes_back(built, other, tmp_path):
    program, folder = built
    path, losses = tmp_path / "moved.safetensors", {}
    for places in (("cpu", other, "cpu"), ("reference",) * 3):
        told = losses.setdefault(places, [])
        for leg, place in enumerate(places):
            session = Session(program, folder, open_device(place, program, folder), seed=4)
            if leg:
                restore(session, checkpoint.load(path))
            told += [session.step(**batch)["loss"] for batch in batches(leg)]
            assert session.steps_done == STEPS * (leg + 1)
            session.save(path)
            session.close()
    moved, stayed = losses.values()
    assert stayed[-1] != pytest.approx(stayed[0], rel=1e-2)
    assert moved == pytest.approx(stayed, rel=1e-4)
