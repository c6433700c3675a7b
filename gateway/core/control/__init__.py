"""Who may do what, as operators signed it: statements, rosters, admissions, agreements, guides and the directory.

`statement` is the signed structure, `texts` reads the strict TOML that operators read and sign, `roster` and
`succession` say whose signatures count, `source`, `partner`, `agreement`, `guide` and `suspension` are the bodies,
`directory` endorses keys and files, `enrolment` carries a party's keys to an operator, `trust` is what a reader keeps,
`fold` is what the gateway keeps. Nothing here decides a release, and nothing here has a clock.
Source: SPEC.md section 2.
"""
