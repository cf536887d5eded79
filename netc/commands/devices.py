"""List what is here to run on, and what each can do."""

import argparse
import ctypes
import json
import platform
from importlib.util import find_spec

from netc.commands.common import add_json
from netc.compiler.build.cc import find_compiler
from netc.compiler.diagnostics import NetError
from netc.compiler.targets.machine import this_machine
from netc.runtime.arena import free_memory, processors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    found = {"cpu": cpu(), "cuda": cuda(), "reference": "NumPy, op by op: slow, for comparing"}
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, text in found.items():
            print(f"{name:11}{text}")
    return 0


def cpu() -> str:
    machine = this_machine()
    try:
        compiler = find_compiler().version
    except NetError as error:
        compiler = error.diagnostics[0].message
    free = free_memory()
    memory = "" if free is None else f", {free:,} bytes free"
    threads = f"{processors()} threads"
    return f"{processor_name()}, {machine.name}, {threads}{memory}; {compiler}"


def processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def cuda() -> str:
    """What the driver says; and whether cubins can be built without one."""
    has_nvrtc = find_spec("cuda") is not None
    builds = "NVRTC builds for it" if has_nvrtc else 'building needs `pip install "netc[cuda]"`'
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return f"no driver here; {builds}"
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return f"a driver, but no GPU; {builds}"
    return f"{', '.join(gpu(driver, number) for number in range(count.value))}; {builds}"


def gpu(driver: ctypes.CDLL, number: int) -> str:
    name = ctypes.create_string_buffer(128)
    driver.cuDeviceGetName(name, len(name), number)
    return name.value.decode("utf-8", errors="replace")
