"""What became of every tensor of a published weights file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class MatchedTensor:
    """A tensor of a file that now fills a variable of ours.

    Args:
        name: Its name in the file.
        file_shape: Its shape there; `()` for a bias that the file does not have.
        shape: The variable's shape, in Keras' layout.
        same: Names of further tensors of the file with the same place and the same
            values.
    """

    name: str
    file_shape: tuple[int, ...]
    shape: tuple[int, ...]
    same: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadReport:
    """The account of a load: every variable of ours, every tensor of the file.

    Printed, it is a table: counts first, then each tensor.

    Args:
        path: The file.
        matched: For each variable that was filled, `"layer/variable"`, the tensor
            that filled it.
        missing: Our variables that the file has nothing for; they stayed as they
            were.
        left_over: Tensors of the file without a place in the model.
        bilinear: Upsampling kernels of the file that are bilinear, which the model
            computes without weights.
        constants: Other tensors of the file that the model has as constants of the
            same value.
        preprocessing: What the weights expect of an image: `"caffe"`, BGR minus the
            mean; `"torch"`, RGB scaled to unit deviation; `"tf"`, RGB of -1..1;
            `None`: not known.

    Example:
        >>> bias = MatchedTensor("conv1[1]", (96,), (96,))
        >>> print(LoadReport("net.caffemodel", {"conv1/bias": bias}))
        net.caffemodel: 1 matched, 0 missing, 0 left over, 0 bilinear, 0 constants
        matched:
          conv1/bias (96,)  from conv1[1] (96,)
    """

    path: str
    matched: Mapping[str, MatchedTensor]
    missing: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    bilinear: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    preprocessing: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many tensors there are of each kind."""
        return {
            "matched": len(self.matched),
            "missing": len(self.missing),
            "left over": len(self.left_over),
            "bilinear": len(self.bilinear),
            "constants": len(self.constants),
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {word}" for word, n in self.counts.items())
        lines = [f"{Path(self.path).name}: {counts}"]
        if self.preprocessing is not None:
            lines.append(f"preprocessing expected: {self.preprocessing}")
        ours = {f"{name} {m.shape}": m for name, m in self.matched.items()}
        width = max(map(len, ours), default=0)
        lines += _section(
            "matched",
            (
                f"{name:{width}}  from {m.name}"
                + (f" {m.file_shape}" if m.file_shape else "")
                + "".join(f" = {other}" for other in m.same)
                for name, m in ours.items()
            ),
        )
        lines += _section("missing, left as they were", self.missing)
        lines += _section("left over in the file", self.left_over)
        lines += _section("bilinear, computed without weights", self.bilinear)
        lines += _section("the model's own constants", self.constants)
        return "\n".join(lines)


def _section(title: str, entries: Iterable[str]) -> list[str]:
    entries = [f"  {entry}" for entry in entries]
    return [f"{title}:", *entries] if entries else []
