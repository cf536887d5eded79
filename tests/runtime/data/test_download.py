"""Named data sets that are not here: fetched from a server on this machine, kept, or explained."""

import hashlib
import io
import tarfile
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.runtime.data import download
from netc.runtime.data.download import REMOTES
from netc.runtime.data.sources import open_source


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """(the folder of a server, its address); the cache is empty and downloading is allowed."""
    monkeypatch.delenv("NETC_OFFLINE")
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "far away"
    folder.mkdir()
    far = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=far.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{far.server_port}/"
    far.shutdown()
    far.server_close()


def offer(monkeypatch, folder, name, files, *places):
    """The server has these files, and they are what the data set is known by."""
    remotes = []
    for remote, data in zip(REMOTES[name], files, strict=True):
        (folder / remote.name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        remotes.append(replace(remote, bytes=len(data), sha256=digest, places=places))
    monkeypatch.setattr(download, "REMOTES", MappingProxyType({name: tuple(remotes)}))


def clothes():
    images = b"\0\0\x08\3\0\0\0\2\0\0\0\x1c\0\0\0\x1c" + bytes(2 * 28 * 28)
    labels = b"\0\0\x08\1\0\0\0\2\5\6"
    return [images, labels, images, labels]


def test_a_set_is_fetched_once_and_then_taken_from_the_cache(server, monkeypatch, capsys, tmp_path):
    folder, place = server
    offer(monkeypatch, folder, "fashion_mnist", clothes(), place)
    data = open_source("fashion_mnist", ("data/none",), beside=tmp_path)
    assert data.train["label"].tolist() == data.test["label"].tolist() == [5, 6]
    assert capsys.readouterr().err.count("downloading fashion_mnist: ") == 4
    for path in folder.iterdir():
        path.unlink()
    assert open_source("fashion_mnist", ("data/none",), beside=tmp_path).count == 2
    assert capsys.readouterr().err == ""


def test_an_archive_gives_only_the_files_that_are_known(server, monkeypatch, tmp_path):
    folder, place = server
    buffer = io.BytesIO()
    record = bytes([7]) + bytes(range(256)) * 12
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in (*REMOTES["cifar10"][0].members, "../outside", "cifar-10-batches-bin/readme"):
            entry = tarfile.TarInfo(name)
            entry.size = len(record)
            archive.addfile(entry, io.BytesIO(record))
    offer(monkeypatch, folder, "cifar10", [buffer.getvalue()], place)
    data = open_source("cifar10", ("data/none",), beside=tmp_path)
    assert data.count == 5 and data.train["label"].tolist() == [7] * 5
    pixels = np.frombuffer(record[1:], np.uint8).reshape(3, 32, 32)
    assert np.array_equal(data.train["image"][0], pixels.transpose(1, 2, 0))
    kept = sorted(path.name for path in (tmp_path / "cache/data/cifar10").iterdir())
    assert kept == sorted(REMOTES["cifar10"][0].files)
    assert not (tmp_path / "cache/data/outside").exists()


@pytest.mark.parametrize("change", [lambda data: data + b"x", lambda data: data[:-1] + b"x"])
def test_other_bytes_are_refused_and_the_next_place_is_asked(server, monkeypatch, tmp_path, change):
    folder, place = server
    (folder / "wrong").mkdir()
    offer(monkeypatch, folder, "fashion_mnist", clothes(), place + "wrong/", place)
    for path in list(folder.glob("*.gz")):
        (folder / "wrong" / path.name).write_bytes(change(path.read_bytes()))
    assert open_source("fashion_mnist", ("data/none",), beside=tmp_path).count == 2
    offer(monkeypatch, folder, "fashion_mnist", clothes(), place + "wrong/")
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "other"))
    with pytest.raises(NetError) as caught:
        open_source("fashion_mnist", ("data/none",), beside=tmp_path)
    assert "not the file, by its sha256" in caught.value.diagnostics[0].notes[0]
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_without_a_network_the_message_says_what_to_put_where(server, monkeypatch, tmp_path, name):
    nobody = "http://127.0.0.1:1/"
    remotes = tuple(replace(one, places=(nobody, server[1])) for one in REMOTES[name])
    monkeypatch.setattr(download, "REMOTES", MappingProxyType({name: remotes}))
    with pytest.raises(NetError) as caught:
        open_source(name, ("data/none",), beside=tmp_path)
    (found,) = caught.value.diagnostics
    assert (found.code, caught.value.exit_code) == ("E0512", 4)
    assert str(tmp_path / "data/none") in found.message
    assert found.notes[0].startswith(f"{nobody}: ") and "ot found" in found.notes[1]
    assert all(file in found.helps[0] for one in remotes for file in one.files)


def test_nothing_is_fetched_where_that_is_forbidden(server, monkeypatch, tmp_path):
    folder, place = server
    offer(monkeypatch, folder, "fashion_mnist", clothes(), place)
    monkeypatch.setenv("NETC_OFFLINE", "1")
    with pytest.raises(NetError) as caught:
        open_source("fashion_mnist", ("data/none",), beside=tmp_path)
    assert caught.value.diagnostics[0].notes == ("NETC_OFFLINE is set",)


def test_a_file_in_the_place_of_the_folder_is_told(server, tmp_path):
    (tmp_path / "none").write_text("")
    with pytest.raises(NetError) as caught:
        open_source("mnist", ("none",), beside=tmp_path)
    assert "is not a folder" in caught.value.diagnostics[0].message
