"""Measures are of all rows together, whatever the batches: as NumPy finds them for the whole."""

import numpy as np
import pytest

from netc.compiler.driver import compile_file
from netc.runtime.device import open_device
from netc.runtime.session import Session

CLASSES, BOXES, OBJECTS = 4, 6, 3
TEXT = f"""\
const classes = {CLASSES}
net line(score: f32[N, 1]) {{ return score -> dense(1) }}
train {{
    take logits: f32[N, classes], label: i32[N], score: f32[N, 1], click: f32[N, 1],
        box: f32[N, {BOXES}, 4], sure: f32[N, {BOXES}], kind: i32[N, {BOXES}],
        object: f32[N, {OBJECTS}, 4], object_kind: i32[N, {OBJECTS}], present: f32[N, {OBJECTS}]
        from feed
    minimize mean_squared_error(line(score), click) with sgd(lr=0.1)
    measure auc(score, click)
    measure mean_iou(logits, label)
    measure f1(logits, label)
    measure rmse(score, click)
    measure perplexity(logits, label)
    measure weighted = perplexity(logits, label, weight=click[:, 0])
    measure accuracy(logits, label)
    measure known = accuracy(logits, label, ignore=0)
    measure shared = mean_iou_boxes(box[:, 0:{OBJECTS}], object, weight=present[..., None])
    stays = non_maximum_suppression(box, sure, kind)
    measure map = mean_average_precision(
        box, where(stays, sure, 0), kind, object, object_kind, present, classes
    )
    batch 16
}}
"""
DEVICES = ("cpu", "reference", "emulate")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measures")
    (folder / "line.net").write_text(TEXT)
    return compile_file(folder / "line.net", out=folder / "build")


@pytest.fixture(scope="module", params=DEVICES)
def session(request, compiled):
    opened = Session(*compiled, open_device(request.param, *compiled))
    yield opened
    opened.close()


def made_up(count: int) -> dict[str, np.ndarray]:
    """Rows on which guesses are often right; scores are hundredths that differ within a row."""
    random = np.random.default_rng(5)
    label = random.integers(0, CLASSES, count)
    object = made_up_boxes(random, count, OBJECTS)
    moved = object[:, np.arange(BOXES) % OBJECTS] + random.normal(0, 0.08, (count, BOXES, 4))
    object_kind = random.integers(0, CLASSES - 1, (count, OBJECTS))
    kind = object_kind[:, np.arange(BOXES) % OBJECTS]
    wrong = random.random((count, BOXES)) < 0.2
    steps = np.argsort(random.random((count, 100)), axis=1)[:, :BOXES]
    click = (random.random((count, 1)) < 0.4).astype(np.float32)
    return {
        "logits": random.normal(size=(count, CLASSES)) + 2 * np.eye(CLASSES)[label],
        "label": label,
        "score": (np.argsort(random.random(count) - 0.3 * click[:, 0])[:, None] - count / 2) / 4,
        "click": click,
        "box": moved,
        "sure": (steps + 0.5) / 100,
        "kind": np.where(wrong, random.integers(0, CLASSES - 1, kind.shape), kind),
        "object": object,
        "object_kind": object_kind,
        "present": random.random((count, OBJECTS)) < 0.8,
    }


def made_up_boxes(random: np.random.Generator, *shape: int) -> np.ndarray:
    low = random.random((*shape, 2)) * 0.6
    return np.concatenate([low, low + 0.2 + 0.2 * random.random((*shape, 2))], axis=-1)


