"""The fault suite: real crashes, cuts and floods on loopback, each with its expectation and its figures."""
