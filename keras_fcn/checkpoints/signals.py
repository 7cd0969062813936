"""A request to stop that waits for the end of a step; a second one does not wait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # of Ctrl-C, a cluster, a closed terminal


class StopRequest:
    """Note the first SIGINT, SIGTERM or SIGHUP; let the second one end the process.

    Args:
        tell: Called with a sentence when one comes.

    Attributes:
        received: The signal, `None` while none has come.
    """

    def __init__(self, tell: Callable[[str], None]):
        self.received: signal.Signals | None = None
        self._tell = tell
        self._before: dict[signal.Signals, object] = {}

    def listen(self) -> None:
        """Begin to listen; in a thread besides the main one Python cannot."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in _NAMES:
            if hasattr(signal, name):  # Windows has no SIGHUP
                number = signal.Signals[name]
                self._before[number] = signal.signal(number, self._note)

    def leave(self) -> None:
        """Give the signals back to who had them."""
        for number, handler in self._before.items():
            # `None`: it was not Python that had set it.
            signal.signal(number, handler or signal.SIG_DFL)  # type: ignore[arg-type]
        self._before.clear()

    def end(self, kept: str) -> NoReturn:
        """End the training as the signal asks for.

        Args:
            kept: What is kept, for the message.

        Raises:
            KeyboardInterrupt: After SIGINT.
            SystemExit: After another; with the usual status, 128 and its number.
        """
        assert self.received is not None
        self._tell(f"Stopped by {self.received.name}. {kept}")
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt(kept)
        raise SystemExit(128 + self.received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not _is_within_fit(frame):  # which an error has ended
            self.leave()
            signal.raise_signal(number)
            return
        self.received = signal.Signals(number)
        for other in self._before:
            signal.signal(other, signal.SIG_DFL)
        again = "Ctrl-C again" if number == signal.SIGINT else "a second signal"
        message = f"{self.received.name}: finishing the step; {again} ends at once."
        # Not print: the signal may have come in the middle of one.
        os.write(2, f"\n{message}\n".encode())


def _is_within_fit(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_name != "fit":
        frame = frame.f_back
    return frame is not None
