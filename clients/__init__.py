"""The client side: sources that sign, partners that verify, operators that decide.

Imports `gateway.core` and the generated messages, nothing else of the gateway: what a client checks it checks with the
same pure code, and never by asking.
"""
