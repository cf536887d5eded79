"""Checkpoints come back bit for bit, or not at all."""

import errno
import os
import random
import resource
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from netc.compiler.diagnostics import NetError
from netc.runtime.checkpoint import BEST, encode, latest, load, save, save_step, step_name, steps_in


def same(some, others):
    assert list(sorted(some)) == sorted(others)
    for name, array in some.items():
        assert array.dtype == others[name].dtype and array.shape == others[name].shape
        assert array.tobytes() == others[name].tobytes()


def code_of(call, *arguments):
    with pytest.raises(NetError) as caught:
        call(*arguments)
    return caught.value.diagnostics[0].code


def test_tensors_and_facts_come_back(tmp_path, tensors, facts):
    path = tmp_path / step_name(1500)
    assert path.name == "step-00001500.safetensors"
    save(path, tensors(5), facts(1500))
    found = load(path)
    same(found.tensors, tensors(5))
    assert found.facts == facts(1500)
    same(load_file(path), tensors(5))  # safetensors itself reads it as well


def test_the_bytes_depend_on_values_alone(tensors, facts):
    some = tensors(5)
    turned = dict(reversed(some.items()))
    turned["net.dense_1.kernel"] = np.asfortranarray(turned["net.dense_1.kernel"])
    turned["net.dense_1.bias"] = turned["net.dense_1.bias"].astype(">f4")
    assert encode(turned, facts(1)) == encode(some, facts(1)) != encode(some, facts(2))


def test_facts_that_are_not_finite_or_not_there_come_back(tmp_path, facts):
    for best in (None, float("inf"), -0.0, 5e-324):
        told = replace(facts(1), best_value=best, extra=(("a", None), ("b", True), ("c", "é")))
        save(tmp_path / "c", {}, told)
        assert load(tmp_path / "c").facts == told


def test_corrupted_files_are_refused(tmp_path, tensors, facts):
    good = encode(tensors(1), facts(1))
    chance = random.Random(20)
    path = tmp_path / "file"
    refused = 0
    for _ in range(400):
        path.write_bytes(corrupted(good, chance))
        try:
            found = load(path)
        except NetError as error:
            refused += 1
            assert error.diagnostics[0].code in ("E0602", "E0603", "E0604")
            assert str(path) in error.diagnostics[0].message
        else:
            same(found.tensors, tensors(1))
            assert found.facts == facts(1)
    assert refused > 300


def corrupted(good, chance):
    """Bits turned, a stretch cut out, doubled or overwritten, or the end cut off."""
    data = bytearray(good)
    place, size = chance.randrange(len(data)), chance.randrange(1, 40)
    match chance.randrange(5):
        case 0:
            data[place] ^= 1 << chance.randrange(8)
        case 1:
            del data[place : place + size]
        case 2:
            data[place:place] = data[place : place + size]
        case 3:
            data[place : place + size] = chance.randbytes(size)
        case 4:
            del data[place:]
    return bytes(data)


def test_each_kind_of_wrong_file_has_its_code(tmp_path, tensors, facts):
    assert code_of(load, tmp_path / "missing") == "E0601"
    assert code_of(load, tmp_path) == "E0604"
    assert code_of(load, tmp_path / "a\0b") == "E0601"
    assert code_of(load, tmp_path / ("x" * 300)) == "E0605"
    save_file(tensors(1), tmp_path / "foreign")
    assert code_of(load, tmp_path / "foreign") == "E0604"
    (tmp_path / "text").write_bytes(b"not a checkpoint")
    assert code_of(load, tmp_path / "text") == "E0602"
    for told in ("[]", "{}", "1", "{", "[" * 100_000, '{"sha256": 1}', '{"sha256": "", "a": 1}'):
        save_file({}, tmp_path / "odd", {"netc": told})
        assert code_of(load, tmp_path / "odd") in ("E0602", "E0603")
    wrong = replace(facts(1), seed="three")  # a right checksum over facts of the wrong type
    save(tmp_path / "forged", {}, wrong)
    assert code_of(load, tmp_path / "forged") == "E0602"
    assert code_of(save, tmp_path / "a", {"x": np.array(["text"])}, facts(1)) == "E0606"
    assert code_of(save, tmp_path / "a", {"x": np.array([1j])}, facts(1)) == "E0606"


def test_the_newest_whole_checkpoint_is_found_and_the_damaged_one_named(tmp_path, tensors, facts):
    assert code_of(latest, tmp_path) == "E0601"
    for step in (10, 20):
        save_step(tmp_path, tensors(step), facts(step))
    assert (latest(tmp_path).facts.step, latest(tmp_path).skipped) == (20, ())
    newest = tmp_path / step_name(20)
    newest.write_bytes(newest.read_bytes()[:-1])
    found = latest(tmp_path)
    assert found.facts.step == 10
    assert len(found.skipped) == 1 and str(newest) in found.skipped[0]
    (tmp_path / step_name(10)).write_bytes(b"")
    assert code_of(latest, tmp_path) == "E0602"


