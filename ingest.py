"""``python ingest.py``: read the guide in corpus/ and publish it as a new version (``--help`` tells more)."""

from advisor_bot.ingest_command import main

if __name__ == "__main__":
    main()
