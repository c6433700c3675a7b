"""Inputs through every parser: `registry` lists the parsers, `engine` has the law, `make fuzz` runs it."""
