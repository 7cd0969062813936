"""`python -m keras_fcn` is `keras-fcn`."""

from .cli import main

if __name__ == "__main__":
    main()
