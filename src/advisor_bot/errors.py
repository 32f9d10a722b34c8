"""Every error the program raises on purpose. Each message says what was wrong, where, what to do next.

AdvisorError
├── SettingsError     a setting that is unknown or cannot be used
├── LoadError         a file of the guide that cannot be read
├── EncoderError      an embedding model that is missing, altered or cannot be exported
├── IndexingError     an index that is missing, damaged or cannot be written
├── GuardError        a publish stopped because it would lose too much; ``--force`` overrides
└── QuestionError     a question that cannot be answered as sent (empty, too long, wrong shape)

``UnreadableError`` never leaves ``documents``: it tells why one file is left out while the others go on.
"""

from __future__ import annotations


class AdvisorError(Exception):
    """Base of all; the commands print its one line and exit non-zero, the API turns it into JSON."""

    code = "error"


class SettingsError(AdvisorError):
    """A setting is unknown or cannot be used; names the key and the value."""

    code = "settings"


class LoadError(AdvisorError):
    """A file of the guide cannot be read; names the file and the reason."""

    code = "load"


class UnreadableError(Exception):
    """Why one file of the guide is left out; follows the file's name in a sentence."""


class EncoderError(AdvisorError):
    """The embedding model is missing, is not the one expected, or cannot be exported."""

    code = "encoder"


class IndexingError(AdvisorError):
    """The index is missing, damaged or cannot be written."""

    code = "index"


class GuardError(AdvisorError):
    """A publish was stopped because it would lose too much of the guide."""

    code = "guard"


class QuestionError(AdvisorError):
    """The question cannot be answered as it was sent; ``field`` names the part at fault."""

    code = "question"

    def __init__(self, message: str, field: str = "question") -> None:
        """Keep the message and the name of the field at fault."""
        super().__init__(message)
        self.field = field
