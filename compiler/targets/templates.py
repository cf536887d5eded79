"""Renders a template of the package with finished data; nothing else is ever rendered."""

import sys
from functools import cache
from types import MappingProxyType

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket

from netc.compiler.cache import keep, key_of, look_up

OPTIONS = MappingProxyType(
    {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True, "autoescape": False}
)


class Compiled(BytecodeCache):
    """Templates as Python compiled them, kept with all else that is: for a small program, compiling
    them takes a third of the time."""

    def load_bytecode(self, bucket: Bucket) -> None:
        known = look_up(kept_as(bucket))
        if known is not None:
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        keep(kept_as(bucket), bucket.bytecode_to_string())


def kept_as(bucket: Bucket) -> str:
    """The name of a template in the cache; Jinja checks that its own version is the same."""
    options = str(sorted(OPTIONS.items()))
    return key_of("template", sys.version, options, bucket.key, bucket.checksum)


@cache
def environment() -> Environment:
    return Environment(
        loader=PackageLoader("netc.templates", ""),
        undefined=StrictUndefined,
        bytecode_cache=Compiled(),
        **OPTIONS,
    )


def render(template: str, **data: object) -> str:
    """The text of `template` (a path in the package) with this data."""
    return environment().get_template(template).render(**data)
