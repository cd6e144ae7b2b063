"""CDC pipelines: their specification as DeltaForge writes it, their life, and what they leave in the ledger."""
