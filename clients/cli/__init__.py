"""The command lines of the client side: `sluicectl` for operators, `sluice-client` for sources and partners.

Commands read files, call the rooms beside this one and print. They decide nothing: what is checked is checked in
`gateway.core`, `clients.operator`, `clients.source` and `clients.partner`, so that a script that imports those rooms
meets the same refusals.
"""
