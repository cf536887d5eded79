"""`netc fit` and `netc diff` against what compiling the same files says."""

import json

import pytest


def test_fit_says_the_memory_and_the_parameters_of_the_build(netc, small_file):
    fit = json.loads(netc("fit", small_file, "--json").out)
    build = json.loads(netc("compile", small_file, "--target", "none", "--json").out)
    assert fit["parameters"] == build["parameters"]
    assert fit["memory_bytes"]["cpu"] == build["memory_bytes"]
    assert fit["devices"]["this cpu"]["seconds"] == pytest.approx(build["predicted_step_seconds"])


def test_fit_leaves_nothing_behind_and_lists_gpus(netc, small_file, in_folder):
    told = netc("fit", small_file).out
    assert list(in_folder.iterdir()) == [small_file]
    assert all(f"\n{device}" in told for device in ("this cpu", "T4", "A100", "H100"))


def test_what_is_too_large_for_a_gpu_does_not_fit(netc, in_folder):
    text = "net large(x: f32[N, 100000]) { return x -> dense(60000) }"
    (in_folder / "large.net").write_text(text)
    devices = json.loads(netc("fit", "large.net", "--json").out)["devices"]
    assert devices["T4"]["fits"] is False and devices["H100"]["fits"] is True
    assert devices["this cpu"]["fits"] is None


def test_diff_of_a_file_with_itself_has_no_change(netc, small_file):
    lines = netc("diff", small_file, small_file).out.splitlines()[1:]
    assert len(lines) == 8 and all(line.endswith("same") for line in lines)


def test_diff_says_what_an_edit_changes(netc, in_folder):
    (in_folder / "a.net").write_text("const n = 3\nnet f(x: f32[N, 4]) { return x -> dense(n) }")
    told = json.loads(netc("diff", "a.net", "a.net", "-D", "n=6", "--json").out)
    assert told["before"]["parameters"] == 4 * 3 + 3 and told["after"]["parameters"] == 4 * 6 + 6
    assert "+100.0 %" in netc("diff", "a.net", "a.net", "-D", "n=6").out


@pytest.mark.parametrize("words", [("fit", "none.net"), ("diff", "none.net", "none.net")])
def test_a_file_that_is_not_there_is_named(netc, words):
    result = netc(*words)
    assert result.code == 1 and "cannot read none.net" in result.err


ROUNDED = """
net wide(x: f32[N, 4096]) { return x -> dense(4096) -> relu -> dense(8) }
train {
    take x: f32[N, 4096], y: i32[N] from feed
    minimize cross_entropy(wide(x), y) with adam(lr=0.01)
    batch 4096
    steps 5
    precision bf16
}
"""


def test_check_tells_the_workspace_that_a_gpu_needs_beside_the_arena(netc, in_folder):
    (in_folder / "wide.net").write_text(ROUNDED)
    told = json.loads(netc("check", "wide.net", "--json").out)
    assert netc("compile", "wide.net", "--target", "none").code == 0
    launches = [
        json.loads(path.read_text())
        for path in (in_folder / "build/wide/cuda/sm_90a").glob("*.json")
    ]
    most = max(step["workspace_bytes"] for step in launches)
    assert told["gpu_workspace_bytes"] == {"H100": most} and most > 0
    assert f"and {most:,} more on H100" in netc("check", "wide.net").err
