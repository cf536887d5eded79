"""Which elements each lane takes of a tile, against the layouts as the PTX manual states them."""

import re
from importlib.resources import files

import numpy as np
import pytest

from netc.compiler.targets.cuda import device_code
from netc.emulator.build import build_module
from netc.emulator.launch import SCHEDULES, launch
from netc.emulator.memory import buffer

# A tile of lines of 24 (or 20) elements, each with its own number, and what the lanes take of it.
KERNEL = """
extern "C" __global__ void take_%(name)s(const %(type)s *numbers, unsigned int *taken)
{
    __shared__ __align__(16) %(type)s tile[16][%(stride)d];
    const int lane = threadIdx.x;
    for (int e = lane; e < 16 * %(stride)d; e += 32)
        tile[e / %(stride)d][e %% %(stride)d] = numbers[e];
    __syncthreads();
    unsigned int words[4];
    netc_%(name)s(words, &tile[0][0], %(stride)d, lane);
    for (int i = 0; i < 4; i++) taken[lane * 4 + i] = words[i];
}
"""
STRIDE = {"unsigned short": 24, "float": 20}


def place(name: str, lane: int, word: int, half: int, is_wide: bool) -> tuple[int, int]:
    """(line, place in it) of the element that is in a word of a lane: in the words of the manual,
    with groupID = lane / 4 and threadID_in_group = lane % 4."""
    group, thread = divmod(lane, 4)
    if name.startswith("left"):
        row = group if word in (0, 2) else group + 8
        far = word >= 2
    else:
        row = group + 8 * (word >= 2)  # two instructions' columns
        far = word % 2 == 1
    depth = thread + 4 * far if is_wide else thread * 2 + half + 8 * far
    return (row, depth) if name.endswith("deep") else (depth, row)


@pytest.mark.parametrize("type", STRIDE)
@pytest.mark.parametrize("name", ["left_deep", "left_flat", "right_deep", "right_flat"])
def test_lanes_take_what_the_manual_says(name, type):
    stride, is_wide = STRIDE[type], type == "float"
    numbers = np.arange(16 * stride).astype(np.float32 if is_wide else np.uint16)
    parts = [device_code(part) for part in ("math", "round", "ptx", "tensor")]
    source = "".join(parts) + KERNEL % {"name": name, "type": type, "stride": stride}
    module = build_module(source, checked=True)
    for schedule in SCHEDULES:
        taken = buffer("taken", np.zeros(128, np.uint32))
        arguments = (buffer("numbers", numbers), taken)
        launch(module, f"take_{name}", (1, 1, 1), (32, 1, 1), arguments, schedule=schedule)
        words = taken.bytes.view(np.uint32).reshape(32, 4)
        found = words.view(np.float32) if is_wide else words.view(np.uint16).reshape(32, 4, 2)
        for at in np.ndindex(found.shape):
            half = 0 if is_wide else at[2]
            line, column = place(name, at[0], at[1], half, is_wide)
            assert found[at] == numbers[line * stride + column], (name, at)


def banks(addresses: list[int], width: int) -> int:
    """How often the busiest of 32 banks is asked for different words by these bytes at once."""
    words = {(address + b) // 4 for address in addresses for b in range(0, width, 4)}
    return max(np.bincount([word % 32 for word in set(words)]))


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_no_two_lines_that_are_read_at_once_share_a_bank(size):
    from_16_bits = [(32 + 8) * 2, (size + 8) * 2]
    for stride in (*from_16_bits, (16 + 4) * 4):
        assert banks([row * stride for row in range(8)], 16) == 1
    flat = (size + 8) * 4  # tf32, lane by lane
    assert banks([lane % 4 * flat + lane // 4 * 4 for lane in range(32)], 4) == 1


PTX = ("ptx", "ptx_sm90")  # the parts with inline PTX


def functions(text: str) -> set[str]:
    found = re.findall(r"\b(netc_\w+)\((?!name)", re.sub(r"//.*", "", text))
    named = re.findall(r"NETC_W?G?MMA\((netc_\w+)", text)
    return {*found, *named} - {"netc_shared_address"}


def test_every_instruction_has_a_twin_in_the_emulator():
    device = functions("".join(map(device_code, PTX)))
    twins = functions((files("netc.emulator") / "cuda" / "ptx.h").read_text())
    assert len(device) >= 38 and device <= twins


def test_inline_ptx_lives_in_two_files():
    folder = files("netc.templates") / "cuda"
    texts = {f.name: f.read_text() for f in folder.iterdir() if f.is_file()}
    with_asm = {name for name, text in texts.items() if re.search(r"\basm\b", text)}
    assert with_asm == {f"netc_{part}.cuh" for part in PTX}
