"""The team of threads: every task of every phase runs once, after all of the phase before."""

import ctypes
from importlib.resources import files

import pytest

from netc.compiler.build.cc import build_library

SOURCE = """
#include "netc_threads.h"
enum { PHASES = 3000, MOST = 40 };
static atomic_int done[PHASES][MOST];
static atomic_int wrong;

static int tasks_of(int phase) { return 1 + phase * 7 % MOST; }

static void job(void *context, int thread, int threads)
{
    netc_claim claim = {.thread = thread};
    for (uint32_t phase = 0; phase < PHASES; phase++) {
        const int all = tasks_of(phase), worth = 1 + phase % 5;
        for (; netc_next(&claim, phase, all, worth); netc_finish(&claim, all))
            for (int64_t task = claim.first; task < claim.last; task++) {
                if (atomic_fetch_add(&done[phase][task], 1)) wrong++;
                if (phase == 0) continue;
                for (int before = 0; before < tasks_of(phase - 1); before++)
                    if (atomic_load(&done[phase - 1][before]) != 1) wrong++;
            }
    }
}

int run(void)
{
    wrong = 0;
    for (int phase = 0; phase < PHASES; phase++)
        for (int task = 0; task < MOST; task++) done[phase][task] = 0;
    netc_run(job, NULL);
    for (int phase = 0; phase < PHASES; phase++)
        for (int task = 0; task < MOST; task++)
            wrong += done[phase][task] != (task < tasks_of(phase));
    return wrong;
}
"""


@pytest.fixture
def library(tmp_path, monkeypatch) -> ctypes.CDLL:
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    header = (files("netc.templates") / "cpu/netc_threads.h").read_text()
    (tmp_path / "netc_threads.h").write_text(header)
    (tmp_path / "team.c").write_text(SOURCE)
    return ctypes.CDLL(str(build_library(tmp_path / "team.c")))


def test_every_task_runs_once_and_after_the_phase_before(library):
    for threads in (1, 2, 3, 7):
        assert library.netc_start(threads) == threads
        assert [library.run() for _ in range(5)] == [0] * 5
    library.netc_start(1)
