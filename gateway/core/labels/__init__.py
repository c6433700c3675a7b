"""Labels: what a marking says, which of two is the more restrictive, and how a nation prints it.

`vocabulary` reads the file operators sign, `label` reads and spells the canonical text, `lattice` orders labels,
`render` prints them. The room knows no party and makes no decision; it never compares labels of two vocabularies.
The files under `vocabularies/` are bodies for operators to sign: command lines read them, nothing in the core does.
Source: SPEC.md section 9.
"""
