"""Texts of CUDA kernels in, what the compiler makes of each out: registers and instructions.

Kernels that differ in names alone are compiled once, whichever functions and programs they are of,
many in one module; what was found is kept in the cache of modules.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from netc.compiler.build.nvrtc import OPTIONS, Resources, compile_cubin, load_nvrtc, version
from netc.compiler.cache import keep, key_of, look_up
from netc.compiler.targets.cuda import PARTS, device_code, parts_of

OPENING = re.compile(r'^extern "C" __global__ [^\n]* void (\w+)\(\n', re.MULTILINE)
DECLARED = re.compile(r"\b(?:bool|float|int|long long|unsigned char|__restrict__) (\w+)")
Sass = Callable[[bytes], dict[str, Counter[str]]]
TOGETHER = 40  # kernels in a module: the compiler takes as long to start as for five small ones


@dataclass(frozen=True)
class Facts:
    """What one kernel takes, and how many of which instructions it has."""

    resources: Resources
    instructions: Counter[str]


def kernels_of(source: str) -> dict[str, str]:
    """The text of each kernel of a source, by its name."""
    return {
        one[1]: source[one.start() : source.index("\n}\n", one.end()) + 3]
        for one in OPENING.finditer(source)
    }


def look_into(kernels: Iterable[str], arch: str, sass: Sass) -> dict[str, Facts]:
    """What the compiler makes of each of these texts for an architecture such as `sm_90a`; `sass`
    says what instructions the kernels of a cubin have."""
    plain = {text: without_names(text) for text in kernels}
    found = {text: recall(text, arch) for text in dict.fromkeys(plain.values())}
    missing = [text for text, facts in found.items() if facts is None]
    for start in range(0, len(missing), TOGETHER):
        found |= compile_together(missing[start : start + TOGETHER], arch, sass)
    return {text: found[plain[text]] for text in plain}


def without_names(text: str) -> str:
    """A kernel named `kernel`, its parameters and variables numbered, without comments."""
    code = "\n".join(line.partition("//")[0].rstrip() for line in text.splitlines())
    names = {name: f"name_{i}" for i, name in enumerate(dict.fromkeys(DECLARED.findall(code)))}
    names[OPENING.search(text)[1]] = "kernel"
    return re.sub(r"(?<![.\w])[A-Za-z_]\w*", lambda word: names.get(word[0], word[0]), code) + "\n"


def compile_together(texts: list[str], arch: str, sass: Sass) -> dict[str, Facts]:
    named = {
        f"kernel_{i}": text.replace(" kernel(", f" kernel_{i}(") for i, text in enumerate(texts)
    }
    parts = (device_code(part) for part in parts_of(tuple(texts)))
    cubin = compile_cubin("\n".join((*parts, *named.values())), arch)
    instructions = sass(cubin.image)
    found = {}
    for name, text in zip(named, texts, strict=True):
        found[text] = Facts(cubin.kernel(name), instructions[name])
        kept = {"resources": asdict(found[text].resources), "instructions": instructions[name]}
        keep(key(text, arch), json.dumps(kept).encode())
    return found


def recall(text: str, arch: str) -> Facts | None:
    kept = look_up(key(text, arch))
    if kept is None:
        return None
    parts = json.loads(kept)
    return Facts(Resources(**parts["resources"]), Counter(parts["instructions"]))


def key(text: str, arch: str) -> str:
    compiler = ".".join(map(str, version(load_nvrtc())))
    return key_of("facts", compiler, *OPTIONS, arch, *map(device_code, PARTS), text)
