"""Decisions: what of one record one partner may have, under one agreement, now.

`facts` is everything a decision is made from, `outcome` what it says, `decide` the decision itself, `plan` keeps
outcomes by what they were decided on, `pace` holds delay and quota, which come after and are never cached.

The room is pure and total: a decision never raises, and what it does not fully understand it withholds. It knows no
operators' rules yet; when they come they can only forbid. Source: architecture section 4; SPEC.md section 9.
"""
