"""Parties: who a source or partner is, and what a partner is cleared for.

`names` are the small value types, `identity` reads what a certificate says, `clearance` holds a partner's levels and
tags per policy and says what a label asks beyond them. Nothing here knows an agreement or decides a release.
"""
