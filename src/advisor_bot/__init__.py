"""A chatbot that answers from a guide and nothing else, every sentence proved by an exact quote.

From Python:

```python
from advisor_bot import Advisor

advisor = Advisor(".advisor")
print(advisor.ask("Which specializations pay best?").text)
```
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from advisor_bot.programs.python import Advisor
    from advisor_bot.types import Answer, Citation, Passage, Profile, Turn

__version__ = "0.1.0"
__all__ = ["Advisor", "Answer", "Citation", "Passage", "Profile", "Turn"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only then, so that ``import advisor_bot`` loads nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "advisor_bot.programs.python" if name == "Advisor" else "advisor_bot.types"
    return getattr(import_module(home), name)
