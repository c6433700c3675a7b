"""One day of a gateway in small, lived by the real core, use cases and clients, and written down as evidence.

    python -m tests.day --fresh      # lives the day anew and replaces protos/vectors/day

Nothing here is a double but the clock: statements are drafted and signed by the operators' own code, batches are sealed
by a source's outbox, streams are read by a partner's checks. Private keys are drawn from names; what a party draws at
random is drawn once and then lies in the folder.
"""
