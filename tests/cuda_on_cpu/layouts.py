"""Where numbers lie in lanes and in shared memory, as the PTX manual states it: for tests only.

Words of the manual: groupID is lane / 4, threadID_in_group is lane % 4.
"""

from collections.abc import Iterator

import numpy as np

WARP = 32


def halves_of(numbers: np.ndarray, kind: str) -> np.ndarray:
    """The 16 bits of each number, which must have no more: whole numbers below 256 do."""
    if kind == "f16":
        return numbers.astype(np.float16).view(np.uint16)
    bits = numbers.astype(np.float32).view(np.uint32)
    assert not (bits & 0xFFFF).any()
    return (bits >> 16).astype(np.uint16)


def words_of(lines: np.ndarray, kind: str) -> np.ndarray:
    """Lines of numbers as 32-bit words: one tf32 each, or two neighbours of 16 bits."""
    if kind == "tf32":
        return np.ascontiguousarray(lines, np.float32).view(np.uint32)
    return np.ascontiguousarray(halves_of(lines, kind)).view(np.uint32)


def left_of_mma(a: np.ndarray, kind: str) -> np.ndarray:
    """uint32[32, 4]: the registers of each lane for a[16, depth] of mma.m16n8."""
    words = words_of(a, kind)
    found = np.zeros((WARP, 4), np.uint32)
    for lane, i in np.ndindex(found.shape):
        row = lane // 4 + (8 if i in (1, 3) else 0)
        found[lane, i] = words[row, lane % 4 + (4 if i >= 2 else 0)]
    return found


def right_of_mma(b: np.ndarray, kind: str) -> np.ndarray:
    """uint32[32, 2]: the same for b[depth, 8]."""
    words = words_of(b.T, kind)
    found = np.zeros((WARP, 2), np.uint32)
    for lane, i in np.ndindex(found.shape):
        found[lane, i] = words[lane // 4, lane % 4 + 4 * i]
    return found


def sums_of_mma(d: np.ndarray) -> np.ndarray:
    """f32[32, 4]: what each lane has of d[16, 8]."""
    found = np.zeros((WARP, 4), np.float32)
    for lane, i in np.ndindex(found.shape):
        row = lane // 4 + (8 if i >= 2 else 0)
        found[lane, i] = d[row, lane % 4 * 2 + (i & 1)]
    return found


def sums_of_wgmma(d: np.ndarray) -> np.ndarray:
    """f32[128, columns / 2]: what each thread of a warpgroup has of d[64, columns]."""
    found = np.zeros((128, d.shape[1] // 2), np.float32)
    for thread, i in np.ndindex(found.shape):
        warp, lane = divmod(thread, WARP)
        eight, rest = divmod(i, 4)
        row = warp * 16 + lane // 4 + (8 if rest >= 2 else 0)
        found[thread, i] = d[row, eight * 8 + lane % 4 * 2 + (rest & 1)]
    return found


def swizzled_lines(lines: np.ndarray) -> np.ndarray:
    """Lines of 128 bytes (uint32[lines, 32]) as a swizzle of 128 bytes stores them: the 16-byte
    chunk c of line r is where chunk c xor (r mod 8) would be."""
    found = np.zeros_like(lines)
    for line, chunk in chunks(len(lines)):
        place = chunk ^ line % 8
        found[line, 4 * place : 4 * place + 4] = lines[line, 4 * chunk : 4 * chunk + 4]
    return found


def chunks(lines: int) -> Iterator[tuple[int, int]]:
    return np.ndindex(lines, 8)
