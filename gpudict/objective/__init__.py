"""What is minimised: a quadratic, and what is added to it, a penalty."""
