"""Receiving: everything a partner checks before a record is handed up, and the loop that follows a gateway.

`checks` is the stream as a state machine without input or output, `opened` its sealed messages, `sections` the source's
own signature over the portions shown; `events` is what a caller hears, `state` what is kept on disk, `recording` the
evidence, `receipts` the partner's own word; `follow` connects them to a gateway. There is no switch that skips a check.
Source: SPEC.md sections 4 to 6.

    async with follow(profile, kinds=("telemetry",), state=Path("usa-arl.state")) as events:
        async for event in events:
            if isinstance(event, Records):
                write(event.records)
                await events.flushed()
"""
