"""Values, states and rules that need no database: plain Python only."""
