"""The auditor: checks by name, each counts what it looked at and names every breach."""
