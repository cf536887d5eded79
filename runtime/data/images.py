"""A folder with a sub-folder of images for each class comes in; images and labels go out.

Where there is a sub-folder `train`, the classes lie in it, and those of a `test` beside it are the
test rows.
"""

from importlib import import_module
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import NetError
from netc.runtime.data.dataset import Arrays, DataSet, data_set, order
from netc.runtime.data.reading import find_folder
from netc.runtime.data.spool import Spool
from netc.runtime.errors import ENVIRONMENT, fail
from netc.runtime.files import cause_of

ENDINGS = (".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
MODES = {1: "L", 3: "RGB"}
MOST_PIXELS = 1 << 26  # of one image: a file of a few bytes can state any size
INSTALL = "pip install 'netc[image]'"


def images(
    folder: str, size: int = 0, channels: int = 3, beside: Path | None = None
) -> DataSet:
    """image: u8[N, H, W, channels] and label: i32[N], the number of the class in the order of the
    names. With a `size` each image is scaled to cover a square of that many pixels and cut to it;
    without, all must have the same size. Errors (E0501 to E0506) name the file.
    """
    if channels not in MODES:
        raise fail("E0510", f"images: `channels` is 1 (grey) or 3 (colour), not {channels}")
    if size < 0:
        raise fail("E0510", f"images: `size` must be at least 1, got {size}")
    path = find_folder(folder, beside)
    parts = [Path(path, name) for name in ("train", "test")]
    if not parts[0].is_dir():
        return data_set(f"`{path}`", read_part(path, classes_in(path), size, channels))
    classes = classes_in(parts[0])
    train = read_part(parts[0], classes, size, channels)
    if not parts[1].is_dir():
        return data_set(f"`{path}`", train)
    one_sided = sorted(set(classes_in(parts[1])) ^ set(classes))
    if one_sided:
        has, lacks = parts if one_sided[0] in classes else parts[::-1]
        raise fail("E0506", f"`{has}` has a class `{one_sided[0]}`, `{lacks}` has none")
    return data_set(f"`{path}`", train, read_part(parts[1], classes, size, channels))


def classes_in(folder: Path) -> list[str]:
    """The names of the sub-folders, in order."""
    found = sorted(one.name for one in listed(folder) if one.is_dir())
    if found:
        return found
    files = sum(1 for one in listed(folder) if one.suffix.lower() in ENDINGS)
    note = f"it holds {files} images, but no sub-folder" if files else "it has no sub-folder"
    raise fail(
        "E0506",
        f"there are no classes in `{folder}`",
        notes=(note,),
        help=f"put the images of each class into a folder of its own: `{folder}/cat/1.png`",
    )


def listed(folder: Path) -> list[Path]:
    """What lies in a folder, without what is hidden, in order."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise fail("E0502", f"cannot read the folder `{folder}`: {cause_of(error)}") from error


def read_part(folder: Path, classes: list[str], size: int, channels: int) -> Arrays:
    """The images of every class, mixed: `validate 20%` holds back some of each."""
    found = [
        (path, label) for label, name in enumerate(classes) for path in files_in(Path(folder, name))
    ]
    pillow, labels = library(), []
    spool: Spool | None = None
    for place in order(0, 0, len(found)):
        path, label = found[place]
        pixels = read_image(pillow, path, size, channels)
        spool = spool or Spool(np.uint8, pixels.shape)
        if pixels.shape != spool.row:
            raise another_size(path, pixels.shape, spool.row)
        spool.append(pixels[None])
        labels.append(label)
    assert spool, "classes_in gives at least one class, files_in at least one file"
    return {"image": spool.array(), "label": np.array(labels, np.int32)}


def files_in(folder: Path) -> list[Path]:
    """The images of one class, in the order of their names."""
    found = [path for path in listed(folder) if path.suffix.lower() in ENDINGS]
    if not found:
        raise no_images(folder)
    return found


def library():
    """Pillow's module of images; NetError E0715 where it is not installed."""
    try:
        return import_module("PIL.Image")
    except ImportError as error:
        message = "reading images needs Pillow, which is not installed"
        raise fail("E0715", message, help=INSTALL, exit_code=ENVIRONMENT) from error


def read_image(pillow, path: Path, size: int, channels: int) -> np.ndarray:
    """u8[H, W, channels]; NetError E0502 for whatever is wrong with the file."""
    try:
        with pillow.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it states {image.width} x {image.height} pixels")
            image = image.convert(MODES[channels])
            image = covered(pillow, image, size) if size else image
            pixels = np.asarray(image, np.uint8)
    except Exception as error:  # decoders of twenty formats raise what they like
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise fail("E0502", f"cannot read the image `{path}`: {reason}") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def covered(pillow, image, size: int):
    """The image, scaled to cover a square of this size, and the middle of it cut out."""
    scale = size / min(image.size)
    wide, high = (max(size, round(side * scale)) for side in image.size)
    image = image.resize((wide, high), pillow.Resampling.BILINEAR)
    left, top = (wide - size) // 2, (high - size) // 2
    return image.crop((left, top, left + size, top + size))


def no_images(folder: Path) -> NetError:
    found = [path.name for path in listed(folder)][:5]
    note = f"it holds {', '.join(found)}" if found else "it is empty"
    return fail("E0506", f"there are no images in `{folder}`", notes=(note,),
                help=f"known endings: {', '.join(ENDINGS)}")  # fmt: skip


def another_size(path: Path, found: tuple[int, ...], usual: tuple[int, ...]) -> NetError:
    sizes = f"{found[0]} x {found[1]} pixels, others have {usual[0]} x {usual[1]}"
    return fail(
        "E0506",
        f"`{path}` has {sizes}",
        help=f"one size for all: images(..., size={min(usual[:2])})",
    )
