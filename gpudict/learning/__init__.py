"""Learning a dictionary: codes of samples and atoms for codes in turn, whole or in mini-batches."""
