"""Circuit breakers: a model that does not answer is left alone, then tried by one call at a time."""
