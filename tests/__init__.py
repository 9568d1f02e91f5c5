"""The tests: a room of the package has its folder here, `laws` holds what crosses rooms."""
