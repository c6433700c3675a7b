"""Doubles that pass the contract suites and lose everything when the process ends: for tests, never for a gateway."""

from gateway.adapters.memory.floor import UnsafeMemoryFloor
from gateway.adapters.memory.issuers import UnsafeMemoryIssuers
from gateway.adapters.memory.journals import UnsafeMemoryJournals
from gateway.adapters.memory.pending import UnsafeMemoryPending

__all__ = ["UnsafeMemoryFloor", "UnsafeMemoryIssuers", "UnsafeMemoryJournals", "UnsafeMemoryPending"]
