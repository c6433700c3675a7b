"""Records: what a source signs and what a partner gets of it.

`portion` is the smallest labelled part, `record` commits to its portions, `batch` is what the source signs at once,
`seed` derives salts, decoys and ids, `states` are the steps of a batch through the gateway as types, `view` is a record
with only some portions. The bytes hashed are the bytes sent; nothing is re-serialised to verify it.
Source: SPEC.md sections 3 and 5.
"""
