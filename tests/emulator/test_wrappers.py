"""Every function with inline PTX: its twin does what the manual says, and NVRTC takes its kernel.

On a GPU the same kernels run by tests/gpu/test_wrappers.py.
"""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from netc.compiler.build.nvrtc import compile_cubin
from netc.emulator.launch import SCHEDULES
from netc.runtime.emulate import Emulate

HELPER = Path(__file__).parents[1] / "cuda_on_cpu" / "wrappers.py"
SPEC = spec_from_file_location("wrappers", HELPER)
wrappers = module_from_spec(SPEC)
SPEC.loader.exec_module(wrappers)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("wrapper", wrappers.WRAPPERS, ids=str)
def test_the_twin_does_what_the_manual_says(wrapper, schedule, tmp_path):
    def open_checked(program, folder):
        return Emulate(program, folder, checked=True, schedule=schedule)

    wrappers.check(wrapper, open_checked, "sm_90a", tmp_path)


@pytest.mark.parametrize("arch", wrappers.ARCHS)
def test_nvrtc_takes_every_kernel_and_spills_nothing(arch):
    found = compile_cubin(wrappers.source_for(arch), arch)
    spilling = [name for name, used in found.resources if used.spill_stores or used.spill_loads]
    assert len(found.resources) == len(wrappers.wrappers_of(arch)) + 1 and not spilling


def test_every_function_has_a_kernel_of_its_own():
    text = "".join(wrappers.device_code(part) for part in ("ptx", "ptx_sm90"))
    named = [wrapper.name for wrapper in wrappers.WRAPPERS]
    assert len(named) == len(set(named)) == 38
    for wrapper in wrappers.WRAPPERS:
        assert wrapper.name in text and f"{wrapper.name}" in wrapper.body
