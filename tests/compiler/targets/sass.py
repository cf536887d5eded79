"""A cubin in, the instructions of each of its kernels out, by nvdisasm: no GPU is needed."""

import hashlib
import json
import re
import subprocess
import tempfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from netc.compiler.cache import keep, key_of, look_up

SECTION = re.compile(r"^\.text\.(\w+):$")
INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ +)?([A-Z][\w.]*)")


def instructions(image: bytes) -> dict[str, Counter[str]]:
    """How many of which instructions, with their modifiers, each kernel has; kept in the cache of
    modules."""
    key = key_of("sass counts", hashlib.sha256(image).hexdigest())
    kept = look_up(key)
    if kept is None:
        kept = json.dumps(read(disassemble(image))).encode()
        keep(key, kept)
    return {name: Counter(found) for name, found in json.loads(kept).items()}


def disassemble(image: bytes) -> str:
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(image)
        file.flush()
        command = (str(nvdisasm()), "-c", file.name)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def nvdisasm() -> Path:
    """The tool, in its wheel."""
    folder = next(iter(find_spec("nvidia.cu13").submodule_search_locations))
    return Path(folder) / "bin" / "nvdisasm"


def read(text: str) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    kernel = ""
    for line in text.splitlines():
        if section := SECTION.match(line):
            kernel = section[1]
            found[kernel] = Counter()
        elif instruction := INSTRUCTION.match(line):
            found[kernel][instruction[1]] += 1
    return found
