"""``python -m advisor_bot``: the same as the installed command ``advisor-bot``."""

from advisor_bot.cli import main

if __name__ == "__main__":
    main()
