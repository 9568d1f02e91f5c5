"""What tests share: the matrix of libraries, problems, oracles, counters."""
