"""Texts, dates and canvases hold what they say, read back by other means."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.runtime.data.clicks import VALUES, score
from netc.runtime.data.generated import uniform
from netc.runtime.data.reviews import PRAISE, VOCABULARY
from netc.runtime.data.sources import open_source

MNIST = str(Path(__file__).parents[3] / "examples" / "data" / "mnist")
LETTERS = "_<> ,./-0123456789abcdefghijklmnopqrstuvwxyz"
FORMS = ("%d %B %Y", "%B %d, %Y", "%d.%m.%Y", "%m/%d/%Y", "%d %b %Y")


def spelled(row):
    return "".join(LETTERS[token] for token in row)


def read_date(text):
    for form in FORMS:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    raise AssertionError(text)


def test_a_text_becomes_windows_of_bytes(tmp_path):
    (tmp_path / "text.txt").write_bytes(bytes(range(200, 211)))
    data = open_source("text", ("text.txt",), {"window": 3}, beside=tmp_path)
    assert data.train["token"].tolist() == [[200, 201, 202], [203, 204, 205], [206, 207, 208]]
    assert (data.train["next"] == data.train["token"] + 1).all()
    assert [str(field) for field in data.fields] == ["token: i32[N, 3]", "next: i32[N, 3]"]
    with pytest.raises(NetError, match="needs 12"):
        open_source("text", ("text.txt", 11), beside=tmp_path)


def test_ratings_are_three_columns(tmp_path):
    (tmp_path / "r.csv").write_text("item,rating,user,time\n5,4,1,9\n6,3,2,9\n")
    data = open_source("ratings", ("r.csv",), beside=tmp_path)
    assert list(map(str, data.fields)) == ["user: i32[N]", "item: i32[N]", "rating: f32[N]"]
    assert data.train["rating"].tolist() == [4.0, 3.0]


def test_dates_are_written_in_five_ways_and_told_in_one():
    data = open_source("dates", (), {"count": 500, "seed": 1})
    assert list(map(str, data.fields)) == ["source: i32[N, 20]", "target: i32[N, 11]",
                                           "next: i32[N, 11]"]  # fmt: skip
    seen = set()
    for source, target, following in zip(*data.train.values(), strict=True):
        text, told = spelled(source).rstrip("_"), spelled(target)
        assert told[0] == "<" and spelled(following) == told[1:] + ">"
        assert read_date(text) == told[1:]
        seen.add("".join(letter for letter in text if not letter.isalnum()))
    assert seen == {"  ", " , ", "..", "//"}
    assert len(data.test["source"]) == 100 and max(data.train["source"].max(), 0) < 64


def test_a_mask_covers_the_digits_of_a_canvas():
    data = open_source("digits_on_canvas", (MNIST,), {"size": 64, "count": 50})
    assert list(map(str, data.fields)) == ["image: u8[N, 64, 64, 1]", "mask: i32[N, 64, 64]"]
    image, mask = data.train["image"][..., 0], data.train["mask"]
    assert np.array_equal(image > 127, mask > 0)
    assert set(np.unique(mask)) == set(range(11))
    counts = [len(set(np.unique(one)) - {0}) for one in mask]
    assert min(counts) == 1 and max(counts) == 3


def test_a_box_surrounds_its_digit():
    data = open_source("digits_on_canvas", (MNIST, 64, 8, 60, 5))
    image, box, present, label = (data.train[field.name] for field in data.fields)
    assert box.shape == (60, 8, 8, 4) and present.shape == (60, 8, 8, 1)
    assert 1 <= present.sum(axis=(1, 2, 3)).min() <= present.sum(axis=(1, 2, 3)).max() <= 3
    for row in range(60):
        covered = np.zeros((64, 64), bool)
        for down, across in zip(*np.where(present[row, ..., 0]), strict=True):
            middle = np.array([down, across, down, across]) * 8 + 4
            edges = np.rint((box[row, down, across] - 0.5) * 64 + middle).astype(int)
            top, left, bottom, right = edges.tolist()
            assert (bottom - top, right - left) == (28, 28)
            assert (top + 14) // 8 == down and (left + 14) // 8 == across
            covered[top:bottom, left:right] = True
        if present[row].sum() == 3:  # two digits in one cell leave one box
            assert not image[row, ..., 0][~covered].any()
    assert (box[present[..., 0] == 0] == 0).all() and (label[present[..., 0] == 0] == 0).all()
    assert len(np.unique(label)) == 10


def test_reviews_praise_what_they_say():
    data = open_source("reviews", (), {"count": 600, "seed": 1})
    for token, label in zip(data.train["token"], data.train["label"], strict=True):
        said = [VOCABULARY[number - 1] for number in token if number]
        joints = [said.index(word) for word in ("but", "although") if word in said]
        parts = [said[: joints[0]], said[joints[0] + 1 :]] if joints else [said]
        told = parts[-1] if "but" in said else parts[0]
        assert label == ((told[-1] in PRAISE) != ("not" in told)), said
    assert 0.4 < data.train["label"].mean() < 0.6 and len(data.test["label"]) == 120


def test_clicks_follow_their_score_but_no_column_alone():
    data = open_source("clicks", (), {"count": 20_000, "seed": 1})
    assert list(map(str, data.fields)) == [
        "numbers: f32[N, 13]", "codes: i32[N, 26]", "click: f32[N, 1]"]  # fmt: skip
    numbers, codes, click = data.train.values()
    assert codes.min() >= 0 and codes.max() < VALUES and len(np.unique(codes)) == VALUES
    assert numbers.min() == 0 and (numbers == numbers.round()).all() and numbers.max() < 1000
    traits = 2 * uniform(1, 0, (codes.shape[1], VALUES)) - 1
    clicked = click[:, 0] > 0
    assert order_of(score(numbers, codes, traits), clicked) > 0.93
    alone = np.concatenate((numbers, traits[np.arange(codes.shape[1]), codes]), axis=1)
    best = np.linalg.lstsq(alone, click[:, 0], rcond=None)[0]
    assert order_of(alone @ best, clicked) < 0.75  # a line in all columns: crosses are beyond it
    assert len(data.test["click"]) == 4000


def order_of(scores, clicked):
    """The share of pairs of a clicked and another row in which the clicked one has more."""
    rank = np.argsort(np.argsort(scores))
    below = rank[clicked].sum() - clicked.sum() * (clicked.sum() - 1) / 2
    return below / (clicked.sum() * (~clicked).sum())


@pytest.mark.parametrize("header", ("user,item,rating", "userId,movieId,rating"))
def test_ratings_are_read_as_movielens_writes_them(header, tmp_path):
    (tmp_path / "r.csv").write_text(f"{header},timestamp\n1,31,2.5,126\n2,10,4,4294967296\n")
    data = open_source("ratings", ("r.csv",), beside=tmp_path)
    assert list(map(str, data.fields)) == ["user: i32[N]", "item: i32[N]", "rating: f32[N]"]
    assert data.train["item"].tolist() == [31, 10] and data.train["rating"].tolist() == [2.5, 4.0]


@pytest.mark.parametrize("digits", (1, 3))
def test_sums_are_right_and_the_answers_alone_are_asked_for(digits):
    count = 20 if digits == 1 else 500
    data = open_source("addition", (), {"count": count, "digits": digits, "seed": 1})
    size = 3 * digits + 2
    assert list(map(str, data.fields)) == [f"token: i32[N, {size}]", f"next: i32[N, {size}]"]
    questions = set()
    for part in (data.train, data.test):
        for token, following in zip(part["token"], part["next"], strict=True):
            text = bytes([*token, following[-1]]).decode()
            left, right = text[: 2 * digits + 1].split("+")
            assert text[2 * digits + 1 :] == f"={int(left) + int(right):0{digits + 1}}"
            assert following[: 2 * digits + 1].tolist() == [0] * (2 * digits + 1)
            assert bytes(following[2 * digits + 1 :].tolist()).decode() == text[2 * digits + 2 :]
            questions.add((left, right))
    assert len(questions) == count + count // 5


@pytest.mark.parametrize("options", ({"count": 50, "digits": 1}, {"count": 9, "digits": 7}))
def test_more_sums_than_there_are_is_an_error(options):
    with pytest.raises(NetError) as raised:
        open_source("addition", (), options)
    assert raised.value.diagnostics[0].code == "E0510"


def test_labelled_texts_are_bytes_and_numbered_classes(tmp_path):
    (tmp_path / "a.csv").write_text('id,label,text\n1,no,"ab, c"\n2,yes,de\n3,no,\n')
    data = open_source("labelled_text", ("a.csv", 4), beside=tmp_path)
    assert list(map(str, data.fields)) == ["token: i32[N, 4]", "label: i32[N]"]
    assert [bytes(row.tolist()) for row in data.train["token"]] == [b"ab, ", b"de\0\0", b"\0" * 4]
    assert data.train["label"].tolist() == [0, 1, 0]
    (tmp_path / "a.csv").write_text("text,label\na,10\nb,2\n")
    assert open_source("labelled_text", ("a.csv", 4), beside=tmp_path).train["label"][0] == 10


@pytest.mark.parametrize(
    "text, told", (("text,kind\na,1\n", "no column `label`"), ("text,label\na,1\nb,\n", "line 3"))
)
def test_a_table_without_texts_and_labels_is_told(text, told, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(NetError, match=told):
        open_source("labelled_text", ("a.csv", 4), beside=tmp_path)
