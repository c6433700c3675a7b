"""Publishing: records are labelled, signed, sealed to the gateway at once, and kept until it has proved they are there.

`labelling` gives each portion its label from the guide, `batcher` signs batches along their lanes, `outbox` is what is
on disk, `upload` moves it and believes nothing but the source's own account under a verified tick.
Source: SPEC.md section 3.
"""
