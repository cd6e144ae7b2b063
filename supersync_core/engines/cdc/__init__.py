"""Change data capture: from a source's log through processors to sinks.

    source ── reader ──▸ [units] ── batcher ──▸ processors ── sensing, drift ──▸ sinks, all at once
      ▲                                                                            │ acknowledged
      └──────── confirm ◂──────── checkpoints stored ◂──────── commit policy ◂─────┘

A batch is the unit of commitment. Nothing is confirmed to the source before every sink that must have it has it and
the checkpoints are stored; so after any death what is read again is what was not confirmed.
"""
