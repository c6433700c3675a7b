"""Formats of sources: flight logs and tactics in, canonical contents of portions out.

    reading.read_log(path, redaction="field", guide_step_ms=3_600_000)   a `.tlog` or `.bin`, read in a child process
    tactic.read_tactic(path)                                            a tactic as TOML

A log's way, each step its own module:

    sandbox ─spawns─▶ worker ─▶ framing, mavlink ─▶ extract                   `.tlog`   the child: integers come back,
                             └▶ dataflash_frames, dataflash ─▶ extract        `.bin`    no strings
    extract ─▶ segments.put_in_order ─▶ redaction ─▶ segments.split ─▶ reading      the parent: redacted before signed

Importing this package loads no parser; pymavlink is the extra `formats`, for `.tlog` alone, and runs in the child only.
"""
