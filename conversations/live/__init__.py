"""What runs inside a web process: who looks at which session, the turns being answered, and the watch over both."""
