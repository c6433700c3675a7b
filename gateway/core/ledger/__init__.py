"""The ledger: an account for every party, and one signed tick over all of them.

`entries` are the leaves, `tick` is the statement and the message that carries it, `book` is what the gateway keeps,
`reader` is what a party keeps to see that its account only grows and that everyone is shown the same ledger.
Source: SPEC.md section 6.
"""
