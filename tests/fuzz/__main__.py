"""`python -m tests.fuzz`; what it does is in `campaign`, from where processes of its own can import it."""

from __future__ import annotations

from tests.fuzz.campaign import main

if __name__ == "__main__":
    raise SystemExit(main())
