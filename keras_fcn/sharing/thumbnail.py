"""One small picture of a run's predictions."""

from __future__ import annotations

import io
import re
from pathlib import Path

from PIL import Image

from ..images import read_image

THUMBNAIL = "predictions.jpg"
LARGEST = (1200, 1600)  # pixels: width, height


def thumbnail_of(run_dir: Path) -> bytes:
    """Return the newest predictions that a training drew, smaller, as a JPEG.

    Args:
        run_dir: The run folder.

    Raises:
        FileNotFoundError: If the run has drawn none.
    """
    drawn = [
        (int(found[1]), file)
        for file in (run_dir / "pictures").glob("predictions_epoch_*.png")
        if (found := re.fullmatch(r"predictions_epoch_(\d+)", file.stem))
    ]
    if not drawn:
        raise FileNotFoundError(
            "A run must have drawn predictions for its card to show any. Received: "
            f"{str(run_dir / 'pictures')!r} without them. Publish it without pictures."
        )
    picture = Image.fromarray(read_image(max(drawn)[1]))
    picture.thumbnail(LARGEST)
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=88)
    return written.getvalue()
