"""Accuracy: predictions held to measurements."""

from symarch.accuracy.predict import Prediction, predict
from symarch.accuracy.scores import Score, errors_of, scores_of
from symarch.accuracy.tables import FAMILIES, Table, read_table

__all__ = ["FAMILIES", "Prediction", "Score", "Table", "errors_of", "predict", "read_table", "scores_of"]
