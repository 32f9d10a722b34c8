"""``python app.py``: serve the chat page, the API and the guide (``--help`` tells more)."""

from advisor_bot.web.serve import main

if __name__ == "__main__":
    main()
