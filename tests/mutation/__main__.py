"""`python -m tests.mutation`; what it does is in `campaign`, from where processes of its own can import it."""

from __future__ import annotations

from tests.mutation.campaign import main

if __name__ == "__main__":
    raise SystemExit(main())
