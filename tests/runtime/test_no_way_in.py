"""Nothing in the packages runs what a file says."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("compiler", "runtime", "grammar", "templates", "netc")
FORBIDDEN = ("pickle", "marshal", "shelve", "eval(", "exec(", "yaml.load", "from_string", "tarfile",
             "os.system", "shell=True")  # fmt: skip
# NumPy's readers are told by these words not to unpack objects; the package's own templates are
# translated, and what was translated lies beside them, as Python's bytecode lies beside modules.
SAFE = ("allow_pickle=False", "bytecode_from_string(")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_can_run_code(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for allowed in SAFE:
                line = line.replace(allowed, "")
            found = [word for word in FORBIDDEN if word in line]
            assert not found, f"{path}:{number}: {found}"
