"""The bottom room: bytes, numbers, hashes, signatures, seals and trees of the format `SLUICE1`.

`numbers` holds the tables of SPEC.md, `octets` reads and writes fixed layouts with bounds, `algorithms` is suite 1,
`keys` holds signing and key-encapsulation keys, `tree` is the RFC 9162 tree with its proofs. Nothing here knows what
a record, a label or a party is.
"""
