"""What visitors see: the chat page, the widget, the page that shows a document."""
