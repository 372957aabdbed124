"""`python -m retention` is the command line `retention`."""

import sys

from retention.cli import main

sys.exit(main())
