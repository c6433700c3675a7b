"""Mutation by machine: every byte of what the recorded day's parties received, changed, before two readers.

    recorded      the files of the day, cut into items; keys and profiles of their parties
    layout        which field of which structure a byte of an item is
    product       the clients and the core as readers whose state can be kept before each item (product_source, too)
    second        the second reader, the same way
    walk          both readers along a file; what becomes of one change
    changes       flips, truncations, swaps, repeats, drops, injections
    harmless      which of the five kinds of SPEC.md section 10.1 an accepted change is
    tally         what became of changes, counted
    campaign      every byte of the whole day on every core: `make flips`
    resealed      the malicious gateway that hashes, seals and signs again what it changes; resealed_source, the same
                  towards a source; resealed_ticks, what both sign
    lies          what it may change, with what becomes of it: lies_directory, lies_stream, lies_frames,
                  lies_disclosures, lies_ledger, lies_source

What the whole run found is in RESULTS.md.
"""
