"""Which alpha: from where on all codes are zero, a path of them, and one for a target."""
