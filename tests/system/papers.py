"""A tactic as its author writes it, and when the flights of these tests begin."""

from __future__ import annotations

TACTIC = """\
[about]
title = { en = "Flying round jamming", uk = "Обхід завад" }
topic = ["ew"]
platform_class = ["MULTIROTOR"]
status = "OBSERVED"
valid_from = 2026-11-01
source_reliability = "B"
info_credibility = 2

[conditions]
ew = ["GNSS_JAMMING"]

[recommendation]
en = "Climb before the jammed area."
uk = "Набирайте висоту до зони завад."
"""
START_MS = 1_780_000_000_000
