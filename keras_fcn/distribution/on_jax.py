"""Several devices on JAX, of one process or of several.

Keras' `DataParallel` lays out the variables: each device has all of them. Batches come
as arrays that are laid out already. JAX' computations are those of the whole batch,
whatever lies where; so loss, scores, batch statistics and dropout are those of one
device, up to the order of sums.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..datasets import SampleSource
from ..datasets.batches.cached import Cached
from ..datasets.batches.numbered import NumberedBatches
from ..datasets.batches.threaded import ThreadedBatches
from .devices import Devices, build_metrics


class JaxDevices(Devices):
    """All devices that JAX sees, those of other processes too."""

    def __init__(self):
        import jax  # pyright: ignore[reportMissingImports]

        names = keras.distribution.list_devices()
        self._distribution = keras.distribution.DataParallel(
            devices=names, auto_shard_dataset=False
        )
        self.count = len(names)
        self.process, self.processes = jax.process_index(), jax.process_count()

    def describe(self) -> str:
        """Return a sentence on them."""
        import jax  # pyright: ignore[reportMissingImports]

        where = f" of {self.processes} processes" if self.processes > 1 else ""
        kind = jax.devices()[0].platform.upper()
        return f"Each batch is shared out among {self.count} {kind}s{where}."

    def building(self):
        """Lay out the network and its optimiser."""
        return self._distribution.scope()

    def counting(self):
        """Lay out metrics."""
        return self._distribution.scope()

    def prepare(self, model, loss, scores):
        """Build all that `fit` builds late, while the layout is known.

        It is not while `fit` runs: Keras would lay out each batch like the first one,
        and the last of an epoch may be smaller.
        """
        with self._distribution.scope():
            model.optimizer.build(model.trainable_variables)
            build_metrics(model, scores)
            model.make_train_function()
            model.make_test_function()
            model.make_predict_function()

    def batches(self, source: SampleSource, batch_size: int = 1, **options: Any) -> Any:
        """Return batches that are shared out."""
        first, endless = options.pop("first_step", 0), options.pop("endless", False)
        source = Cached(source) if options.pop("cache", False) else source
        batches = NumberedBatches(source, batch_size, **options)
        placed: Any = _Placed(batches, self._distribution)
        return ThreadedBatches(placed, first=first, endless=endless)

    def agree(self, number):
        """Return the largest of the numbers of all processes."""
        if self.processes == 1:
            return number
        from jax.experimental import (  # pyright: ignore[reportMissingImports]
            multihost_utils,
        )

        return int(multihost_utils.process_allgather(np.int32(number)).max())


class _Placed:
    """Batches by number as arrays on devices, each process making its own part.

    A batch that cannot be cut into equal parts is computed whole on each device.

    Args:
        batches: All batches by number.
        distribution: The devices.
    """

    def __init__(self, batches: NumberedBatches, distribution: Any):
        self.per_epoch = batches.per_epoch
        self._batches, self._distribution = batches, distribution

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        import jax  # pyright: ignore[reportMissingImports]

        mesh = self._distribution.device_mesh
        size = len(self._batches.names(number))
        axis = None if size % mesh.devices.size else self._distribution.batch_dim_name
        layout = keras.distribution.TensorLayout((axis,), mesh).backend_layout
        parts = layout.addressable_devices_indices_map((size,)).values()
        starts, stops, _ = zip(*(part[0].indices(size) for part in parts), strict=True)
        arrays = self._batches.part(number, slice(min(starts), max(stops)))
        images, labels = (
            jax.make_array_from_process_local_data(layout, array) for array in arrays
        )
        return images, labels
