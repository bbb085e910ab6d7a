"""`python -m ibias.cli`."""

import sys

from .app import main

sys.exit(main())
