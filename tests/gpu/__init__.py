"""Tests of the GPU path. A package, so that its conftest does not stand in the way of the other."""
