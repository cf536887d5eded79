"""Make a folder with a small program that trains in seconds, and a README."""

import argparse
import re
import sys
from pathlib import Path

from netc.runtime.errors import fail
from netc.runtime.files import make_folder, make_folders, write_atomically

PROGRAM = """\
# Tell four shapes apart on small noisy pictures.
net classifier(image: u8[N, 16, 16, 1]) {
    return image / 255
        -> conv2d(16, kernel=3) -> relu -> max_pool(2)
        -> flatten -> dense(32) -> relu
        -> dense(4)
}

train {
    take image, label from shapes_on_canvas(count=2000, size=16, classes=4)
    logits = classifier(image)
    minimize cross_entropy(logits, label) with adam(lr=0.002)
    measure accuracy(logits, label)
    validate 20%
    batch 32
    epochs 8
}
"""
README = """\
# NAME

    netc compile NAME.net      checks it and writes build/NAME/: read the C in build/NAME/c/
    netc train                 trains it, in a new folder runs/NAME-1
    netc eval                  measures it on the test pictures
    netc show conv2d           prints the kernels of the convolution
    netc explain conv2d        prints what the layer is made of
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the folder and of the program")


def run(arguments: argparse.Namespace) -> int:
    folder = Path(arguments.name)
    name = folder.name
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        help = "letters, digits and _, not beginning with a digit"
        raise fail("", f"{name!r:.80} is no name for a program", help=help, exit_code=2)
    make_folders(folder.parent)
    if not make_folder(folder):
        help = "choose another name; nothing was changed"
        raise fail("E0702", f"`{folder}` is there already", help=help)
    write_atomically(folder / f"{name}.net", PROGRAM.encode())
    write_atomically(folder / "README.md", README.replace("NAME", name).encode())
    print(f"{folder}/{name}.net is ready: cd {folder} && netc train {name}.net", file=sys.stderr)
    return 0
