"""`python -m netc` and the `netc` command."""

import sys

from netc.cli import main

if __name__ == "__main__":
    sys.exit(main())
