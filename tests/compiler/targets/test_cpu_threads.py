"""The team of threads: every task of every phase runs once, after all of the phase before."""

import ctypes
from importlib.resources import files

import pytest

from netc.compiler.build.cc import build_library

SOURCE = """
#include <string.h>
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

// Two pieces, of few large and of many small tasks: each task runs once.
static void pieces(void *context, int thread, int threads)
{
    netc_claim claim = {.thread = thread};
    int64_t first, last;
    for (uint32_t phase = 0; phase < PHASES; phase++) {
        const int units = 1 + phase % 13, others = 1 + phase % 7, tasks = 1 + phase % 3, many = 37;
        for (; netc_next(&claim, phase, units + others, 1); netc_finish(&claim, units + others)) {
            if (netc_part(&claim, 0, units, tasks, &first, &last))
                for (int64_t task = first; task < last; task++) done[phase][task]++;
            if (netc_part(&claim, units, others, many, &first, &last))
                for (int64_t task = first; task < last; task++) done[phase][tasks + task]++;
        }
    }
}

int run_pieces(void)
{
    wrong = 0;
    memset(done, 0, sizeof done);
    netc_run(pieces, NULL);
    for (int phase = 0; phase < PHASES; phase++)
        for (int task = 0; task < MOST; task++)
            wrong += done[phase][task] != (task < 1 + phase % 3 + 37);
    return wrong;
}

int run(void)
{
    wrong = 0;
    memset(done, 0, sizeof done);
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
        assert library.run_pieces() == 0
    library.netc_start(1)
