"""Phases: small kernels become one task, and pieces have a share of the phase like their time."""

import pytest

from netc.compiler.targets.cpu_phases import CpuKernelSource, make_phase, worth_a_claim


def kernel(number: int, tasks: int, seconds: float) -> CpuKernelSource:
    return CpuKernelSource(f"k{number}", number, (), tasks, "", seconds)


def test_a_phase_of_one_kernel_is_shared_out_by_its_tasks():
    phase = make_phase([[kernel(0, tasks=40, seconds=20e-6)]])
    assert (phase.units, phase.worth, phase.pieces[0].tasks) == (40, 2, 40)


def test_small_kernels_are_one_task():
    phase = make_phase([[kernel(0, tasks=40, seconds=0.2e-6), kernel(1, tasks=3, seconds=1e-9)]])
    assert (phase.units, phase.pieces[0].tasks, phase.pieces[0].is_whole) == (1, 1, True)


def test_pieces_have_as_many_units_as_their_time():
    few, many = kernel(0, tasks=4, seconds=900e-6), kernel(1, tasks=5000, seconds=100e-6)
    phase = make_phase([[few], [many]])
    large, small = phase.pieces
    assert large.units == pytest.approx(9 * small.units, rel=0.01)
    assert (small.start, phase.units) == (large.units, large.units + small.units)
    assert (large.tasks, small.tasks) == (4, 5000)


def test_a_claim_is_worth_a_microsecond():
    assert worth_a_claim(100, 50e-6) == 2
    assert worth_a_claim(100, 1.0) == 1
    assert worth_a_claim(100, 0.0) == 100
