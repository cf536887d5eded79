"""The device `cuda` over a stand-in for the driver: what it computes, and what it calls."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.build.cuda_modules import CudaModule
from netc.compiler.diagnostics import NetError
from netc.compiler.interpret import interpret
from netc.compiler.ir.graph import Role
from netc.compiler.program import FunctionFacts, Layout, Program, Tensor
from netc.compiler.targets.cuda import build_files
from netc.runtime import cuda_driver
from netc.runtime.cuda import Cuda
from netc.runtime.cuda_driver import (
    DriverError,
    architecture_of,
    describe_devices,
    device_count,
    why_no_cuda,
)
from netc.runtime.device import usual_device

BATCH, SIZE, ROWS = 2, 8, 9


@dataclass
class Bench:
    """A training step in a build folder, its data, and what opens it on a stand-in."""

    graph: object
    function: object
    facts: FunctionFacts
    folder: Path
    open: object
    images: np.ndarray
    labels: np.ndarray
    start: dict

    @property
    def fields(self):
        return self.images, self.labels

    def tensor(self, name: str) -> Tensor:
        entry = self.graph.input(name)
        kind, buffer = entry.value.type, self.function.memory.buffer(name)
        return Tensor(name, kind.dtype, kind.shape, buffer.offset)

    def expected(self, batches) -> tuple[np.ndarray, dict]:
        """The log and the last state by the interpreter, for rows chosen by each of `batches`."""
        state, log = dict(self.start), []
        for rows in batches:
            batch = {"image": self.images[rows], "label": self.labels[rows]}
            state |= interpret(self.graph, state | batch)
            log.append([state["loss"], state["accuracy"]])
        return np.array(log), state


@pytest.fixture
def bench(cuda_on_cpu, graphs, fake_driver, tmp_path) -> Bench:
    graph = graphs.mnist(batch=BATCH, size=SIZE, filters=3, hidden=5)
    function = cuda_on_cpu.function_of(graph, BATCH)
    (tmp_path / "cuda").mkdir()
    for name, text in build_files(function, "sm_90a", "train", ()).items():
        (tmp_path / name).write_text(text)
    facts = FunctionFacts("train", BATCH, "train", (), (), (), (), 0)
    program = Program(
        "test", "0", "0", "test.net", str(tmp_path), 0, (),
        (Layout("cuda", function.memory.arena_bytes, (facts,)),), None, None,
    )  # fmt: skip
    random = np.random.default_rng(2)
    lasting = [entry for entry in graph.inputs if entry.role is not Role.FIELD]
    start = {
        entry.value.name: random.normal(size=entry.value.type.shape) * 0.1
        if entry.role is Role.WEIGHT
        else np.zeros(entry.value.type.shape)
        for entry in lasting
    }

    def compile(source: str, architecture: str) -> tuple[CudaModule, ...]:
        assert architecture == "sm_90a"
        return fake_driver.modules(source, architecture)

    def open_device(**driver) -> Cuda:
        device = Cuda(fake_driver(**driver), program, tmp_path, compile)
        for name, array in start.items():
            device.write(made.tensor(name), array)
        return device

    images = random.integers(0, 256, (ROWS, SIZE, SIZE, 1)).astype(np.uint8)
    labels = random.integers(0, 10, ROWS).astype(np.int32)
    made = Bench(graph, function, facts, tmp_path, open_device, images, labels, start)
    return made


def test_steps_over_a_data_set_give_what_the_interpreter_does(bench):
    device, order = bench.open(), np.array([4, 0, 8, 3, 1, 2, 7, 7])
    expected, state = bench.expected(order.reshape(4, BATCH))
    log = np.concatenate(
        [device.run(bench.facts, bench.fields, part, 2) for part in (order[:4], order[4:])]
    )
    np.testing.assert_allclose(log, expected, rtol=1e-3)
    for name in ("conv.kernel", "dense_2.bias", "dense_1.kernel.m"):
        if bench.graph.input(name):
            found = device.read(bench.tensor(name))
            np.testing.assert_allclose(found, state[name], rtol=2e-3, atol=1e-5, err_msg=name)
    assert device.read(bench.tensor("step")) == 4


def test_a_data_set_that_does_not_fit_is_sent_as_far_as_it_is_needed(bench):
    device, order = bench.open(), np.array([4, 0, 8, 3, 1, 2, 7, 7])
    expected, _ = bench.expected(order.reshape(4, BATCH))
    device.driver.free = 2 * sum(array.nbytes for array in bench.fields) - 1
    log = [device.run(bench.facts, bench.fields, part, 2) for part in (order[:4], order[4:])]
    np.testing.assert_allclose(np.concatenate(log), expected, rtol=1e-3)
    uploaded = [size for _, _, size, _ in device.driver.named("cuMemcpyHtoDAsync")]
    assert bench.images.nbytes not in uploaded
    assert uploaded.count(4 * bench.images[0].nbytes) == 2


def test_without_an_order_rows_come_one_after_the_other_and_anew_each_time(bench):
    device, images = bench.open(), bench.images[:4].copy()
    expected, _ = bench.expected([np.array([0, 1]), np.array([2, 3]), np.array([5, 6])])
    first = device.run(bench.facts, (images, bench.labels[:4]), None, 2)
    images[:2] = bench.images[5:7]  # the caller may fill the same array again
    second = device.run(bench.facts, (images[:2], bench.labels[5:7]), None, 1)
    np.testing.assert_allclose(np.concatenate([first, second]), expected, rtol=1e-3)


def test_a_step_is_captured_once_and_launched_as_often_as_there_are_steps(bench):
    device = bench.open()
    driver, order = device.driver, np.arange(6)
    allocated, uploads = len(driver.named("cuMemAlloc")), len(driver.named("cuMemcpyHtoDAsync"))
    assert allocated == 1 and driver.named("cuMemAlloc")[0][0] == device.cursor_offset + 256
    device.run(bench.facts, bench.fields, order, 3)
    device.run(bench.facts, bench.fields, order, 3)
    assert len(driver.named("cuStreamBeginCapture")) == len(driver.named("cuStreamEndCapture")) == 1
    assert len(driver.named("cuGraphLaunch")) == 6
    sizes = [arguments[0] for arguments in driver.named("cuMemAlloc")[1:]]
    assert sizes == [bench.images.nbytes, 256, 256, 256]  # images, labels, order, log
    uploaded = [arguments[2] for arguments in driver.named("cuMemcpyHtoDAsync")[uploads:]]
    assert uploaded == [bench.images.nbytes, bench.labels.nbytes, 48, 48]
    launched = [(*a[1:4], *a[4:7]) for a in driver.named("cuLaunchKernel")]
    step = device.loaded["train"].step
    assert launched == [(*it.grid, *it.block) for it in (*step.launches, step.last)]
    names = [arguments[0][1] for arguments in driver.named("cuLaunchKernel")]
    assert names[0] == "netc_take" and names[-1] == "netc_log"
    loads = [name for name, *_ in driver.calls].index("cuStreamBeginCapture")
    assert "cuFuncLoad" not in [name for name, *_ in driver.calls[loads:]]


def test_more_steps_than_before_get_a_new_graph_for_their_longer_log(bench):
    device = bench.open()
    device.run(bench.facts, bench.fields, np.zeros(2, np.int64), 1)
    many = np.arange(100) % ROWS
    log = device.run(bench.facts, bench.fields, many, 50)
    assert np.isfinite(log).all() and log.shape == (50, 2)
    assert len(device.driver.named("cuGraphExecDestroy")) >= 1
    assert len(device.driver.named("cuStreamBeginCapture")) == 2


def test_closing_gives_everything_back(bench):
    device = bench.open()
    device.run(bench.facts, bench.fields, np.arange(4), 2)
    device.run(bench.facts, (bench.images[:2], bench.labels[:2]), None, 1)
    device.close()
    driver = device.driver
    assert driver.memory == {}
    for made, gone in (
        ("cuStreamCreate", "cuStreamDestroy"), ("cuModuleLoadData", "cuModuleUnload"),
        ("cuGraphInstantiate", "cuGraphExecDestroy"), ("cuStreamEndCapture", "cuGraphDestroy"),
        ("cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRelease"),
    ):  # fmt: skip
        assert len(driver.named(made)) == len(driver.named(gone)) > 0, made


def test_old_data_sets_make_room_for_new_ones(bench):
    device = bench.open()
    for _ in range(12):
        fields = bench.images.copy(), bench.labels.copy()
        device.run(bench.facts, fields, np.arange(2), 1)
    assert len(device.driver.memory) <= 16 + 3
    assert device.read(bench.tensor("step")) == 12


def test_a_program_that_does_not_fit_is_refused_before_it_is_allocated(bench):
    with pytest.raises(NetError, match="E0710: the program needs .* bytes on the GPU") as caught:
        bench.open(free=1000)
    assert caught.value.exit_code == 4


def test_a_machine_without_a_gpu_is_told_from_one_without_a_driver(bench, monkeypatch):
    with pytest.raises(NetError, match="E0722: there is no NVIDIA GPU here"):
        bench.open(devices=0)
    monkeypatch.setattr(cuda_driver, "LIBRARY", "libno-such-driver.so.1")
    with pytest.raises(NetError, match="E0722: there is no NVIDIA driver here") as caught:
        cuda_driver.load_driver()
    assert caught.value.exit_code == 4
    assert why_no_cuda() == "there is no NVIDIA driver here" and describe_devices() == ()


def test_the_gpu_is_the_usual_device_where_there_is_one_that_serves(fake_driver, monkeypatch):
    monkeypatch.setattr(cuda_driver, "load_driver", fake_driver)
    assert usual_device() == "cuda"
    monkeypatch.setattr(cuda_driver, "architecture_of", lambda *_: architecture_of(7, 0))
    assert usual_device() == "cpu" and "capability 7.0" in why_no_cuda()
    monkeypatch.setattr(cuda_driver, "load_driver", lambda: fake_driver(devices=0))
    assert usual_device() == "cpu"
    monkeypatch.undo()
    monkeypatch.setattr(cuda_driver, "LIBRARY", "libno-such-driver.so.1")
    assert usual_device() == "cpu"


def test_a_driver_that_does_not_start_says_so(bench, fake_driver):
    driver = fake_driver()
    driver.cuInit = lambda flags: (100,)
    assert device_count(driver) == 0
    driver.cuInit = lambda flags: (803,)
    with pytest.raises(NetError, match="E0722: the NVIDIA driver does not start: cuInit fails"):
        device_count(driver)


def test_a_build_folder_without_cuda_is_told_how_to_get_it(bench):
    device = bench.open()
    (bench.folder / "cuda" / "train.json").unlink()
    with pytest.raises(NetError, match="E0614: the build folder lacks") as caught:
        device.prepare(bench.facts)
    assert "--target cuda" in caught.value.diagnostics[0].helps[0]


def test_a_failing_launch_ends_the_capture_and_names_the_call(bench):
    device = bench.open()
    device.driver.fails_at = "cuLaunchKernel"
    with pytest.raises(DriverError, match="cuLaunchKernel fails: 999"):
        device.run(bench.facts, bench.fields, np.arange(2), 1)
    device.driver.fails_at = None
    assert device.run(bench.facts, bench.fields, np.arange(2), 1).shape == (1, 2)


def test_devices_are_described_in_a_line(fake_driver):
    (device,) = describe_devices(fake_driver())
    assert str(device) == (
        "cuda:0  Stand-in, sm_90a, 132 multiprocessors, 80 GiB, driver for CUDA 13.1"
    )


def test_code_is_made_for_the_very_chip():
    names = [architecture_of(*it) for it in ((7, 5), (8, 6), (9, 0), (10, 0), (12, 0))]
    assert names == ["sm_75", "sm_86", "sm_90a", "sm_100a", "sm_120a"]
    with pytest.raises(NetError, match="E0723: this GPU has compute capability 7.0"):
        architecture_of(7, 0)
