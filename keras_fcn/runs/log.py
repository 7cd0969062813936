"""`log.csv`: what a training logged, a row an epoch."""

from __future__ import annotations

import csv
from pathlib import Path

LOG = "log.csv"


def read_log(run_dir: Path) -> dict[str, list[float]]:
    r"""Return what a training logged: a list for each name, one value an epoch.

    Args:
        run_dir: The run folder; without `log.csv` nothing was logged.

    Raises:
        ValueError: If `log.csv` is no table of numbers.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / LOG).write_text("epoch,loss\n1,0.7\n2,0.5\n")
        >>> read_log(folder)
        {'loss': [0.7, 0.5]}
    """
    file = run_dir / LOG
    if not file.is_file():
        return {}
    history: dict[str, list[float]] = {}
    with file.open(encoding="utf-8", newline="") as opened:
        try:
            for row in csv.DictReader(opened, strict=True):
                for name, value in row.items():
                    history.setdefault(name, []).append(float(value))
        except (csv.Error, TypeError, ValueError) as error:
            raise ValueError(
                f"A run's log must be a table of numbers. Received: {str(file)!r}: "
                f"{error}. Move it away to do without."
            ) from error
    history.pop("epoch", None)
    return history
