"""Every function with inline PTX does on a GPU what the manual says, to the bit."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from netc.runtime.cuda_driver import describe_devices

HELPER = Path(__file__).parents[1] / "cuda_on_cpu" / "wrappers.py"
SPEC = spec_from_file_location("wrappers", HELPER)
wrappers = module_from_spec(SPEC)
SPEC.loader.exec_module(wrappers)
# The stand-in is taken for a device of sm_90a; of another device only the usual ones are asked.
DEVICES = describe_devices()
ARCH = "sm_80" if DEVICES and DEVICES[0].architecture != "sm_90a" else "sm_90a"


@pytest.mark.parametrize("wrapper", wrappers.wrappers_of(ARCH), ids=str)
def test_a_function_does_what_the_manual_says(wrapper, gpu, tmp_path):
    wrappers.check(wrapper, gpu, ARCH, tmp_path)
