"""Measuring Rapport: a stand-in for the Messages API, a load generator, and the least relay to compare with."""
