"""The penalties, a file each; `contract` says what one must have."""
