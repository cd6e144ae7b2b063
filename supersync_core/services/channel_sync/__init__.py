"""Syncs of chat channels: what somebody asks of them, what their runs do, and what came of it."""
