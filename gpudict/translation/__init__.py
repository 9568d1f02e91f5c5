"""scikit-learn's words in those of the house, for the functions and the estimators alike.

Names of methods and algorithms, defaults, what `verbose` shows, callbacks with a documented mapping
and its warnings. What comes here is checked: the faces check.
"""
