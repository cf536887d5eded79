"""Records in, JSON text out that a person can read and compare line by line."""

import json
from dataclasses import is_dataclass

WIDTH = 300  # characters of a line; a kernel takes a few such lines
ENCODER = json.JSONEncoder(default=vars, sort_keys=True)


def json_text(value: object) -> str:
    """The JSON text of plain data and of dataclasses whose attributes are all fields. What fits is
    on one line; of what is longer, each part stands by itself."""
    text = ENCODER.encode(value)
    if len(text) <= WIDTH:
        return text
    parts = vars(value) if is_dataclass(value) else value
    if isinstance(parts, dict):
        entries = (f"{json.dumps(name)}: {json_text(parts[name])}" for name in sorted(parts))
        return "{\n" + ",\n".join(entries) + "\n}"
    if isinstance(parts, list | tuple):
        return "[\n" + ",\n".join(map(json_text, parts)) + "\n]"
    return text
