"""`python -m ibias.cli`."""

from .app import main

raise SystemExit(main())
