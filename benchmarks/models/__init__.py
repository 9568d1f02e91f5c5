"""Cost models: what the stand-ins count, priced for a card. A model, not a measurement."""
