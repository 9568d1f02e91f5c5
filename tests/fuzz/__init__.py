"""Fuzzing by coverage: scripts that are run by hand, for minutes or hours. See README.md here."""
