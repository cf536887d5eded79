"""One error code and the page that `netc explain` prints for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """`wrong` is a program that gets this code, `right` the same one put right.

    Both are empty where no program text can show the fault: a file, a machine.
    """

    code: str
    title: str
    explanation: str
    wrong: str = ""
    right: str = ""

    def __str__(self) -> str:
        parts = [f"{self.code}: {self.title}", self.explanation]
        if self.wrong:
            parts += [f"Wrong:\n\n{indented(self.wrong)}", f"Right:\n\n{indented(self.right)}"]
        return "\n\n".join(parts)


def indented(program: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in program.splitlines())
