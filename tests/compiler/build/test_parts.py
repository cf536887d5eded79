"""A source in parts: every kernel in one of them, and the library that is linked from them all."""

import ctypes

import pytest

from netc.compiler.build import cc
from netc.compiler.build.parts import parts_of, shared_out

KERNEL = """// k{0:02}_add: adds {0} to each element
static inline float k{0:02}_add_value(float x) {{ return x + {0}; }}
static void k{0:02}_add(
    float *restrict x,
    int64_t first, int64_t last)
{{
    for (int64_t i = first; i < last; i++) {{
        x[i] = k{0:02}_add_value(x[i]);
    }}
}}
"""
HEAD = '#include <stdint.h>\n#include "netc_profile.h"\n#include "netc_threads.h"\n'


def source(kernels: int) -> str:
    calls = "".join(f"    k{k:02}_add(x, 0, n);\n" for k in range(1, kernels + 1))
    end = f"void run(float *x, int64_t n)\n{{\n{calls}}}\n"
    return HEAD + "\n".join(KERNEL.format(k) for k in range(1, kernels + 1)) + end


def test_a_short_source_stays_whole():
    assert parts_of(source(15), 8) == (source(15),)
    assert parts_of(source(100), 1) == (source(100),)


@pytest.mark.parametrize(("most", "count"), [(2, 2), (3, 3), (64, 5)])
def test_each_kernel_is_in_one_part_and_what_follows_in_the_first(most, count):
    parts = parts_of(source(40), most)
    assert len(parts) == count
    for k in range(1, 41):
        assert sum(f"x[i] = k{k:02}_add_value" in part for part in parts) == 1
    assert ["void run(" in part for part in parts] == [True] + [False] * (count - 1)
    assert ["netc_threads.h" in part for part in parts] == [True] + [False] * (count - 1)


def test_the_parts_take_about_as_long():
    assert shared_out([9, 1, 5, 5, 4], 2, taken=0) == [0, 1, 1, 1, 0]
    assert shared_out([5, 5], 2, taken=20) == [1, 1]


def test_the_parts_are_linked_into_one_library(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cc.os, "cpu_count", lambda: 3)
    header = "static int a_team = 1;\nint start(void) { return a_team; }\n"
    (tmp_path / "netc_threads.h").write_text(header)
    (tmp_path / "netc_profile.h").write_text("")
    (tmp_path / "net.c").write_text(source(24))
    library = ctypes.CDLL(str(cc.build_library(tmp_path / "net.c")))
    x = (ctypes.c_float * 2)(1.0, 2.0)
    library.run(x, ctypes.c_int64(2))
    assert list(x) == [1 + 300, 2 + 300] and library.start() == 1
