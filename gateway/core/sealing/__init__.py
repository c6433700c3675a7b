"""Seals: parcels from a source, streams and frames to a partner, and the gateway's own cursor notes.

Everything sealed opens with its key only, in its order only, for its reader only. Parsing is separate from opening:
fixed layouts with bounds first, then verification, then use. Source: SPEC.md sections 3, 4 and 5.
"""
