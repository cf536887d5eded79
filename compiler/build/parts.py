"""The C source of a function in; sources that are compiled at once, and then linked, out.

A kernel is compiled in one of the parts and declared in the others. What follows the kernels, and
the team of threads that it runs them on, is in the first part.
"""

import re

# From the line that names a kernel to the brace that ends it.
KERNEL = re.compile(r"^static (void k\d+_\w+\(\n[^{}]*?\))\n\{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
TEAM = ('#include "netc_profile.h"\n', '#include "netc_threads.h"\n')
HIDDEN = '__attribute__((visibility("hidden"))) '
FEWEST = 8  # kernels of a part: each part reads the headers again


def parts_of(text: str, most: int) -> tuple[str, ...]:
    """Up to `most` parts that take about as long to compile; the text as it is if it is short."""
    kernels = [*KERNEL.finditer(text)]
    count = min(most, len(kernels) // FEWEST)
    if count < 2:
        return (text,)
    end = kernels[-1].end()
    owners = shared_out([len(kernel[0]) for kernel in kernels], count, len(text) - end)
    first, *others = (
        KERNEL.sub(lambda kernel, own=own: as_seen(kernel, kernel.start() in own), text[:end])
        for own in (
            {kernel.start() for kernel, owner in zip(kernels, owners, strict=True) if owner == part}
            for part in range(count)
        )
    )
    return (first + text[end:], *map(without_team, others))


def as_seen(kernel: re.Match, is_own: bool) -> str:
    """A kernel in the part that compiles it, or in another one."""
    return HIDDEN + (kernel[0].removeprefix("static ") if is_own else f"{kernel[1]};\n")


def shared_out(lengths: list[int], count: int, taken: int) -> list[int]:
    """Which of so many parts has each of these; `taken` is what the first part has already."""
    loads, owners = [taken] + [0] * (count - 1), [0] * len(lengths)
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        owners[place] = min(range(count), key=loads.__getitem__)
        loads[owners[place]] += lengths[place]
    return owners


def without_team(text: str) -> str:
    for line in TEAM:
        text = text.replace(line, "", 1)
    return text