def test_too_many_open_files_is_not_taken_for_damage(tmp_path, tensors, facts):
    for step in (10, 20):
        save_step(tmp_path, tensors(step), facts(step))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    folder = os.open(tmp_path, os.O_RDONLY)
    lowest_free = os.dup(folder)
    os.close(lowest_free)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
        with pytest.raises(NetError, match="too many files") as caught:
            load(tmp_path / step_name(20))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        os.close(folder)
    assert caught.value.exit_code == 4


def test_an_environment_that_fails_never_sends_training_back(tmp_path, tensors, facts, monkeypatch):
    for step in (10, 20):
        save_step(tmp_path, tensors(step), facts(step))

    def fails(path, framework):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr("netc.runtime.checkpoint.safe_open", fails)
    with pytest.raises(NetError, match="input/output") as caught:
        latest(tmp_path)
    assert caught.value.exit_code == 4


def test_two_checkpoints_and_the_best_are_kept(tmp_path, tensors, facts):
    for step in (1, 2, 3, 4, 5):
        save_step(tmp_path, tensors(step), facts(step), best=step == 2)
    assert steps_in(tmp_path) == (4, 5)
    assert load(tmp_path / BEST).facts.step == 2
    save_step(tmp_path, tensors(3), facts(3))  # gone back: what came later is given up
    assert steps_in(tmp_path) == (3,)


def test_every_failing_call_leaves_the_old_checkpoints(tmp_path, tensors, facts, failing):
    ran = 0
    for n in range(1, 100):
        folder = tmp_path / str(n)
        folder.mkdir()
        for step in (1, 2):
            save_step(folder, tensors(step), facts(step), best=step == 1)
        counter = failing(n)
        try:
            save_step(folder, tensors(3), facts(3), best=True, system=counter.system())
        except NetError as error:
            ran += 1
            assert error.exit_code == 4
            assert latest(folder).facts.step in (2, 3) and latest(folder).skipped == ()
            assert load(folder / BEST).facts.step in (1, 3)
            assert not [name for name in os.listdir(folder) if name.endswith(".part")]
        else:
            break
    assert ran == counter.calls >= 16


def damage(folder, seen):
    """How often a crash loses an acknowledged checkpoint, or leaves a torn one; and the states."""
    lost = torn = count = 0
    states = {(tuple(known), tuple(sorted(disk.items()))) for known, disk in seen.crash_states()}
    for number, (known, disk) in enumerate(sorted(states)):
        crashed = folder / str(number)
        crashed.mkdir()
        for name, data in disk:
            (crashed / name).write_bytes(data)
        count += 1
        for name, _ in disk:
            if not name.endswith(".part"):
                try:
                    load(crashed / name)
                except NetError:
                    torn += 1
        try:
            lost += bool(known) and latest(crashed).facts.step < known[-1]
        except NetError:
            lost += bool(known)
    return count, lost, torn


def record(folder, seen, tensors, facts):
    folder.mkdir()
    for step in (1, 2, 3, 4):
        told = replace(facts(step), best_step=2 if step > 1 else None)
        save_step(folder, tensors(step), told, best=step == 2, system=seen.system())
        seen.acknowledged.append((len(seen.operations), step))


def test_no_crash_loses_or_tears_an_acknowledged_checkpoint(tmp_path, tensors, facts, recorder):
    seen = recorder()
    record(tmp_path / "run", seen, tensors, facts)
    count, lost, torn = damage(tmp_path, seen)
    assert count >= 50
    assert (lost, torn) == (0, 0)
    for crashed in (tmp_path / str(number) for number in range(count)):
        if steps_in(crashed) and latest(crashed).facts.best_step is not None:
            assert load(crashed / BEST).facts.step == 2


def test_the_enumeration_sees_what_syncs_prevent(tmp_path, facts, recorder):
    seen = recorder(skips_sync=True)
    folder = tmp_path / "run"
    folder.mkdir()
    for step in (1, 2):
        save_step(folder, {"a": np.zeros(3)}, facts(step), system=seen.system())
        seen.acknowledged.append((len(seen.operations), step))
    count, lost, torn = damage(tmp_path, seen)
    assert lost > 0 and torn > 0


def test_kill_9_never_leaves_an_unreadable_latest(tmp_path, tensors, facts):
    chance = random.Random(9)
    known = 0
    for _ in range(20):
        known = killed_run(tmp_path, known, tensors, facts, chance.uniform(0.0, 0.1))
        if known:
            found = latest(tmp_path)
            assert found.facts.step >= known
            assert found.skipped == ()
            same(found.tensors, tensors(found.facts.step))
            known = found.facts.step
    assert known > 20
    assert len(steps_in(tmp_path)) <= 3


def killed_run(folder, start, tensors, facts, seconds):
    """Let a child save step after step, kill it, and return the last step that it had announced."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        for step in range(start + 1, start + 10_000):
            save_step(folder, tensors(step), facts(step), best=step % 5 == 0)
            os.write(writer, f"{step}\n".encode())
        os._exit(0)
    os.close(writer)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reader) as lines:
        announced = lines.read().split()
    return int(announced[-1]) if announced else start