def as_fields(session: Session, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    kinds = {field.name: field.dtype for field in session.function("evaluate").fields}
    types = {"f32": np.float32, "i32": np.int32}
    return {name: rows[name].astype(types[kind]) for name, kind in kinds.items()}


# --- the measures, written another way ----------------------------------------------------------


def pairs_in_order(score: np.ndarray, click: np.ndarray) -> float:
    ones, zeros = score[click > 0.5], score[click < 0.5]
    return float(np.mean(ones[:, None] > zeros[None, :]))


def surprise(logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return -np.log(powers[np.arange(len(label)), label] / powers.sum(axis=1))


def per_class(guess: np.ndarray, label: np.ndarray, share) -> float:
    """The mean of share(both, guessed, there) over the classes that anything has."""
    counts = [(np.sum((guess == c) & (label == c)), np.sum(guess == c), np.sum(label == c))
              for c in range(CLASSES)]  # fmt: skip
    return float(np.mean([share(*count) for count in counts if count[1] + count[2]]))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    sizes = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = np.prod(np.maximum(sizes, 0))
    area = [np.prod(np.maximum(box[2:] - box[:2], 0)) for box in (a, b)]
    return both / (area[0] + area[1] - both)


def suppressed(row: dict[str, np.ndarray], least: float = 0.05) -> list[int]:
    """The boxes that stay, the best first, one after the other."""
    kept: list[int] = []
    for i in sorted(range(BOXES), key=lambda i: -row["sure"][i]):
        rivals = [j for j in kept if row["kind"][j] == row["kind"][i]]
        free = all(iou(row["box"][i], row["box"][j]) <= 0.5 for j in rivals)
        if row["sure"][i] >= least and free:
            kept.append(i)
    return kept


def average_precision(rows: dict[str, np.ndarray], kind: int) -> float | None:
    """The area under the best precision at each recall or higher, box by box."""
    count, found = 0, []
    for n in range(len(rows["box"])):
        row = {name: array[n] for name, array in rows.items()}
        mine = [t for t in range(OBJECTS) if row["present"][t] and row["object_kind"][t] == kind]
        count += len(mine)
        taken: set[int] = set()
        for i in suppressed(row):
            if row["kind"][i] != kind:
                continue
            shares = {t: iou(row["box"][i], row["object"][t]) for t in mine}
            best = max(shares, key=shares.get, default=None)
            right = best is not None and shares[best] >= 0.5 and best not in taken
            taken |= {best} if right else set()
            found.append((row["sure"][i], right))
    if not count:
        return None
    # boxes of one score have no order among them: they count together
    scores, rights = (np.array(part) for part in zip(*sorted(found, reverse=True), strict=True))
    last = np.append(scores[1:] != scores[:-1], True)
    hits = np.cumsum(rights)[last]
    precision = hits / (np.flatnonzero(last) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(hits, prepend=0) * best) / count)


def expected(rows: dict[str, np.ndarray]) -> dict[str, float]:
    guess, label, click = rows["logits"].argmax(axis=1), rows["label"], rows["click"]
    lost = surprise(rows["logits"], label)
    kinds = [average_precision(rows, kind) for kind in range(CLASSES)]
    pairs = [(rows["box"][n, t], rows["object"][n, t]) for n, t in np.argwhere(rows["present"])]
    return {
        "auc": pairs_in_order(rows["score"], click),
        "mean_iou": per_class(guess, label, lambda both, a, b: both / (a + b - both)),
        "f1": per_class(guess, label, lambda both, a, b: 2 * both / (a + b)),
        "rmse": float(np.sqrt(np.mean((rows["score"] - click) ** 2))),
        "perplexity": float(np.exp(np.mean(lost))),
        "weighted": float(np.exp(np.average(lost, weights=click[:, 0]))),
        "accuracy": float(np.mean(guess == label)),
        "known": float(np.mean((guess == label)[label != 0])),
        "shared": float(np.mean([iou(*pair) for pair in pairs])),
        "map": float(np.mean([kind for kind in kinds if kind is not None])),
    }


# --- the tests ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", (37, 16))
def test_measures_are_of_all_rows_together(session, count):
    rows = made_up(count)
    found = session.evaluate(as_fields(session, rows))
    wanted = expected(rows)
    assert set(found) == {"loss", *wanted}
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=3e-6), name


def test_an_evaluation_begins_anew(session):
    fields = as_fields(session, made_up(37))
    assert session.evaluate(fields) == session.evaluate(fields)


def test_a_step_measures_its_own_batch(session):
    rows = made_up(16)
    session.initialize(1)
    for _ in range(2):
        found = session.step(**as_fields(session, rows))
        assert found["mean_iou"] == pytest.approx(expected(rows)["mean_iou"], abs=3e-6)


def test_a_measure_that_no_row_has_is_not_a_number(session):
    rows = made_up(32) | {"click": np.ones((32, 1))}
    assert np.isnan(session.evaluate(as_fields(session, rows))["auc"])


def test_checkpoints_hold_no_tallies(session, compiled):
    program, _ = compiled
    session.evaluate(as_fields(session, made_up(16)))
    tallies = {entry.tensor.name for entry in program.persistent if entry.role == "tally"}
    assert len(tallies) > 10 and not tallies & set(session.tensors())
