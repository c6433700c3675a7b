"""The pure core, shared by the gateway and every client.

No input or output, no clock, no async, no globals: bytes and values come in, bytes and values go out; time and
randomness are arguments. Imports point downwards only: sealing, ledger and decision stand on control, control on
records, records on kinds and parties, these on labels, and all on suite and errors.
"""
