"""Berkeley's `.caffemodel` files, read without Caffe and without protobuf."""

from .format import CaffeLayer, read_caffemodel
from .loading import caffe_target, load_caffemodel

__all__ = ["CaffeLayer", "caffe_target", "load_caffemodel", "read_caffemodel"]
