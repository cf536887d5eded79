"""Renders a template of the package with finished data; nothing else is ever rendered."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from netc.compiler.targets.bytecode import KeptBeside


@cache
def environment() -> Environment:
    return Environment(
        bytecode_cache=KeptBeside(),
        loader=PackageLoader("netc.templates", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, **data: object) -> str:
    """The text of `template` (a path in the package) with this data."""
    return environment().get_template(template).render(**data)
