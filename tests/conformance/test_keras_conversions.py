"""What `to_keras` says, computed by Keras on the backend of this process."""

import keras
from hypothesis import given
from hypothesis import strategies as st

from keras_fcn.geometry import to_keras

from ..tally import tally
from . import judges
from .conversions import require_same, windows


@given(st.data())
def test_keras_computes_what_it_is_told(data):
    on_tensorflow = keras.backend.backend() == "tensorflow"
    dilates = not on_tensorflow or judges.tensorflow_dilates()
    drawn = data.draw(windows(dilations=3 if dilates else 1))
    has = require_same(judges.keras, to_keras, drawn)
    tally("conversions to Keras" + (", by a work-around" if not has else ""))
