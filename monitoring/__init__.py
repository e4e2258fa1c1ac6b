"""What was used, what it cost, what is healthy: ledger, prices, heartbeats, checks."""
