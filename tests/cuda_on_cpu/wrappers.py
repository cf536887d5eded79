"""For every function with inline PTX a kernel that calls it: the same on the emulator and a GPU.

Inputs are different for each lane; numbers are whole and small, so that sums have one result in any
order.
"""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from netc.compiler.targets.cuda import device_code


def sibling(name: str):
    """Another helper of this folder."""
    spec = spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_wrapper = sibling("wrapper").check
USUAL = sibling("wrappers_sm80").WRAPPERS
WRAPPERS = (*USUAL, *sibling("wrappers_sm90").WRAPPERS)
ARCHS = ("sm_80", "sm_90a")
NOTHING = 'extern "C" __global__ void nothing() {}\n'


def wrappers_of(arch: str) -> tuple:
    """Those that run on an architecture: all of them only on sm_90a."""
    return WRAPPERS if arch == "sm_90a" else USUAL


def source_for(arch: str) -> str:
    """One source with the kernels of all of them."""
    parts = ("math", "round", "ptx", *(("ptx_sm90",) if arch == "sm_90a" else ()))
    kernels = (wrapper.source for wrapper in wrappers_of(arch))
    return "\n".join((*map(device_code, parts), *kernels, NOTHING))


def check(wrapper, open_device, arch: str, folder: Path) -> None:
    """The kernel stores what it must, on the device that `open_device(program, folder)` opens."""
    check_wrapper(wrapper, source_for(arch), arch, open_device, folder)
