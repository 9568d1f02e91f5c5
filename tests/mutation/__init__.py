"""Bugs planted one after the other, by Cosmic Ray, to see which the tests near them miss."""
