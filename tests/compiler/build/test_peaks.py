"""What the processor reaches: plausible, ordered as its memories are, and measured once."""

import json

import pytest

from netc.compiler.build import peaks


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path))


def test_a_cache_is_quicker_than_memory_and_products_quicker_than_bytes():
    found = peaks.measured_peaks(1)
    assert found.threads == 1
    assert 1e9 < found.memory_bytes < found.near_bytes < found.flops * 4
    assert found.flops < 1e13


def test_what_was_measured_is_kept(monkeypatch):
    assert peaks.known_peaks(1) is None
    first = peaks.measured_peaks(1)
    monkeypatch.setattr(peaks, "measure", lambda threads: pytest.fail("measured again"))
    assert peaks.measured_peaks(1) == first == peaks.known_peaks(1)
    assert peaks.known_peaks(2) is None


def test_peaks_of_another_form_are_measured_again():
    peaks.keep(peaks.peaks_key(1), json.dumps({"flops": 1}).encode())
    assert peaks.known_peaks(1) is None
