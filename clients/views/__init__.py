"""The pages on which teachers write and keep clients."""
