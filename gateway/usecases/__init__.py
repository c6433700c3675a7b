"""One file, one verb: what the gateway does, told in ports and core types.

`publish` takes batches in, `inspect` guards them, `sequence` is the one task that commits, `tick` signs the ledger,
`disclose` decides and builds what goes out, `release` streams it to one partner, `govern` applies statements.
"""
