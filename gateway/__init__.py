"""Sluice, the gateway: verifies, labels, decides, redacts, seals and streams combat data between allies.

Read `gateway/ARCHITECTURE.md` for the rooms and the one way of a record through them.
"""
